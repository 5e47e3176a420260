//! Deletes awards that were done a month ago, daily sums that limit nothing any more, what was
//! told long enough ago, and facts that could not be applied.

use jiff::{SignedDuration, Timestamp, ToSpan};
use tracing::info;

use crate::{
    State,
    domain::points::day_of,
    store::{mails, notice_log, notices, point_awards, webhook_deliveries},
};

/// How long awards stay to be looked at.
const AWARDS_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Deletes all there is to delete at this time.
pub async fn run(state: &State) -> anyhow::Result<()> {
    let now = state.clock.now();
    purge_points(state, now).await?;
    purge_told(state, now - state.notices_kept).await?;
    let dead_letters = state.dead_letters;
    dead_letters.sweep(&state.pool, &state.retention).await?;
    Ok(())
}

async fn purge_points(state: &State, now: Timestamp) -> anyhow::Result<()> {
    let yesterday = day_of(now).checked_sub(1.day())?;
    let mut connection = state.pool.acquire().await?;
    let deleted = point_awards::purge(&mut connection, now - AWARDS_KEPT, yesterday).await?;
    if deleted > 0 {
        info!(deleted, "deleted old awards");
    }
    Ok(())
}

async fn purge_told(state: &State, before: Timestamp) -> sqlx::Result<()> {
    let (pool, retention) = (&state.pool, &state.retention);
    retention
        .sweep("notices", |batch| notices::purge(pool, before, batch))
        .await?;
    retention
        .sweep("mails", |batch| mails::purge(pool, before, batch))
        .await?;
    retention
        .sweep("webhook deliveries", |batch| {
            webhook_deliveries::purge(pool, before, batch)
        })
        .await?;
    retention
        .sweep("addresses of administrators", |batch| {
            notice_log::forget_addresses(pool, before, batch)
        })
        .await?;
    Ok(())
}
