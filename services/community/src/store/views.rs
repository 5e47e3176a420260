//! Views of `news` and `community_posts`. They change neither text nor `updated_at`.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::views::{Kind, ViewCounts};

/// Adds the counts. What has been deleted meanwhile is passed over.
pub async fn add(connection: &mut PgConnection, counts: &ViewCounts) -> sqlx::Result<()> {
    let (ids, views) = of_kind(counts, Kind::News);
    sqlx::query!(
        "update news set views = news.views + viewed.count
         from unnest($1::uuid[], $2::int[]) as viewed (id, count) where news.id = viewed.id",
        &ids,
        &views
    )
    .execute(&mut *connection)
    .await?;
    let (ids, views) = of_kind(counts, Kind::Post);
    sqlx::query!(
        "update community_posts set views = community_posts.views + viewed.count
         from unnest($1::uuid[], $2::int[]) as viewed (id, count)
         where community_posts.id = viewed.id",
        &ids,
        &views
    )
    .execute(&mut *connection)
    .await?;
    Ok(())
}

fn of_kind(counts: &ViewCounts, kind: Kind) -> (Vec<Uuid>, Vec<i32>) {
    counts
        .iter()
        .filter(|((of, _), _)| *of == kind)
        .map(|((_, id), views)| (*id, *views))
        .unzip()
}
