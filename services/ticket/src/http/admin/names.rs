//! Names and addresses of people, which auth knows.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;
use urr_contract::{
    UserId,
    internal::{UserBatch, UserIdBatch, UserSummary},
};
use utoipa::ToSchema;

use crate::{State, store::admin_reservations::AdminReservation};

/// What auth said of people.
#[derive(Debug)]
pub(super) struct Names {
    people: HashMap<UserId, UserSummary>,
    /// Whether auth could not be asked.
    pub(super) missing: bool,
}

/// A reservation with its owner's name. Null where auth does not know or cannot be asked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NamedReservation)]
pub(super) struct Named {
    #[serde(flatten)]
    row: AdminReservation,
    /// Who reserved; null where the account is gone.
    user_name: Option<String>,
    /// Their e-mail address; null where the account is gone.
    user_email: Option<String>,
}

impl Names {
    /// Asks auth who owns the reservations.
    pub(super) async fn of_owners(state: &State, rows: &[AdminReservation]) -> Self {
        let ids: BTreeSet<UserId> = rows.iter().map(|row| row.user_id).collect();
        if ids.is_empty() {
            return Self {
                people: HashMap::new(),
                missing: false,
            };
        }
        let batch = UserIdBatch {
            user_ids: ids.into_iter().collect(),
        };
        let answer: Result<UserBatch, _> = state
            .auth
            .post_idempotent("/internal/users/batch", &batch)
            .await;
        if let Err(error) = &answer {
            tracing::warn!(%error, "auth could not say people's names");
        }
        Self {
            missing: answer.is_err(),
            people: answer
                .map(|batch| batch.users)
                .unwrap_or_default()
                .into_iter()
                .map(|person| (person.id, person))
                .collect(),
        }
    }

    /// The reservations with their owners' names.
    pub(super) fn beside(&self, rows: Vec<AdminReservation>) -> Vec<Named> {
        rows.into_iter()
            .map(|row| {
                let person = self.people.get(&row.user_id);
                Named {
                    user_name: person.map(|person| person.name.clone()),
                    user_email: person.map(|person| person.email.clone()),
                    row,
                }
            })
            .collect()
    }
}
