//! Refusals of community, by meaning, in the contract's words.

use urr_kit::ApiError;

use crate::domain::{text::Violation, webhook::endpoint};

pub(super) fn violation(violation: Violation) -> ApiError {
    ApiError::bad_request("INVALID_INPUT", violation.to_string())
}

pub(super) fn news_not_found() -> ApiError {
    ApiError::not_found("NEWS_NOT_FOUND", "News not found")
}

pub(super) fn not_the_news_author() -> ApiError {
    ApiError::forbidden("NOT_THE_AUTHOR", "Only the author can edit this news")
}

pub(super) fn post_not_found() -> ApiError {
    ApiError::not_found("POST_NOT_FOUND", "Post not found")
}

pub(super) fn artist_not_found() -> ApiError {
    ApiError::not_found("ARTIST_NOT_FOUND", "Artist not found")
}

pub(super) fn not_the_post_author() -> ApiError {
    ApiError::forbidden("NOT_THE_AUTHOR", "Only the author can edit this post")
}

pub(super) fn may_not_delete_post() -> ApiError {
    ApiError::forbidden("NOT_THE_AUTHOR", "No permission to delete this post")
}

pub(super) fn comment_not_found() -> ApiError {
    ApiError::not_found("COMMENT_NOT_FOUND", "Comment not found")
}

pub(super) fn may_not_delete_comment() -> ApiError {
    ApiError::forbidden("NOT_THE_AUTHOR", "No permission to delete this comment")
}

impl From<endpoint::Violation> for ApiError {
    fn from(violation: endpoint::Violation) -> Self {
        Self::bad_request("INVALID_WEBHOOK", violation.to_string())
    }
}

pub(super) fn webhook_not_found() -> ApiError {
    ApiError::not_found("WEBHOOK_NOT_FOUND", "Webhook not found")
}

pub(super) fn webhook_inactive() -> ApiError {
    ApiError::conflict("WEBHOOK_INACTIVE", "Webhook is switched off")
}

pub(super) fn delivery_not_found() -> ApiError {
    ApiError::not_found("DELIVERY_NOT_FOUND", "Delivery not found")
}

pub(super) fn mail_not_found() -> ApiError {
    ApiError::not_found("MAIL_NOT_FOUND", "Mail not found")
}

pub(super) fn unknown_status(statuses: &[&str]) -> ApiError {
    let statuses = statuses.join(", ");
    ApiError::bad_request("INVALID_INPUT", format!("status must be one of {statuses}"))
}

pub(super) fn unknown_type() -> ApiError {
    ApiError::bad_request("INVALID_INPUT", "type is unknown")
}

pub(super) fn overlap_out_of_range(most: i64) -> ApiError {
    ApiError::bad_request(
        "INVALID_INPUT",
        format!("overlapSeconds must be from 0 to {most}"),
    )
}

pub(super) fn empty_range() -> ApiError {
    ApiError::bad_request("INVALID_INPUT", "since must be before until")
}
