//! Payment's facts. A captured order is honoured exactly as by the direct call; a refund
//! only changes what the reservation says of its money.

use sqlx::PgConnection;
use urr_contract::{
    Fact, ReservationId,
    facts::{PaymentConfirmedV1, PaymentRefundedV1, PaymentType},
};
use urr_kit::consumer::{Handler, Received};

use crate::{
    booking::confirm::{Captured, Confirmed, confirm},
    domain::reservation::Stage,
    metrics::BookingMetrics,
    store::{orders, reservations},
};

/// Group in which this service reads payment's facts.
pub const GROUP: &str = "ticket-service-group";

/// Applies payment's facts to reservations.
#[derive(Clone, Debug)]
pub struct PaymentFacts {
    /// Counters of what happens to reservations.
    pub metrics: BookingMetrics,
}

impl Handler for PaymentFacts {
    async fn apply(
        &self,
        connection: &mut PgConnection,
        received: &Received,
    ) -> anyhow::Result<()> {
        match &received.fact {
            Fact::PaymentConfirmed(fact) if fact.payment_type == PaymentType::Reservation => {
                self.confirmed(connection, fact).await
            }
            Fact::PaymentRefunded(fact) if fact.payment_type == PaymentType::Reservation => {
                refunded(connection, fact).await
            }
            _ => Ok(()),
        }
    }
}

impl PaymentFacts {
    async fn confirmed(
        &self,
        connection: &mut PgConnection,
        fact: &PaymentConfirmedV1,
    ) -> anyhow::Result<()> {
        let id = target(fact.reservation_id)?;
        let captured = Captured {
            order: fact.order_id.clone(),
            user: fact.user_id,
            amount: fact.amount,
            method: fact.payment_method.clone(),
        };
        let confirmed = confirm(connection, id, &captured).await?;
        // A dead letter is what a person looks into; money must not vanish in silence.
        anyhow::ensure!(
            confirmed != Confirmed::Unknown,
            "payment {} was captured for the unknown reservation {id}",
            fact.payment_id
        );
        self.metrics.confirmation(confirmed);
        Ok(())
    }
}

/// Only the money of the order that the reservation was sold to, or of one that could not
/// be honoured, says something about the reservation.
async fn refunded(connection: &mut PgConnection, fact: &PaymentRefundedV1) -> anyhow::Result<()> {
    let id = target(fact.reservation_id)?;
    let Some(locked) = reservations::lock(connection, id).await? else {
        return Ok(());
    };
    let of_another_order = match &locked.row.sold_order {
        Some(order) => *order != fact.order_id,
        None => !matches!(locked.row.stage, Stage::Expired | Stage::Cancelled),
    };
    if locked.row.sold_order.as_ref() != Some(&fact.order_id) {
        // Should the fact of its capture be applied after all, nothing is sold for it.
        orders::reject(connection, &fact.order_id, id, &fact.reason).await?;
    }
    if of_another_order {
        return Ok(());
    }
    reservations::set_payment_status(connection, id, "refunded").await?;
    Ok(())
}

fn target(id: Option<ReservationId>) -> anyhow::Result<ReservationId> {
    id.ok_or_else(|| anyhow::anyhow!("a payment of a reservation names none"))
}
