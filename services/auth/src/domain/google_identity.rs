//! What a Google ID token says, and whether that is enough to sign somebody in.

use serde::{Deserialize, Deserializer};

use super::{email::Email, registration::tidy_name};

/// Claims of an ID token whose signature, issuer, audience and end have been checked.
#[derive(Clone, Debug, Deserialize)]
pub struct IdTokenClaims {
    /// Google's id of the person.
    pub sub: Option<String>,
    /// E-mail.
    pub email: Option<String>,
    /// Whether Google has seen the person receive mail there.
    #[serde(default, deserialize_with = "bool_or_text")]
    pub email_verified: bool,
    /// Name.
    pub name: Option<String>,
    /// Address of a portrait.
    pub picture: Option<String>,
    /// End of life, in seconds since the epoch.
    pub exp: i64,
    /// Begin of life, in seconds since the epoch, where it has one.
    pub nbf: Option<i64>,
}

/// How far the issuer's clock may be ahead of ours, in seconds.
const CLOCK_SKEW_SECONDS: i64 = 60;

impl IdTokenClaims {
    /// Whether the token lives at `now`, in seconds since the epoch.
    pub fn lives_at(&self, now: i64) -> bool {
        now < self.exp
            && self
                .nbf
                .is_none_or(|begin| begin <= now + CLOCK_SKEW_SECONDS)
    }
}

/// A person as Google vouches for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoogleIdentity {
    /// Google's id of the person.
    pub google_id: String,
    /// Their verified e-mail.
    pub email: Email,
    /// Their name; the e-mail where Google has none.
    pub name: String,
    /// Address of a portrait.
    pub picture: Option<String>,
}

/// Why claims are not enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insufficient {
    /// Id or e-mail is missing or makes no sense.
    Payload,
    /// Anybody may have typed that e-mail.
    UnverifiedEmail,
}

impl GoogleIdentity {
    /// The person of these claims. An unverified e-mail is refused, because an account is
    /// found by it.
    pub fn new(claims: IdTokenClaims) -> Result<Self, Insufficient> {
        let google_id = claims
            .sub
            .filter(|sub| !sub.is_empty() && sub.len() <= 255)
            .ok_or(Insufficient::Payload)?;
        let email = claims
            .email
            .as_deref()
            .and_then(Email::parse)
            .ok_or(Insufficient::Payload)?;
        if !claims.email_verified {
            return Err(Insufficient::UnverifiedEmail);
        }
        let name = claims
            .name
            .as_deref()
            .and_then(tidy_name)
            .or_else(|| tidy_name(email.as_str()))
            .ok_or(Insufficient::Payload)?;
        Ok(Self {
            google_id,
            email,
            name,
            picture: claims.picture,
        })
    }
}

/// Google has sent this claim both as a boolean and as a text.
fn bool_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Bool(bool),
        Text(String),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::Bool(verified) => verified,
        Either::Text(text) => text == "true",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(json: &str) -> Result<GoogleIdentity, Insufficient> {
        GoogleIdentity::new(serde_json::from_str(json).expect("claims"))
    }

    #[test]
    fn a_verified_person_is_known() {
        let ana = identity(
            r#"{"sub":"1","email":"Ana@Gmail.com","email_verified":"true","name":" Ana ","picture":"https://x/y","exp":1}"#,
        )
        .expect("sufficient");
        assert_eq!(ana.email.as_str(), "ana@gmail.com");
        assert_eq!(ana.name, "Ana");
        assert_eq!(ana.picture.as_deref(), Some("https://x/y"));
    }

    #[test]
    fn a_token_lives_from_its_begin_by_either_clock_to_its_end() {
        let claims = |json: &str| serde_json::from_str::<IdTokenClaims>(json).expect("claims");
        let token = claims(r#"{"exp":1000,"nbf":500}"#);
        assert!(!token.lives_at(439));
        assert!(token.lives_at(440));
        assert!(token.lives_at(999));
        assert!(!token.lives_at(1000));
        assert!(claims(r#"{"exp":1000}"#).lives_at(0));
    }

    #[test]
    fn without_a_name_the_email_serves() {
        let ana = identity(r#"{"sub":"1","email":"ana@gmail.com","email_verified":true,"exp":1}"#);
        assert_eq!(ana.expect("sufficient").name, "ana@gmail.com");
    }

    #[test]
    fn what_is_missing_or_unverified_is_refused() {
        for (json, why) in [
            (
                r#"{"email":"a@b.c","email_verified":true,"exp":1}"#,
                Insufficient::Payload,
            ),
            (
                r#"{"sub":"","email":"a@b.c","email_verified":true,"exp":1}"#,
                Insufficient::Payload,
            ),
            (
                r#"{"sub":"1","email_verified":true,"exp":1}"#,
                Insufficient::Payload,
            ),
            (
                r#"{"sub":"1","email":"ana","email_verified":true,"exp":1}"#,
                Insufficient::Payload,
            ),
            (
                r#"{"sub":"1","email":"a@b.c","exp":1}"#,
                Insufficient::UnverifiedEmail,
            ),
            (
                r#"{"sub":"1","email":"a@b.c","email_verified":"false","exp":1}"#,
                Insufficient::UnverifiedEmail,
            ),
            (
                r#"{"sub":"1","email":"a@b.c","email_verified":false,"exp":1}"#,
                Insufficient::UnverifiedEmail,
            ),
        ] {
            assert_eq!(identity(json), Err(why), "{json}");
        }
    }
}
