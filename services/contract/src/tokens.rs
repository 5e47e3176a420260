//! The tokens that travel with a person: access, refresh, entry, receipt, visitor.
//!
//! All are JWTs under an HMAC. Each kind has a key of its own or a `type`/`kind` claim
//! that keeps one from passing for another. The time is an argument, so expiry is
//! checked here and not by the library's clock.

use base64::Engine;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::Sha256;
use uuid::Uuid;

use crate::{AdmissionId, EventId, FamilyId, UserId};

/// Shortest secret a key may be made of, in bytes.
pub const MIN_SECRET_BYTES: usize = 32;

/// Why a key or a token is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TokenError {
    /// The secret is too short to be one.
    #[error("secret has {0} bytes, at least {MIN_SECRET_BYTES} are needed")]
    ShortSecret(usize),
    /// Not a token of ours: wrong form, algorithm or signature.
    #[error("token is not valid")]
    Invalid,
    /// Was a token of ours.
    #[error("token has expired")]
    Expired,
    /// Could not be signed.
    #[error("token could not be signed")]
    Signing,
}

/// A token's end, which every kind of claims must know.
pub trait Claims: Serialize + DeserializeOwned {
    /// End of life, in seconds since the epoch.
    fn expires_at(&self) -> i64;
}

macro_rules! claims {
    ($($name:ident),+) => {$(
        impl Claims for $name {
            fn expires_at(&self) -> i64 {
                self.exp
            }
        }
    )+};
}

claims!(
    AccessClaims,
    RefreshClaims,
    EntryClaims,
    ReceiptClaims,
    VisitorClaims
);

/// Kind of a session token, so that a refresh token never passes for identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionTokenType {
    /// Opens the API.
    Access,
    /// Buys a new pair.
    Refresh,
}

/// Claims of an access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessClaims {
    /// The person.
    pub sub: UserId,
    /// The person again, where old clients look for it.
    pub user_id: UserId,
    /// E-mail.
    pub email: String,
    /// `user` or `admin`.
    pub role: String,
    /// Always `access`.
    #[serde(rename = "type")]
    pub token_type: SessionTokenType,
    /// Login it belongs to; absent in tokens of old issuers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_id: Option<FamilyId>,
    /// Issued, in seconds.
    pub iat: i64,
    /// Ends, in seconds.
    pub exp: i64,
}

/// Claims of a refresh token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefreshClaims {
    /// The person.
    pub sub: UserId,
    /// The person again.
    pub user_id: UserId,
    /// Always `refresh`.
    #[serde(rename = "type")]
    pub token_type: SessionTokenType,
    /// The login it descends from.
    pub family_id: FamilyId,
    /// This token.
    pub jti: Uuid,
    /// Issued, in seconds.
    pub iat: i64,
    /// Ends, in seconds.
    pub exp: i64,
}

/// Claims of an entry token: this person may book in this event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryClaims {
    /// The event.
    pub sub: EventId,
    /// The person, as the gateway reads it.
    pub uid: UserId,
    /// The person, as the description names it.
    #[serde(rename = "userId")]
    pub user_id: UserId,
    /// The admission. The same in every re-issue.
    pub jti: AdmissionId,
    /// Issued, in seconds.
    pub iat: i64,
    /// Ends, in seconds.
    pub exp: i64,
}

/// Claims of a receipt: this person has this number in this event's line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptClaims {
    /// The event.
    pub sub: EventId,
    /// The number.
    pub num: u64,
    /// Incarnation of the line the number belongs to (`lines.epoch`).
    pub epoch: u32,
    /// Account, or visitor id, that holds it.
    pub who: Uuid,
    /// Whether `who` is an account.
    pub acc: bool,
    /// Issued, in seconds.
    pub iat: i64,
    /// Ends, in seconds.
    pub exp: i64,
}

/// Claims of the visitor cookie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitorClaims {
    /// The visitor.
    pub sub: Uuid,
    /// Issued, in seconds.
    pub iat: i64,
    /// Ends, in seconds.
    pub exp: i64,
}

/// A key that signs and verifies one kind of token.
#[derive(Clone)]
pub struct TokenKey {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKey(…)")
    }
}

impl TokenKey {
    /// The key of session tokens, from `JWT_SECRET`: decoded where it is valid Base64, its
    /// UTF-8 bytes otherwise. Verifies HS256, HS384 and HS512; signs HS256.
    pub fn session(secret: &str) -> Result<Self, TokenError> {
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(secret)
            .unwrap_or_else(|_| secret.as_bytes().to_vec());
        Self::new(
            &bytes,
            &[Algorithm::HS256, Algorithm::HS384, Algorithm::HS512],
        )
    }

