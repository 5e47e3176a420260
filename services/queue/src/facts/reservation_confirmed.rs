//! `RESERVATION_CONFIRMED`: whoever has bought needs to be inside no longer.

use std::sync::Arc;

use sqlx::PgConnection;
use urr_contract::{Fact, facts::ReservationConfirmedV1};
use urr_kit::consumer::{Handler, Received};

use crate::{State, domain::person::Person, store::slots};

/// Gives the slots of buyers back.
#[derive(Clone, Debug)]
pub struct Purchases {
    state: Arc<State>,
}

impl Purchases {
    /// A handler on these lines.
    pub fn new(state: Arc<State>) -> Self {
        Self { state }
    }
}

impl Handler for Purchases {
    async fn apply(
        &self,
        connection: &mut PgConnection,
        received: &Received,
    ) -> anyhow::Result<()> {
        let Fact::ReservationConfirmed(ReservationConfirmedV1 {
            user_id,
            event_id: Some(event),
            ..
        }) = &received.fact
        else {
            return Ok(());
        };
        let lines = &self.state.lines;
        let person = Person::account(*user_id);
        let keys = lines.rooms().line(*event);
        if keys.end_slot(person, None).await? != Some(true)
            && let Some(number) = slots::number_of(&mut *connection, *event, *user_id).await?
        {
            // Redis has lost the line, or whose slot it is.
            let number = u64::try_from(number)?;
            lines.end_slot(*event, person, number).await?;
        }
        // Should Redis be lost before a worker notes it, the slot must not come back.
        let ttl = i64::try_from(self.state.settings.token_ttl_seconds)?;
        slots::end(connection, *event, *user_id, ttl).await?;
        Ok(())
    }
}
