//! Listings of tickets that people sell on. Whatever changes one holds the row lock of its
//! reservation first.

use anyhow::Context;
use jiff::Timestamp;
use serde::Serialize;
use sqlx::{PgConnection, PgExecutor, PgPool};
use urr_contract::{ArtistId, ReservationId, TransferId, UserId, Won};
use utoipa::ToSchema;

use crate::domain::{
    resale::{Listing, ListingStatus, Price},
    stamp::Stamp,
};

/// All columns of a listing that people see.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Transfer)]
pub struct TransferRow {
    /// The listing.
    pub id: TransferId,
    /// What is for sale.
    pub reservation_id: ReservationId,
    /// Who sells.
    pub seller_id: UserId,
    /// Who bought it.
    pub buyer_id: Option<UserId>,
    /// The artist of the event.
    pub artist_id: Option<ArtistId>,
    /// What the ticket cost when it was first sold.
    pub original_price: Won,
    /// The platform's share.
    pub transfer_fee: Won,
    /// That share in percent.
    pub transfer_fee_percent: i32,
    /// What a buyer pays.
    pub total_price: Won,
    /// `listed`, `completed` or `cancelled`.
    pub status: String,
    /// When it was listed.
    pub created_at: Stamp,
    /// When it was sold.
    pub completed_at: Option<Stamp>,
    /// When it was changed.
    pub updated_at: Stamp,
}

/// Lists a ticket.
pub async fn insert(
    connection: &mut PgConnection,
    reservation: ReservationId,
    seller: UserId,
    artist: Option<ArtistId>,
    price: Price,
    fee_percent: i64,
) -> sqlx::Result<TransferRow> {
    sqlx::query_as!(
        TransferRow,
        r#"insert into ticket_transfers (reservation_id, seller_id, artist_id, original_price, transfer_fee,
                                         transfer_fee_percent, total_price)
           values ($1, $2, $3, $4, $5, $6, $7)
           returning id as "id!: TransferId", reservation_id as "reservation_id!: ReservationId",
                     seller_id as "seller_id!: UserId", buyer_id as "buyer_id: UserId",
                     artist_id as "artist_id: ArtistId", original_price as "original_price!: Won",
                     transfer_fee as "transfer_fee!: Won", transfer_fee_percent,
                     total_price as "total_price!: Won", status, created_at as "created_at!: Stamp",
                     completed_at as "completed_at: Stamp", updated_at as "updated_at!: Stamp""#,
        reservation as ReservationId,
        seller as UserId,
        artist as Option<ArtistId>,
        price.original as Won,
        price.fee as Won,
        i32::try_from(fee_percent).unwrap_or(i32::MAX),
        price.total as Won,
    )
    .fetch_one(connection)
    .await
}

/// The reservation of a listing.
pub async fn reservation(
    executor: impl PgExecutor<'_>,
    id: TransferId,
) -> sqlx::Result<Option<ReservationId>> {
    sqlx::query_scalar!(
        r#"select reservation_id as "id!: ReservationId" from ticket_transfers where id = $1"#,
        id as TransferId
    )
    .fetch_optional(executor)
    .await
}

/// Locks a listing. The caller holds the lock of its reservation.
pub async fn lock(
    connection: &mut PgConnection,
    id: TransferId,
) -> anyhow::Result<Option<Listing>> {
    let row = sqlx::query!(
        r#"select reservation_id as "reservation!: ReservationId", seller_id as "seller!: UserId",
                  artist_id as "artist: ArtistId", original_price as "original!: Won",
                  transfer_fee as "fee!: Won", total_price as "total!: Won", status,
                  buyer_id as "buyer: UserId", order_id, reserved_by as "reserved_by: UserId", reserved_order,
                  reserved_until as "reserved_until: Stamp"
           from ticket_transfers where id = $1 for update"#,
        id as TransferId,
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(Listing {
            id,
            reservation: row.reservation,
            seller: row.seller,
            artist: row.artist,
            price: Price {
                original: row.original,
                fee: row.fee,
                total: row.total,
            },
            status: ListingStatus::parse(&row.status)
                .with_context(|| format!("listing {id} is in no known state"))?,
            buyer: row.buyer,
            order: row.order_id,
            reserved_by: row.reserved_by,
            reserved_order: row.reserved_order,
            reserved_until: row.reserved_until.map(Stamp::time),
        })
    })
    .transpose()
}

/// Keeps a listing for one person's order; returns until when. Another order of the person for
/// whom it is kept already gets no more time.
pub async fn reserve(
    connection: &mut PgConnection,
    id: TransferId,
    buyer: UserId,
    order: &str,
    seconds: i32,
) -> sqlx::Result<Timestamp> {
    let until = sqlx::query_scalar!(
        r#"update ticket_transfers
           set reserved_by = $2, reserved_order = $3, updated_at = now(),
               reserved_until = case when reserved_by = $2 and reserved_until > clock_timestamp()
                                     then reserved_until else clock_timestamp() + make_interval(secs => $4) end
           where id = $1 returning reserved_until as "until!: Stamp""#,
        id as TransferId,
        buyer as UserId,
        order,
        f64::from(seconds),
    )
    .fetch_one(connection)
    .await?;
    Ok(until.time())
}