    /// The key of entry tokens, from `QUEUE_ENTRY_TOKEN_SECRET`: its UTF-8 bytes. HS256 only.
    pub fn entry(secret: &str) -> Result<Self, TokenError> {
        Self::new(secret.as_bytes(), &[Algorithm::HS256])
    }

    /// The key of receipts, derived from `QUEUE_ENTRY_TOKEN_SECRET` by HKDF with the label `receipt`.
    pub fn receipt(secret: &str) -> Result<Self, TokenError> {
        Self::derived(secret, b"receipt")
    }

    /// The key of visitor cookies, derived likewise with the label `visitor`.
    pub fn visitor(secret: &str) -> Result<Self, TokenError> {
        Self::derived(secret, b"visitor")
    }

    fn derived(secret: &str, label: &[u8]) -> Result<Self, TokenError> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(TokenError::ShortSecret(secret.len()));
        }
        let mut key = [0_u8; 32];
        hkdf::Hkdf::<Sha256>::new(None, secret.as_bytes())
            .expand(label, &mut key)
            .map_err(|_| TokenError::Signing)?;
        Self::new(&key, &[Algorithm::HS256])
    }

    fn new(bytes: &[u8], algorithms: &[Algorithm]) -> Result<Self, TokenError> {
        if bytes.len() < MIN_SECRET_BYTES {
            return Err(TokenError::ShortSecret(bytes.len()));
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.algorithms = algorithms.to_vec();
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Ok(Self {
            encoding: EncodingKey::from_secret(bytes),
            decoding: DecodingKey::from_secret(bytes),
            validation,
        })
    }

    /// The signed token.
    pub fn sign<C: Claims>(&self, claims: &C) -> Result<String, TokenError> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.encoding)
            .map_err(|_| TokenError::Signing)
    }

    /// The claims, if the signature is ours and the end has not come at `now`. No leeway.
    pub fn verify<C: Claims>(&self, token: &str, now: Timestamp) -> Result<C, TokenError> {
        let claims: C = self.verify_signature(token)?;
        if claims.expires_at() <= now.as_second() {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }

    /// The claims, if the signature is ours, whatever the time.
    pub fn verify_signature<C: Claims>(&self, token: &str) -> Result<C, TokenError> {
        jsonwebtoken::decode::<C>(token, &self.decoding, &self.validation)
            .map(|data| data.claims)
            .map_err(|_| TokenError::Invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "a secret of more than thirty-two bytes";

    fn entry(exp: i64) -> EntryClaims {
        let user = UserId(Uuid::from_u128(2));
        EntryClaims {
            sub: EventId(Uuid::from_u128(1)),
            uid: user,
            user_id: user,
            jti: AdmissionId(Uuid::from_u128(3)),
            iat: 0,
            exp,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn a_token_is_valid_until_its_last_second() {
        let key = TokenKey::entry(SECRET).expect("long enough");
        let token = key.sign(&entry(100)).expect("signed");
        assert_eq!(key.verify::<EntryClaims>(&token, at(99)), Ok(entry(100)));
        assert_eq!(
            key.verify::<EntryClaims>(&token, at(100)),
            Err(TokenError::Expired)
        );
    }

    #[test]
    fn a_key_refuses_what_another_key_signed() {
        let receipt = TokenKey::receipt(SECRET).expect("long enough");
        let token = receipt.sign(&entry(100)).expect("signed");
        let key = TokenKey::entry(SECRET).expect("long enough");
        assert_eq!(
            key.verify::<EntryClaims>(&token, at(0)),
            Err(TokenError::Invalid)
        );
    }

    #[test]
    fn an_unsigned_token_is_refused() {
        let key = TokenKey::entry(SECRET).expect("long enough");
        let encode = |json: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json);
        let claims = serde_json::to_string(&entry(100)).expect("serializes");
        for algorithm in ["none", "None", "HS384", "RS256"] {
            let header = format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#);
            let token = format!("{}.{}.", encode(&header), encode(&claims));
            assert_eq!(
                key.verify::<EntryClaims>(&token, at(0)),
                Err(TokenError::Invalid),
                "{algorithm}"
            );
        }
    }

    #[test]
    fn a_base64_secret_is_decoded_and_a_short_one_refused() {
        let plain = [7_u8; 32];
        let encoded = base64::engine::general_purpose::STANDARD.encode(plain);
        let a = TokenKey::session(&encoded).expect("32 bytes decoded");
        let b = TokenKey::new(&plain, &[Algorithm::HS256]).expect("32 bytes");
        let token = b.sign(&entry(100)).expect("signed");
        assert!(a.verify::<EntryClaims>(&token, at(0)).is_ok());
        assert_eq!(
            TokenKey::session("short").err(),
            Some(TokenError::ShortSecret(5))
        );
    }
}
