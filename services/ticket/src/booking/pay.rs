//! HELD → PAYING: an order fences the hold, and its end moves past the provider's own limit.

use sqlx::{PgConnection, Postgres, Transaction};
use urr_contract::{
    EventId, ReservationId, SeatId, UserId,
    internal::{PayAnswer, PayRequest},
};
use urr_kit::{ApiError, ApiResult};

use crate::{
    State,
    domain::{
        reservation::{Pay, PayRefusal},
        sale::EventStatus,
    },
    redis::seat_locks::PAYING,
    refusal,
    store::{begin_bounded, events, reservations, reservations::Locked},
};

/// Fences the hold by the order of the request, once. A repeat gets the order that fences
/// already, unless the request says that it is over: then the new order takes its place, and
/// the end stays.
pub async fn begin(state: &State, id: ReservationId, request: &PayRequest) -> ApiResult<PayAnswer> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let locked = reservations::lock(&mut transaction, id)
        .await?
        .ok_or_else(refusal::reservation_not_found)?;
    let order = match locked.row.pay(request, locked.now).map_err(pay_refusal)? {
        Pay::Fence => return fence(state, transaction, &locked, request).await,
        Pay::Replace => {
            reservations::replace_order(&mut transaction, id, &request.order_id).await?;
            request.order_id.clone()
        }
        Pay::FencedBy(order) => order,
    };
    let answer = answer(&mut transaction, &locked, order, locked.row.expires_at).await?;
    transaction.commit().await?;
    Ok(answer)
}

/// HELD → PAYING.
async fn fence(
    state: &State,
    mut transaction: Transaction<'_, Postgres>,
    locked: &Locked,
    request: &PayRequest,
) -> ApiResult<PayAnswer> {
    let id = locked.row.id;
    ensure_not_called_off(&mut transaction, locked.row.event).await?;
    let seats = reservations::held_seats(&mut transaction, id).await?;
    let end = reservations::begin_paying(
        &mut transaction,
        id,
        &request.order_id,
        state.terms.paying_seconds,
    )
    .await?;
    let answer = answer(&mut transaction, locked, request.order_id.clone(), end).await?;
    transaction.commit().await?;
    let seats: Vec<(SeatId, i64)> = seats
        .iter()
        .map(|seat| (seat.id, seat.fencing_token))
        .collect();
    extend_locks(state, locked, &seats).await;
    Ok(answer)
}

/// Nobody begins to pay for an event that was called off but whose holds have not ended yet.
async fn ensure_not_called_off(
    connection: &mut PgConnection,
    event: Option<EventId>,
) -> ApiResult<()> {
    let Some(event) = event else { return Ok(()) };
    let terms = events::terms(connection, event).await?;
    if terms.is_some_and(|terms| terms.dates.status_at(terms.now) == EventStatus::Cancelled) {
        return Err(refusal::not_on_sale());
    }
    Ok(())
}

async fn answer(
    connection: &mut PgConnection,
    locked: &Locked,
    order_id: String,
    expires_at: jiff::Timestamp,
) -> ApiResult<PayAnswer> {
    let event_title = match locked.row.event {
        Some(event) => events::title(connection, event).await?,
        None => None,
    };
    Ok(PayAnswer {
        order_id,
        amount: locked.row.total,
        event_id: locked.row.event,
        event_title: event_title.unwrap_or_else(|| locked.row.number.clone()),
        expires_at,
    })
}

async fn extend_locks(state: &State, locked: &Locked, seats: &[(SeatId, i64)]) {
    if let Some(event) = locked.row.event {
        state
            .locks
            .mark(
                event,
                seats,
                locked.row.id,
                PAYING,
                state.terms.paying_lock_life(),
            )
            .await;
    }
}

/// Checks, for payment's `validate`, that the reservation can be paid by this person.
pub async fn check(state: &State, id: ReservationId, user: UserId) -> ApiResult<Locked> {
    let seen = read(state, id).await?;
    seen.row
        .check_payable(user, seen.now)
        .map_err(pay_refusal)?;
    Ok(seen)
}

/// Whether the order fences the live hold.
pub async fn is_fenced(state: &State, id: ReservationId, order: &str) -> ApiResult<bool> {
    Ok(read(state, id).await?.row.is_fenced_by(order))
}

async fn read(state: &State, id: ReservationId) -> ApiResult<Locked> {
    reservations::read(&state.pool, id)
        .await?
        .ok_or_else(refusal::reservation_not_found)
}

fn pay_refusal(refusal: PayRefusal) -> ApiError {
    match refusal {
        PayRefusal::NotOwner => refusal::access_denied(),
        PayRefusal::NotPending => refusal::not_pending(),
        PayRefusal::Expired => refusal::hold_expired(),
        PayRefusal::AmountMismatch => refusal::amount_mismatch(),
    }
}
