//! Answers to requests that book, and their repetition: the same key, person and body get
//! the same bytes, whichever of two twins came first.

use bytes::Bytes;
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgExecutor};
use urr_contract::UserId;
use urr_kit::{ApiError, ApiResult};

use crate::{refusal, store::idempotency};

/// Longest key a client may send.
const MAX_KEY_CHARS: usize = 64;

/// A key that a client sent with a request, and the request's hash.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    key: String,
    request_hash: Vec<u8>,
}

impl IdempotencyKey {
    /// The key, if there is one. `request` is what must be the same in a repetition.
    pub fn new(key: Option<String>, request: &impl Serialize) -> ApiResult<Option<Self>> {
        let Some(key) = key.filter(|key| !key.is_empty()) else {
            return Ok(None);
        };
        if key.chars().count() > MAX_KEY_CHARS || key.contains('\0') {
            return Err(refusal::idempotency_key());
        }
        let request = serde_json::to_vec(request).map_err(ApiError::internal)?;
        Ok(Some(Self {
            key,
            request_hash: Sha256::digest(request).to_vec(),
        }))
    }
}

/// The answer that was stored under the key, if the request is a repetition.
pub async fn stored(
    executor: impl PgExecutor<'_>,
    user: UserId,
    key: Option<&IdempotencyKey>,
) -> ApiResult<Option<Bytes>> {
    let Some(key) = key else { return Ok(None) };
    match idempotency::find(executor, user, &key.key).await? {
        None => Ok(None),
        Some(stored) if stored.request_hash != key.request_hash => Err(refusal::key_reused()),
        Some(stored) => Ok(stored.response.map(Bytes::from)),
    }
}

/// Claims the key for this transaction, or returns the answer that its twin left. Waits
/// for a twin in flight; one that takes too long is 503.
pub async fn claim(
    connection: &mut PgConnection,
    user: UserId,
    key: Option<&IdempotencyKey>,
) -> ApiResult<Option<Bytes>> {
    let Some(IdempotencyKey {
        key: name,
        request_hash,
    }) = key
    else {
        return Ok(None);
    };
    if idempotency::claim(connection, user, name, request_hash)
        .await
        .map_err(refusal::database)?
    {
        return Ok(None);
    }
    stored(connection, user, key)
        .await?
        .map(Some)
        .ok_or_else(refusal::still_running)
}

/// The bytes of an answer, stored under the key that this transaction claimed.
pub async fn complete(
    connection: &mut PgConnection,
    user: UserId,
    key: Option<&IdempotencyKey>,
    answer: &impl Serialize,
) -> ApiResult<Bytes> {
    let bytes = serde_json::to_vec(answer).map_err(ApiError::internal)?;
    if let Some(key) = key {
        idempotency::complete(connection, user, &key.key, &bytes).await?;
    }
    Ok(bytes.into())
}
