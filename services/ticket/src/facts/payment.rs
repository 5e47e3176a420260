//! Payment's facts. A captured order is honoured exactly as by the direct call; a refund
//! only changes what the thing paid for says of its money.

use sqlx::PgConnection;
use urr_contract::{
    Fact, MembershipId, ReservationId, TransferId,
    facts::{PaymentConfirmedV1, PaymentRefundedV1, PaymentType},
};
use urr_kit::consumer::{Handler, Received};
use uuid::Uuid;

use crate::{
    booking::confirm::{Captured, Confirmed, confirm},
    domain::reservation::Stage,
    membership::{self, Activated},
    metrics::BookingMetrics,
    resale::buying::{self, Completed, Paid},
    store::{memberships, orders, reservations, transfers},
};

/// Why the money of a second order for a membership goes back.
const PAID_BEFORE: &str = "The membership was paid already";

/// Group in which this service reads payment's facts.
pub const GROUP: &str = "ticket-service-group";

/// Applies payment's facts to reservations, listings and memberships.
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
            Fact::PaymentConfirmed(fact) => match fact.payment_type {
                PaymentType::Reservation => self.confirmed(connection, fact).await,
                PaymentType::Transfer => self.transferred(connection, fact).await,
                PaymentType::Membership => self.activated(connection, fact).await,
            },
            Fact::PaymentRefunded(fact) => match fact.payment_type {
                PaymentType::Reservation => refunded(connection, fact).await,
                PaymentType::Transfer => transfer_refunded(connection, fact).await,
                PaymentType::Membership => membership_refunded(connection, fact).await,
            },
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

    async fn transferred(
        &self,
        connection: &mut PgConnection,
        fact: &PaymentConfirmedV1,
    ) -> anyhow::Result<()> {
        let id = TransferId(reference(fact.reference_id)?);
        let paid = Paid {
            order: fact.order_id.clone(),
            buyer: fact.user_id,
            amount: fact.amount,
        };
        match buying::complete(connection, id, &paid).await? {
            Completed::Handed { before } => {
                self.metrics.transferred.inc_by(u64::from(!before));
                Ok(())
            }
            Completed::Rejected(error) => {
                tracing::warn!(%error, transfer.id = %id, "a paid listing could not be handed over");
                Ok(())
            }
            Completed::Unknown => anyhow::bail!(
                "payment {} was captured for the unknown listing {id}",
                fact.payment_id
            ),
        }
    }

    async fn activated(
        &self,
        connection: &mut PgConnection,
        fact: &PaymentConfirmedV1,
    ) -> anyhow::Result<()> {
        let id = MembershipId(reference(fact.reference_id)?);
        match membership::activate(connection, id, Some(&fact.order_id)).await? {
            Activated::Now => {
                self.metrics.activated.inc();
                Ok(())
            }
            Activated::Before => Ok(()),
            Activated::Refused => {
                memberships::owe(connection, id, &fact.order_id, PAID_BEFORE).await?;
                tracing::warn!(membership.id = %id, "paid once more: its money goes back");
                Ok(())
            }
            Activated::Unknown => anyhow::bail!(
                "payment {} was captured for membership {id}, which is unknown",
                fact.payment_id
            ),
        }
    }
}

/// Money of the order that bought a ticket from somebody else, or of one that could not.
async fn transfer_refunded(
    connection: &mut PgConnection,
    fact: &PaymentRefundedV1,
) -> anyhow::Result<()> {
    let id = TransferId(reference(fact.reference_id)?);
    let Some(reservation) = transfers::reservation(&mut *connection, id).await? else {
        return Ok(());
    };
    let Some(locked) = reservations::lock(connection, reservation).await? else {
        return Ok(());
    };
    if locked.row.paid_order() == Some(&fact.order_id) {
        return Ok(reservations::set_payment_status(connection, reservation, "refunded").await?);
    }
    // Should the fact of its capture be applied after all, nothing is handed over for it.
    orders::returned(connection, &fact.order_id, reservation, &fact.reason).await?;
    Ok(())
}

async fn membership_refunded(
    connection: &mut PgConnection,
    fact: &PaymentRefundedV1,
) -> anyhow::Result<()> {
    let id = MembershipId(reference(fact.reference_id)?);
    membership::returned(connection, id, &fact.order_id, &fact.reason).await
}

/// Only the money of the order that the reservation was sold to, or of one that could not
/// be honoured, says something about the reservation.
async fn refunded(connection: &mut PgConnection, fact: &PaymentRefundedV1) -> anyhow::Result<()> {
    let id = target(fact.reservation_id)?;
    let Some(locked) = reservations::lock(connection, id).await? else {
        return Ok(());
    };
    let of_another_order = match locked.row.paid_order() {
        Some(order) => order != fact.order_id,
        None => !matches!(locked.row.stage, Stage::Expired | Stage::Cancelled),
    };
    if locked.row.sold_order.as_ref() != Some(&fact.order_id) {
        // Should the fact of its capture be applied after all, nothing is sold for it.
        orders::returned(connection, &fact.order_id, id, &fact.reason).await?;
    }
    if of_another_order {
        return Ok(());
    }
    reservations::set_payment_status(connection, id, "refunded").await?;
    Ok(())
}

fn reference(id: Option<Uuid>) -> anyhow::Result<Uuid> {
    id.ok_or_else(|| anyhow::anyhow!("a payment of a listing or membership names none"))
}

fn target(id: Option<ReservationId>) -> anyhow::Result<ReservationId> {
    id.ok_or_else(|| anyhow::anyhow!("a payment of a reservation names none"))
}
