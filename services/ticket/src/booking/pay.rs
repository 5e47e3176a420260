//! HELD → PAYING: an order fences the hold, and its end moves past the provider's own limit.

use sqlx::PgConnection;
use urr_contract::{
    ReservationId, SeatId, UserId,
    internal::{PayAnswer, PayRequest, PaymentByReservation},
};
use urr_kit::{ApiError, ApiResult};

use crate::{
    State,
    domain::reservation::{Pay, PayRefusal},
    redis::seat_locks::PAYING,
    refusal,
    store::{begin_bounded, events, reservations, reservations::Locked},
};

/// Fences the hold by the order of the request, once. A repeat gets the order that fences
/// already, unless payment says that it failed: then the new order takes its place, and
/// the end stays.
pub async fn begin(state: &State, id: ReservationId, request: &PayRequest) -> ApiResult<PayAnswer> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let locked = lock(&mut transaction, id).await?;
    let fence = locked
        .row
        .pay(request.user_id, request.amount, locked.now)
        .map_err(pay_refusal)?;
    match fence {
        Pay::Fence => {
            let seats = reservations::held_seats(&mut transaction, id).await?;
            let end = reservations::begin_paying(
                &mut transaction,
                id,
                &request.order_id,
                state.terms.paying_seconds,
            )
            .await?;
            let answer = answer(&mut transaction, &locked, request.order_id.clone(), end).await?;
            transaction.commit().await?;
            let seats: Vec<(SeatId, i64)> = seats
                .iter()
                .map(|seat| (seat.id, seat.fencing_token))
                .collect();
            extend_locks(state, &locked, &seats).await;
            Ok(answer)
        }
        Pay::FencedBy(order) if order == request.order_id => {
            answer(&mut transaction, &locked, order, locked.row.expires_at).await
        }
        Pay::FencedBy(order) => {
            transaction.rollback().await?;
            replace_if_failed(state, id, request, &order).await
        }
    }
}

/// Another order asks for a hold that `fencing` fences.
async fn replace_if_failed(
    state: &State,
    id: ReservationId,
    request: &PayRequest,
    fencing: &str,
) -> ApiResult<PayAnswer> {
    let failed = has_failed(state, id, fencing).await;
    let mut transaction = begin_bounded(&state.pool).await?;
    let locked = lock(&mut transaction, id).await?;
    let current = match locked
        .row
        .pay(request.user_id, request.amount, locked.now)
        .map_err(pay_refusal)?
    {
        Pay::FencedBy(current) => current,
        // It left PAYING and nothing leads back to HELD.
        Pay::Fence => return Err(refusal::not_pending()),
    };
    let order = if failed && current == fencing {
        reservations::replace_order(&mut transaction, id, &request.order_id).await?;
        request.order_id.clone()
    } else {
        current
    };
    let answer = answer(&mut transaction, &locked, order, locked.row.expires_at).await?;
    transaction.commit().await?;
    Ok(answer)
}

/// Whether payment says that this order is the latest of the reservation and failed. Where
/// payment cannot say, it has not.
async fn has_failed(state: &State, id: ReservationId, order: &str) -> bool {
    let path = format!("/internal/payments/by-reservation/{id}");
    match state.payment.get::<PaymentByReservation>(&path).await {
        Ok(payment) => {
            payment.order_id.as_deref() == Some(order)
                && matches!(
                    payment.status.as_deref(),
                    Some("failed" | "void" | "voided")
                )
        }
        Err(error) => {
            tracing::warn!(%error, order.id = order, "payment could not say whether an order failed");
            false
        }
    }
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

async fn lock(connection: &mut PgConnection, id: ReservationId) -> ApiResult<Locked> {
    reservations::lock(connection, id)
        .await?
        .ok_or_else(refusal::reservation_not_found)
}

/// Checks, for payment's `validate`, that the reservation can be paid by this person.
pub async fn check(state: &State, id: ReservationId, user: UserId) -> ApiResult<Locked> {
    let mut connection = state.pool.acquire().await?;
    let locked = lock(&mut connection, id).await?;
    locked
        .row
        .check_payable(user, locked.now)
        .map_err(pay_refusal)?;
    Ok(locked)
}

/// Whether the order fences the live hold.
pub async fn is_fenced(state: &State, id: ReservationId, order: &str) -> ApiResult<bool> {
    let mut connection = state.pool.acquire().await?;
    let locked = lock(&mut connection, id).await?;
    Ok(locked.row.is_fenced_by(order, locked.now))
}

fn pay_refusal(refusal: PayRefusal) -> ApiError {
    match refusal {
        PayRefusal::NotOwner => refusal::access_denied(),
        PayRefusal::NotPending => refusal::not_pending(),
        PayRefusal::Expired => refusal::hold_expired(),
        PayRefusal::AmountMismatch => refusal::amount_mismatch(),
    }
}
