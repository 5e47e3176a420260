//! A reservation has ended: an open order for it is voided. A captured one is refunded, once,
//! where the end is final. After an expiry it is not: a capture that comes late takes the seats
//! again or is rejected by a fact of its own.

use std::sync::Arc;

use sqlx::PgConnection;
use urr_contract::{Fact, facts::ReservationEndedV1};
use urr_kit::consumer::{Handler, Received};

use crate::{
    State,
    domain::order::{Order, Status},
    paying::refund,
    store::payments,
};

/// Group under which this service reads.
pub(crate) const GROUP: &str = "payment-service-group";

/// The consumer of `reservation-events`.
pub struct ReservationEnded(pub Arc<State>);

impl Handler for ReservationEnded {
    async fn apply(&self, connection: &mut PgConnection, fact: &Received) -> anyhow::Result<()> {
        match &fact.fact {
            Fact::ReservationCancelled(ended) => {
                end_all(connection, ended, "Reservation cancelled").await?;
            }
            Fact::ReservationExpired(ended) => {
                void_open(connection, ended).await?;
            }
            Fact::ReservationRejected(ended) => reject(connection, ended).await?,
            _ => return Ok(()),
        }
        self.0.work.notify_one();
        Ok(())
    }
}

/// The time of the reservation was over: what is open of it ends.
async fn void_open(
    connection: &mut PgConnection,
    ended: &ReservationEndedV1,
) -> anyhow::Result<()> {
    for order in payments::lock_of_reservation(connection, ended.reservation_id).await? {
        payments::void(&mut *connection, &order.order_id, Status::Pending).await?;
    }
    Ok(())
}

/// The reservation is over: whatever of it is open or paid ends.
async fn end_all(
    connection: &mut PgConnection,
    ended: &ReservationEndedV1,
    default_reason: &str,
) -> anyhow::Result<()> {
    let reason = ended.reason.as_deref().unwrap_or(default_reason);
    for order in payments::lock_of_reservation(connection, ended.reservation_id).await? {
        end(connection, &order, reason).await?;
    }
    Ok(())
}

/// One captured order cannot be honoured. The reservation may have been sold to another order
/// of the same person, which this does not touch.
async fn reject(connection: &mut PgConnection, ended: &ReservationEndedV1) -> anyhow::Result<()> {
    let Some(order_id) = &ended.order_id else {
        return end_all(connection, ended, "Reservation rejected").await;
    };
    let reason = ended.reason.as_deref().unwrap_or("Reservation rejected");
    match payments::lock(connection, order_id).await? {
        Some(order) if order.target.reservation_id() == Some(ended.reservation_id) => {
            end(connection, &order, reason).await
        }
        _ => {
            tracing::error!(order.id = order_id, "a rejected order is not known here");
            Ok(())
        }
    }
}

async fn end(connection: &mut PgConnection, order: &Order, reason: &str) -> anyhow::Result<()> {
    match order.status {
        Status::Confirmed => refund::request(connection, order, reason).await,
        Status::Pending => {
            payments::void(connection, &order.order_id, Status::Pending).await?;
            Ok(())
        }
        // Being confirmed: the fence is gone, which the resolver finds.
        Status::Confirming
        | Status::Refunding
        | Status::Refunded
        | Status::Failed
        | Status::Voided => Ok(()),
    }
}
