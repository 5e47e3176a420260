//! Ends by will: an owner cancels, or payment gives the money back.

use sqlx::PgConnection;
use urr_contract::{
    EventId, ReservationId, SeatId, UserId,
    internal::{OrderOutcome, OrderState, RefundRequest},
};
use urr_kit::{ApiError, ApiResult, client::Fault};

use super::{
    End,
    confirm::{Captured, Confirmed, confirm},
    release,
};
use crate::{
    State,
    domain::reservation::{Cancel, CancelRefusal, Refund, Stage},
    refusal,
    store::{begin_bounded, orders, reservations, reservations::Locked},
};

/// Reason in the fact of an owner's cancellation.
const BY_OWNER: &str = "User requested cancellation";

/// Cancels a reservation for its owner. One that is being paid is cancelled only once
/// payment has voided its order.
pub async fn by_owner(state: &State, id: ReservationId, user: UserId) -> ApiResult<()> {
    match cancel_unless_paying(state, id, user).await? {
        None => Ok(()),
        Some(order) => {
            let outcome = void(state, &order).await?;
            cancel_after_void(state, id, user, &order, &outcome).await
        }
    }
}

/// Cancels, or returns the order that payment must void first.
async fn cancel_unless_paying(
    state: &State,
    id: ReservationId,
    user: UserId,
) -> ApiResult<Option<String>> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let locked = lock_own(&mut transaction, id, user).await?;
    let payment_status = match locked.row.cancel().map_err(cancel_refusal)? {
        Cancel::VoidFirst(order) => return Ok(Some(order)),
        Cancel::Release => "pending",
        Cancel::Refund => "refund_requested",
    };
    let seats = release(
        &mut transaction,
        &locked,
        End::Cancelled,
        payment_status,
        BY_OWNER,
    )
    .await?;
    transaction.commit().await?;
    state.metrics.cancelled.inc();
    release_locks(state, locked.row.event, &seats, id).await;
    Ok(None)
}

async fn void(state: &State, order: &str) -> ApiResult<OrderState> {
    let path = format!("/internal/payments/orders/{order}/void");
    let body = serde_json::json!({});
    state
        .payment
        .post_idempotent(&path, &body)
        .await
        .map_err(|error| match error.fault {
            Fault::Caller => refusal::payment_in_progress().caused_by(error),
            Fault::Peer => ApiError::from(error),
        })
}

/// Cancels a reservation whose order payment has just looked into.
async fn cancel_after_void(
    state: &State,
    id: ReservationId,
    user: UserId,
    order: &str,
    outcome: &OrderState,
) -> ApiResult<()> {
    if outcome.outcome == OrderOutcome::InDoubt {
        return Err(refusal::payment_in_progress());
    }
    let mut transaction = begin_bounded(&state.pool).await?;
    let mut locked = lock_own(&mut transaction, id, user).await?;
    if outcome.outcome == OrderOutcome::Captured && locked.row.stage == Stage::Paying {
        let captured = Captured {
            order: order.to_owned(),
            user,
            amount: outcome.amount.unwrap_or(locked.row.total),
            method: outcome.method.clone().unwrap_or_else(|| "toss".to_owned()),
        };
        if confirm(&mut transaction, id, &captured).await? == Confirmed::Sold {
            state.metrics.confirmed.inc();
        }
        locked = lock_own(&mut transaction, id, user).await?;
    }
    let payment_status = match locked.row.cancel().map_err(cancel_refusal)? {
        // Another order came in between.
        Cancel::VoidFirst(current) if current != order => {
            return Err(refusal::payment_in_progress());
        }
        Cancel::VoidFirst(_) if outcome.outcome == OrderOutcome::Refunded => "refunded",
        // Captured, but not for this person or sum: rejected, so it goes back as well.
        Cancel::VoidFirst(_) if outcome.outcome == OrderOutcome::Captured => "refund_requested",
        Cancel::VoidFirst(_) | Cancel::Release => "pending",
        Cancel::Refund => "refund_requested",
    };
    let seats = release(
        &mut transaction,
        &locked,
        End::Cancelled,
        payment_status,
        BY_OWNER,
    )
    .await?;
    transaction.commit().await?;
    state.metrics.cancelled.inc();
    release_locks(state, locked.row.event, &seats, id).await;
    Ok(())
}

/// Ends a reservation because payment gives the money of its order back.
pub async fn by_refund(state: &State, id: ReservationId, request: &RefundRequest) -> ApiResult<()> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let locked = reservations::lock(&mut transaction, id)
        .await?
        .ok_or_else(refusal::reservation_not_found)?;
    match locked.row.refund(&request.order_id, request.user_id) {
        Refund::NotOwner => return Err(refusal::access_denied()),
        Refund::Nothing => return Ok(()),
        Refund::End => {}
    }
    if locked.row.stage != Stage::Sold {
        // Its confirmation may still be on the way and must not be rejected a second time.
        orders::reject(&mut transaction, &request.order_id, id, &request.reason).await?;
    }
    let seats = release(
        &mut transaction,
        &locked,
        End::Cancelled,
        "refund_requested",
        &request.reason,
    )
    .await?;
    transaction.commit().await?;
    state.metrics.cancelled.inc();
    release_locks(state, locked.row.event, &seats, id).await;
    Ok(())
}

/// Locks a reservation of this person; anybody else's does not exist.
async fn lock_own(
    connection: &mut PgConnection,
    id: ReservationId,
    user: UserId,
) -> ApiResult<Locked> {
    reservations::lock(connection, id)
        .await?
        .filter(|locked| locked.row.user == user)
        .ok_or_else(refusal::reservation_not_found)
}

/// Deletes the seat locks of a reservation that ended.
pub(super) async fn release_locks(
    state: &State,
    event: Option<EventId>,
    seats: &[SeatId],
    id: ReservationId,
) {
    if let Some(event) = event {
        state.locks.release(event, seats, id).await;
    }
}

fn cancel_refusal(refusal: CancelRefusal) -> ApiError {
    match refusal {
        CancelRefusal::AlreadyCancelled => refusal::already_cancelled(),
        CancelRefusal::Expired => refusal::already_expired(),
    }
}
