//! Events: lists, detail, the terms of their sale, their status.

use jiff::Timestamp;
use serde::Serialize;
use sqlx::{PgConnection, PgExecutor, PgPool};
use urr_contract::{ArtistId, EventId, SeatLayoutId, UserId, Won, internal::EventSummary};
use utoipa::ToSchema;

use crate::{
    domain::{
        presale::PresaleSchedule,
        sale::{EventStatus, SaleDates},
        stamp::Stamp,
    },
    state::HoldSeconds,
};

/// One event of a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventSummary)]
pub struct EventListRow {
    /// The event.
    pub id: EventId,
    /// Its title.
    pub title: String,
    /// Its description.
    pub description: Option<String>,
    /// Where it is.
    pub venue: String,
    /// The address of that place.
    pub address: Option<String>,
    /// When it is.
    pub event_date: Stamp,
    /// Start of the sale.
    pub sale_start_date: Option<Stamp>,
    /// End of the sale.
    pub sale_end_date: Option<Stamp>,
    /// Its poster.
    pub poster_image_url: Option<String>,
    /// Its status as the status job last wrote it.
    pub status: String,
    /// Who plays.
    pub artist_name: Option<String>,
    /// Number of ticket types.
    pub ticket_type_count: i64,
    /// Cheapest ticket type.
    pub min_price: Option<Won>,
    /// Dearest ticket type.
    pub max_price: Option<Won>,
}

/// Which events a list shows.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Only those of that status.
    pub status: Option<String>,
    /// Only those whose title, artist, venue or address contain it.
    pub search: Option<String>,
}

impl EventFilter {
    /// A filter from what a client sent. What Postgres text cannot hold matches nothing.
    pub fn new(status: Option<String>, search: Option<String>) -> Self {
        Self {
            status: status.map(|status| status.replace('\0', "")),
            search,
        }
    }

    /// The search as a pattern of `like`, in which `%`, `_` and `\` stand for themselves.
    fn pattern(&self) -> Option<String> {
        let search = self.search.as_deref()?.trim();
        if search.is_empty() {
            return None;
        }
        let mut pattern = String::with_capacity(search.len() + 2);
        pattern.push('%');
        for character in search.to_lowercase().chars() {
            // Postgres text cannot hold it, so nothing can contain it.
            if character == '\0' {
                continue;
            }
            if matches!(character, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        pattern.push('%');
        Some(pattern)
    }
}

/// Events that match, by start of sale, and how many match in all.
pub async fn list(
    pool: &PgPool,
    filter: &EventFilter,
    limit: i64,
    offset: i64,
) -> sqlx::Result<(Vec<EventListRow>, i64)> {
    let status = filter.status.as_deref();
    let pattern = filter.pattern();
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from events
           where deleted_at is null and ($1::text is null or status = $1)
             and ($2::text is null or search_text like $2)"#,
        status,
        pattern,
    )
    .fetch_one(pool)
    .await?;
    let rows = sqlx::query_as!(
        EventListRow,
        r#"select e.id as "id!: EventId", e.title, e.description, e.venue, e.address,
                  e.event_date as "event_date!: Stamp", e.sale_start_date as "sale_start_date: Stamp",
                  e.sale_end_date as "sale_end_date: Stamp", e.poster_image_url, e.status, e.artist_name,
                  t.types as "ticket_type_count!", t.lowest as "min_price: Won", t.highest as "max_price: Won"
           from events e
           cross join lateral (
               select count(*) as types, min(price) as lowest, max(price) as highest
               from ticket_types where event_id = e.id
           ) t
           where e.deleted_at is null and ($1::text is null or e.status = $1)
             and ($2::text is null or e.search_text like $2)
           order by e.sale_start_date nulls last, e.id
           limit $3 offset $4"#,
        status,
        pattern,
        limit,
        offset,
    )
    .fetch_all(pool)
    .await?;
    Ok((rows, total))
}

/// One event, as its detail shows it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventRow {
    /// The event.
    pub id: EventId,
    /// Its title.
    pub title: String,
    /// Its description.
    pub description: Option<String>,
    /// Where it is.
    pub venue: String,
    /// The address of that place.
    pub address: Option<String>,
    /// When it is.
    pub event_date: Stamp,
    /// Start of the sale.
    pub sale_start_date: Option<Stamp>,
    /// End of the sale.
    pub sale_end_date: Option<Stamp>,
    /// Its poster.
    pub poster_image_url: Option<String>,
    /// Its status at the time of the answer.
    pub status: String,
    /// Its layout; null means standing.
    pub seat_layout_id: Option<SeatLayoutId>,
    /// Who plays.
    pub artist_name: Option<String>,
    /// Whether capacity was raised ahead of its sale.
    pub pre_scaled: bool,
    /// Most tickets one person may have.
    pub max_per_person: i32,
    /// Most seats in one hold.
    pub max_seats_per_hold: i32,
    /// Who made it.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: Stamp,
    /// When it was changed.
    pub updated_at: Stamp,
    /// The artist's page.
    pub artist_id: Option<ArtistId>,
    /// Whether members of the artist buy first.
    pub presale: bool,
    /// The database's time, by which the status was computed.
    #[serde(skip)]
    pub now: Stamp,
}

