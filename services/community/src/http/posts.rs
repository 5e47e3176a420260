//! The board: posts by fans, each on one artist's board.

use std::sync::Arc;

use axum::extract;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use urr_contract::{ArtistId, PostId};
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    identity::User,
    page::{Page, PageQuery, Pagination},
};
use utoipa::{IntoParams, ToSchema};

use super::errors;
use crate::{
    State,
    domain::{
        points::Deed,
        text::{self, Violation},
        views::Kind,
    },
    store::{
        point_awards,
        posts::{self, NewPost, Post},
    },
};

/// Which board is listed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct BoardQuery {
    /// Only posts of this artist's board.
    #[serde(rename = "artistId")]
    artist_id: Option<ArtistId>,
}

/// Body of a new or changed post.
#[derive(Deserialize, ToSchema)]
#[schema(as = WritePost)]
pub(super) struct PostBody {
    /// The title.
    #[schema(required, min_length = 1, max_length = 255)]
    title: Option<String>,
    /// The text.
    #[schema(required, min_length = 1, max_length = 20_000)]
    content: Option<String>,
    /// On whose board; only of a new post, which needs one.
    artist_id: Option<ArtistId>,
}

/// Posts and which part of all they are.
#[derive(Serialize, ToSchema)]
#[schema(as = PostList)]
pub(super) struct ListBody {
    /// The posts.
    posts: Vec<Post>,
    /// Which part of all this is.
    pagination: Pagination,
}

/// One post.
#[derive(Serialize, ToSchema)]
#[schema(as = PostAnswer)]
pub(super) struct OneBody {
    /// The post.
    post: Post,
}

/// What was done.
#[derive(Serialize, ToSchema)]
#[schema(as = PostDeleted)]
pub(super) struct DeletedBody {
    /// What was done, for people.
    message: &'static str,
}

/// Posts of all boards or of one artist's, pinned ones first, then newest first.
#[utoipa::path(
    get,
    path = "/api/community/posts",
    operation_id = "listPosts",
    tag = "Community",
    params(BoardQuery, PageQuery),
    responses(
        (status = 200, description = "The posts.", body = ListBody),
    )
)]
pub(super) async fn list(
    extract::State(state): extract::State<Arc<State>>,
    AppQuery(board): AppQuery<BoardQuery>,
    AppQuery(query): AppQuery<PageQuery>,
) -> ApiResult<AppJson<ListBody>> {
    let page = Page::new(query, 20, 100);
    let total = posts::count(&state.pool, board.artist_id).await?;
    let mut rows = match board.artist_id {
        Some(artist) => posts::page_of_artist(&state.pool, artist, page).await?,
        None => posts::page(&state.pool, page).await?,
    };
    for row in &mut rows {
        row.views += state.views.pending((Kind::Post, row.id.0));
    }
    Ok(AppJson(ListBody {
        posts: rows,
        pagination: page.of(total),
    }))
}

/// One post. Counts as a view.
#[utoipa::path(
    get,
    path = "/api/community/posts/{id}",
    operation_id = "getPost",
    tag = "Community",
    params(("id" = PostId, Path)),
    responses(
        (status = 200, description = "The post.", body = OneBody),
        (status = 404, description = "`POST_NOT_FOUND`: there is no such post."),
    )
)]
pub(super) async fn show(
    extract::State(state): extract::State<Arc<State>>,
    AppPath(id): AppPath<PostId>,
) -> ApiResult<AppJson<OneBody>> {
    let mut found = posts::by_id(&state.pool, id)
        .await?
        .ok_or_else(errors::post_not_found)?;
    found.views += state.views.count((Kind::Post, id.0));
    Ok(AppJson(OneBody { post: found }))
}

/// Writes a post on an artist's board. Earns points.
#[utoipa::path(
    post,
    path = "/api/community/posts",
    operation_id = "createPost",
    tag = "Community",
    request_body = PostBody,
    security(("bearer" = [])),
    responses(
        (status = 201, description = "Written.", body = OneBody),
        (status = 400, description = "`INVALID_INPUT`: a text is missing, too long, or not printable."),
        (status = 404, description = "`ARTIST_NOT_FOUND`: there is no such artist."),
    )
)]
pub(super) async fn create(
    extract::State(state): extract::State<Arc<State>>,
    user: User,
    AppJson(body): AppJson<PostBody>,
) -> ApiResult<(StatusCode, AppJson<OneBody>)> {
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
    point_awards::note(&mut transaction, &award, state.daily_points, now).await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, AppJson(OneBody { post: made })))
}

/// Changes a post of one's own.
#[utoipa::path(
    put,
    path = "/api/community/posts/{id}",
    operation_id = "updatePost",
    tag = "Community",
    params(("id" = PostId, Path)),
    request_body = PostBody,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Changed.", body = OneBody),
        (status = 400, description = "`INVALID_INPUT`: a text is missing, too long, or not printable."),
        (status = 403, description = "`NOT_THE_AUTHOR`: somebody else's."),
        (status = 404, description = "`POST_NOT_FOUND`: there is no such post."),
    )
)]
pub(super) async fn update(
    extract::State(state): extract::State<Arc<State>>,
    user: User,
    AppPath(id): AppPath<PostId>,
    AppJson(body): AppJson<PostBody>,
) -> ApiResult<AppJson<OneBody>> {
    let title = text::title(body.title).map_err(errors::violation)?;
    let content = text::content(body.content).map_err(errors::violation)?;
    let now = state.clock.now();
    let changed = posts::update(&state.pool, id, user.id, &title, &content, now).await?;
    if let Some(mut changed) = changed {
        changed.views += state.views.pending((Kind::Post, id.0));
        return Ok(AppJson(OneBody { post: changed }));
    }
    Err(match posts::by_id(&state.pool, id).await? {
        Some(_) => errors::not_the_post_author(),
        None => errors::post_not_found(),
    })
}

/// Deletes a post: its author or an administrator.
#[utoipa::path(
    delete,
    path = "/api/community/posts/{id}",
    operation_id = "deletePost",
    tag = "Community",
    params(("id" = PostId, Path)),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Deleted.", body = DeletedBody),
        (status = 403, description = "`NOT_THE_AUTHOR`: somebody else's."),
        (status = 404, description = "`POST_NOT_FOUND`: there is no such post."),
    )
)]
pub(super) async fn remove(
    extract::State(state): extract::State<Arc<State>>,
    user: User,
    AppPath(id): AppPath<PostId>,
) -> ApiResult<AppJson<DeletedBody>> {
    let post = posts::by_id(&state.pool, id)
        .await?
        .ok_or_else(errors::post_not_found)?;
    if post.author_id != user.id && !user.is_admin() {
        return Err(errors::may_not_delete_post());
    }
    if !posts::delete(&state.pool, id).await? {
        return Err(errors::post_not_found());
    }
    Ok(AppJson(DeletedBody {
        message: "Post deleted successfully",
    }))
}
