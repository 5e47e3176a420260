//! Reads Toss's answers: payments, and which published refusal means what.

use jiff::Timestamp;
use serde::Deserialize;
use urr_contract::Won;

use super::{Capture, Decline, Look, NotCanceled, NotConfirmed};

/// The part of Toss's `Payment` object that we read.
#[expect(clippy::struct_field_names, reason = "the names are Toss's")]
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Payment {
    payment_key: String,
    pub(super) order_id: String,
    status: String,
    total_amount: i64,
    approved_at: Option<Timestamp>,
    failure: Option<Failure>,
    cancels: Option<Vec<Cancel>>,
}

/// Toss's error object.
#[derive(Debug, Deserialize)]
pub(super) struct Failure {
    pub(super) code: String,
    pub(super) message: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cancel {
    transaction_key: Option<String>,
}

impl From<Failure> for Decline {
    fn from(failure: Failure) -> Self {
        Self {
            code: failure.code,
            message: failure.message,
        }
    }
}

impl Payment {
    /// What it says of its order.
    pub(super) fn look(self) -> Look {
        let returned = self.status == "CANCELED";
        match (self.status.as_str(), self.approved_at) {
            ("DONE" | "CANCELED" | "PARTIAL_CANCELED", Some(approved_at)) => {
                let capture = Capture {
                    payment_key: self.payment_key,
                    amount: Won(self.total_amount),
                    approved_at,
                };
                if returned {
                    Look::Returned(capture)
                } else {
                    Look::Captured(capture)
                }
            }
            // Cancelled before it was ever captured.
            ("ABORTED" | "EXPIRED" | "CANCELED", _) => Look::Dead(
                self.failure
                    .map_or_else(|| ended(&self.status), Decline::from),
            ),
            _ => Look::Open,
        }
    }

    /// What the payer is told where it was accepted without being captured.
    pub(super) fn deferred(&self) -> Decline {
        Decline {
            code: self.status.clone(),
            message: "바로 결제되는 수단만 사용할 수 있습니다.".to_owned(),
        }
    }

    /// The transaction by which it was given back.
    pub(super) fn cancel_transaction(&self) -> Option<String> {
        self.cancels.as_ref()?.last()?.transaction_key.clone()
    }
}

fn ended(status: &str) -> Decline {
    Decline {
        code: status.to_owned(),
        message: "결제가 완료되지 않았습니다.".to_owned(),
    }
}

/// Refusals of a confirm after which the money may have moved all the same, or may yet.
const UNCLEAR: [&str; 3] = [
    "ALREADY_PROCESSED_PAYMENT",
    "IDEMPOTENT_REQUEST_PROCESSING",
    "PROVIDER_ERROR",
];

/// Refusals that are about our key, not about the payment.
const MISCONFIGURED: [&str; 3] = [
    "UNAUTHORIZED_KEY",
    "INVALID_API_KEY",
    "INCORRECT_BASIC_AUTH_FORMAT",
];

/// What a refusal of a confirm means. A code nobody published yet counts by its status: 4xx
/// is a refusal of the request, 5xx says nothing.
pub(super) fn refused_confirm(status: u16, failure: Failure) -> NotConfirmed {
    let code = failure.code.as_str();
    if MISCONFIGURED.contains(&code) {
        NotConfirmed::Misconfigured(failure.into())
    } else if UNCLEAR.contains(&code) || status >= 500 || status == 429 {
        NotConfirmed::Unclear(failure.into())
    } else {
        NotConfirmed::Declined(failure.into())
    }
}

/// What a refusal of a cancel means.
pub(super) fn refused_cancel(failure: Failure) -> NotCanceled {
    match failure.code.as_str() {
        "ALREADY_CANCELED_PAYMENT" | "ALREADY_REFUND_PAYMENT" => NotCanceled::Already,
        _ => NotCanceled::Refused(failure.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(status: &str, approved: bool) -> Look {
        let payment = serde_json::json!({
            "paymentKey": "k", "orderId": "o", "status": status, "totalAmount": 5,
            "approvedAt": approved.then_some("2026-01-02T14:46:58+09:00"),
        });
        serde_json::from_value::<Payment>(payment)
            .expect("readable")
            .look()
    }

    #[test]
    fn every_status_of_toss_is_read() {
        for status in ["READY", "IN_PROGRESS", "WAITING_FOR_DEPOSIT", "NEW_WORD"] {
            assert_eq!(look(status, false), Look::Open, "{status}");
        }
        for status in ["ABORTED", "EXPIRED", "CANCELED"] {
            assert!(matches!(look(status, false), Look::Dead(_)), "{status}");
        }
        for status in ["DONE", "PARTIAL_CANCELED"] {
            assert!(matches!(look(status, true), Look::Captured(_)), "{status}");
        }
        assert!(matches!(look("CANCELED", true), Look::Returned(_)));
    }

    #[test]
    fn a_refusal_is_final_only_where_it_says_so() {
        let refuse = |status, code: &str| {
            let failure = Failure {
                code: code.to_owned(),
                message: String::new(),
            };
            refused_confirm(status, failure)
        };
        assert!(matches!(
            refuse(403, "REJECT_CARD_PAYMENT"),
            NotConfirmed::Declined(_)
        ));
        assert!(matches!(refuse(400, "NEW_CODE"), NotConfirmed::Declined(_)));
        for (status, code) in [
            (400, "ALREADY_PROCESSED_PAYMENT"),
            (400, "PROVIDER_ERROR"),
            (409, "IDEMPOTENT_REQUEST_PROCESSING"),
            (500, "NEW_CODE"),
            (429, "TOO_MANY"),
        ] {
            assert!(
                matches!(refuse(status, code), NotConfirmed::Unclear(_)),
                "{code}"
            );
        }
        assert!(matches!(
            refuse(401, "UNAUTHORIZED_KEY"),
            NotConfirmed::Misconfigured(_)
        ));
    }
}
