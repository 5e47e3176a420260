//! Verifies Google's ID tokens against the keys that Google publishes.
//!
//! Keys are kept for an hour. An unknown key id makes them be fetched anew, at most once
//! in [`PAUSE_BETWEEN_FETCHES`], so that a made-up id causes no traffic; while Google
//! cannot be reached, the keys at hand go on being used.

use std::{collections::HashMap, time::Duration};

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use tokio::sync::Mutex;
use tracing::warn;
use urr_kit::telemetry::chain;

use crate::{
    config::GoogleArgs,
    domain::google_identity::{GoogleIdentity, IdTokenClaims, Insufficient},
};

/// Keys older than this are fetched anew.
const KEYS_AGE: SignedDuration = SignedDuration::from_hours(1);
/// Shortest time between two fetches.
const PAUSE_BETWEEN_FETCHES: SignedDuration = SignedDuration::from_secs(30);
/// How long a fetch may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);

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
    keys_url: String,
    http: reqwest::Client,
    keys: Mutex<Keys>,
}

#[derive(Default)]
struct Keys {
    by_id: HashMap<String, DecodingKey>,
    tried_at: Option<Timestamp>,
    fetched_at: Option<Timestamp>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys")
            .field("ids", &self.by_id.keys())
            .field("fetched_at", &self.fetched_at)
            .finish_non_exhaustive()
    }
}

impl Keys {
    /// Whether to fetch before a token with that key id can be verified or refused.
    fn need_fetch(&self, id: &str, now: Timestamp) -> bool {
        let older_than =
            |time: Option<Timestamp>, age| time.is_none_or(|time| now.duration_since(time) >= age);
        older_than(self.tried_at, PAUSE_BETWEEN_FETCHES)
            && (older_than(self.fetched_at, KEYS_AGE) || !self.by_id.contains_key(id))
    }
}

impl Google {
    /// The issuer of the settings; `None` where sign-in with Google is off.
    pub fn new(args: &GoogleArgs) -> Option<Self> {
        let client_id = args.google_client_id.trim();
        if client_id.is_empty() {
            return None;
        }
        let issuer = args.google_issuer.trim_end_matches('/');
        let bare = issuer.strip_prefix("https://").unwrap_or(issuer);
        Some(Self {
            client_id: client_id.to_owned(),
            issuers: [issuer.to_owned(), bare.to_owned()],
            keys_url: args.google_keys_url.clone(),
            http: urr_kit::http_client(),
            keys: Mutex::default(),
        })
    }

    /// The person whom the ID token vouches for.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<GoogleIdentity, GoogleError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| GoogleError::Invalid)?;
        let id = header.kid.ok_or(GoogleError::Invalid)?;
        let key = self.key(&id, now).await?;
        let claims = jsonwebtoken::decode::<IdTokenClaims>(token, &key, &self.validation())
            .map_err(|_| GoogleError::Invalid)?
            .claims;
        if claims.exp <= now.as_second() {
            return Err(GoogleError::Invalid);
        }
        GoogleIdentity::new(claims).map_err(GoogleError::Insufficient)
    }

    fn validation(&self) -> Validation {
        let mut validation = Validation::new(Algorithm::RS256);
        // The end is checked against our clock, by the caller.
        validation.validate_exp = false;
        validation.set_audience(&[&self.client_id]);
        validation.set_issuer(&self.issuers);
        validation.set_required_spec_claims(&["exp", "aud", "iss"]);
        validation
    }

    /// The key of that id. The lock is held while fetching, so that many sign-ins at once
    /// cause one fetch.
    async fn key(&self, id: &str, now: Timestamp) -> Result<DecodingKey, GoogleError> {
        let mut keys = self.keys.lock().await;
        if keys.need_fetch(id, now) {
            keys.tried_at = Some(now);
            match self.fetch().await {
                Ok(by_id) => {
                    keys.by_id = by_id;
                    keys.fetched_at = Some(now);
                }
                Err(error) => warn!(error = %chain(&*error), "cannot fetch Google's keys"),
            }
        }
        match keys.by_id.get(id) {
            Some(key) => Ok(key.clone()),
            None if keys.fetched_at.is_none() => Err(GoogleError::NoKeys),
            None => Err(GoogleError::Invalid),
        }
    }

    async fn fetch(&self) -> anyhow::Result<HashMap<String, DecodingKey>> {
        let set: JwkSet = self
            .http
            .get(&self.keys_url)
            .timeout(FETCH_TIMEOUT)
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        let keys: HashMap<_, _> = set
            .keys
            .iter()
            .filter_map(|jwk| {
                let id = jwk.common.key_id.clone()?;
                Some((id, DecodingKey::from_jwk(jwk).ok()?))
            })
            .collect();
        (!keys.is_empty())
            .then_some(keys)
            .context("the key set has no usable key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn unknown_key_ids_cause_one_fetch_in_a_while() {
        let mut keys = Keys::default();
        assert!(keys.need_fetch("a", at(0)));
        keys.tried_at = Some(at(0));
        keys.fetched_at = Some(at(0));
        keys.by_id
            .insert("a".to_owned(), DecodingKey::from_secret(b"any"));
        assert!(!keys.need_fetch("a", at(3599)));
        assert!(keys.need_fetch("a", at(3600)));
        assert!(!keys.need_fetch("made-up", at(29)));
        assert!(keys.need_fetch("made-up", at(30)));
    }
}
