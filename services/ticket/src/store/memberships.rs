//! Memberships and their points. A row is one term: asked for, paid, over. Whatever changes
//! one holds its row lock.

use jiff::Timestamp;
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use urr_contract::{ArtistId, EventId, MembershipId, ReservationId, UserId, Won};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::{
    membership::{Standing, Tier},
    stamp::Stamp,
};

/// A membership under its row lock.
#[derive(Clone, Debug)]
pub struct Locked {
    /// The membership.
    pub id: MembershipId,
    /// Whose it is.
    pub user: UserId,
    /// Of which artist.
    pub artist: ArtistId,
    /// Where it stands.
    pub standing: Standing,
    /// Its points.
    pub points: i32,
    /// The order that paid for it.
    pub order: Option<String>,
    /// The database's time.
    pub now: Timestamp,
}

struct LockedRow {
    id: MembershipId,
    user: UserId,
    artist: ArtistId,
    status: String,
    expires_at: Stamp,
    points: i32,
    order_id: Option<String>,
    now: Stamp,
}

impl From<LockedRow> for Locked {
    fn from(row: LockedRow) -> Self {
        Self {
            id: row.id,
            user: row.user,
            artist: row.artist,
            standing: Standing::at(&row.status, row.expires_at.time(), row.now.time()),
            points: row.points,
            order: row.order_id,
            now: row.now.time(),
        }
    }
}

/// Locks a membership.
pub async fn lock(connection: &mut PgConnection, id: MembershipId) -> sqlx::Result<Option<Locked>> {
    let row = sqlx::query_as!(
        LockedRow,
        r#"select id as "id!: MembershipId", user_id as "user!: UserId", artist_id as "artist!: ArtistId",
                  status, expires_at as "expires_at!: Stamp", points, order_id, clock_timestamp() as "now!: Stamp"
           from artist_memberships where id = $1 for update"#,
        id as MembershipId,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(Locked::from))
}

/// Locks the paid memberships of a person, those of one artist where one is named, by id.
/// Some may be over though the job has not written so.
pub async fn lock_active(
    connection: &mut PgConnection,
    user: UserId,
    artist: Option<ArtistId>,
) -> sqlx::Result<Vec<Locked>> {
    let rows = sqlx::query_as!(
        LockedRow,
        r#"select id as "id!: MembershipId", user_id as "user!: UserId", artist_id as "artist!: ArtistId",
                  status, expires_at as "expires_at!: Stamp", points, order_id, clock_timestamp() as "now!: Stamp"
           from artist_memberships
           where user_id = $1 and ($2::uuid is null or artist_id = $2) and status = 'active'
           order by id for update"#,
        user as UserId,
        artist as Option<ArtistId>,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(Locked::from).collect())
}

/// Locks the membership of a person that is not over, if there is one.
pub async fn lock_open(
    connection: &mut PgConnection,
    user: UserId,
    artist: ArtistId,
) -> sqlx::Result<Option<Locked>> {
    let row = sqlx::query_as!(
        LockedRow,
        r#"select id as "id!: MembershipId", user_id as "user!: UserId", artist_id as "artist!: ArtistId",
                  status, expires_at as "expires_at!: Stamp", points, order_id, clock_timestamp() as "now!: Stamp"
           from artist_memberships where user_id = $1 and artist_id = $2 and status <> 'expired' for update"#,
        user as UserId,
        artist as ArtistId,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(Locked::from))
}

/// Asks for a membership; it keeps the points of the last one. `None` where somebody has just
/// asked for the same.
pub async fn insert(
    connection: &mut PgConnection,
    user: UserId,
    artist: ArtistId,
) -> sqlx::Result<Option<MembershipId>> {
    sqlx::query_scalar!(
        r#"insert into artist_memberships (user_id, artist_id, status, expires_at, tier, points)
           select $1, $2, 'pending', now(), coalesce(last.tier, 'SILVER'), coalesce(last.points, 0)
           from (values (1)) one
           left join lateral (
               select tier, points from artist_memberships
               where user_id = $1 and artist_id = $2 order by created_at desc, id limit 1
           ) last on true
           on conflict (user_id, artist_id) where status <> 'expired' do nothing
           returning id as "id!: MembershipId""#,
        user as UserId,
        artist as ArtistId,
    )
    .fetch_optional(connection)
    .await
}