/// Withdraws a listing.
pub async fn cancel(connection: &mut PgConnection, id: TransferId) -> sqlx::Result<()> {
    sqlx::query!(
        "update ticket_transfers set status = 'cancelled', updated_at = now() where id = $1",
        id as TransferId
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Withdraws the open listing of a reservation that ends.
pub async fn cancel_of(
    connection: &mut PgConnection,
    reservation: ReservationId,
) -> sqlx::Result<()> {
    sqlx::query!(
        r"update ticket_transfers set status = 'cancelled', updated_at = now()
          where reservation_id = $1 and status = 'listed'",
        reservation as ReservationId,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Marks a listing as sold and writes down what its seller is owed: the face value.
pub async fn complete(
    connection: &mut PgConnection,
    listing: &Listing,
    buyer: UserId,
    order: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        r"update ticket_transfers set status = 'completed', buyer_id = $2, order_id = $3, completed_at = now(),
                 updated_at = now()
          where id = $1",
        listing.id as TransferId,
        buyer as UserId,
        order,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into seller_payouts (transfer_id, seller_id, amount) values ($1, $2, $3)",
        listing.id as TransferId,
        listing.seller as UserId,
        listing.price.original as Won,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A listing with what it sells.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TransferListing)]
pub struct ListedRow {
    /// The listing.
    #[serde(flatten)]
    pub transfer: TransferRow,
    /// Title of the event.
    pub event_title: Option<String>,
    /// Where it is.
    pub venue: Option<String>,
    /// When it is.
    pub event_date: Option<Stamp>,
    /// Its poster; only on the listing's own page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub poster_image_url: Option<Option<String>>,
    /// Who plays.
    pub artist_name: Option<String>,
    /// Their picture; not in the seller's own list.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub artist_image_url: Option<Option<String>>,
    /// Names of the seats; null for standing places.
    pub seats: Option<String>,
}

/// Which listings are wanted.
#[derive(Clone, Copy, Debug)]
pub enum Wanted {
    /// Those for sale, of one artist where one is named.
    ForSale(Option<ArtistId>),
    /// All of one seller.
    Of(UserId),
    /// That one.
    One(TransferId),
}

/// Listings, newest first.
pub async fn list(
    pool: &PgPool,
    wanted: Wanted,
    limit: i64,
    offset: i64,
) -> sqlx::Result<Vec<ListedRow>> {
    let (for_sale, artist, seller, id) = match wanted {
        Wanted::ForSale(artist) => (true, artist, None, None),
        Wanted::Of(seller) => (false, None, Some(seller), None),
        Wanted::One(id) => (false, None, None, Some(id)),
    };
    let rows = sqlx::query!(
        r#"select t.id as "id!: TransferId", t.reservation_id as "reservation_id!: ReservationId",
                  t.seller_id as "seller_id!: UserId", t.buyer_id as "buyer_id: UserId",
                  t.artist_id as "artist_id: ArtistId", t.original_price as "original_price!: Won",
                  t.transfer_fee as "transfer_fee!: Won", t.transfer_fee_percent,
                  t.total_price as "total_price!: Won", t.status, t.created_at as "created_at!: Stamp",
                  t.completed_at as "completed_at: Stamp", t.updated_at as "updated_at!: Stamp",
                  e.title as "event_title?", e.venue as "venue?", e.event_date as "event_date?: Stamp",
                  e.poster_image_url, a.name as "artist_name?", a.image_url as "artist_image_url?",
                  (select string_agg(s.seat_label, ', ' order by s.section, s.row_number, s.seat_number)
                   from reservation_items i join seats s on s.id = i.seat_id
                   where i.reservation_id = t.reservation_id) as seats
           from ticket_transfers t
           join reservations r on r.id = t.reservation_id
           left join events e on e.id = r.event_id
           left join artists a on a.id = t.artist_id
           where (not $1 or (t.status = 'listed' and e.event_date > now()))
             and ($2::uuid is null or t.artist_id = $2) and ($3::uuid is null or t.seller_id = $3)
             and ($4::uuid is null or t.id = $4)
           order by t.created_at desc, t.id limit $5 offset $6"#,
        for_sale,
        artist as Option<ArtistId>,
        seller as Option<UserId>,
        id as Option<TransferId>,
        limit,
        offset,
    )
    .fetch_all(pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ListedRow {
            transfer: TransferRow {
                id: row.id,
                reservation_id: row.reservation_id,
                seller_id: row.seller_id,
                buyer_id: row.buyer_id,
                artist_id: row.artist_id,
                original_price: row.original_price,
                transfer_fee: row.transfer_fee,
                transfer_fee_percent: row.transfer_fee_percent,
                total_price: row.total_price,
                status: row.status,
                created_at: row.created_at,
                completed_at: row.completed_at,
                updated_at: row.updated_at,
            },
            event_title: row.event_title,
            venue: row.venue,
            event_date: row.event_date,
            poster_image_url: id.map(|_| row.poster_image_url),
            artist_name: row.artist_name,
            artist_image_url: seller.is_none().then_some(row.artist_image_url),
            seats: row.seats,
        })
        .collect())
}

/// Number of listings for sale, of one artist where one is named.
pub async fn count_for_sale(pool: &PgPool, artist: Option<ArtistId>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from ticket_transfers t
           join reservations r on r.id = t.reservation_id
           join events e on e.id = r.event_id
           where t.status = 'listed' and e.event_date > now() and ($1::uuid is null or t.artist_id = $1)"#,
        artist as Option<ArtistId>,
    )
    .fetch_one(pool)
    .await
}
