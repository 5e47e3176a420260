//! News: read by everybody, written by administrators.

use std::sync::Arc;

use axum::extract;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use urr_contract::NewsId;
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    identity::Admin,
    page::{Page, PageQuery},
};

use super::errors;
use crate::{
    State,
    domain::{
        points::{Deed, day_of},
        text,
        views::Kind,
    },
    store::{
        news::{self, NewNews},
        point_awards,
    },
};

/// Body of a new or changed article. `author_id` of old clients is passed over: the caller
/// is the author.
#[derive(Deserialize)]
pub(super) struct NewsBody {
    title: Option<String>,
    content: Option<String>,
    author: Option<String>,
    is_pinned: Option<bool>,
}

/// `GET /api/news`
pub(super) async fn list(
    extract::State(state): extract::State<Arc<State>>,
    AppQuery(query): AppQuery<PageQuery>,
) -> ApiResult<AppJson<Value>> {
    let page = Page::new(query, 20, 100);
    let total = news::count(&state.pool).await?;
    let mut rows = news::page(&state.pool, page).await?;
    for row in &mut rows {
        row.views += state.views.pending(Kind::News, row.id.0);
    }
    Ok(AppJson(json!({"news": rows, "pagination": page.of(total)})))
}

/// `GET /api/news/{id}`
pub(super) async fn show(
    extract::State(state): extract::State<Arc<State>>,
    AppPath(id): AppPath<NewsId>,
) -> ApiResult<AppJson<Value>> {
    let mut found = news::by_id(&state.pool, id)
        .await?
        .ok_or_else(errors::news_not_found)?;
    found.views += state.views.count(Kind::News, id.0);
    Ok(AppJson(json!({"news": found})))
}

/// `POST /api/news`
pub(super) async fn create(
    extract::State(state): extract::State<Arc<State>>,
    Admin(admin): Admin,
    AppJson(body): AppJson<NewsBody>,
) -> ApiResult<(StatusCode, AppJson<Value>)> {
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
    point_awards::note(
        &mut transaction,
        &award,
        day_of(now),
        state.daily_points,
        now,
    )
    .await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, AppJson(json!({"news": made}))))
}

/// `PUT /api/news/{id}`: administrators, each their own articles.
pub(super) async fn update(
    extract::State(state): extract::State<Arc<State>>,
    Admin(admin): Admin,
    AppPath(id): AppPath<NewsId>,
    AppJson(body): AppJson<NewsBody>,
) -> ApiResult<AppJson<Value>> {
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
        changed.views += state.views.pending(Kind::News, id.0);
        return Ok(AppJson(json!({"news": changed})));
    }
    Err(match news::by_id(&state.pool, id).await? {
        Some(_) => errors::not_the_news_author(),
        None => errors::news_not_found(),
    })
}

/// `DELETE /api/news/{id}`
pub(super) async fn remove(
    extract::State(state): extract::State<Arc<State>>,
    Admin(_): Admin,
    AppPath(id): AppPath<NewsId>,
) -> ApiResult<AppJson<Value>> {
    if !news::delete(&state.pool, id).await? {
        return Err(errors::news_not_found());
    }
    Ok(AppJson(json!({"message": "News deleted successfully"})))
}
