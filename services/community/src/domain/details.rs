//! What ticket says of the things that notices are about.

use std::collections::HashMap;

use urr_contract::{
    ReservationId, TransferId,
    internal::{DetailsAnswer, ReservationDetails, TransferDetails},
};

use super::notice::{Notice, Target};

/// Details by id.
#[derive(Debug, Default)]
pub struct Details {
    reservations: HashMap<ReservationId, ReservationDetails>,
    transfers: HashMap<TransferId, TransferDetails>,
}

/// What one notice is about.
#[derive(Clone, Copy, Debug)]
pub enum About<'a> {
    /// A reservation.
    Reservation(&'a ReservationDetails),
    /// A listing and its reservation.
    Transfer(&'a ReservationDetails, &'a TransferDetails),
    /// No ticket at all: a membership.
    NoTicket,
}

/// Ticket does not know what a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ticket does not know what this is about")]
pub struct Unknown;

impl From<DetailsAnswer> for Details {
    fn from(answer: DetailsAnswer) -> Self {
        let reservations = answer.reservations.into_iter().map(|row| (row.id, row));
        let transfers = answer.transfers.into_iter().map(|row| (row.id, row));
        Self {
            reservations: reservations.collect(),
            transfers: transfers.collect(),
        }
    }
}

impl Details {
    /// What that notice is about.
    pub fn about(&self, notice: &Notice) -> Result<About<'_>, Unknown> {
        match notice {
            Notice::Confirmed { reservation, .. }
            | Notice::Cancelled { reservation, .. }
            | Notice::Rejected { reservation, .. }
            | Notice::Refunded {
                target: Target::Reservation(reservation),
                ..
            } => self.reservation(*reservation).map(About::Reservation),
            Notice::Transferred { transfer, .. }
            | Notice::Refunded {
                target: Target::Transfer(transfer),
                ..
            } => {
                let transfer = self.transfers.get(transfer).ok_or(Unknown)?;
                let reservation = self.reservation(transfer.reservation_id)?;
                Ok(About::Transfer(reservation, transfer))
            }
            Notice::Refunded {
                target: Target::Membership(_),
                ..
            } => Ok(About::NoTicket),
        }
    }

    fn reservation(&self, id: ReservationId) -> Result<&ReservationDetails, Unknown> {
        self.reservations.get(&id).ok_or(Unknown)
    }
}

impl<'a> About<'a> {
    /// The reservation, where it is about one.
    pub fn reservation(self) -> Option<&'a ReservationDetails> {
        match self {
            Self::Reservation(reservation) | Self::Transfer(reservation, _) => Some(reservation),
            Self::NoTicket => None,
        }
    }
}
