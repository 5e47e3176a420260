//! The board: posts by fans, each on one artist's board.

use std::sync::Arc;

use axum::extract;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use urr_contract::{ArtistId, PostId};
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
        text::{self, Violation},
        views::Kind,
    },
    store::{
        point_awards,
        posts::{self, NewPost},
    },
};

/// Which board is listed.
#[derive(Deserialize)]
pub(super) struct BoardQuery {
    #[serde(rename = "artistId")]
    artist_id: Option<ArtistId>,
}

/// Body of a new or changed post.
#[derive(Deserialize)]
pub(super) struct PostBody {
    title: Option<String>,
    content: Option<String>,
    artist_id: Option<ArtistId>,
}

/// `GET /api/community/posts`
pub(super) async fn list(
    extract::State(state): extract::State<Arc<State>>,
    AppQuery(board): AppQuery<BoardQuery>,
    AppQuery(query): AppQuery<PageQuery>,
) -> ApiResult<AppJson<Value>> {
    let page = Page::new(query, 20, 100);
    let total = posts::count(&state.pool, board.artist_id).await?;
    let mut rows = match board.artist_id {
        Some(artist) => posts::page_of_artist(&state.pool, artist, page).await?,
        None => posts::page(&state.pool, page).await?,
    };
    for row in &mut rows {
        row.views += state.views.pending(Kind::Post, row.id.0);
    }
    Ok(AppJson(
        json!({"posts": rows, "pagination": page.of(total)}),
    ))
}

/// `GET /api/community/posts/{id}`
pub(super) async fn show(
    extract::State(state): extract::State<Arc<State>>,
    AppPath(id): AppPath<PostId>,
) -> ApiResult<AppJson<Value>> {
    let mut found = posts::by_id(&state.pool, id)
        .await?
        .ok_or_else(errors::post_not_found)?;
    found.views += state.views.count(Kind::Post, id.0);
    Ok(AppJson(json!({"post": found})))
}

/// `POST /api/community/posts`
pub(super) async fn create(
    extract::State(state): extract::State<Arc<State>>,
    user: User,
    AppJson(body): AppJson<PostBody>,
) -> ApiResult<(StatusCode, AppJson<Value>)> {
    let title = text::title(body.title).map_err(errors::violation)?;
    let content = text::content(body.content).map_err(errors::violation)?;
    let artist_id = body
        .artist_id
        .ok_or_else(|| errors::violation(Violation::Missing))?;
    let (is_unknown, author_name) = tokio::join!(
        state.artists.is_unknown(artist_id),
        state.authors.name_of(&user)
    );
    if is_unknown {
        return Err(errors::artist_not_found());
    }
    let post = NewPost {
        artist_id,
        author_id: user.id,
        author_name,
        title,
        content,
    };
    let now = state.clock.now();
    let mut transaction = state.pool.begin().await?;
    let made = posts::insert(&mut *transaction, &post, now).await?;
    let award = Deed::Post(made.id, artist_id).award(user.id);
    point_awards::note(
        &mut transaction,
        &award,
        day_of(now),
        state.daily_points,
        now,
    )
    .await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, AppJson(json!({"post": made}))))
}

/// `PUT /api/community/posts/{id}`: its author.
pub(super) async fn update(
    extract::State(state): extract::State<Arc<State>>,
    user: User,
    AppPath(id): AppPath<PostId>,
    AppJson(body): AppJson<PostBody>,
) -> ApiResult<AppJson<Value>> {
    let title = text::title(body.title).map_err(errors::violation)?;
    let content = text::content(body.content).map_err(errors::violation)?;
    let now = state.clock.now();
    let changed = posts::update(&state.pool, id, user.id, &title, &content, now).await?;
    if let Some(mut changed) = changed {
        changed.views += state.views.pending(Kind::Post, id.0);
        return Ok(AppJson(json!({"post": changed})));
    }
    Err(match posts::by_id(&state.pool, id).await? {
        Some(_) => errors::not_the_post_author(),
        None => errors::post_not_found(),
    })
}

/// `DELETE /api/community/posts/{id}`: its author or an administrator.
pub(super) async fn remove(
    extract::State(state): extract::State<Arc<State>>,
    user: User,
    AppPath(id): AppPath<PostId>,
) -> ApiResult<AppJson<Value>> {
    let post = posts::by_id(&state.pool, id)
        .await?
        .ok_or_else(errors::post_not_found)?;
    if post.author_id != user.id && !user.is_admin() {
        return Err(errors::may_not_delete_post());
    }
    if !posts::delete(&state.pool, id).await? {
        return Err(errors::post_not_found());
    }
    Ok(AppJson(json!({"message": "Post deleted successfully"})))
}
