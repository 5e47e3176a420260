//! Planning events: an event with its layout's seats and its ticket types is one transaction.

use sqlx::PgConnection;
use urr_contract::{ArtistId, EventId, SeatLayoutId, TicketTypeId, UserId};
use urr_kit::{ApiError, ApiResult};

use crate::{
    State,
    domain::{
        form::{EventForm, TicketTypeForm},
        layout::Layout,
    },
    refusal,
    store::{
        artists, begin_bounded, event_changes, event_changes::LockedEvent, events,
        events::EventRow, layouts, seats, stock, ticket_types, ticket_types::TicketTypeColumns,
    },
};

/// Makes an event, all of it or nothing.
pub async fn create(state: &State, form: &EventForm, admin: UserId) -> ApiResult<EventRow> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let artist = artist(&mut transaction, form).await?;
    let id = event_changes::insert(&mut transaction, form, artist, admin)
        .await
        .map_err(refusal::event_form)?;
    if let Some(layout) = form.seat_layout_id {
        generate(&mut transaction, id, layout).await?;
    }
    for ticket_type in form.ticket_types.iter().flatten() {
        ticket_types::insert(&mut transaction, id, ticket_type).await?;
    }
    let event = written(&mut transaction, id).await?;
    transaction.commit().await?;
    Ok(event)
}

/// Changes an event. Its layout may be set or changed while it has no seats.
pub async fn update(state: &State, id: EventId, form: &EventForm) -> ApiResult<EventRow> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let before = lock(&mut transaction, id).await?;
    let changes_layout = form.seat_layout_id.is_some() && form.seat_layout_id != before.layout;
    if changes_layout && seats::count(&mut *transaction, id).await? > 0 {
        return Err(refusal::seats_exist());
    }
    let artist = artist(&mut transaction, form).await?;
    event_changes::update(&mut transaction, id, form, artist)
        .await
        .map_err(refusal::event_form)?;
    let event = written(&mut transaction, id).await?;
    transaction.commit().await?;
    Ok(event)
}

/// Generates the seats of an event from its layout; returns how many, and its title.
pub async fn generate_seats(state: &State, id: EventId) -> ApiResult<(u64, String)> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let event = lock(&mut transaction, id).await?;
    let layout = event.layout.ok_or_else(refusal::no_seat_layout)?;
    if seats::count(&mut *transaction, id).await? > 0 {
        return Err(refusal::seats_exist());
    }
    let created = generate(&mut transaction, id, layout).await?;
    transaction.commit().await?;
    Ok((created, event.title))
}

/// Deletes the seats of an event that nobody holds or owns; returns how many.
pub async fn delete_seats(state: &State, id: EventId) -> ApiResult<u64> {
    let mut transaction = begin_bounded(&state.pool).await?;
    lock(&mut transaction, id).await?;
    if seats::any_live(&mut transaction, id).await? {
        return Err(refusal::seats_in_use());
    }
    let deleted = seats::delete(&mut transaction, id).await?;
    transaction.commit().await?;
    Ok(deleted)
}

/// Adds a ticket type to an event.
pub async fn create_type(
    state: &State,
    event: EventId,
    form: &TicketTypeForm,
) -> ApiResult<TicketTypeColumns> {
    let mut transaction = begin_bounded(&state.pool).await?;
    lock(&mut transaction, event).await?;
    let id = ticket_types::insert(&mut transaction, event, form).await?;
    let created = type_written(&mut transaction, id).await?;
    transaction.commit().await?;
    Ok(created)
}

/// Changes a ticket type. What is left changes with the total; what is held or sold stays.
pub async fn update_type(
    state: &State,
    id: TicketTypeId,
    form: &TicketTypeForm,
) -> ApiResult<TicketTypeColumns> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let total = ticket_types::lock(&mut transaction, id)
        .await
        .map_err(refusal::database)?
        .ok_or_else(refusal::no_such_ticket_type)?;
    if !stock::resize(&mut transaction, id, form.total() - total)
        .await
        .map_err(refusal::database)?
    {
        return Err(refusal::below_sold());
    }
    ticket_types::update(&mut transaction, id, form).await?;
    let updated = type_written(&mut transaction, id).await?;
    transaction.commit().await?;
    Ok(updated)
}

/// Deletes a ticket type that nobody ever reserved.
pub async fn delete_type(state: &State, id: TicketTypeId) -> ApiResult<()> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let deleted = ticket_types::delete(&mut transaction, id)
        .await
        .map_err(refusal::ticket_type_delete)?;
    if !deleted {
        return Err(refusal::no_such_ticket_type());
    }
    transaction.commit().await?;
    Ok(())
}

async fn lock(connection: &mut PgConnection, id: EventId) -> ApiResult<LockedEvent> {
    event_changes::lock(connection, id)
        .await
        .map_err(refusal::database)?
        .ok_or_else(refusal::event_not_found)
}

async fn artist(connection: &mut PgConnection, form: &EventForm) -> ApiResult<Option<ArtistId>> {
    Ok(match form.artist() {
        Some(name) => Some(artists::by_name(connection, name).await?),
        None => None,
    })
}

async fn generate(
    connection: &mut PgConnection,
    event: EventId,
    layout: SeatLayoutId,
) -> ApiResult<u64> {
    let config = layouts::config(&mut *connection, layout)
        .await?
        .ok_or_else(refusal::seat_layout_not_found)?;
    let layout = Layout::parse(&config).map_err(refusal::seat_layout)?;
    Ok(seats::generate(connection, event, &layout).await?)
}

async fn written(connection: &mut PgConnection, id: EventId) -> ApiResult<EventRow> {
    events::find(connection, id)
        .await?
        .ok_or_else(|| ApiError::internal(anyhow::anyhow!("event {id} vanished under its lock")))
}

async fn type_written(
    connection: &mut PgConnection,
    id: TicketTypeId,
) -> ApiResult<TicketTypeColumns> {
    ticket_types::find(connection, id)
        .await?
        .ok_or_else(|| ApiError::internal(anyhow::anyhow!("ticket type {id} vanished")))
}
