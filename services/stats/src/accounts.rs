//! How many accounts there are, and were. Auth knows.

use jiff::civil::Date;
use tracing::debug;
use urr_contract::internal::{AccountDay, AccountDays, AccountDaysRequest, UserCounts};
use urr_kit::client::{CallError, InternalClient};

/// Asks auth for counts.
#[derive(Clone, Debug)]
pub struct Accounts {
    auth: InternalClient,
}

impl Accounts {
    /// Counts as auth has them.
    pub fn new(auth: InternalClient) -> Self {
        Self { auth }
    }

    /// The counts now; `None` while auth is away.
    pub async fn counts(&self) -> Option<UserCounts> {
        known(self.auth.get("/internal/users/counts").await)
    }

    /// The days from `since` to `until` in the zone of that name, newest first; `None` while
    /// auth is away.
    pub async fn days(&self, since: Date, until: Date, zone: &str) -> Option<Vec<AccountDay>> {
        let asked = AccountDaysRequest {
            since,
            until,
            time_zone: zone.to_owned(),
        };
        let path = "/internal/users/daily";
        let answer: Result<AccountDays, _> = self.auth.post_idempotent(path, &asked).await;
        known(answer).map(|answer| answer.days)
    }
}

fn known<T>(answer: Result<T, CallError>) -> Option<T> {
    answer
        .inspect_err(|error| debug!(%error, "the number of accounts is not known"))
        .ok()
}
