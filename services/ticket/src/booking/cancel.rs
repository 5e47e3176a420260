//! Ends by will: an owner cancels, or payment gives the money back.

use sqlx::{PgConnection, Postgres, Transaction};
use urr_contract::{
    ReservationId, UserId,
    internal::{OrderState, RefundRequest},
};
use urr_kit::{ApiError, ApiResult, client::Fault};

use super::{
    confirm::reject,
    end::{End, end},
    reconcile::{Settled, settle},
};
use crate::{
    State,
    domain::reservation::{Cancel, CancelRefusal, Refund, Stage},
    refusal,
    store::{begin_bounded, orders, reservations, reservations::Locked, tickets},
};

/// Reason in the fact of an owner's cancellation.
const BY_OWNER: &str = "User requested cancellation";

/// By whose will a reservation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Will {
    /// Its owner's. Anybody else's reservation does not exist.
    Owner(UserId),
    /// The organiser's, for that reason.
    Organiser(&'static str),
}

impl Will {
    const fn reason(self) -> &'static str {
        match self {
            Self::Owner(_) => BY_OWNER,
            Self::Organiser(reason) => reason,
        }
    }

    fn counts_for(self, locked: &Locked) -> bool {
        match self {
            Self::Owner(user) => locked.row.user == user,
            Self::Organiser(_) => true,
        }
    }
}

/// Cancels a reservation for its owner.
pub async fn by_owner(state: &State, id: ReservationId, user: UserId) -> ApiResult<()> {
    by_will(state, id, Will::Owner(user)).await
}

/// Cancels a reservation. One that is being paid is cancelled only once payment has voided
/// its order.
pub async fn by_will(state: &State, id: ReservationId, will: Will) -> ApiResult<()> {
    match cancel_unless_paying(state, id, will).await? {
        None => Ok(()),
        Some(order) => {
            let known = void(state, &order).await?;
            cancel_after_void(state, id, will, &order, known).await
        }
    }
}

/// Cancels, or returns the order that payment must void first.
async fn cancel_unless_paying(
    state: &State,
    id: ReservationId,
    will: Will,
) -> ApiResult<Option<String>> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let locked = lock_for(&mut transaction, id, will).await?;
    let payment_status = match locked.row.cancel().map_err(cancel_refusal)? {
        Cancel::VoidFirst(order) => return Ok(Some(order)),
        Cancel::Release => "pending",
        Cancel::Refund => "refund_requested",
    };
    end_by(state, transaction, &locked, will, payment_status).await?;
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
    will: Will,
    order: &str,
    known: OrderState,
) -> ApiResult<()> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let payer = lock_for(&mut transaction, id, will).await?.row.user;
    let unpaid = match settle(&mut transaction, id, payer, order, known).await? {
        Settled::InDoubt => return Err(refusal::payment_in_progress()),
        Settled::Unpaid(payment_status) => payment_status,
        Settled::Honoured(confirmed) => {
            state.metrics.confirmation(confirmed);
            // Sold, so that it is refunded; or rejected, which makes it go back as well.
            "refund_requested"
        }
    };
    let locked = lock_for(&mut transaction, id, will).await?;
    let payment_status = match locked.row.cancel().map_err(cancel_refusal)? {
        // Another order came in between.
        Cancel::VoidFirst(current) if current != order => {
            return Err(refusal::payment_in_progress());
        }
        Cancel::VoidFirst(_) | Cancel::Release => unpaid,
        Cancel::Refund => "refund_requested",
    };
    end_by(state, transaction, &locked, will, payment_status).await
}

async fn end_by(
    state: &State,
    mut transaction: Transaction<'_, Postgres>,
    locked: &Locked,
    will: Will,
    payment_status: &str,
) -> ApiResult<()> {
    may_end(&mut transaction, locked, will).await?;
    let (how, reason) = (End::Cancelled, will.reason());
    Ok(end(state, transaction, locked, how, payment_status, reason).await?)
}

/// Ends a reservation because payment gives the money of its order back. One that is not that
/// order's stays what it is, and can never be sold to it any more.
pub async fn by_refund(state: &State, id: ReservationId, request: &RefundRequest) -> ApiResult<()> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let locked = reservations::lock(&mut transaction, id)
        .await?
        .ok_or_else(refusal::reservation_not_found)?;
    end_refunded(state, transaction, &locked, request).await
}

/// The same for a reservation that the transaction has locked.
pub(crate) async fn end_refunded(
    state: &State,
    mut transaction: Transaction<'_, Postgres>,
    locked: &Locked,
    request: &RefundRequest,
) -> ApiResult<()> {
    let id = locked.row.id;
    let order = &request.order_id;
    match locked.row.refund(order, request.user_id) {
        Refund::NotOwner => return Err(refusal::access_denied()),
        Refund::Ended => return Ok(()),
        Refund::Reject => {
            // Told as well: should payment stop here, the fact makes it give the money back.
            let (payer, reason) = (request.user_id, &request.reason);
            reject(&mut transaction, locked, order, payer, reason).await?;
            transaction.commit().await?;
            return Ok(());
        }
        Refund::End => {}
    }
    may_end(&mut transaction, locked, Will::Owner(request.user_id)).await?;
    if locked.row.stage != Stage::Sold {
        // Its confirmation may still be on the way and must not be rejected a second time.
        orders::reject(&mut transaction, order, id, &request.reason).await?;
    }
    let (how, payment_status) = (End::Cancelled, "refund_requested");
    let reason = &request.reason;
    Ok(end(state, transaction, locked, how, payment_status, reason).await?)
}

/// Whoever has come in on a ticket of it cannot have the money back by a wish of their own.
async fn may_end(connection: &mut PgConnection, locked: &Locked, will: Will) -> ApiResult<()> {
    let gives_back = matches!(will, Will::Owner(_)) && locked.row.stage == Stage::Sold;
    if gives_back && tickets::is_used(connection, locked.row.id).await? {
        return Err(refusal::ticket_used());
    }
    Ok(())
}

/// Locks a reservation that may be ended by that will.
async fn lock_for(
    connection: &mut PgConnection,
    id: ReservationId,
    will: Will,
) -> ApiResult<Locked> {
    reservations::lock(connection, id)
        .await?
        .filter(|locked| will.counts_for(locked))
        .ok_or_else(refusal::reservation_not_found)
}

fn cancel_refusal(refusal: CancelRefusal) -> ApiError {
    match refusal {
        CancelRefusal::AlreadyCancelled => refusal::already_cancelled(),
        CancelRefusal::Expired => refusal::already_expired(),
    }
}
