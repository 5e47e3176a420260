//! Verifies Google's ID tokens against the keys that Google publishes.

mod keys;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, Validation};

use self::keys::PublishedKeys;
use crate::{
    config::GoogleArgs,
    domain::google_identity::{GoogleIdentity, IdTokenClaims, Insufficient},
};

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum GoogleError {
    /// Not a token of that issuer for this client, or past its end.
    #[error("the ID token is not valid")]
    Invalid,
    /// A valid token that does not say enough.
    #[error("the ID token does not say enough")]
    Insufficient(Insufficient),
    /// Nothing to verify with: Google's keys could not be fetched.
    #[error("the keys of the issuer are not available")]
    NoKeys,
}

/// The issuer that is believed, and for which client.
#[derive(Debug)]
pub struct Google {
    client_id: String,
    issuers: [String; 2],
    keys: PublishedKeys,
}

impl Google {
    /// The issuer of the settings; `None` where sign-in with Google is off.
    pub fn new(args: &GoogleArgs) -> anyhow::Result<Option<Self>> {
        let client_id = args.google_client_id.trim();
        if client_id.is_empty() {
            return Ok(None);
        }
        let issuer = args.google_issuer.trim_end_matches('/');
        let bare = issuer.strip_prefix("https://").unwrap_or(issuer);
        Ok(Some(Self {
            client_id: client_id.to_owned(),
            issuers: [issuer.to_owned(), bare.to_owned()],
            keys: PublishedKeys::at(&args.google_keys_url)?,
        }))
    }

    /// The person whom the ID token vouches for.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<GoogleIdentity, GoogleError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| GoogleError::Invalid)?;
        let id = header.kid.ok_or(GoogleError::Invalid)?;
        let key = self.keys.key(&id, now).await?;
        let claims = jsonwebtoken::decode::<IdTokenClaims>(token, &key, &self.validation())
            .map_err(|_| GoogleError::Invalid)?
            .claims;
        if !claims.lives_at(now.as_second()) {
            return Err(GoogleError::Invalid);
        }
        GoogleIdentity::new(claims).map_err(GoogleError::Insufficient)
    }

    fn validation(&self) -> Validation {
        let mut validation = Validation::new(Algorithm::RS256);
        // Begin and end are checked against our clock, by the caller.
        validation.validate_exp = false;
        validation.set_audience(&[&self.client_id]);
        validation.set_issuer(&self.issuers);
        validation.set_required_spec_claims(&["exp", "aud", "iss"]);
        validation
    }
}
