//! Answers that are no success, by meaning. Texts are the contract's where it fixes one.

use http::StatusCode;
use urr_kit::{
    ApiError,
    client::{CallError, Fault},
};

/// Seconds after which a client may ask again about a payment in doubt.
const IN_DOUBT_RETRY_SECONDS: u64 = 3;
/// Seconds after which a client may try again where ticket is away.
const TICKET_RETRY_SECONDS: u64 = 2;

pub(crate) fn not_found() -> ApiError {
    ApiError::not_found("PAYMENT_NOT_FOUND", "Payment not found")
}

pub(crate) fn access_denied() -> ApiError {
    ApiError::forbidden("ACCESS_DENIED", "Access denied")
}

pub(crate) fn amount_mismatch() -> ApiError {
    ApiError::bad_request("AMOUNT_MISMATCH", "Amount mismatch")
}

pub(crate) fn already_confirmed() -> ApiError {
    ApiError::bad_request("PAYMENT_ALREADY_CONFIRMED", "Payment already confirmed")
}

pub(crate) fn already_refunded() -> ApiError {
    ApiError::bad_request("PAYMENT_REFUNDED", "Payment already refunded")
}

pub(crate) fn not_confirmed() -> ApiError {
    ApiError::bad_request(
        "PAYMENT_NOT_CONFIRMED",
        "Only confirmed payments can be cancelled",
    )
}

pub(crate) fn voided() -> ApiError {
    ApiError::bad_request(
        "PAYMENT_VOIDED",
        "This order can no longer be paid. Please start again.",
    )
}

pub(crate) fn declined(text: &str) -> ApiError {
    ApiError::bad_request("PAYMENT_DECLINED", text)
}

pub(crate) fn key_used() -> ApiError {
    ApiError::conflict(
        "PAYMENT_KEY_USED",
        "This payment key belongs to another order",
    )
}

pub(crate) fn hold_ended() -> ApiError {
    ApiError::bad_request("RESERVATION_EXPIRED", "Reservation has expired")
}

pub(crate) fn other_buyer() -> ApiError {
    ApiError::conflict("OTHER_BUYER", "Another buyer is paying for this right now")
}

pub(crate) fn method_not_available() -> ApiError {
    ApiError::bad_request(
        "PAYMENT_METHOD_NOT_AVAILABLE",
        "Payment method not available",
    )
}

/// The money moved, the thing paid for is gone, and the money comes back by itself.
pub(crate) fn refund_coming() -> ApiError {
    ApiError::conflict(
        "PAYMENT_WILL_BE_REFUNDED",
        "The reservation could not be kept. Your payment will be refunded automatically.",
    )
}

pub(crate) fn in_doubt() -> ApiError {
    ApiError::unavailable(
        "PAYMENT_IN_DOUBT",
        "The payment's outcome is not known yet. Please do not pay again; check back shortly.",
        IN_DOUBT_RETRY_SECONDS,
    )
}

pub(crate) fn provider_unavailable() -> ApiError {
    ApiError::unavailable(
        "PROVIDER_UNAVAILABLE",
        "Payments are not possible right now. You were not charged.",
        IN_DOUBT_RETRY_SECONDS,
    )
}

/// Whether ticket refused, as opposed to failed. A dispute about our own token is a failure.
pub(crate) fn is_refusal(error: &CallError) -> bool {
    let about_token = error
        .code
        .as_deref()
        .is_some_and(|code| code.contains("INTERNAL_TOKEN"));
    error.fault == Fault::Caller && !about_token && error.status != Some(StatusCode::UNAUTHORIZED)
}

/// Ticket's refusal with its status and text; 503 where ticket cannot be asked.
pub(crate) fn by_ticket(error: CallError) -> ApiError {
    match error.status {
        Some(status) if is_refusal(&error) => {
            ApiError::new(status, "REFUSED_BY_TICKET", error.detail)
        }
        _ => ticket_too_slow().caused_by(error),
    }
}

/// Ticket did not answer in time, or not at all.
pub(crate) fn ticket_too_slow() -> ApiError {
    ApiError::unavailable(
        "TICKET_UNAVAILABLE",
        "Ticket service unavailable. Please retry.",
        TICKET_RETRY_SECONDS,
    )
}
