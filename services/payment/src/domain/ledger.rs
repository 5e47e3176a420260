//! The lines of each movement of money. Debit is positive, credit negative, and every
//! movement sums to zero.

use urr_contract::{Won, facts::PaymentType};

/// Which way money moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Movement {
    /// To us.
    Capture,
    /// Back.
    Refund,
}

impl Movement {
    /// The word in the database.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Refund => "refund",
        }
    }
}

/// One line: an account and what it gains.
pub(crate) type Line = (&'static str, Won);

/// The lines of `movement` of `amount`. The provider (or, in the demonstration, nobody) owes
/// us what was captured; sales and refunds stay apart, so that the book shows both.
pub(crate) fn lines(
    movement: Movement,
    payment_type: PaymentType,
    at_provider: bool,
    amount: Won,
) -> [Line; 2] {
    let receivable = if at_provider {
        "provider_receivable"
    } else {
        "demo_receivable"
    };
    let sales = match payment_type {
        PaymentType::Reservation => "ticket_sales",
        PaymentType::Transfer => "resale_sales",
        PaymentType::Membership => "membership_sales",
    };
    let minus = Won(-amount.0);
    match movement {
        Movement::Capture => [(receivable, amount), (sales, minus)],
        Movement::Refund => [("refunds", amount), (receivable, minus)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_movement_sums_to_zero_and_a_refund_settles_the_receivable() {
        for payment_type in [
            PaymentType::Reservation,
            PaymentType::Transfer,
            PaymentType::Membership,
        ] {
            for at_provider in [true, false] {
                let of = |movement| lines(movement, payment_type, at_provider, Won(7));
                for lines in [of(Movement::Capture), of(Movement::Refund)] {
                    assert_eq!(lines.iter().map(|(_, amount)| amount.0).sum::<i64>(), 0);
                }
                let receivable = of(Movement::Capture)[0];
                assert_eq!(
                    of(Movement::Refund)[1],
                    (receivable.0, Won(-receivable.1.0))
                );
            }
        }
    }
}
