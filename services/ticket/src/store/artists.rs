//! Artists, their events and how many fans they have.

use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use urr_contract::{ArtistId, EventId, Won};
use utoipa::ToSchema;

use crate::domain::{presale::PresaleSchedule, sale::SaleDates, stamp::Stamp};

/// One artist of a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ArtistSummary)]
pub struct ArtistListRow {
    /// The artist.
    pub id: ArtistId,
    /// Their name.
    pub name: String,
    /// Their picture.
    pub image_url: Option<String>,
    /// Who they are.
    pub description: Option<String>,
    /// Price of a membership.
    pub membership_price: Won,
    /// When the row was made.
    pub created_at: Stamp,
    /// Number of events.
    pub event_count: i64,
    /// Number of active memberships.
    pub member_count: i64,
}

/// Artists by name, and how many there are.
pub async fn list(
    pool: &PgPool,
    limit: i64,
    offset: i64,
) -> sqlx::Result<(Vec<ArtistListRow>, i64)> {
    let total = sqlx::query_scalar!(r#"select count(*) as "count!" from artists"#)
        .fetch_one(pool)
        .await?;
    let rows = sqlx::query_as!(
        ArtistListRow,
        r#"select a.id as "id!: ArtistId", a.name, a.image_url, a.description,
                  a.membership_price as "membership_price!: Won", a.created_at as "created_at!: Stamp",
                  (select count(*) from events e where e.artist_id = a.id and e.deleted_at is null) as "event_count!",
                  (select count(*) from artist_memberships m
                   where m.artist_id = a.id and m.status = 'active' and m.expires_at > now()) as "member_count!"
           from artists a order by a.name limit $1 offset $2"#,
        limit,
        offset,
    )
    .fetch_all(pool)
    .await?;
    Ok((rows, total))
}

/// One artist.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Artist)]
pub struct ArtistRow {
    /// The artist.
    pub id: ArtistId,
    /// Their name.
    pub name: String,
    /// Their picture.
    pub image_url: Option<String>,
    /// Who they are.
    pub description: Option<String>,
    /// Price of a membership.
    pub membership_price: Won,
    /// When the row was made.
    pub created_at: Stamp,
    /// When it was changed.
    pub updated_at: Stamp,
}

/// One artist and the number of active memberships.
pub async fn find(pool: &PgPool, id: ArtistId) -> sqlx::Result<Option<(ArtistRow, i64)>> {
    let Some(artist) = sqlx::query_as!(
        ArtistRow,
        r#"select id as "id!: ArtistId", name, image_url, description,
                  membership_price as "membership_price!: Won",
                  created_at as "created_at!: Stamp", updated_at as "updated_at!: Stamp"
           from artists where id = $1"#,
        id as ArtistId,
    )
    .fetch_optional(pool)
    .await?
    else {
        return Ok(None);
    };
    let members = sqlx::query_scalar!(
        r#"select count(*) as "count!" from artist_memberships
           where artist_id = $1 and status = 'active' and expires_at > now()"#,
        id as ArtistId,
    )
    .fetch_one(pool)
    .await?;
    Ok(Some((artist, members)))
}

/// An event on an artist's page.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ArtistEventColumns)]
pub struct ArtistEventRow {
    /// The event.
    pub id: EventId,
    /// Its title.
    pub title: String,
    /// Where it is.
    pub venue: String,
    /// When it is.
    pub event_date: Stamp,
    /// Start of the sale.
    pub sale_start_date: Option<Stamp>,
    /// End of the sale.
    pub sale_end_date: Option<Stamp>,
    /// Its status as the status job last wrote it.
    pub status: String,
    /// Its poster.
    pub poster_image_url: Option<String>,
    /// Cheapest ticket type.
    pub min_price: Option<Won>,
    /// Dearest ticket type.
    pub max_price: Option<Won>,
    /// Whether members of the artist buy first.
    pub presale: bool,
}

impl ArtistEventRow {
    /// When each tier of the members may buy, where that makes a difference.
    pub fn presale(&self) -> Option<PresaleSchedule> {
        let dates = SaleDates {
            starts_at: self.sale_start_date.map(Stamp::time),
            ends_at: self.sale_end_date.map(Stamp::time),
            event_at: self.event_date.time(),
            cancelled: false,
        };
        PresaleSchedule::of(&dates).filter(|_| self.presale)
    }
}

/// Events of an artist, by date.
pub async fn events(pool: &PgPool, id: ArtistId) -> sqlx::Result<Vec<ArtistEventRow>> {
    sqlx::query_as!(
        ArtistEventRow,
        r#"select e.id as "id!: EventId", e.title, e.venue, e.event_date as "event_date!: Stamp",
                  e.sale_start_date as "sale_start_date: Stamp", e.sale_end_date as "sale_end_date: Stamp",
                  e.status, e.poster_image_url, t.lowest as "min_price: Won", t.highest as "max_price: Won",
                  e.presale
           from events e
           cross join lateral (
               select min(price) as lowest, max(price) as highest from ticket_types where event_id = e.id
           ) t
           where e.artist_id = $1 and e.deleted_at is null order by e.event_date, e.id"#,
        id as ArtistId,
    )
    .fetch_all(pool)
    .await
}

/// The artist of that name, made where there is none.
pub async fn by_name(connection: &mut PgConnection, name: &str) -> sqlx::Result<ArtistId> {
    sqlx::query!(
        "insert into artists (name) values ($1) on conflict (name) do nothing",
        name
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query_scalar!(
        r#"select id as "id!: ArtistId" from artists where name = $1"#,
        name
    )
    .fetch_one(connection)
    .await
}

/// An artist of whom there is no picture.
#[derive(Debug)]
pub struct Unknown {
    /// The artist.
    pub id: ArtistId,
    /// Their name.
    pub name: String,
}

/// Artists without a picture, those who were never looked up first.
pub async fn without_picture(pool: &PgPool, limit: i64) -> sqlx::Result<Vec<Unknown>> {
    sqlx::query_as!(
        Unknown,
        r#"select id as "id!: ArtistId", name from artists
           where image_url is null order by looked_up_at nulls first, name limit $1"#,
        limit,
    )
    .fetch_all(pool)
    .await
}

/// Notes that an artist was looked up, with what was found. What is there already stays.
pub async fn note_portrait(
    pool: &PgPool,
    id: ArtistId,
    image_url: Option<&str>,
    description: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query!(
        r"update artists set image_url = coalesce(image_url, $2), description = coalesce(description, $3),
                             looked_up_at = now(),
                             updated_at = case when $2::text is null and $3::text is null then updated_at else now() end
          where id = $1",
        id as ArtistId,
        image_url,
        description,
    )
    .execute(pool)
    .await?;
    Ok(())
}
