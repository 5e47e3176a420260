//! What an organiser may ask for: an address outside, and of which kinds of news.

use http::Uri;
use serde::{Deserialize, Serialize};
use urr_kit::outbound::{Reach, Unreachable};
use utoipa::ToSchema;

/// Longest address, in bytes.
const MAX_URL: usize = 2048;
/// Longest description, in characters.
const MAX_DESCRIPTION: usize = 255;

/// A kind of news.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub enum WebhookType {
    /// A reservation was paid.
    #[serde(rename = "reservation.confirmed")]
    Confirmed,
    /// A paid reservation ended.
    #[serde(rename = "reservation.cancelled")]
    Cancelled,
    /// Money of a reservation went back.
    #[serde(rename = "reservation.refunded")]
    Refunded,
    /// A ticket changed hands.
    #[serde(rename = "reservation.transferred")]
    Transferred,
    /// No news: sent when somebody tries an endpoint out.
    #[serde(rename = "webhook.test")]
    Test,
}

impl WebhookType {
    /// Those that can be subscribed to.
    pub const NEWS: [Self; 4] = [
        Self::Confirmed,
        Self::Cancelled,
        Self::Refunded,
        Self::Transferred,
    ];

    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "reservation.confirmed",
            Self::Cancelled => "reservation.cancelled",
            Self::Refunded => "reservation.refunded",
            Self::Transferred => "reservation.transferred",
            Self::Test => "webhook.test",
        }
    }

    /// The type of that word, if it can be subscribed to.
    fn news(word: &str) -> Option<Self> {
        Self::NEWS.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// What is wrong with an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// No address.
    #[error("url must not be blank")]
    NoUrl,
    /// Longer than can be kept.
    #[error("url must be at most {MAX_URL} characters")]
    LongUrl,
    /// Not an address.
    #[error("url must be an absolute URL without spaces, user name or fragment")]
    NotAUrl,
    /// An address that is not called.
    #[error("url {0}")]
    Unreachable(#[from] Unreachable),
    /// A word that is no type.
    #[error(
        "types: \"{0}\" is none of reservation.confirmed, reservation.cancelled, reservation.refunded, reservation.transferred"
    )]
    UnknownType(String),
    /// No type at all.
    #[error("types must not be empty")]
    NoTypes,
    /// A description that cannot be shown.
    #[error("description must be one line of at most {MAX_DESCRIPTION} characters")]
    Description,
}

/// The address of an endpoint.
pub fn url(text: Option<&str>, reach: Reach) -> Result<String, Violation> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    let text = text.ok_or(Violation::NoUrl)?;
    if text.len() > MAX_URL {
        return Err(Violation::LongUrl);
    }
    let uri: Uri = text.parse().map_err(|_| Violation::NotAUrl)?;
    uri.scheme().ok_or(Violation::NotAUrl)?;
    let authority = uri.authority().ok_or(Violation::NotAUrl)?;
    if text.contains('#') || authority.as_str().contains('@') {
        return Err(Violation::NotAUrl);
    }
    reach.check(&uri)?;
    Ok(text.to_owned())
}

/// The types that are wanted: all where none are named.
pub fn types(words: Option<Vec<String>>) -> Result<Vec<WebhookType>, Violation> {
    let Some(words) = words else {
        return Ok(WebhookType::NEWS.to_vec());
    };
    let mut types = words
        .into_iter()
        .map(|word| WebhookType::news(&word).ok_or(Violation::UnknownType(word)))
        .collect::<Result<Vec<_>, _>>()?;
    types.sort_unstable();
    types.dedup();
    if types.is_empty() {
        return Err(Violation::NoTypes);
    }
    Ok(types)
}

/// A note for people.
pub fn description(text: Option<String>) -> Result<String, Violation> {
    let text = text.unwrap_or_default().trim().to_owned();
    if text.chars().count() > MAX_DESCRIPTION || text.chars().any(char::is_control) {
        return Err(Violation::Description);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_absolute_urls_to_public_places_are_taken() {
        let taken = |text| url(Some(text), Reach::Public);
        assert_eq!(
            taken(" https://hooks.example.com/urr?key=1 ").as_deref(),
            Ok("https://hooks.example.com/urr?key=1")
        );
        for text in [
            "hooks.example.com",
            "/urr",
            "https://",
            "https://a b/",
            "https://ana:pw@hooks.example.com/",
            "https://hooks.example.com/#top",
            "https://예매.example.com/",
        ] {
            assert_eq!(taken(text), Err(Violation::NotAUrl), "{text}");
        }
        for text in [
            "http://hooks.example.com/",
            "ftp://hooks.example.com/",
            "https://10.0.0.1/",
            "https://localhost/",
        ] {
            assert!(
                matches!(taken(text), Err(Violation::Unreachable(_))),
                "{text}"
            );
        }
        assert_eq!(url(None, Reach::Public), Err(Violation::NoUrl));
        assert_eq!(url(Some("  "), Reach::Public), Err(Violation::NoUrl));
        let long = format!("https://a.example/{}", "a".repeat(MAX_URL));
        assert_eq!(taken(&long), Err(Violation::LongUrl));
        assert!(url(Some("http://127.0.0.1:9000/hook"), Reach::Anywhere).is_ok());
    }

    #[test]
    fn types_are_news_and_each_counts_once() {
        assert_eq!(types(None), Ok(WebhookType::NEWS.to_vec()));
        let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
        assert_eq!(
            types(words(&[
                "reservation.refunded",
                "reservation.confirmed",
                "reservation.refunded"
            ])),
            Ok(vec![WebhookType::Confirmed, WebhookType::Refunded])
        );
        assert_eq!(types(words(&[])), Err(Violation::NoTypes));
        for word in ["webhook.test", "reservation.created", ""] {
            assert_eq!(
                types(words(&[word])),
                Err(Violation::UnknownType(word.to_owned()))
            );
        }
    }

    #[test]
    fn a_type_has_one_word_everywhere() {
        for kind in WebhookType::NEWS.into_iter().chain([WebhookType::Test]) {
            assert_eq!(
                serde_json::to_value(kind).expect("serialises"),
                kind.as_str()
            );
        }
    }

    #[test]
    fn a_description_is_one_line() {
        assert_eq!(description(None).as_deref(), Ok(""));
        assert_eq!(
            description(Some(" 회계 ".to_owned())).as_deref(),
            Ok("회계")
        );
        assert_eq!(
            description(Some("a\nb".to_owned())),
            Err(Violation::Description)
        );
        assert!(description(Some("가".repeat(255))).is_ok());
        assert_eq!(
            description(Some("가".repeat(256))),
            Err(Violation::Description)
        );
    }
}
