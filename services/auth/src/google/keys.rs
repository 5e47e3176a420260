//! The issuer's published keys, kept for an hour.
//!
//! An unknown key id makes them be fetched anew, at most once in [`PAUSE_BETWEEN_FETCHES`],
//! so that a made-up id causes no traffic. While the issuer cannot be reached, the keys at
//! hand go on being used.

use std::{collections::HashMap, time::Duration};

use anyhow::Context;
use axum::body::Bytes;
use http::Request;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{DecodingKey, jwk::JwkSet};
use tokio::sync::Mutex;
use tracing::warn;
use urr_kit::{outbound::Outbound, telemetry::chain};

use super::GoogleError;

/// Keys older than this are fetched anew.
const KEYS_AGE: SignedDuration = SignedDuration::from_hours(1);
/// Shortest time between two fetches.
const PAUSE_BETWEEN_FETCHES: SignedDuration = SignedDuration::from_secs(30);

/// How long a fetch may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);

/// Keys by id.
type KeyRing = HashMap<String, DecodingKey>;

/// Keys that are published somewhere.
#[derive(Debug)]
pub(super) struct PublishedKeys {
    url: http::Uri,
    outbound: Outbound,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    by_id: KeyRing,
    tried_at: Option<Timestamp>,
    fetched_at: Option<Timestamp>,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept")
            .field("ids", &self.by_id.keys())
            .field("fetched_at", &self.fetched_at)
            .finish_non_exhaustive()
    }
}

impl Kept {
    /// Whether to fetch before a token with that key id can be verified or refused.
    fn need_fetch(&self, id: &str, now: Timestamp) -> bool {
        let is_older =
            |time: Option<Timestamp>, age| time.is_none_or(|time| now.duration_since(time) >= age);
        is_older(self.tried_at, PAUSE_BETWEEN_FETCHES)
            && (is_older(self.fetched_at, KEYS_AGE) || !self.by_id.contains_key(id))
    }
}

impl PublishedKeys {
    /// The JWK set at that address.
    pub(super) fn at(url: &str) -> anyhow::Result<Self> {
        let url: http::Uri = url.parse().context("GOOGLE_KEYS_URL is no URL")?;
        Ok(Self {
            outbound: Outbound::to(&url)?,
            url,
            kept: Mutex::default(),
        })
    }

    /// The key of that id. The lock is held while fetching, so that many sign-ins at once
    /// cause one fetch.
    pub(super) async fn key(&self, id: &str, now: Timestamp) -> Result<DecodingKey, GoogleError> {
        let mut kept = self.kept.lock().await;
        if kept.need_fetch(id, now) {
            kept.tried_at = Some(now);
            match self.fetch().await {
                Ok(by_id) => {
                    kept.by_id = by_id;
                    kept.fetched_at = Some(now);
                }
                Err(error) => warn!(error = %chain(&*error), "cannot fetch Google's keys"),
            }
        }
        match kept.by_id.get(id) {
            Some(key) => Ok(key.clone()),
            None if kept.fetched_at.is_none() => Err(GoogleError::NoKeys),
            None => Err(GoogleError::Invalid),
        }
    }

    async fn fetch(&self) -> anyhow::Result<KeyRing> {
        let request = Request::get(&self.url).body(Bytes::new())?;
        let answer = self.outbound.send(request, FETCH_TIMEOUT).await?;
        anyhow::ensure!(answer.status().is_success(), "answered {}", answer.status());
        let set: JwkSet = serde_json::from_slice(answer.body()).context("no JWK set")?;
        let keys: KeyRing = set.keys.iter().filter_map(usable).collect();
        anyhow::ensure!(!keys.is_empty(), "the JWK set has no usable key");
        Ok(keys)
    }
}

fn usable(jwk: &jsonwebtoken::jwk::Jwk) -> Option<(String, DecodingKey)> {
    let id = jwk.common.key_id.clone()?;
    Some((id, DecodingKey::from_jwk(jwk).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn unknown_key_ids_cause_one_fetch_in_a_while() {
        let mut kept = Kept::default();
        assert!(kept.need_fetch("a", at(0)));
        kept.tried_at = Some(at(0));
        kept.fetched_at = Some(at(0));
        kept.by_id
            .insert("a".to_owned(), DecodingKey::from_secret(b"any"));
        assert!(!kept.need_fetch("a", at(3599)));
        assert!(kept.need_fetch("a", at(3600)));
        assert!(!kept.need_fetch("made-up", at(29)));
        assert!(kept.need_fetch("made-up", at(30)));
    }
}
