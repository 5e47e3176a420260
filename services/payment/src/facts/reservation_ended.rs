//! A reservation has ended: an open order for it is voided. A captured one is refunded, once,
//! where the end is final. After an expiry it is not: a capture that comes late takes the seats
//! again or is rejected by a fact of its own.

use std::sync::Arc;

use sqlx::PgConnection;
use urr_contract::{Fact, ReservationId, facts::ReservationEndedV1};
use urr_kit::consumer::{Handler, Received};

use crate::{
    State,
    domain::order::{Order, Status, Target},
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
                void_open(connection, ended).await?;
                give_back(connection, ended, "Reservation cancelled").await?;
            }
            Fact::ReservationExpired(ended) => void_open(connection, ended).await?,
            Fact::ReservationRejected(ended) => {
                give_back(connection, ended, "Reservation rejected").await?;
            }
            _ => return Ok(()),
        }
        self.0.work.notify_one();
        Ok(())
    }
}

/// Nothing can be paid for the reservation any more.
async fn void_open(
    connection: &mut PgConnection,
    ended: &ReservationEndedV1,
) -> anyhow::Result<()> {
    for order in payments::lock_of_reservation(connection, ended.reservation_id).await? {
        payments::void(&mut *connection, &order.order_id, Status::Pending).await?;
    }
    Ok(())
}

/// What the order of the fact paid goes back. That may be the order of a resale: what an
/// earlier owner paid stays, as does another order that the reservation was sold to.
async fn give_back(
    connection: &mut PgConnection,
    ended: &ReservationEndedV1,
    default_reason: &str,
) -> anyhow::Result<()> {
    let reason = ended.reason.as_deref().unwrap_or(default_reason);
    let Some(order_id) = &ended.order_id else {
        for order in payments::lock_of_reservation(connection, ended.reservation_id).await? {
            end(connection, &order, reason).await?;
        }
        return Ok(());
    };
    match payments::lock(connection, order_id).await? {
        Some(order) if may_pay_for(order.target, ended.reservation_id) => {
            end(connection, &order, reason).await
        }
        _ => {
            tracing::error!(
                order.id = order_id,
                "the order of an ended reservation is not known here"
            );
            Ok(())
        }
    }
}

fn may_pay_for(target: Target, reservation: ReservationId) -> bool {
    match target {
        Target::Reservation(id) => id == reservation,
        Target::Transfer(_) => true,
        Target::Membership(_) => false,
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
