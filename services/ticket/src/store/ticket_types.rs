//! Ticket types of standing events.

use serde::Serialize;
use sqlx::{PgConnection, PgExecutor, PgPool};
use urr_contract::{EventId, TicketTypeId, Won};
use utoipa::ToSchema;

use super::stock;
use crate::domain::{form::TicketTypeForm, stamp::Stamp};

/// A ticket type with what is left of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TicketType)]
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
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TicketTypeAvailability)]
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

/// All columns of a type, and what is left of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct TicketTypeColumns {
    /// The type.
    pub id: TicketTypeId,
    /// Of which event.
    pub event_id: EventId,
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
    /// When it was made.
    pub created_at: Stamp,
    /// When it was changed.
    pub updated_at: Stamp,
}

/// Types of all events or of one, those of the newest event first, and how many there are.
pub async fn list(
    pool: &PgPool,
    event: Option<EventId>,
    limit: i64,
    offset: i64,
) -> sqlx::Result<(Vec<TicketTypeColumns>, i64)> {
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from ticket_types where $1::uuid is null or event_id = $1"#,
        event as Option<EventId>,
    )
    .fetch_one(pool)
    .await?;
    let rows = sqlx::query_as!(
        TicketTypeColumns,
        r#"select t.id as "id!: TicketTypeId", t.event_id as "event_id!: EventId", t.name, t.price as "price!: Won",
                  t.total_quantity,
                  (select coalesce(sum(s.available), 0) from ticket_stock s where s.ticket_type_id = t.id)
                      as "available_quantity!",
                  t.description, t.created_at as "created_at!: Stamp", t.updated_at as "updated_at!: Stamp"
           from ticket_types t join events e on e.id = t.event_id
           where $1::uuid is null or t.event_id = $1
           order by e.created_at desc, e.id, t.price desc, t.name, t.id limit $2 offset $3"#,
        event as Option<EventId>,
        limit,
        offset,
    )
    .fetch_all(pool)
    .await?;
    Ok((rows, total))
}

/// All columns of a type.
pub async fn find(
    executor: impl PgExecutor<'_>,
    id: TicketTypeId,
) -> sqlx::Result<Option<TicketTypeColumns>> {
    sqlx::query_as!(
        TicketTypeColumns,
        r#"select t.id as "id!: TicketTypeId", t.event_id as "event_id!: EventId", t.name, t.price as "price!: Won",
                  t.total_quantity,
                  (select coalesce(sum(s.available), 0) from ticket_stock s where s.ticket_type_id = t.id)
                      as "available_quantity!",
                  t.description, t.created_at as "created_at!: Stamp", t.updated_at as "updated_at!: Stamp"
           from ticket_types t where t.id = $1"#,
        id as TicketTypeId,
    )
    .fetch_optional(executor)
    .await
}

/// Makes a type with all its places left.
pub async fn insert(
    connection: &mut PgConnection,
    event: EventId,
    form: &TicketTypeForm,
) -> sqlx::Result<TicketTypeId> {
    let id = sqlx::query_scalar!(
        r#"insert into ticket_types (event_id, name, price, total_quantity, description)
           values ($1, $2, $3, $4, $5) returning id as "id!: TicketTypeId""#,
        event as EventId,
        form.name.trim(),
        form.price() as Won,
        form.total(),
        form.description,
    )
    .fetch_one(&mut *connection)
    .await?;
    stock::create(connection, id, form.total()).await?;
    Ok(id)
}

/// Locks a type against other changes, not against sales, and returns its places.
pub async fn lock(connection: &mut PgConnection, id: TicketTypeId) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar!(
        "select total_quantity from ticket_types where id = $1 for no key update",
        id as TicketTypeId
    )
    .fetch_optional(connection)
    .await
}

/// Changes a type that the caller has locked. Its stock is the caller's to change.
pub async fn update(
    connection: &mut PgConnection,
    id: TicketTypeId,
    form: &TicketTypeForm,
) -> sqlx::Result<()> {
    sqlx::query!(
        r"update ticket_types set name = $2, price = $3, total_quantity = $4, description = $5, updated_at = now()
          where id = $1",
        id as TicketTypeId,
        form.name.trim(),
        form.price() as Won,
        form.total(),
        form.description,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes a type; false where there is none. One that was ever reserved stays: the foreign
/// key of its lines says so.
pub async fn delete(connection: &mut PgConnection, id: TicketTypeId) -> sqlx::Result<bool> {
    let done = sqlx::query!("delete from ticket_types where id = $1", id as TicketTypeId)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}
