//! HELD → PAYING: an order fences the hold, and its end moves past the provider's own limit.

use sqlx::{PgConnection, Postgres, Transaction};
use urr_contract::{
    ReservationId, SeatId, UserId,
    internal::{PayAnswer, PayRequest},
};
use urr_kit::{ApiError, ApiResult};

use super::terms;
use crate::{
    State,
    domain::reservation::{Pay, PayRefusal},
    redis::seat_locks::PAYING,
    refusal,
    state::HoldTerms,
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
    let terms = payable(&mut transaction, state, locked).await?;
    let seats = reservations::held_seats(&mut transaction, id).await?;
    let end = reservations::begin_paying(
        &mut transaction,
        id,
        &request.order_id,
        terms.paying_seconds,
    )
    .await?;
    let answer = answer(&mut transaction, locked, request.order_id.clone(), end).await?;
    transaction.commit().await?;
    let seats: Vec<(SeatId, i64)> = seats
        .iter()
        .map(|seat| (seat.id, seat.fencing_token))
        .collect();
    extend_locks(state, locked, &seats, terms).await;
    Ok(answer)
}

/// The times of a hold that may be paid. Nobody pays for an event that was called off but
/// whose holds have not ended yet, and nobody for whom the sale is not open: a membership
/// may have been given back since.
async fn payable(
    connection: &mut PgConnection,
    state: &State,
    locked: &Locked,
) -> ApiResult<HoldTerms> {
    let Some(event) = locked.row.event else {
        return Ok(state.terms);
    };
    let Some(terms) = events::terms(connection, event).await? else {
        return Ok(state.terms);
    };
    if terms.dates.cancelled {
        return Err(refusal::not_on_sale());
    }
    terms::check_presale(connection, locked.row.user, &terms).await?;
    Ok(state.terms.of_policy(terms.times))
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

async fn extend_locks(state: &State, locked: &Locked, seats: &[(SeatId, i64)], terms: HoldTerms) {
    if let Some(event) = locked.row.event {
        state
            .locks
            .mark(
                event,
                seats,
                locked.row.id,
                PAYING,
                terms.paying_lock_life(),
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

/// Whether the order fences the live hold. Asked before money moves, so whatever forbids to
/// begin to pay is refused here too.
pub async fn is_fenced(state: &State, id: ReservationId, order: &str) -> ApiResult<bool> {
    let seen = read(state, id).await?;
    if !seen.row.is_fenced_by(order) {
        return Ok(false);
    }
    let mut transaction = begin_bounded(&state.pool).await?;
    payable(&mut transaction, state, &seen).await?;
    Ok(true)
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