impl EventRow {
    /// Where it stands.
    pub fn status_now(&self) -> EventStatus {
        self.dates().status_at(self.now.time())
    }

    /// When each tier of the artist's members may buy, where that makes a difference.
    pub fn presale(&self) -> Option<PresaleSchedule> {
        self.artist_id.filter(|_| self.presale)?;
        PresaleSchedule::of(&self.dates())
    }

    fn dates(&self) -> SaleDates {
        dates(
            &self.status,
            self.sale_start_date,
            self.sale_end_date,
            self.event_date,
        )
    }
}

fn dates(status: &str, starts: Option<Stamp>, ends: Option<Stamp>, event_date: Stamp) -> SaleDates {
    SaleDates {
        starts_at: starts.map(Stamp::time),
        ends_at: ends.map(Stamp::time),
        event_at: event_date.time(),
        cancelled: status == EventStatus::Cancelled.as_str(),
    }
}

/// One event, its status computed. A deleted one is none.
pub async fn find(executor: impl PgExecutor<'_>, id: EventId) -> sqlx::Result<Option<EventRow>> {
    let row = sqlx::query_as!(
        EventRow,
        r#"select id as "id!: EventId", title, description, venue, address,
                  event_date as "event_date!: Stamp", sale_start_date as "sale_start_date: Stamp",
                  sale_end_date as "sale_end_date: Stamp", poster_image_url, status,
                  seat_layout_id as "seat_layout_id: SeatLayoutId", artist_name, pre_scaled, max_per_person,
                  max_seats_per_hold,
                  created_by as "created_by: UserId", created_at as "created_at!: Stamp",
                  updated_at as "updated_at!: Stamp", artist_id as "artist_id: ArtistId", presale, now() as "now!: Stamp"
           from events where id = $1 and deleted_at is null"#,
        id as EventId,
    )
    .fetch_optional(executor)
    .await?;
    Ok(row.map(|mut row| {
        row.status_now().as_str().clone_into(&mut row.status);
        row
    }))
}

/// What a hold must know of its event.
#[derive(Clone, Debug)]
pub struct SaleTerms {
    /// Title of the event.
    pub title: String,
    /// When it is sold.
    pub dates: SaleDates,
    /// Most tickets one person may have.
    pub max_per_person: i64,
    /// Who buys first, where members of the artist do.
    pub presale: Option<Presale>,
    /// How long holds live, where the event's policy says so.
    pub times: Option<HoldSeconds>,
    /// The database's time.
    pub now: Timestamp,
}

/// A sale in which members of an artist buy first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presale {
    /// The artist.
    pub artist: ArtistId,
    /// When each tier may buy.
    pub schedule: PresaleSchedule,
}

