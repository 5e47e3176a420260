//! How many accounts there are. Auth knows.

use tracing::debug;
use urr_contract::internal::UserCounts;
use urr_kit::client::InternalClient;

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
        match self.auth.get("/internal/users/counts").await {
            Ok(counts) => Some(counts),
            Err(error) => {
                debug!(%error, "the number of accounts is not known");
                None
            }
        }
    }
}