/// Pending → active for a year, paid by that order.
pub async fn activate(
    connection: &mut PgConnection,
    id: MembershipId,
    order: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query!(
        r"update artist_memberships
          set status = 'active', order_id = $2, joined_at = now(), expires_at = now() + interval '1 year',
              updated_at = now()
          where id = $1",
        id as MembershipId,
        order,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends a membership now.
pub async fn expire(connection: &mut PgConnection, id: MembershipId) -> sqlx::Result<()> {
    sqlx::query!(
        r"update artist_memberships set status = 'expired', expires_at = least(expires_at, now()), updated_at = now()
          where id = $1",
        id as MembershipId,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes down which memberships are over; returns how many.
pub async fn expire_due(pool: &PgPool) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        r"with due as (
              select id from artist_memberships where status = 'active' and expires_at <= now()
              order by id for update skip locked
          )
          update artist_memberships m set status = 'expired', updated_at = now()
          from due where m.id = due.id",
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected())
}

/// Remembers that an order's money went back; false where that is known already.
pub async fn return_order(
    connection: &mut PgConnection,
    id: MembershipId,
    order: &str,
    reason: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r"insert into returned_membership_orders as o (order_id, membership_id, reason) values ($1, $2, $3)
          on conflict (order_id) do update set owed_since = null where o.owed_since is not null",
        order,
        id as MembershipId,
        reason,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Records that an order's money is owed back, because nothing can be had for it. Payment
/// finds it by asking. Changes nothing where it went back already.
pub async fn owe(
    connection: &mut PgConnection,
    id: MembershipId,
    order: &str,
    reason: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        r"insert into returned_membership_orders (order_id, membership_id, reason, owed_since)
          values ($1, $2, $3, now()) on conflict (order_id) do nothing",
        order,
        id as MembershipId,
        reason,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether an order's money went back, or is owed.
pub async fn is_returned(connection: &mut PgConnection, order: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from returned_membership_orders where order_id = $1) as "returned!""#,
        order
    )
    .fetch_one(connection)
    .await
}

/// Points for something.
#[derive(Clone, Copy, Debug)]
pub struct Award<'a> {
    /// What kind of thing.
    pub action_type: &'a str,
    /// How many; negative where they are taken back.
    pub points: i32,
    /// What for, to be read by people.
    pub description: &'a str,
    /// For which thing: at most one award of a kind for one thing.
    pub reference: Option<Uuid>,
}

