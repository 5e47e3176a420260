//! Holding standing places: stock is taken in the transaction that makes the hold.

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use sqlx::PgConnection;
use urr_contract::{EventId, ReservationId, TicketTypeId, UserId, Won};
use urr_kit::{ApiError, ApiResult, outbox};
use utoipa::ToSchema;

use super::{
    answer::{self, IdempotencyKey},
    terms::{self, Wanted},
};
use crate::{
    State,
    domain::{order::StandingOrder, reservation::reservation_number},
    facts::published,
    refusal,
    store::{
        begin_bounded, events,
        events::SaleTerms,
        items,
        items::Places,
        reservations,
        reservations::{HoldTimes, NewHold},
        stock, ticket_types,
        ticket_types::PricedType,
    },
};

/// Standing places that a person wants.
#[derive(Clone, Debug)]
pub struct StandingRequest {
    /// Who.
    pub user: UserId,
    /// Of which event.
    pub event: EventId,
    /// Which.
    pub order: StandingOrder,
    /// The key of the request, if it has one.
    pub key: Option<IdempotencyKey>,
}

/// The answer to a hold.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PlacesHeld)]
pub(crate) struct CreateAnswer {
    /// What was done, for people.
    message: &'static str,
    /// The reservation.
    reservation: CreatedReservation,
}

/// A hold of standing places.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PlaceHold)]
struct CreatedReservation {
    /// The reservation.
    id: ReservationId,
    /// Its number for people.
    reservation_number: String,
    /// The title of the event.
    event_title: String,
    /// The price of all, in won.
    total_amount: Won,
    /// Always `pending`.
    status: &'static str,
    /// Always `pending`.
    payment_status: &'static str,
    /// When the hold ends unless it is paid.
    expires_at: Timestamp,
    /// What is held.
    items: Vec<CreatedItem>,
}

/// One line of a hold.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PlaceHoldItem)]
struct CreatedItem {
    /// The ticket type.
    ticket_type_id: TicketTypeId,
    /// The name of the ticket type; the label of a seat.
    ticket_type_name: String,
    /// How many.
    quantity: i32,
    /// The price of one, in won.
    unit_price: Won,
    /// The price of all of them, in won.
    subtotal: Won,
}

/// Holds the places and returns the body of the answer.
pub async fn hold(state: &State, request: &StandingRequest) -> ApiResult<Bytes> {
    let started = std::time::Instant::now();
    let mut transaction = begin_bounded(&state.pool).await?;
    let Some(terms) = events::terms(&mut transaction, request.event).await? else {
        return Err(refusal::event_not_found());
    };
    if let Some(answer) =
        answer::claim(&mut transaction, request.user, request.key.as_ref()).await?
    {
        return Ok(answer);
    }
    let created = take_places(&mut transaction, request, &terms).await?;
    let answer = write_hold(&mut transaction, state, request, terms, created).await?;
    let answer = answer::complete(
        &mut transaction,
        request.user,
        request.key.as_ref(),
        &answer,
    )
    .await?;
    transaction.commit().await?;
    state.metrics.created(started.elapsed());
    Ok(answer)
}

async fn take_places(
    connection: &mut PgConnection,
    request: &StandingRequest,
    terms: &SaleTerms,
) -> ApiResult<Vec<CreatedItem>> {
    let ids: Vec<TicketTypeId> = request.order.lines().iter().map(|(id, _)| *id).collect();
    let known = ticket_types::priced(connection, request.event, &ids).await?;
    if let Some(unknown) = ids
        .iter()
        .find(|id| known.iter().all(|known| known.id != **id))
    {
        return Err(refusal::ticket_type_not_found(*unknown));
    }
    let wanted = Wanted {
        user: request.user,
        event: request.event,
        tickets: request.order.count(),
    };
    terms::check(connection, wanted, terms).await?;
    let mut created = Vec::with_capacity(known.len());
    for (ticket_type, (_, quantity)) in known.into_iter().zip(request.order.lines()) {
        created.push(take_places_of(connection, ticket_type, *quantity).await?);
    }
    Ok(created)
}

async fn take_places_of(
    connection: &mut PgConnection,
    ticket_type: PricedType,
    quantity: i32,
) -> ApiResult<CreatedItem> {
    if !stock::take(connection, ticket_type.id, quantity)
        .await
        .map_err(refusal::database)?
    {
        return Err(refusal::not_enough(&ticket_type.name));
    }
    let subtotal = ticket_type.price.checked_mul(i64::from(quantity));
    Ok(CreatedItem {
        ticket_type_id: ticket_type.id,
        ticket_type_name: ticket_type.name,
        quantity,
        unit_price: ticket_type.price,
        subtotal: subtotal.ok_or_else(overflow)?,
    })
}

async fn write_hold(
    connection: &mut PgConnection,
    state: &State,
    request: &StandingRequest,
    terms: SaleTerms,
    items: Vec<CreatedItem>,
) -> ApiResult<CreateAnswer> {
    let total = items
        .iter()
        .try_fold(Won::ZERO, |sum, item| sum.checked_add(item.subtotal));
    let id = ReservationId::random();
    let hold = NewHold {
        id,
        user: request.user,
        event: request.event,
        number: reservation_number("R", id, terms.now),
        quantity: request.order.count(),
        total: total.ok_or_else(overflow)?,
        seconds: state.terms.of_policy(terms.times).hold_seconds,
    };
    let HoldTimes {
        created_at,
        expires_at,
    } = reservations::insert(connection, &hold).await?;
    let places: Vec<Places> = items.iter().map(Places::from).collect();
    items::insert_places(connection, id, &places).await?;
    outbox::append(connection, &published::created(&hold, created_at)).await?;
    Ok(CreateAnswer {
        message: "Reservation created",
        reservation: CreatedReservation {
            id,
            reservation_number: hold.number,
            event_title: terms.title,
            total_amount: hold.total,
            status: "pending",
            payment_status: "pending",
            expires_at,
            items,
        },
    })
}

impl From<&CreatedItem> for Places {
    fn from(item: &CreatedItem) -> Self {
        Self {
            ticket_type: item.ticket_type_id,
            quantity: item.quantity,
            unit_price: item.unit_price,
        }
    }
}

fn overflow() -> ApiError {
    ApiError::internal(anyhow::anyhow!("prices overflow"))
}
