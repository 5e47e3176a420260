//! Whom mails are to: name, address and language, as auth knows them at the time of sending.

use std::collections::HashMap;

use urr_contract::{
    UserId,
    internal::{UserBatch, UserIdBatch, UserSummary},
};
use urr_kit::client::{CallError, InternalClient};

/// Looks up people.
#[derive(Clone, Debug)]
pub struct Readers {
    auth: InternalClient,
}

impl Readers {
    /// People as auth knows them.
    pub fn new(auth: InternalClient) -> Self {
        Self { auth }
    }

    /// Those of `users` who exist.
    pub async fn of(
        &self,
        mut users: Vec<UserId>,
    ) -> Result<HashMap<UserId, UserSummary>, CallError> {
        users.sort_unstable();
        users.dedup();
        let body = UserIdBatch { user_ids: users };
        let batch: UserBatch = self
            .auth
            .post_idempotent("/internal/users/batch", &body)
            .await?;
        Ok(batch
            .users
            .into_iter()
            .map(|user| (user.id, user))
            .collect())
    }
}
