//! What payment asks of ticket. A reservation is fenced by the order before money moves;
//! transfers and memberships are validated again then.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use urr_contract::{
    EventId, UserId, Won,
    internal::{
        ConfirmRequest, FenceAnswer, OwedBack, PayAnswer, PayRequest, RefundRequest, ReservationRow,
    },
};
use urr_kit::{
    client::{CallError, InternalClient},
    internal::InternalToken,
};

use crate::domain::order::{Order, Target};

/// A client of ticket's internal API.
#[derive(Clone, Debug)]
pub(crate) struct Ticket(InternalClient);

/// What something costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quote {
    pub(crate) amount: Won,
    pub(crate) event_id: Option<EventId>,
}

/// Price of a transfer or membership.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Price {
    total_amount: Won,
}

impl Ticket {
    pub(crate) fn new(base_url: &str, token: InternalToken) -> Self {
        Self(InternalClient::new("ticket", base_url, token))
    }

    /// The price of `target` for that person; a refusal where they may not buy it.
    pub(crate) async fn validate(&self, target: Target, user: UserId) -> Result<Quote, CallError> {
        let path = format!("{}/validate?userId={user}", path(target));
        if matches!(target, Target::Reservation(_)) {
            let row: ReservationRow = self.0.get(&path).await?;
            return Ok(Quote {
                amount: row.total_amount,
                event_id: row.event_id,
            });
        }
        let price: Price = self.0.get(&path).await?;
        Ok(Quote {
            amount: price.total_amount,
            event_id: None,
        })
    }

    /// HELD → PAYING for a reservation, fenced by the order in place of those that are over, and
    /// the same for a listing; `None` for a membership, which only its owner can buy.
    pub(crate) async fn pay(
        &self,
        order: &Order,
        over: Vec<String>,
    ) -> Result<Option<PayAnswer>, CallError> {
        if matches!(order.target, Target::Membership(_)) {
            return Ok(None);
        }
        let request = PayRequest {
            user_id: order.user_id,
            order_id: order.order_id.clone(),
            amount: order.amount,
            replaces: over,
        };
        let path = format!("{}/pay", path(order.target));
        self.0.post_idempotent(&path, &request).await.map(Some)
    }

    /// Whether what the order pays for is still kept for it.
    pub(crate) async fn still_fenced(&self, order: &Order) -> Result<bool, CallError> {
        if !matches!(order.target, Target::Reservation(_)) {
            let quote = self.validate(order.target, order.user_id).await?;
            return Ok(quote.amount == order.amount);
        }
        let path = format!("{}/fence?orderId={}", path(order.target), order.order_id);
        let answer: FenceAnswer = self.0.get(&path).await?;
        Ok(answer.fenced)
    }

    /// Hands over what was paid for. Idempotent; the fact does the same later.
    pub(crate) async fn complete(&self, order: &Order) -> Result<(), CallError> {
        let path = path(order.target);
        let method = order.method.clone().unwrap_or_default();
        match order.target {
            Target::Reservation(_) => {
                let request = ConfirmRequest {
                    payment_method: method,
                    order_id: order.order_id.clone(),
                    user_id: order.user_id,
                    amount: order.amount,
                };
                self.tell(&format!("{path}/confirm"), &request).await
            }
            Target::Transfer(_) => {
                let request = json!({
                    "buyerId": order.user_id,
                    "orderId": order.order_id,
                    "amount": order.amount,
                    "paymentMethod": method,
                });
                self.tell(&format!("{path}/complete"), &request).await
            }
            Target::Membership(_) => {
                let request = json!({"userId": order.user_id, "orderId": order.order_id});
                self.tell(&format!("{path}/activate"), &request).await
            }
        }
    }

    /// Ends what was paid for, because the money goes back. Refused where it is somebody
    /// else's by now.
    pub(crate) async fn give_back(&self, order: &Order, reason: &str) -> Result<(), CallError> {
        let request = RefundRequest {
            user_id: order.user_id,
            order_id: order.order_id.clone(),
            reason: reason.to_owned(),
        };
        self.tell(&format!("{}/refund", path(order.target)), &request)
            .await
    }

    /// Captured orders after `after` of which ticket told us minutes ago that their money is
    /// owed back.
    pub(crate) async fn owed_back(&self, after: &str) -> Result<OwedBack, CallError> {
        let path = format!("/internal/orders/owed-back?after={after}");
        self.0.get(&path).await
    }

    async fn tell<B: Serialize + Sync>(&self, path: &str, body: &B) -> Result<(), CallError> {
        let _: Value = self.0.post_idempotent(path, body).await?;
        Ok(())
    }
}

fn path(target: Target) -> String {
    let kind = match target {
        Target::Reservation(_) => "reservations",
        Target::Transfer(_) => "transfers",
        Target::Membership(_) => "memberships",
    };
    format!("/internal/{kind}/{}", target.id())
}
