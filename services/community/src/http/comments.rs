//! Comments on posts.

use std::sync::Arc;

use axum::extract;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use urr_contract::{CommentId, PostId};
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    identity::User,
    page::{Page, PageQuery},
};
use utoipa::ToSchema;

use super::errors;
use crate::{
    State,
    domain::{points::Deed, text},
    store::{
        comments::{self, Comment},
        point_awards, posts,
    },
};

/// Body of a new comment.
#[derive(Deserialize, ToSchema)]
#[schema(as = WriteComment)]
pub(super) struct CommentBody {
    /// The text.
    #[schema(required, min_length = 1, max_length = 2_000)]
    content: Option<String>,
}

/// Comments and which part of all they are.
#[derive(Serialize, ToSchema)]
#[schema(as = CommentList)]
pub(super) struct ListBody {
    /// The comments.
    comments: Vec<Comment>,
    /// Which part of all this is.
    pagination: PartBody,
}

/// Which part of a list an answer is.
#[derive(Serialize, ToSchema)]
#[schema(as = CommentPagination)]
struct PartBody {
    /// Number of the page, from 1.
    page: i64,
    /// Rows a page.
    limit: i64,
    /// All rows.
    total: i64,
}

/// One comment.
#[derive(Serialize, ToSchema)]
#[schema(as = CommentAnswer)]
pub(super) struct OneBody {
    /// The comment.
    comment: Comment,
}

/// What was done.
#[derive(Serialize, ToSchema)]
#[schema(as = CommentDeleted)]
pub(super) struct DeletedBody {
    /// What was done, for people.
    message: &'static str,
}

/// Comments on a post, oldest first. A post that does not exist has none.
#[utoipa::path(
    get,
    path = "/api/community/posts/{id}/comments",
    operation_id = "listComments",
    tag = "Community",
    params(("id" = PostId, Path), PageQuery),
    responses(
        (status = 200, description = "The comments.", body = ListBody),
    )
)]
pub(super) async fn list(
    extract::State(state): extract::State<Arc<State>>,
    AppPath(post): AppPath<PostId>,
    AppQuery(query): AppQuery<PageQuery>,
) -> ApiResult<AppJson<ListBody>> {
    let page = Page::new(query, 20, 100);
    let total = comments::count(&state.pool, post).await?;
    let rows = comments::page(&state.pool, post, page).await?;
    Ok(AppJson(ListBody {
        comments: rows,
        pagination: PartBody {
            page: page.number(),
            limit: page.limit(),
            total,
        },
    }))
}

/// Comments on a post. Earns points.
#[utoipa::path(
    post,
    path = "/api/community/posts/{id}/comments",
    operation_id = "createComment",
    tag = "Community",
    params(("id" = PostId, Path)),
    request_body = CommentBody,
    security(("bearer" = [])),
    responses(
        (status = 201, description = "Written.", body = OneBody),
        (status = 400, description = "`INVALID_INPUT`: a text is missing, too long, or not printable."),
        (status = 404, description = "`POST_NOT_FOUND`: there is no such post."),
    )
)]
pub(super) async fn create(
    extract::State(state): extract::State<Arc<State>>,
    user: User,
    AppPath(post): AppPath<PostId>,
    AppJson(body): AppJson<CommentBody>,
) -> ApiResult<(StatusCode, AppJson<OneBody>)> {
    let content = text::comment(body.content).map_err(errors::violation)?;
    let author_name = state.authors.name_of(&user).await;
    let now = state.clock.now();
    let mut transaction = state.pool.begin().await?;
    let artist = posts::change_comment_count(&mut *transaction, post, 1)
        .await?
        .ok_or_else(errors::post_not_found)?;
    let made = comments::insert(
        &mut *transaction,
        post,
        user.id,
        &author_name,
        &content,
        now,
    )
    .await?;
    let award = Deed::Comment(made.id, artist).award(user.id);
    point_awards::note(&mut transaction, &award, state.daily_points, now).await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, AppJson(OneBody { comment: made })))
}

/// Deletes a comment: its author or an administrator.
#[utoipa::path(
    delete,
    path = "/api/community/posts/{id}/comments/{comment_id}",
    operation_id = "deleteComment",
    tag = "Community",
    params(("id" = PostId, Path), ("comment_id" = CommentId, Path)),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Deleted.", body = DeletedBody),
        (status = 403, description = "`NOT_THE_AUTHOR`: somebody else's."),
        (status = 404, description = "`COMMENT_NOT_FOUND`: there is no such comment."),
    )
)]
pub(super) async fn remove(
    extract::State(state): extract::State<Arc<State>>,
    user: User,
    AppPath((post, id)): AppPath<(PostId, CommentId)>,
) -> ApiResult<AppJson<DeletedBody>> {
    let author = comments::author(&state.pool, post, id)
        .await?
        .ok_or_else(errors::comment_not_found)?;
    if author != user.id && !user.is_admin() {
        return Err(errors::may_not_delete_comment());
    }
    // The post before the comment, as everywhere, so that nobody waits for each other.
    let mut transaction = state.pool.begin().await?;
    posts::change_comment_count(&mut *transaction, post, -1).await?;
    if !comments::delete(&mut *transaction, post, id).await? {
        return Err(errors::comment_not_found());
    }
    transaction.commit().await?;
    Ok(AppJson(DeletedBody {
        message: "Comment deleted successfully",
    }))
}
