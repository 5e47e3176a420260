//! Comments on posts.

use std::sync::Arc;

use axum::extract;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use urr_contract::{CommentId, PostId};
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    identity::User,
    page::{Page, PageQuery},
};

use super::errors;
use crate::{
    State,
    domain::{
        points::{Deed, day_of},
        text,
    },
    store::{comments, point_awards, posts},
};

/// Body of a new comment.
#[derive(Deserialize)]
pub(super) struct CommentBody {
    content: Option<String>,
}

/// `GET /api/community/posts/{id}/comments`. A post that does not exist has none.
pub(super) async fn list(
    extract::State(state): extract::State<Arc<State>>,
    AppPath(post): AppPath<PostId>,
    AppQuery(query): AppQuery<PageQuery>,
) -> ApiResult<AppJson<Value>> {
    let page = Page::new(query, 20, 100);
    let total = comments::count(&state.pool, post).await?;
    let rows = comments::page(&state.pool, post, page).await?;
    Ok(AppJson(json!({
        "comments": rows,
        "pagination": {"page": page.number(), "limit": page.limit(), "total": total},
    })))
}

/// `POST /api/community/posts/{id}/comments`
pub(super) async fn create(
    extract::State(state): extract::State<Arc<State>>,
    user: User,
    AppPath(post): AppPath<PostId>,
    AppJson(body): AppJson<CommentBody>,
) -> ApiResult<(StatusCode, AppJson<Value>)> {
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
    point_awards::note(
        &mut transaction,
        &award,
        day_of(now),
        state.daily_points,
        now,
    )
    .await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, AppJson(json!({"comment": made}))))
}

/// `DELETE /api/community/posts/{id}/comments/{comment_id}`: its author or an administrator.
pub(super) async fn remove(
    extract::State(state): extract::State<Arc<State>>,
    user: User,
    AppPath((post, id)): AppPath<(PostId, CommentId)>,
) -> ApiResult<AppJson<Value>> {
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
    Ok(AppJson(json!({"message": "Comment deleted successfully"})))
}
