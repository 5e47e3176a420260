//! The languages in which people are written to.

use serde::{Deserialize, Serialize};

/// A language that URR speaks.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "sqlx", derive(sqlx::Type))]
#[cfg_attr(
    feature = "sqlx",
    sqlx(type_name = "varchar", rename_all = "lowercase")
)]
pub enum Language {
    /// Korean, also for whoever has not said otherwise.
    #[default]
    Ko,
    /// English.
    En,
}

impl Language {
    /// The word on the wire, also the tag of BCP 47.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ko => "ko",
            Self::En => "en",
        }
    }

    /// The language that `accept_language` (the value of that header) likes best among those
    /// that are spoken here; `None` where it names neither. Regions do not matter; of two
    /// liked alike the first counts.
    pub fn preferred(accept_language: &str) -> Option<Self> {
        let mut best: Option<(Self, u16)> = None;
        for range in accept_language.split(',') {
            let Some((language, quality)) = weighed(range) else {
                continue;
            };
            if quality > best.map_or(0, |(_, quality)| quality) {
                best = Some((language, quality));
            }
        }
        best.map(|(language, _)| language)
    }

    fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or(tag);
        [Self::Ko, Self::En]
            .into_iter()
            .find(|language| primary.eq_ignore_ascii_case(language.as_str()))
    }
}

impl std::str::FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(text: &str) -> Result<Self, UnknownLanguage> {
        [Self::Ko, Self::En]
            .into_iter()
            .find(|language| language.as_str() == text)
            .ok_or(UnknownLanguage)
    }
}

/// Not the word of a language that is spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("language must be ko or en")]
pub struct UnknownLanguage;

/// A range of the header with its quality in thousandths; one of 0 is not wanted.
fn weighed(range: &str) -> Option<(Language, u16)> {
    let mut parts = range.split(';').map(str::trim);
    let language = Language::of_tag(parts.next()?)?;
    let quality =
        match parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="))) {
            Some(text) => thousandths(text)?,
            None => 1000,
        };
    Some((language, quality))
}

/// `0.7` as 700: at most three digits after the point, at most 1.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if !matches!(whole, "0" | "1") || fraction.len() > 3 || !is_number(fraction) {
        return None;
    }
    let quality: u16 = format!("{whole}{fraction:0<3}").parse().ok()?;
    (quality <= 1000).then_some(quality)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_read_by_quality_and_then_by_order() {
        for (header, expected) in [
            ("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", Some(Language::Ko)),
            ("en-US,en;q=0.9,ko;q=0.8", Some(Language::En)),
            ("de, ko;q=0.3 , EN-gb;q=0.35", Some(Language::En)),
            ("fr-FR,fr;q=0.9", None),
            ("en;q=0, ko;q=0.001", Some(Language::Ko)),
            ("en;q=0", None),
            ("ko,en", Some(Language::Ko)),
            ("en;q=1.000,ko", Some(Language::En)),
            ("*", None),
            ("", None),
            ("english,korean", None),
            ("en;q=1.5,ko;q=x,en;q=0.1", Some(Language::En)),
            ("en;q=0.1234", None),
            ("en;q=한", None),
        ] {
            assert_eq!(Language::preferred(header), expected, "{header}");
        }
    }

    #[test]
    fn the_words_are_the_same_everywhere() {
        for language in [Language::Ko, Language::En] {
            assert_eq!(language.as_str().parse(), Ok(language));
            let json = serde_json::to_value(language).expect("JSON");
            assert_eq!(json, language.as_str());
        }
        assert_eq!("KO".parse::<Language>(), Err(UnknownLanguage));
    }
}
