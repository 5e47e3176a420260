//! Facts of the others: what of them somebody is to be told is noted, to be composed afterwards.

use sqlx::PgConnection;
use urr_contract::topics::Topic;
use urr_kit::{
    Clock,
    consumer::{Handler, Received},
};

use crate::{domain::notice::Notice, store::notices};

/// The group under which community reads facts.
pub const GROUP: &str = "community-service-group";

/// What it reads.
pub const TOPICS: &[Topic] = &[Topic::Reservation, Topic::Payment, Topic::Transfer];

/// Notes notices. Nobody is asked anything here, so a peer that is away holds no fact up.
#[derive(Clone, Debug)]
pub struct NoteNotices {
    /// The time.
    pub clock: Clock,
}

impl Handler for NoteNotices {
    async fn apply(
        &self,
        connection: &mut PgConnection,
        received: &Received,
    ) -> anyhow::Result<()> {
        let now = self.clock.now();
        if let Some((notice, happened)) = Notice::of(&received.fact, now) {
            notices::insert(connection, received.id, &notice, happened, now).await?;
        }
        Ok(())
    }
}
