//! `RESERVATION_CONFIRMED`: whoever has bought needs to be inside no longer.

use std::sync::Arc;

use sqlx::PgConnection;
use urr_contract::{Fact, facts::ReservationConfirmedV1};
use urr_kit::consumer::{Handler, Received};

use crate::{State, domain::person::Person};

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
    async fn apply(&self, _: &mut PgConnection, received: &Received) -> anyhow::Result<()> {
        let Fact::ReservationConfirmed(ReservationConfirmedV1 {
            user_id,
            event_id: Some(event),
            ..
        }) = &received.fact
        else {
            return Ok(());
        };
        let rooms = self.state.lines.rooms();
        rooms
            .line(*event)
            .end_slot(Person::account(*user_id))
            .await?;
        Ok(())
    }
}
