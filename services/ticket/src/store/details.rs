//! What is in reservations, for those who tell people about them. Read without locks: number,
//! seats and prices of a reservation do not change.

use std::collections::HashMap;

use sqlx::PgConnection;
use urr_contract::{
    EventId, ReservationId, TransferId, Won,
    internal::{EventDetails, ItemDetails, ReservationDetails, TransferDetails},
};

use crate::domain::stamp::Stamp;

/// Reservations with their events and lines. Unknown ones are left out.
pub async fn of_reservations(
    connection: &mut PgConnection,
    ids: &[ReservationId],
) -> sqlx::Result<Vec<ReservationDetails>> {
    let rows = sqlx::query!(
        r#"select r.id as "id!: ReservationId", r.reservation_number, r.total_amount as "total!: Won",
                  e.id as "event_id?: EventId", e.title as "title?", e.venue as "venue?",
                  e.event_date as "event_date?: Stamp"
           from reservations r left join events e on e.id = r.event_id where r.id = any($1)"#,
        ids as &[ReservationId],
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut lines = lines_of(connection, ids).await?;
    let details = rows.into_iter().map(|row| ReservationDetails {
        id: row.id,
        reservation_number: row.reservation_number,
        event: (|| {
            Some(EventDetails {
                id: row.event_id?,
                title: row.title?,
                venue: row.venue?,
                event_date: row.event_date?.time(),
            })
        })(),
        total_amount: row.total,
        items: lines.remove(&row.id).unwrap_or_default(),
    });
    Ok(details.collect())
}

async fn lines_of(
    connection: &mut PgConnection,
    ids: &[ReservationId],
) -> sqlx::Result<HashMap<ReservationId, Vec<ItemDetails>>> {
    let rows = sqlx::query!(
        r#"select i.reservation_id as "reservation!: ReservationId", s.seat_label as "seat?",
                  t.name as "ticket_type?", i.quantity, i.unit_price as "unit_price!: Won"
           from reservation_items i
           left join seats s on s.id = i.seat_id
           left join ticket_types t on t.id = i.ticket_type_id
           where i.reservation_id = any($1)
           order by s.section, s.row_number, s.seat_number, t.name, i.id"#,
        ids as &[ReservationId],
    )
    .fetch_all(connection)
    .await?;
    let mut lines: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        lines.entry(row.reservation).or_default().push(ItemDetails {
            seat: row.seat,
            ticket_type: row.ticket_type,
            quantity: row.quantity,
            unit_price: row.unit_price,
        });
    }
    Ok(lines)
}

/// Listings with their prices. Unknown ones are left out.
pub async fn of_transfers(
    connection: &mut PgConnection,
    ids: &[TransferId],
) -> sqlx::Result<Vec<TransferDetails>> {
    sqlx::query_as!(
        TransferDetails,
        r#"select id as "id!: TransferId", reservation_id as "reservation_id!: ReservationId",
                  original_price as "original_price!: Won", transfer_fee as "transfer_fee!: Won",
                  total_price as "total_price!: Won"
           from ticket_transfers where id = any($1)"#,
        ids as &[TransferId],
    )
    .fetch_all(connection)
    .await
}
