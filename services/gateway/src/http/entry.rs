//! Hot path: no blocking IO, no allocation per waiting user, no info logs.
//!
//! The entry token: whoever changes seats or reservations must have been let in by the queue,
//! as the person who asks now, in a stay that has not ended. Whether it is for the event of
//! the request is ticket's question; the verified claims are passed on for it.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use urr_contract::{
    UserId,
    headers::{
        CLOUDFRONT_VERIFIED, COOKIE_ENTRY, ENTRY_ADMISSION, ENTRY_EVENT, ENTRY_USER,
        QUEUE_ENTRY_TOKEN,
    },
    tokens::{EntryClaims, TokenKey},
};
use urr_kit::serve::cookie;
use uuid::Uuid;

use crate::{domain::routes::needs_entry, revocations::Revocations};

/// What the entry token of a request allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Go on; nothing is known of an admission.
    Pass,
    /// Go on, as somebody let in.
    Admitted(EntryClaims),
    /// Back to the waiting room.
    Refused,
}

/// Checks entry tokens.
#[derive(Debug)]
pub struct EntryCheck {
    key: TokenKey,
    edge_secret: SecretString,
    ended: Arc<Revocations>,
}

impl EntryCheck {
    /// Checks with `key`. An `edge_secret` that is not empty, sent along, stands for a check
    /// done before us.
    pub fn new(key: TokenKey, edge_secret: SecretString, ended: Arc<Revocations>) -> Self {
        Self {
            key,
            edge_secret,
            ended,
        }
    }

    /// Decides about one request of `user` for the normalised `path`.
    pub fn decide(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        user: Option<UserId>,
        now: Timestamp,
    ) -> Decision {
        if !needs_entry(method, path) {
            return Decision::Pass;
        }
        match self.admission(headers, user, now) {
            Some(claims) => Decision::Admitted(claims),
            None if self.checked_at_the_edge(headers) => Decision::Pass,
            None => Decision::Refused,
        }
    }

    fn admission(
        &self,
        headers: &HeaderMap,
        user: Option<UserId>,
        now: Timestamp,
    ) -> Option<EntryClaims> {
        let claims: EntryClaims = self.key.verify(token(headers)?, now).ok()?;
        let own = user == Some(claims.uid);
        (own && !self.ended.contains(claims.jti)).then_some(claims)
    }

    fn checked_at_the_edge(&self, headers: &HeaderMap) -> bool {
        let secret = self.edge_secret.expose_secret().as_bytes();
        headers
            .get(CLOUDFRONT_VERIFIED)
            .is_some_and(|given| !secret.is_empty() && given.as_bytes().ct_eq(secret).into())
    }
}

/// The token of the header or, for clients that keep only cookies, of the cookie.
fn token(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(QUEUE_ENTRY_TOKEN)
        .and_then(|value| value.to_str().ok())
        .map(str::trim)
        .filter(|token| !token.is_empty())
        .or_else(|| cookie(headers, COOKIE_ENTRY))
}

/// Tells the service which admission stands behind the request.
pub fn pass_on(claims: &EntryClaims, headers: &mut HeaderMap) {
    headers.insert(ENTRY_EVENT, uuid_value(claims.sub.0));
    headers.insert(ENTRY_USER, uuid_value(claims.uid.0));
    headers.insert(ENTRY_ADMISSION, uuid_value(claims.jti.0));
}

fn uuid_value(id: Uuid) -> HeaderValue {
    let mut text = Uuid::encode_buffer();
    HeaderValue::from_str(id.hyphenated().encode_lower(&mut text))
        .expect("hexadecimal digits and hyphens are header characters")
}

#[cfg(test)]
mod tests {
    use urr_contract::{AdmissionId, EventId};

    use super::*;

    const SECRET: &str = "an entry secret of more than 32 bytes";
    const PATH: &str = "/api/seats/reserve";

    fn key() -> TokenKey {
        TokenKey::entry(SECRET).expect("long enough")
    }

    fn user() -> UserId {
        UserId(Uuid::from_u128(7))
    }

    fn claims(exp: i64) -> EntryClaims {
        EntryClaims {
            sub: EventId(Uuid::from_u128(1)),
            uid: user(),
            user_id: user(),
            jti: AdmissionId(Uuid::from_u128(3)),
            iat: 0,
            exp,
        }
    }

    fn check(edge_secret: &str) -> (EntryCheck, Arc<Revocations>) {
        let ended = Arc::new(Revocations::default());
        let check = EntryCheck::new(key(), edge_secret.into(), Arc::clone(&ended));
        (check, ended)
    }

    fn carrying(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                let name = http::HeaderName::from_static(name);
                (name, HeaderValue::from_str(value).expect("a value"))
            })
            .collect()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn header_or_cookie_admits_the_person_it_names() {
        let (check, _) = check("");
        let token = key().sign(&claims(100)).expect("signed");
        let cookie = format!("a=b; tiketi-entry-token={token}");
        for headers in [
            carrying(&[("x-queue-entry-token", &token)]),
            carrying(&[("cookie", &cookie)]),
            carrying(&[("x-queue-entry-token", " "), ("cookie", &cookie)]),
        ] {
            assert_eq!(
                check.decide(&Method::POST, PATH, &headers, Some(user()), at(99)),
                Decision::Admitted(claims(100))
            );
            for (stranger, now) in [
                (None, 99),
                (Some(UserId(Uuid::from_u128(8))), 99),
                (Some(user()), 100),
            ] {
                assert_eq!(
                    check.decide(&Method::POST, PATH, &headers, stranger, at(now)),
                    Decision::Refused
                );
            }
        }
    }

    #[test]
    fn an_ended_admission_is_refused() {
        let (check, ended) = check("");
        let token = key().sign(&claims(100)).expect("signed");
        let headers = carrying(&[("x-queue-entry-token", &token)]);
        ended.merge([(claims(100).jti, 100)]);
        let decision = check.decide(&Method::POST, PATH, &headers, Some(user()), at(0));
        assert_eq!(decision, Decision::Refused);
    }

    #[test]
    fn the_edge_counts_only_with_its_secret() {
        for (configured, sent, decision) in [
            ("edge", "edge", Decision::Pass),
            ("edge", "Edge", Decision::Refused),
            ("edge", "", Decision::Refused),
            ("", "", Decision::Refused),
        ] {
            let (check, _) = check(configured);
            let headers = carrying(&[("x-cloudfront-verified", sent)]);
            assert_eq!(
                check.decide(&Method::POST, PATH, &headers, None, at(0)),
                decision,
                "{configured:?} {sent:?}"
            );
        }
    }

    #[test]
    fn a_good_token_is_passed_on_even_past_the_edge() {
        let (check, _) = check("edge");
        let token = key().sign(&claims(100)).expect("signed");
        let headers = carrying(&[
            ("x-cloudfront-verified", "edge"),
            ("x-queue-entry-token", &token),
        ]);
        assert_eq!(
            check.decide(&Method::POST, PATH, &headers, Some(user()), at(0)),
            Decision::Admitted(claims(100))
        );
    }
}
