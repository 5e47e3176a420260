//! Refusals around leaving, which more than handlers give.

use serde_json::json;
use urr_contract::personal_data::OpenMatter;
use urr_kit::ApiError;

use crate::holders::Missing;

/// Seconds after which a service that did not answer may be back.
const RETRY_SECONDS: u64 = 5;

/// Something needs its owner first. `openMatters` says what.
pub(crate) fn open_matters(open: &[OpenMatter]) -> ApiError {
    ApiError::conflict(
        "OPEN_MATTERS",
        "The account cannot be erased while something is open. See openMatters.",
    )
    .with("openMatters", json!(open))
}

/// Nobody would be left to run the house.
pub(crate) fn last_administrator() -> ApiError {
    ApiError::conflict(
        "LAST_ADMINISTRATOR",
        "The last administrator cannot be erased. Make somebody else one first.",
    )
}

/// Nothing is erased before it is known that nothing is open. `missing` says who is silent.
pub(crate) fn open_matters_unknown(missing: Missing) -> ApiError {
    without(
        missing,
        "OPEN_MATTERS_UNKNOWN",
        "It cannot be checked right now whether anything is open. Please retry.",
    )
}

/// An export is complete or not given. `missing` says whose part there is none of.
pub(crate) fn export_incomplete(missing: Missing) -> ApiError {
    without(
        missing,
        "EXPORT_INCOMPLETE",
        "Not everything could be gathered right now. Please retry.",
    )
}

fn without(missing: Missing, code: &'static str, text: &str) -> ApiError {
    ApiError::unavailable(code, text, RETRY_SECONDS)
        .with("missing", json!(missing.names()))
        .caused_by(missing)
}
