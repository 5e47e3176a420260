//! Planning events: an event with its layout's seats and its ticket types is one transaction.

use sqlx::PgConnection;
use urr_contract::{
    ArtistId, EventId, SeatLayoutId, TicketTypeId, UserId,
    internal::{SourcedEvent, SourcedEventAnswer},
};
use urr_kit::{ApiError, ApiResult};
use uuid::Uuid;

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
    let id = insert(&mut transaction, form, Some(admin)).await?;
    let event = written(&mut transaction, id).await?;
    transaction.commit().await?;
    Ok(event)
}

/// Makes the event of a resource, or finds the one that was made for it before, whatever has
/// become of its title since. The sale's own dates are its policy's matter from then on.
pub async fn make_for(
    state: &State,
    uid: Uuid,
    wanted: SourcedEvent,
) -> ApiResult<SourcedEventAnswer> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let made = event_changes::of_source(&mut transaction, uid)
        .await
        .map_err(refusal::database)?;
    match made {
        Some((_, true)) => return Err(refusal::sourced_event_deleted()),
        Some((event_id, false)) => {
            let created = false;
            return Ok(SourcedEventAnswer { event_id, created });
        }
        None => {}
    }
    let form = form_of(&mut transaction, wanted).await?;
    form.check().map_err(|error| refusal::form(&error))?;
    let event_id = insert(&mut transaction, &form, None).await?;
    event_changes::set_source(&mut transaction, event_id, uid).await?;
    transaction.commit().await?;
    let created = true;
    Ok(SourcedEventAnswer { event_id, created })
}

/// What a resource declares, as an administrator would fill it in.
async fn form_of(connection: &mut PgConnection, wanted: SourcedEvent) -> ApiResult<EventForm> {
    if wanted.seat_layout.is_some() != wanted.ticket_types.is_empty() {
        return Err(refusal::seats_or_types());
    }
    let seat_layout_id = match &wanted.seat_layout {
        Some(name) => {
            let layout = layouts::named(connection, name).await?;
            Some(layout.ok_or_else(refusal::seat_layout_not_found)?)
        }
        None => None,
    };
    let types = wanted.ticket_types.into_iter().map(TicketTypeForm::from);
    Ok(EventForm {
        title: wanted.title,
        description: wanted.description,
        venue: wanted.venue,
        address: wanted.address,
        event_date: wanted.starts_at,
        sale_start_date: wanted.opens_at,
        sale_end_date: wanted.closes_at,
        poster_image_url: wanted.poster_image_url,
        artist_name: wanted.artist,
        seat_layout_id,
        ticket_types: Some(types.collect()),
        max_per_person: wanted.max_per_person,
        max_seats_per_hold: wanted.max_seats_per_hold,
        presale: Some(wanted.presale),
        status: None,
    })
}

async fn insert(
    connection: &mut PgConnection,
    form: &EventForm,
    admin: Option<UserId>,
) -> ApiResult<EventId> {
    let artist = artist(connection, form).await?;
    let id = event_changes::insert(connection, form, artist, admin)
        .await
        .map_err(refusal::event_form)?;
    if let Some(layout) = form.seat_layout_id {
        generate(connection, id, layout).await?;
    }
    for ticket_type in form.ticket_types.iter().flatten() {
        ticket_types::insert(connection, id, ticket_type).await?;
    }
    Ok(id)
}

/// Changes an event. Its layout may be set or changed while it has no seats; the dates of its
/// sale, unless a policy declares them.
pub async fn update(state: &State, id: EventId, form: &EventForm) -> ApiResult<EventRow> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let before = lock(&mut transaction, id).await?;
    let changes_layout = form.seat_layout_id.is_some() && form.seat_layout_id != before.layout;
    if changes_layout && seats::count(&mut *transaction, id).await? > 0 {
        return Err(refusal::seats_exist());
    }
    let declared = event_changes::declared_dates(&mut transaction, id).await?;
    let moved = declared.filter(|dates| dates.differ(form.sale_start_date, form.sale_end_date));
    if let Some(dates) = moved {
        return Err(refusal::dates_declared(&dates.owner));
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
