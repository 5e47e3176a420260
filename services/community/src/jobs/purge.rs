//! Deletes awards that were done a month ago, and daily sums that limit nothing any more.

use jiff::{SignedDuration, ToSpan};
use tracing::info;

use crate::{State, domain::points::day_of, store::point_awards};

/// How long awards stay to be looked at.
const AWARDS_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Deletes all there is to delete at this time.
pub async fn run(state: &State) -> anyhow::Result<()> {
    let now = state.clock.now();
    let yesterday = day_of(now).checked_sub(1.day())?;
    let mut connection = state.pool.acquire().await?;
    let deleted = point_awards::purge(&mut connection, now - AWARDS_KEPT, yesterday).await?;
    if deleted > 0 {
        info!(deleted, "deleted old awards");
    }
    Ok(())
}
