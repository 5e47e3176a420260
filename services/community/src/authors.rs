//! Names under which people write. Auth knows them; without it the e-mail has to serve.

use tracing::debug;
use urr_contract::internal::{UserBatch, UserIdBatch};
use urr_kit::{client::InternalClient, identity::User};

/// Longest name that is stored, in characters.
const MAX_NAME_CHARACTERS: usize = 100;
/// Name of somebody of whom nothing is known but that they are a member.
const NAMELESS: &str = "회원";

/// Looks up authors' names.
#[derive(Clone, Debug)]
pub struct Authors {
    auth: InternalClient,
}

impl Authors {
    /// Names as auth knows them.
    pub fn new(auth: InternalClient) -> Self {
        Self { auth }
    }

    /// The name to publish for `user`. Never fails: writing does not depend on auth.
    pub async fn name_of(&self, user: &User) -> String {
        let profile = self.profile_name(user).await;
        let name = profile.or_else(|| local_part(user.email.as_deref()?));
        name.unwrap_or_else(|| NAMELESS.to_owned())
            .chars()
            .take(MAX_NAME_CHARACTERS)
            .collect()
    }

    async fn profile_name(&self, user: &User) -> Option<String> {
        let body = UserIdBatch {
            user_ids: vec![user.id],
        };
        let found: Result<UserBatch, _> = self
            .auth
            .post_idempotent("/internal/users/batch", &body)
            .await;
        match found {
            Ok(batch) => batch
                .users
                .into_iter()
                .find(|found| found.id == user.id)
                .map(|found| found.name)
                .filter(|name| !name.trim().is_empty()),
            Err(error) => {
                debug!(%error, "an author's name is not known");
                None
            }
        }
    }
}

fn local_part(email: &str) -> Option<String> {
    let (local, _) = email.rsplit_once('@')?;
    (!local.trim().is_empty()).then(|| local.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_local_part_ends_at_the_last_at_sign() {
        assert_eq!(local_part("ana@example.com").as_deref(), Some("ana"));
        assert_eq!(
            local_part("\"a@b\"@example.com").as_deref(),
            Some("\"a@b\"")
        );
        assert_eq!(local_part("@example.com"), None);
        assert_eq!(local_part("ana"), None);
    }
}