/// The terms of an event's sale. Its row is locked against a cancellation until the
/// transaction ends: what is taken under these terms is committed before the event is called
/// off, and so found by whoever ends its reservations then.
pub async fn terms(connection: &mut PgConnection, id: EventId) -> sqlx::Result<Option<SaleTerms>> {
    let row = sqlx::query!(
        r#"select e.title, e.status, e.sale_start_date as "starts: Stamp", e.sale_end_date as "ends: Stamp",
                  e.event_date as "event_date!: Stamp", e.max_per_person, clock_timestamp() as "now!: Stamp",
                  case when e.presale then e.artist_id end as "artist: ArtistId",
                  p.seat_seconds as "seat_seconds?", p.payment_seconds as "payment_seconds?"
           from events e left join sale_policies p on p.event_id = e.id where e.id = $1 for share of e"#,
        id as EventId,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| {
        let dates = dates(&row.status, row.starts, row.ends, row.event_date);
        let times = row.seat_seconds.zip(row.payment_seconds);
        SaleTerms {
            presale: presale(row.artist, &dates),
            dates,
            title: row.title,
            max_per_person: i64::from(row.max_per_person),
            times: times.map(|(seat, payment)| HoldSeconds { seat, payment }),
            now: row.now.time(),
        }
    }))
}

fn presale(artist: Option<ArtistId>, dates: &SaleDates) -> Option<Presale> {
    let (artist, schedule) = artist.zip(PresaleSchedule::of(dates))?;
    Some(Presale { artist, schedule })
}

/// Most seats that one hold of an event may take; `None` where there is no such event.
pub async fn max_seats_per_hold(pool: &PgPool, id: EventId) -> sqlx::Result<Option<usize>> {
    let most = sqlx::query_scalar!(
        "select max_seats_per_hold from events where id = $1",
        id as EventId
    )
    .fetch_optional(pool)
    .await?;
    Ok(most.and_then(|most| usize::try_from(most).ok()))
}

/// Title of an event.
pub async fn title(connection: &mut PgConnection, id: EventId) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("select title from events where id = $1", id as EventId)
        .fetch_optional(connection)
        .await
}

/// Those of the events that exist, with what exists and what is sold of them.
pub async fn summaries(pool: &PgPool, ids: &[EventId]) -> sqlx::Result<Vec<EventSummary>> {
    let rows = sqlx::query!(
        r#"select e.id as "id!: EventId", e.title, e.venue, e.event_date as "event_date!: Stamp", e.status,
                  e.sale_start_date as "starts: Stamp", e.sale_end_date as "ends: Stamp", now() as "now!: Stamp",
                  (select count(*) from seats s where s.event_id = e.id)
                  + (select coalesce(sum(t.total_quantity), 0) from ticket_types t
                     where t.event_id = e.id and e.seat_layout_id is null) as "total!",
                  (select coalesce(sum(r.quantity), 0) from reservations r
                   where r.event_id = e.id and r.status = 'confirmed') as "sold!",
                  coalesce((select v.views from event_views v where v.event_id = e.id), 0) as "views!"
           from events e where e.id = any($1)"#,
        ids as &[EventId],
    )
    .fetch_all(pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| EventSummary {
            id: row.id,
            status: dates(&row.status, row.starts, row.ends, row.event_date)
                .status_at(row.now.time())
                .as_str()
                .to_owned(),
            title: row.title,
            venue: row.venue,
            event_date: row.event_date.time(),
            total_seats: row.total,
            sold_seats: row.sold,
            views: row.views,
        })
        .collect())
}

/// Brings the status column up to date; returns how many events changed.
pub async fn refresh_statuses(pool: &PgPool) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        r"with due as (
              select id, case
                  when event_date <= now() or sale_end_date <= now() then 'ended'
                  when sale_start_date <= now() then 'on_sale'
                  else status
              end as next
              from events where status in ('upcoming', 'on_sale')
          )
          update events e set status = due.next, updated_at = now()
          from due where e.id = due.id and e.status in ('upcoming', 'on_sale') and e.status <> due.next",
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(search: &str) -> Option<String> {
        EventFilter {
            status: None,
            search: Some(search.to_owned()),
        }
        .pattern()
    }

    #[test]
    fn wildcards_of_the_search_stand_for_themselves() {
        assert_eq!(pattern("  100%_A\\ "), Some(r"%100\%\_a\\%".to_owned()));
        assert_eq!(pattern("   "), None);
        assert_eq!(pattern("a\0b"), Some("%ab%".to_owned()));
    }
}
