//! Ticket types of standing events.

use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use urr_contract::{EventId, TicketTypeId, Won};

/// A ticket type with what is left of it.
#[derive(Debug, Serialize)]
pub struct TicketTypeRow {
    /// The type.
    pub id: TicketTypeId,
    /// Its name.
    pub name: String,
    /// Its price.
    pub price: Won,
    /// Places that exist.
    pub total_quantity: i32,
    /// Places that are left.
    pub available_quantity: i64,
    /// Its description.
    pub description: Option<String>,
}

/// The types of an event, dearest first.
pub async fn of_event(pool: &PgPool, event: EventId) -> sqlx::Result<Vec<TicketTypeRow>> {
    sqlx::query_as!(
        TicketTypeRow,
        r#"select t.id as "id!: TicketTypeId", t.name, t.price as "price!: Won", t.total_quantity,
                  (select coalesce(sum(s.available), 0) from ticket_stock s where s.ticket_type_id = t.id)
                      as "available_quantity!",
                  t.description
           from ticket_types t where t.event_id = $1 order by t.price desc, t.name"#,
        event as EventId,
    )
    .fetch_all(pool)
    .await
}

/// What is left of one type, and what there was.
#[derive(Debug, Serialize)]
pub struct Availability {
    /// Places that are left.
    pub available_quantity: i64,
    /// Places that exist.
    pub total_quantity: i32,
}

/// Availability of one type.
pub async fn availability(pool: &PgPool, id: TicketTypeId) -> sqlx::Result<Option<Availability>> {
    sqlx::query_as!(
        Availability,
        r#"select (select coalesce(sum(s.available), 0) from ticket_stock s where s.ticket_type_id = t.id)
                      as "available_quantity!",
                  t.total_quantity
           from ticket_types t where t.id = $1"#,
        id as TicketTypeId,
    )
    .fetch_optional(pool)
    .await
}

/// Name and price of a type.
#[derive(Clone, Debug)]
pub struct PricedType {
    /// The type.
    pub id: TicketTypeId,
    /// Its name.
    pub name: String,
    /// Its price.
    pub price: Won,
}

/// Those of the types that belong to the event.
pub async fn priced(
    connection: &mut PgConnection,
    event: EventId,
    ids: &[TicketTypeId],
) -> sqlx::Result<Vec<PricedType>> {
    sqlx::query_as!(
        PricedType,
        r#"select id as "id!: TicketTypeId", name, price as "price!: Won"
           from ticket_types where event_id = $1 and id = any($2) order by id"#,
        event as EventId,
        ids as &[TicketTypeId],
    )
    .fetch_all(connection)
    .await
}
