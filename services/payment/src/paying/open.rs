//! Opens an order: one per target, fenced at ticket.
//!
//! The order is written down before ticket is asked, so that a crash in between leaves an
//! order that the next try finds, and never a fence that nobody knows.

use urr_contract::{UserId, Won};
use urr_kit::{ApiError, ApiResult};

use crate::{
    State,
    domain::order::{MAX_AMOUNT, Order, Status, Target, new_order_id},
    fault_points::FaultPoint,
    refusals,
    store::payments::{self, NewOrder},
};

/// Time to pay what ticket does not time itself, and the first guess for what it does.
const PAY_SECONDS: f64 = 600.0;
/// A reservation's order is ended by ticket; by us only if that was never heard of.
const RESERVATION_GRACE_SECONDS: f64 = 900.0;
/// Rounds against others who open, pay or end the same target's order.
const ROUNDS: usize = 5;

/// An order that may be paid now, or that has been.
#[derive(Debug)]
pub(crate) enum Opened {
    /// May be paid.
    Open(Order),
    /// This person has paid for the target already.
    Paid(Order),
}

/// The person's open order for `target`; a new one where there is none. `amount` is what the
/// client believes the price to be, where it says so. Cut off when its time is over: what is
/// left then is found by the next try.
pub(crate) async fn open(
    state: &State,
    user: UserId,
    target: Target,
    amount: Option<Won>,
) -> ApiResult<Opened> {
    let opened = try_to_open(state, user, target, amount);
    tokio::time::timeout(state.open_within, opened)
        .await
        .unwrap_or_else(|_| Err(refusals::ticket_too_slow()))
}

async fn try_to_open(
    state: &State,
    user: UserId,
    target: Target,
    amount: Option<Won>,
) -> ApiResult<Opened> {
    for _ in 0..ROUNDS {
        let existing = payments::open_or_paid(&state.pool, target).await?;
        match existing.filter(|order| order.user_id == user) {
            Some(order) if order.status == Status::Confirmed => return Ok(Opened::Paid(order)),
            Some(order) if order.status == Status::Confirming => return Err(refusals::in_doubt()),
            Some(order) => {
                if amount.is_some_and(|amount| amount != order.amount) {
                    return Err(refusals::amount_mismatch());
                }
                if let Some(order) = fence(state, order).await? {
                    return Ok(Opened::Open(order));
                }
            }
            None => write_down(state, user, target, amount).await?,
        }
    }
    Err(refusals::in_doubt())
}

/// Proves the price with ticket and opens an order, unless somebody else just has.
async fn write_down(
    state: &State,
    user: UserId,
    target: Target,
    amount: Option<Won>,
) -> ApiResult<()> {
    let quote = state.ticket.validate(target, user).await;
    let quote = quote.map_err(refusals::by_ticket)?;
    if amount.is_some_and(|amount| amount != quote.amount) {
        return Err(refusals::amount_mismatch());
    }
    if !(1..=MAX_AMOUNT).contains(&quote.amount.0) {
        return Err(ApiError::bad_gateway(
            "INVALID_AMOUNT",
            "Invalid numeric field from ticket response",
        ));
    }
    make_way(state, user, target).await?;
    let order = NewOrder {
        order_id: new_order_id(state.runtime.clock.now()),
        user_id: user,
        target,
        event_id: quote.event_id,
        amount: quote.amount,
        pay_seconds: PAY_SECONDS,
        grace_seconds: grace_seconds(target),
    };
    // Somebody else's order in the way is found in the next round.
    payments::open(&state.pool, &order).await?;
    state
        .fault_points
        .reach(FaultPoint::BeforePay)
        .map_err(ApiError::internal)?;
    Ok(())
}

/// Ends another person's open order for what ticket has just said this one may buy: at once
/// for a reservation, which has one owner, and after its time for what many may want.
async fn make_way(state: &State, user: UserId, target: Target) -> ApiResult<()> {
    let Some(other) = payments::open_or_paid(&state.pool, target).await? else {
        return Ok(());
    };
    if other.user_id == user {
        return Ok(());
    }
    let id = &other.order_id;
    let ended = match target {
        Target::Reservation(_) => payments::void(&state.pool, id, Status::Pending).await?,
        Target::Transfer(_) | Target::Membership(_) => {
            payments::void_overdue(&state.pool, id).await?
        }
    };
    if ended {
        return Ok(());
    }
    Err(refusals::other_buyer())
}

/// Asks ticket to keep what the order pays for, in place of the orders that are over. `None`
/// where the order has changed meanwhile.
async fn fence(state: &State, order: Order) -> ApiResult<Option<Order>> {
    let over = payments::over(&state.pool, order.target).await?;
    let answer = match state.ticket.pay(&order, over).await {
        Ok(None) => return Ok(Some(order)),
        Ok(Some(answer)) => answer,
        Err(error) => {
            if refusals::is_refusal(&error) {
                payments::void(&state.pool, &order.order_id, Status::Pending).await?;
            }
            return Err(refusals::by_ticket(error));
        }
    };
    let is_ours = answer.order_id == order.order_id;
    if is_ours {
        let grace = grace_seconds(order.target);
        payments::fenced(&state.pool, &order.order_id, &answer, grace).await?;
    }
    let now = payments::by_order_id(&state.pool, &order.order_id).await?;
    let open = now.filter(|order| order.status == Status::Pending);
    if open.is_some() && !is_ours {
        // It ends with the hold, at the latest.
        tracing::error!(
            order.id = answer.order_id,
            "ticket is fenced by an order that is not known here"
        );
        return Err(refusals::in_doubt());
    }
    Ok(open)
}

const fn grace_seconds(target: Target) -> f64 {
    match target {
        Target::Reservation(_) => RESERVATION_GRACE_SECONDS,
        Target::Transfer(_) | Target::Membership(_) => 0.0,
    }
}
