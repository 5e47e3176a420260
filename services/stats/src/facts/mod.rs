//! What stats does about facts: it writes down what they say. Each kind fills its own
//! columns, so facts of different topics may come in any order.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use sqlx::PgConnection;
use urr_contract::{
    Fact,
    facts::{PaymentRefundedV1, PaymentType},
};
use urr_kit::consumer::{Handler, Received};

use crate::{
    domain::days::day_of,
    store::{
        memberships, payments,
        reservations::{self, Ending},
        transfers,
    },
};

/// When something happened, and on which day that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The time.
    pub at: Timestamp,
    /// Its day.
    pub day: Date,
}

/// Writes facts down.
#[derive(Clone, Debug)]
pub struct Recorder {
    zone: TimeZone,
}

impl Recorder {
    /// A recorder that counts in the days of `zone`.
    pub fn new(zone: TimeZone) -> Self {
        Self { zone }
    }

    fn moment(&self, at: Timestamp) -> Moment {
        Moment {
            at,
            day: day_of(at, &self.zone),
        }
    }

    async fn refunded(
        &self,
        connection: &mut PgConnection,
        fact: &PaymentRefundedV1,
    ) -> sqlx::Result<()> {
        let moment = self.moment(fact.timestamp);
        if fact.payment_type == PaymentType::Reservation
            && let Some(reservation) = fact.reservation_id
        {
            reservations::refunded(connection, reservation, fact, moment).await?;
        }
        payments::refunded(connection, fact, moment).await
    }
}

impl Handler for Recorder {
    async fn apply(&self, connection: &mut PgConnection, fact: &Received) -> anyhow::Result<()> {
        match &fact.fact {
            Fact::ReservationCreated(fact) => {
                let moment = self.moment(fact.timestamp);
                reservations::created(connection, fact, moment).await?;
            }
            Fact::ReservationConfirmed(fact) => {
                let moment = self.moment(fact.timestamp);
                reservations::confirmed(connection, fact, moment).await?;
            }
            Fact::ReservationCancelled(fact) => {
                let moment = self.moment(fact.timestamp);
                reservations::ended(connection, Ending::Cancelled, fact, moment).await?;
            }
            Fact::ReservationRejected(fact) => {
                let moment = self.moment(fact.timestamp);
                reservations::ended(connection, Ending::Rejected, fact, moment).await?;
            }
            Fact::ReservationExpired(fact) => {
                let moment = self.moment(fact.timestamp);
                reservations::ended(connection, Ending::Expired, fact, moment).await?;
            }
            Fact::PaymentConfirmed(fact) => {
                payments::captured(connection, fact, self.moment(fact.timestamp)).await?;
            }
            Fact::PaymentRefunded(fact) => self.refunded(connection, fact).await?,
            Fact::TransferCompleted(fact) => {
                transfers::completed(connection, fact, self.moment(fact.timestamp)).await?;
            }
            Fact::MembershipActivated(fact) => {
                memberships::activated(connection, fact, self.moment(fact.timestamp)).await?;
            }
            Fact::Unknown => {}
        }
        Ok(())
    }
}