/// Writes an award into the log of a locked membership; false where it is there already.
pub async fn log_points(
    connection: &mut PgConnection,
    id: MembershipId,
    award: &Award<'_>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r"insert into membership_point_logs (membership_id, action_type, points, description, reference_id)
          values ($1, $2, $3, $4, $5)
          on conflict (membership_id, action_type, reference_id) where reference_id is not null do nothing",
        id as MembershipId,
        award.action_type,
        award.points,
        award.description,
        award.reference,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes the points of a locked membership, and the tier that they make.
pub async fn set_points(
    connection: &mut PgConnection,
    id: MembershipId,
    points: i32,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update artist_memberships set points = $2, tier = $3, updated_at = now() where id = $1",
        id as MembershipId,
        points,
        Tier::of_points(points).as_str(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Points that a membership has earned in the community since midnight in Seoul.
pub async fn community_points_today(
    connection: &mut PgConnection,
    id: MembershipId,
) -> sqlx::Result<i32> {
    sqlx::query_scalar!(
        r#"select coalesce(sum(points), 0)::int as "points!" from membership_point_logs
           where membership_id = $1 and action_type in ('COMMUNITY_POST', 'COMMUNITY_COMMENT', 'NEWS_CREATION')
             and created_at >= date_trunc('day', now() at time zone 'Asia/Seoul') at time zone 'Asia/Seoul'"#,
        id as MembershipId,
    )
    .fetch_one(connection)
    .await
}

/// Memberships that were awarded points for a purchase, and how many.
pub async fn purchase_points(
    connection: &mut PgConnection,
    reservation: ReservationId,
) -> sqlx::Result<Vec<(MembershipId, i32)>> {
    let rows = sqlx::query!(
        r#"select membership_id as "id!: MembershipId", points from membership_point_logs
           where reference_id = $1 and action_type = 'TICKET_PURCHASE' order by membership_id"#,
        reservation.0,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.points)).collect())
}

/// The artist of an event.
pub async fn artist_of(
    connection: &mut PgConnection,
    event: EventId,
) -> sqlx::Result<Option<ArtistId>> {
    let artist = sqlx::query_scalar!(
        r#"select artist_id as "artist: ArtistId" from events where id = $1"#,
        event as EventId
    )
    .fetch_optional(connection)
    .await?;
    Ok(artist.flatten())
}

/// An artist and the price of a membership.
#[derive(Debug)]
pub struct Offer {
    /// The artist's name.
    pub artist_name: String,
    /// What a year costs.
    pub price: Won,
}

/// What a membership of an artist costs.
pub async fn offer(connection: &mut PgConnection, artist: ArtistId) -> sqlx::Result<Option<Offer>> {
    sqlx::query_as!(
        Offer,
        r#"select name as artist_name, membership_price as "price!: Won" from artists where id = $1"#,
        artist as ArtistId,
    )
    .fetch_optional(connection)
    .await
}

/// A membership as its owner sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MembershipColumns)]
pub struct MembershipRow {
    /// The membership.
    pub id: MembershipId,
    /// Whose it is.
    pub user_id: UserId,
    /// Of which artist.
    pub artist_id: ArtistId,
    /// Tier by points.
    pub tier: String,
    /// Points.
    pub points: i32,
    /// Its status at the time of the answer.
    pub status: String,
    /// When it was paid.
    pub joined_at: Stamp,
    /// When it ends.
    pub expires_at: Stamp,
    /// Always null; kept for old readers.
    pub payment_reference_id: Option<Uuid>,
    /// When it was asked for.
    pub created_at: Stamp,
    /// When it was changed.
    pub updated_at: Stamp,
    /// The artist's name.
    pub artist_name: String,
    /// Their picture.
    pub artist_image_url: Option<String>,
    /// What a year costs.
    pub membership_price: Won,
    /// The database's time.
    #[serde(skip)]
    pub now: Stamp,
}

/// The latest membership of a person of each artist, or of one; the one joined last first.
pub async fn of_person(
    pool: &PgPool,
    user: UserId,
    artist: Option<ArtistId>,
) -> sqlx::Result<Vec<MembershipRow>> {
    sqlx::query_as!(
        MembershipRow,
        r#"select m.id as "id!: MembershipId", m.user_id as "user_id!: UserId",
                  m.artist_id as "artist_id!: ArtistId", m.tier as "tier!", m.points as "points!",
                  m.status as "status!", m.joined_at as "joined_at!: Stamp",
                  m.expires_at as "expires_at!: Stamp", m.payment_reference_id,
                  m.created_at as "created_at!: Stamp", m.updated_at as "updated_at!: Stamp",
                  a.name as artist_name, a.image_url as artist_image_url,
                  a.membership_price as "membership_price!: Won", now() as "now!: Stamp"
           from (
               select distinct on (artist_id) * from artist_memberships
               where user_id = $1 and ($2::uuid is null or artist_id = $2)
               order by artist_id, (status <> 'expired') desc, created_at desc, id
           ) m join artists a on a.id = m.artist_id
           order by m.joined_at desc, m.id"#,
        user as UserId,
        artist as Option<ArtistId>,
    )
    .fetch_all(pool)
    .await
}

/// One award, as the history shows it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PointAward)]
pub struct PointRow {
    /// The row.
    pub id: Uuid,
    /// What kind of thing.
    pub action_type: String,
    /// How many.
    pub points: i32,
    /// What for.
    pub description: Option<String>,
    /// For which thing.
    pub reference_id: Option<Uuid>,
    /// When.
    pub created_at: Stamp,
}

/// The newest 50 awards of all a person's memberships of an artist.
pub async fn history(pool: &PgPool, user: UserId, artist: ArtistId) -> sqlx::Result<Vec<PointRow>> {
    sqlx::query_as!(
        PointRow,
        r#"select l.id, l.action_type, l.points, l.description, l.reference_id,
                  l.created_at as "created_at!: Stamp"
           from membership_point_logs l join artist_memberships m on m.id = l.membership_id
           where m.user_id = $1 and m.artist_id = $2 order by l.created_at desc, l.id limit 50"#,
        user as UserId,
        artist as ArtistId,
    )
    .fetch_all(pool)
    .await
}

/// The tier that counts for a person at an artist.
pub async fn tier(
    connection: &mut PgConnection,
    user: UserId,
    artist: ArtistId,
) -> sqlx::Result<Tier> {
    let points = sqlx::query_scalar!(
        r"select points from artist_memberships
          where user_id = $1 and artist_id = $2 and status = 'active' and expires_at > now()",
        user as UserId,
        artist as ArtistId,
    )
    .fetch_optional(connection)
    .await?;
    Ok(points.map_or(Tier::Bronze, Tier::of_points))
}
