//! Refusals of auth, by meaning. The texts are the contract's where it has one.

use urr_kit::ApiError;

use crate::{
    domain::{google_identity::Insufficient, registration::Violation},
    google::GoogleError,
    hashing::Busy,
};

pub(super) fn unreadable() -> ApiError {
    ApiError::bad_request("UNREADABLE_INPUT", "입력값을 확인해주세요")
}

pub(super) fn violation(violation: Violation) -> ApiError {
    ApiError::bad_request("INVALID_INPUT", violation.to_string())
}

pub(super) fn blank() -> ApiError {
    violation(Violation::Blank)
}

pub(super) fn email_taken() -> ApiError {
    ApiError::bad_request("EMAIL_TAKEN", "Email already exists")
}

/// The same for an unknown e-mail, a wrong password and an attempt too soon after others.
pub(super) fn wrong_credentials() -> ApiError {
    ApiError::bad_request("WRONG_CREDENTIALS", "Invalid email or password")
}

pub(super) fn busy(busy: Busy) -> ApiError {
    ApiError::unavailable(
        "SIGN_IN_BUSY",
        "Too many people are signing in. Please retry.",
        2,
    )
    .caused_by(busy)
}

pub(super) fn password_required() -> ApiError {
    ApiError::bad_request("PASSWORD_REQUIRED", "Password is required")
}

pub(super) fn wrong_password() -> ApiError {
    ApiError::bad_request("WRONG_PASSWORD", "Wrong password")
}

/// For whoever has no password to show.
pub(super) fn sign_in_again() -> ApiError {
    ApiError::forbidden(
        "SIGN_IN_AGAIN",
        "Please sign in with Google again, then retry",
    )
}

pub(super) fn admin_only() -> ApiError {
    ApiError::forbidden("ADMIN_ROLE_REQUIRED", "Admin role required")
}

/// To administrators, who ask by id.
pub(super) fn no_such_account() -> ApiError {
    ApiError::not_found("USER_NOT_FOUND", "User not found")
}

pub(super) fn user_not_found() -> ApiError {
    ApiError::bad_request("USER_NOT_FOUND", "User not found")
}

pub(super) fn invalid_token() -> ApiError {
    ApiError::bad_request("INVALID_TOKEN", "Invalid or expired token")
}

pub(super) fn refresh_token_required() -> ApiError {
    ApiError::bad_request("REFRESH_TOKEN_REQUIRED", "Refresh token is required")
}

pub(super) fn invalid_refresh_token() -> ApiError {
    ApiError::bad_request("INVALID_REFRESH_TOKEN", "Invalid or expired refresh token")
}

pub(super) fn reused_refresh_token() -> ApiError {
    ApiError::bad_request(
        "REFRESH_TOKEN_REUSED",
        "Token reuse detected. All sessions revoked for security.",
    )
}

pub(super) fn google_credential_required() -> ApiError {
    ApiError::bad_request(
        "GOOGLE_CREDENTIAL_REQUIRED",
        "Google credential is required",
    )
}

pub(super) fn google_not_configured() -> ApiError {
    ApiError::bad_request(
        "GOOGLE_NOT_CONFIGURED",
        "GOOGLE_CLIENT_ID is not configured",
    )
}

pub(super) fn google(error: GoogleError) -> ApiError {
    match error {
        GoogleError::Invalid => {
            ApiError::bad_request("INVALID_GOOGLE_TOKEN", "Invalid Google token")
        }
        GoogleError::Insufficient(Insufficient::Payload) => {
            ApiError::bad_request("INVALID_GOOGLE_PAYLOAD", "Invalid Google token payload")
        }
        GoogleError::Insufficient(Insufficient::UnverifiedEmail) => ApiError::bad_request(
            "GOOGLE_EMAIL_UNVERIFIED",
            "Google has not verified this e-mail",
        ),
        GoogleError::NoKeys => ApiError::unavailable(
            "GOOGLE_UNAVAILABLE",
            "Google sign-in is temporarily unavailable. Please retry.",
            30,
        )
        .caused_by(error),
    }
}

pub(super) fn forbidden() -> ApiError {
    ApiError::forbidden("FORBIDDEN", "Forbidden")
}
