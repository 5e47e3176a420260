//! From token to person: the access token of a request is verified once and remembered.

use std::collections::HashMap;

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use jiff::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use urr_contract::{
    UserId,
    headers::{COOKIE_ACCESS, USER_EMAIL, USER_ID, USER_ROLE},
    tokens::{Claims, SessionTokenType, TokenKey},
};
use urr_kit::serve::cookie;

/// Tokens that one generation of the cache remembers; there are two generations a core.
const GENERATION: usize = 4_096;

/// Claims of an access token, as leniently as existing issuers need it: e-mail and role may
/// be missing, the type may not.
#[derive(Debug, Serialize, Deserialize)]
struct AccessClaims {
    #[serde(rename = "userId")]
    user_id: UserId,
    email: Option<String>,
    role: Option<String>,
    #[serde(rename = "type")]
    token_type: SessionTokenType,
    exp: i64,
}

impl Claims for AccessClaims {
    fn expires_at(&self) -> i64 {
        self.exp
    }
}

/// A verified person, ready to be passed on.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The account.
    pub user: UserId,
    id: HeaderValue,
    email: Option<HeaderValue>,
    role: HeaderValue,
    expires_at: i64,
}

impl Identity {
    fn new(claims: &AccessClaims) -> Option<Self> {
        if claims.token_type != SessionTokenType::Access {
            return None;
        }
        let role = claims.role.as_deref().unwrap_or("user");
        Some(Self {
            user: claims.user_id,
            id: HeaderValue::from_str(&claims.user_id.to_string()).ok()?,
            email: claims
                .email
                .as_ref()
                .and_then(|email| HeaderValue::from_bytes(email.as_bytes()).ok()),
            role: HeaderValue::from_str(role).ok()?,
            expires_at: claims.exp,
        })
    }

    /// Tells the service who asks.
    pub fn pass_on(&self, headers: &mut HeaderMap) {
        headers.insert(USER_ID, self.id.clone());
        headers.insert(USER_ROLE, self.role.clone());
        if let Some(email) = &self.email {
            headers.insert(USER_EMAIL, email.clone());
        }
    }
}

/// Lets a cookie stand for the `Authorization` header that a browser does not send. A header
/// of any kind wins over the cookie.
pub fn bearer_from_cookie(headers: &mut HeaderMap) {
    if headers.contains_key(AUTHORIZATION) {
        return;
    }
    let bearer = cookie(headers, COOKIE_ACCESS)
        .and_then(|token| HeaderValue::try_from(["Bearer ", token].concat()).ok());
    if let Some(bearer) = bearer {
        headers.insert(AUTHORIZATION, bearer);
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Verifies access tokens, and remembers those it has verified until they end. One per core,
/// so that cores never wait for each other.
#[derive(Debug)]
pub struct Identities {
    key: TokenKey,
    verified: Mutex<Generations>,
}

/// A bounded map that forgets in bulk what was not used lately.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Box<str>, Identity>,
    old: HashMap<Box<str>, Identity>,
}

impl Identities {
    /// Verifies with `key`; nothing remembered yet.
    pub fn new(key: TokenKey) -> Self {
        Self {
            key,
            verified: Mutex::default(),
        }
    }

    /// The person whose access token the request carries, if it carries a good one.
    pub fn of_request(&self, headers: &HeaderMap, now: Timestamp) -> Option<Identity> {
        let token = bearer(headers)?;
        if let Some(identity) = self.verified.lock().get(token) {
            return (identity.expires_at > now.as_second()).then_some(identity);
        }
        let claims: AccessClaims = self.key.verify(token, now).ok()?;
        let identity = Identity::new(&claims)?;
        self.verified.lock().insert(token, identity.clone());
        Some(identity)
    }
}

impl Generations {
    fn get(&mut self, token: &str) -> Option<Identity> {
        if let Some(identity) = self.young.get(token) {
            return Some(identity.clone());
        }
        let (token, identity) = self.old.remove_entry(token)?;
        self.make_room();
        self.young.insert(token, identity.clone());
        Some(identity)
    }

    fn insert(&mut self, token: &str, identity: Identity) {
        self.make_room();
        self.young.insert(token.into(), identity);
    }

    fn make_room(&mut self) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "a secret of more than thirty-two bytes";

    fn key() -> TokenKey {
        TokenKey::session(SECRET).expect("long enough")
    }

    fn token(token_type: SessionTokenType, exp: i64) -> String {
        let claims = AccessClaims {
            user_id: UserId(uuid::Uuid::from_u128(5)),
            email: Some("누구@example.com".to_owned()),
            role: None,
            token_type,
            exp,
        };
        key().sign(&claims).expect("signed")
    }

    fn carrying(authorization: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(authorization).expect("a value");
        headers.insert(AUTHORIZATION, value);
        headers
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn a_remembered_token_still_ends_in_its_second() {
        let identities = Identities::new(key());
        let headers = carrying(&format!("bearer {}", token(SessionTokenType::Access, 100)));
        for _ in 0..2 {
            assert!(identities.of_request(&headers, at(99)).is_some());
            assert!(identities.of_request(&headers, at(100)).is_none());
        }
    }

    #[test]
    fn only_access_tokens_are_identity() {
        let identities = Identities::new(key());
        let refresh = token(SessionTokenType::Refresh, 100);
        for authorization in [
            format!("Bearer {refresh}"),
            format!("Basic {}", token(SessionTokenType::Access, 100)),
            token(SessionTokenType::Access, 100),
            "Bearer ".to_owned(),
            "Bearer x.y.z".to_owned(),
        ] {
            let headers = carrying(&authorization);
            assert!(identities.of_request(&headers, at(0)).is_none());
        }
    }

    #[test]
    fn an_identity_is_passed_on_with_the_role_user_by_default() {
        let identities = Identities::new(key());
        let headers = carrying(&format!("Bearer {}", token(SessionTokenType::Access, 100)));
        let identity = identities.of_request(&headers, at(0)).expect("good");
        let mut passed = HeaderMap::new();
        identity.pass_on(&mut passed);
        assert_eq!(passed[USER_ID], "00000000-0000-0000-0000-000000000005");
        assert_eq!(passed[USER_ROLE], "user");
        assert_eq!(passed[USER_EMAIL].as_bytes(), "누구@example.com".as_bytes());
    }

    #[test]
    fn the_cookie_stands_in_for_a_missing_header_only() {
        let cookie = || {
            (
                http::header::COOKIE,
                HeaderValue::from_static("access_token=abc"),
            )
        };
        let mut headers: HeaderMap = [cookie()].into_iter().collect();
        bearer_from_cookie(&mut headers);
        assert_eq!(headers[AUTHORIZATION], "Bearer abc");
        let mut headers: HeaderMap = [cookie()].into_iter().collect();
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Basic x"));
        bearer_from_cookie(&mut headers);
        assert_eq!(headers[AUTHORIZATION], "Basic x");
    }

    #[test]
    fn the_memory_is_bounded_and_keeps_what_is_used() {
        let mut generations = Generations::default();
        let identity = Identity::new(&AccessClaims {
            user_id: UserId(uuid::Uuid::from_u128(1)),
            email: None,
            role: None,
            token_type: SessionTokenType::Access,
            exp: 1,
        })
        .expect("an identity");
        generations.insert("used", identity.clone());
        for number in 0..3 * GENERATION {
            generations.insert(&number.to_string(), identity.clone());
            assert!(generations.get("used").is_some());
            assert!(generations.young.len() + generations.old.len() <= 2 * GENERATION);
        }
        assert!(generations.get("0").is_none());
    }
}
