//! How often the pages of events were looked at.

use sqlx::PgPool;
use urr_contract::EventId;
use urr_kit::tally::Counts;

/// Adds the counts. What has been deleted meanwhile is passed over.
pub async fn add(pool: &PgPool, counts: &Counts<EventId>) -> sqlx::Result<()> {
    let (events, views): (Vec<EventId>, Vec<i32>) = counts.iter().unzip();
    // In one order everywhere, so that two replicas do not wait for each other in a circle.
    sqlx::query!(
        "insert into event_views (event_id, views)
         select id, viewed.count from unnest($1::uuid[], $2::int[]) as viewed (event_id, count)
         join events on id = viewed.event_id
         order by id
         on conflict (event_id) do update set views = event_views.views + excluded.views",
        &events as &[EventId],
        &views,
    )
    .execute(pool)
    .await?;
    Ok(())
}
