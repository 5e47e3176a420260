//! Pays by a method of the demonstration: everything but the provider.

use urr_contract::UserId;
use urr_kit::ApiResult;

use super::{
    capture::{self, Completion, Recorded},
    open::{self, Opened},
};
use crate::{
    State,
    domain::order::{Order, Status, Target, new_demo_key},
    provider::Capture,
    refusals,
};

/// A payment that is done, and whether it was before.
#[derive(Debug)]
pub(crate) struct Processed {
    pub(crate) order: Order,
    pub(crate) before: bool,
}

/// Pays for `target`: completes the person's open order, or opens one and completes it.
pub(crate) async fn process(
    state: &State,
    user: UserId,
    target: Target,
    method: &str,
) -> ApiResult<Processed> {
    let order = match open::open(state, user, target, None).await? {
        Opened::Open(order) => order,
        Opened::Paid(order) => {
            return Ok(Processed {
                order,
                before: true,
            });
        }
    };
    match state.ticket.still_fenced(&order).await {
        Ok(true) => {}
        Ok(false) => return Err(refusals::hold_ended()),
        Err(error) => return Err(refusals::by_ticket(error)),
    }
    let capture = Capture {
        payment_key: new_demo_key(),
        amount: order.amount,
        approved_at: state.runtime.clock.now(),
    };
    match capture::record_demo(state, &order.order_id, &capture, method).await? {
        Recorded::Now(order) => {
            if capture::complete(state, &order).await? == Completion::Lost {
                return Err(refusals::refund_coming());
            }
            Ok(Processed {
                order,
                before: false,
            })
        }
        Recorded::Before(order) if order.status == Status::Confirmed => Ok(Processed {
            order,
            before: true,
        }),
        Recorded::Before(_) | Recorded::Superseded => Err(refusals::already_refunded()),
        Recorded::Ended => Err(refusals::voided()),
    }
}
