//! Refusals of community, by meaning, in the contract's words.

use urr_kit::ApiError;

use crate::domain::text::Violation;

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
