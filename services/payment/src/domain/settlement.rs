//! What is to be done about an order, given its state and what the provider says of it.
//!
//! Money that moved is written down whatever the state; an order ends unpaid only when the
//! provider has said that nothing was captured and nobody can still capture it.

use super::order::Status;
use crate::provider::{Decline, Look};

/// Why the order is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Something may have happened: a webhook, or a confirm whose outcome is not known.
    Hint,
    /// Its time is over: it shall end one way or the other.
    End,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing.
    Leave,
    /// Write the capture down.
    Capture,
    /// Write down a capture whose money was given back before we knew of it.
    CaptureReturned,
    /// End what it paid for, and write down that the money was given back without us.
    ReturnedOutside,
    /// Write down that the money we owed was given back.
    Refunded,
    /// Ask the provider again to capture, with the same idempotency key.
    ConfirmAgain,
    /// The provider declined.
    Fail(Decline),
    /// End it unpaid.
    Void,
}

/// The next step.
pub(crate) fn next_step(status: Status, look: &Look, ask: Ask) -> Step {
    match (status, look) {
        (Status::Refunded, _) | (Status::Confirmed | Status::Refunding, Look::Captured(_)) => {
            Step::Leave
        }
        (Status::Refunding, Look::Returned(_)) => Step::Refunded,
        (Status::Confirmed, Look::Returned(_)) => Step::ReturnedOutside,
        (_, Look::Returned(_)) => Step::CaptureReturned,
        (_, Look::Captured(_)) => Step::Capture,
        (Status::Confirming, Look::Dead(decline)) => Step::Fail(decline.clone()),
        // Nothing was captured, but a confirm of ours may still be on its way there: only the
        // provider's answer to a repeat of it is certain.
        (Status::Confirming, Look::Open | Look::Unknown) => Step::ConfirmAgain,
        // Nobody but us can capture, and we have not tried.
        (Status::Pending, Look::Dead(_) | Look::Open | Look::Unknown) if ask == Ask::End => {
            Step::Void
        }
        _ => Step::Leave,
    }
}

/// Seconds until an order is looked at again, growing with the number of looks; `None` where
/// there is nothing left to learn.
pub(crate) fn seconds_to_next_check(status: Status, checks: i32) -> Option<f64> {
    let doubled = |first: f64, cap: f64| (first * 2_f64.powi(checks.clamp(0, 16))).min(cap);
    match status {
        Status::Confirming => Some(doubled(2.0, 60.0)),
        Status::Pending => Some(doubled(30.0, 900.0)),
        // A confirm sent before the order ended might yet be carried out.
        Status::Voided | Status::Failed if checks < 12 => Some(doubled(15.0, 7_200.0)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use urr_contract::Won;

    use super::*;
    use crate::provider::Capture;

    fn capture() -> Capture {
        Capture {
            payment_key: "k".to_owned(),
            amount: Won(1),
            approved_at: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    fn decline() -> Decline {
        Decline {
            code: "C".to_owned(),
            message: "m".to_owned(),
        }
    }

    const ALL: [Status; 7] = [
        Status::Pending,
        Status::Confirming,
        Status::Confirmed,
        Status::Refunding,
        Status::Refunded,
        Status::Failed,
        Status::Voided,
    ];

    #[test]
    fn captured_money_is_never_ignored() {
        for status in ALL {
            for ask in [Ask::Hint, Ask::End] {
                let step = next_step(status, &Look::Captured(capture()), ask);
                let expected = if status.is_captured() {
                    Step::Leave
                } else {
                    Step::Capture
                };
                assert_eq!(step, expected, "{status:?}");
            }
        }
    }

    #[test]
    fn an_order_being_confirmed_never_ends_without_the_providers_word() {
        for look in [Look::Open, Look::Unknown] {
            for ask in [Ask::Hint, Ask::End] {
                assert_eq!(
                    next_step(Status::Confirming, &look, ask),
                    Step::ConfirmAgain
                );
            }
        }
        assert_eq!(
            next_step(Status::Confirming, &Look::Dead(decline()), Ask::Hint),
            Step::Fail(decline())
        );
    }

    #[test]
    fn a_hint_ends_no_open_order_and_the_end_does() {
        for look in [Look::Open, Look::Unknown, Look::Dead(decline())] {
            assert_eq!(next_step(Status::Pending, &look, Ask::Hint), Step::Leave);
            assert_eq!(next_step(Status::Pending, &look, Ask::End), Step::Void);
        }
    }

    #[test]
    fn money_given_back_without_us_is_written_down_once() {
        let look = Look::Returned(capture());
        for status in ALL {
            let expected = match status {
                Status::Refunded => Step::Leave,
                Status::Refunding => Step::Refunded,
                Status::Confirmed => Step::ReturnedOutside,
                _ => Step::CaptureReturned,
            };
            assert_eq!(next_step(status, &look, Ask::Hint), expected, "{status:?}");
        }
    }

    #[test]
    fn looks_come_further_and_further_apart_and_end_only_for_ended_orders() {
        assert!(seconds_to_next_check(Status::Confirming, 0) < Some(5.0));
        assert_eq!(seconds_to_next_check(Status::Confirming, 1_000), Some(60.0));
        assert!(seconds_to_next_check(Status::Voided, 11).is_some());
        assert_eq!(seconds_to_next_check(Status::Voided, 12), None);
        assert_eq!(seconds_to_next_check(Status::Confirmed, 0), None);
    }
}
