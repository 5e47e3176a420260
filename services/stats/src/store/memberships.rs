//! Rows of memberships.

use jiff_sqlx::ToSqlx;
use sqlx::PgConnection;
use urr_contract::{MembershipId, facts::MembershipActivatedV1};

use crate::facts::Moment;

/// A membership became active, for the first time or again.
pub async fn activated(
    connection: &mut PgConnection,
    fact: &MembershipActivatedV1,
    moment: Moment,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into membership_facts (membership_id, user_id, artist_id, activated_at, activated_day)
         values ($1, $2, $3, $4, $5)
         on conflict (membership_id) do update
             set activated_at = excluded.activated_at, activated_day = excluded.activated_day",
        fact.membership_id as MembershipId,
        fact.user_id.0,
        fact.artist_id,
        moment.at.to_sqlx() as _,
        moment.day.to_sqlx() as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}
