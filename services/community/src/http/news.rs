//! News: read by everybody, written by administrators.

use std::sync::Arc;

use axum::extract;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use urr_contract::NewsId;
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    identity::Admin,
    page::{Page, PageQuery, Pagination},
};
use utoipa::ToSchema;

use super::errors;
use crate::{
    State,
    domain::{points::Deed, text, views::Kind},
    store::{
        news::{self, NewNews, News},
        point_awards,
    },
};

/// Body of a new or changed article. `author_id` of old clients is passed over: the caller
/// is the author.
#[derive(Deserialize, ToSchema)]
#[schema(as = WriteNews)]
pub(super) struct NewsBody {
    /// The title.
    #[schema(required, min_length = 1, max_length = 255)]
    title: Option<String>,
    /// The text.
    #[schema(required, min_length = 1, max_length = 20_000)]
    content: Option<String>,
    /// Name under which it is published; only of a new article, which needs one.
    #[schema(min_length = 1, max_length = 100)]
    author: Option<String>,
    /// Whether it stays on top.
    is_pinned: Option<bool>,
}

/// Articles and which part of all they are.
#[derive(Serialize, ToSchema)]
#[schema(as = NewsList)]
pub(super) struct ListBody {
    /// The articles.
    news: Vec<News>,
    /// Which part of all this is.
    pagination: Pagination,
}

/// One article.
#[derive(Serialize, ToSchema)]
#[schema(as = NewsAnswer)]
pub(super) struct OneBody {
    /// The article.
    news: News,
}

/// What was done.
#[derive(Serialize, ToSchema)]
#[schema(as = NewsDeleted)]
pub(super) struct DeletedBody {
    /// What was done, for people.
    message: &'static str,
}

/// Articles, pinned ones first, then newest first.
#[utoipa::path(
    get,
    path = "/api/news",
    operation_id = "listNews",
    tag = "News",
    params(PageQuery),
    responses(
        (status = 200, description = "The articles.", body = ListBody),
    )
)]
pub(super) async fn list(
    extract::State(state): extract::State<Arc<State>>,
    AppQuery(query): AppQuery<PageQuery>,
) -> ApiResult<AppJson<ListBody>> {
    let page = Page::new(query, 20, 100);
    let total = news::count(&state.pool).await?;
    let mut rows = news::page(&state.pool, page).await?;
    for row in &mut rows {
        row.views += state.views.pending((Kind::News, row.id.0));
    }
    Ok(AppJson(ListBody {
        news: rows,
        pagination: page.of(total),
    }))
}

/// One article. Counts as a view.
#[utoipa::path(
    get,
    path = "/api/news/{id}",
    operation_id = "getNews",
    tag = "News",
    params(("id" = NewsId, Path)),
    responses(
        (status = 200, description = "The article.", body = OneBody),
        (status = 404, description = "`NEWS_NOT_FOUND`: there is no such article."),
    )
)]
pub(super) async fn show(
    extract::State(state): extract::State<Arc<State>>,
    AppPath(id): AppPath<NewsId>,
) -> ApiResult<AppJson<OneBody>> {
    let mut found = news::by_id(&state.pool, id)
        .await?
        .ok_or_else(errors::news_not_found)?;
    found.views += state.views.count((Kind::News, id.0));
    Ok(AppJson(OneBody { news: found }))
}

/// Publishes an article.
#[utoipa::path(
    post,
    path = "/api/news",
    operation_id = "createNews",
    tag = "News",
    request_body = NewsBody,
    security(("bearer" = ["admin"])),
    responses(
        (status = 201, description = "Published.", body = OneBody),
        (status = 400, description = "`INVALID_INPUT`: a text is missing, too long, or not printable."),
    )
)]
pub(super) async fn create(
    extract::State(state): extract::State<Arc<State>>,
    Admin(admin): Admin,
    AppJson(body): AppJson<NewsBody>,
) -> ApiResult<(StatusCode, AppJson<OneBody>)> {
    let article = NewNews {
        title: text::title(body.title).map_err(errors::violation)?,
        content: text::content(body.content).map_err(errors::violation)?,
        author: text::author(body.author).map_err(errors::violation)?,
        author_id: admin.id,
        is_pinned: body.is_pinned.unwrap_or(false),
    };
    let now = state.clock.now();
    let mut transaction = state.pool.begin().await?;
    let made = news::insert(&mut *transaction, &article, now).await?;
    let award = Deed::News(made.id).award(admin.id);
    point_awards::note(&mut transaction, &award, state.daily_points, now).await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, AppJson(OneBody { news: made })))
}

/// Changes an article of one's own.
#[utoipa::path(
    put,
    path = "/api/news/{id}",
    operation_id = "updateNews",
    tag = "News",
    params(("id" = NewsId, Path)),
    request_body = NewsBody,
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "Changed.", body = OneBody),
        (status = 400, description = "`INVALID_INPUT`: a text is missing, too long, or not printable."),
        (status = 403, description = "`NOT_THE_AUTHOR`: another administrator's."),
        (status = 404, description = "`NEWS_NOT_FOUND`: there is no such article."),
    )
)]
pub(super) async fn update(
    extract::State(state): extract::State<Arc<State>>,
    Admin(admin): Admin,
    AppPath(id): AppPath<NewsId>,
    AppJson(body): AppJson<NewsBody>,
) -> ApiResult<AppJson<OneBody>> {
    let title = text::title(body.title).map_err(errors::violation)?;
    let content = text::content(body.content).map_err(errors::violation)?;
    let now = state.clock.now();
    let changed = news::update(
        &state.pool,
        id,
        admin.id,
        &title,
        &content,
        body.is_pinned,
        now,
    )
    .await?;
    if let Some(mut changed) = changed {
        changed.views += state.views.pending((Kind::News, id.0));
        return Ok(AppJson(OneBody { news: changed }));
    }
    Err(match news::by_id(&state.pool, id).await? {
        Some(_) => errors::not_the_news_author(),
        None => errors::news_not_found(),
    })
}

/// Deletes an article.
#[utoipa::path(
    delete,
    path = "/api/news/{id}",
    operation_id = "deleteNews",
    tag = "News",
    params(("id" = NewsId, Path)),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "Deleted.", body = DeletedBody),
        (status = 404, description = "`NEWS_NOT_FOUND`: there is no such article."),
    )
)]
pub(super) async fn remove(
    extract::State(state): extract::State<Arc<State>>,
    Admin(_): Admin,
    AppPath(id): AppPath<NewsId>,
) -> ApiResult<AppJson<DeletedBody>> {
    if !news::delete(&state.pool, id).await? {
        return Err(errors::news_not_found());
    }
    Ok(AppJson(DeletedBody {
        message: "News deleted successfully",
    }))
}
