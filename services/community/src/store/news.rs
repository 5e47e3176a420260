//! Table `news`.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use serde::Serialize;
use sqlx::PgExecutor;
use urr_contract::{NewsId, UserId};
use urr_kit::page::Page;
use utoipa::ToSchema;

/// A news article as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct News {
    /// Its id.
    pub id: NewsId,
    /// Its title.
    pub title: String,
    /// Its text.
    pub content: String,
    /// Name under which it is published.
    pub author: String,
    /// Who wrote it.
    pub author_id: Option<UserId>,
    /// How often it was viewed.
    pub views: i32,
    /// Whether it stays on top.
    pub is_pinned: bool,
    /// When it was written.
    pub created_at: Timestamp,
    /// When its text was last changed.
    pub updated_at: Timestamp,
}

struct Row {
    id: NewsId,
    title: String,
    content: String,
    author: String,
    author_id: Option<UserId>,
    views: i32,
    is_pinned: bool,
    created_at: jiff_sqlx::Timestamp,
    updated_at: jiff_sqlx::Timestamp,
}

impl From<Row> for News {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            title: row.title,
            content: row.content,
            author: row.author,
            author_id: row.author_id,
            views: row.views,
            is_pinned: row.is_pinned,
            created_at: row.created_at.to_jiff(),
            updated_at: row.updated_at.to_jiff(),
        }
    }
}

/// An article to be published.
#[derive(Clone, Debug)]
pub struct NewNews {
    /// Its title.
    pub title: String,
    /// Its text.
    pub content: String,
    /// Name under which it is published.
    pub author: String,
    /// Who wrote it.
    pub author_id: UserId,
    /// Whether it stays on top.
    pub is_pinned: bool,
}

/// One page, pinned first, then newest.
pub async fn page(executor: impl PgExecutor<'_>, page: Page) -> sqlx::Result<Vec<News>> {
    sqlx::query_as!(
        Row,
        r#"select id as "id!: NewsId", title, content, author, author_id as "author_id: UserId",
                  views, is_pinned, created_at, updated_at
           from news order by is_pinned desc, created_at desc, id limit $1 offset $2"#,
        page.limit(),
        page.offset()
    )
    .fetch_all(executor)
    .await
    .map(|rows| rows.into_iter().map(News::from).collect())
}

/// How many articles there are.
pub async fn count(executor: impl PgExecutor<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"select count(*) as "count!" from news"#)
        .fetch_one(executor)
        .await
}

/// An article.
pub async fn by_id(executor: impl PgExecutor<'_>, id: NewsId) -> sqlx::Result<Option<News>> {
    sqlx::query_as!(
        Row,
        r#"select id as "id!: NewsId", title, content, author, author_id as "author_id: UserId",
                  views, is_pinned, created_at, updated_at
           from news where id = $1"#,
        id as NewsId
    )
    .fetch_optional(executor)
    .await
    .map(|row| row.map(News::from))
}

/// Publishes an article.
pub async fn insert(
    executor: impl PgExecutor<'_>,
    news: &NewNews,
    now: Timestamp,
) -> sqlx::Result<News> {
    sqlx::query_as!(
        Row,
        r#"insert into news (title, content, author, author_id, is_pinned, created_at, updated_at)
           values ($1, $2, $3, $4, $5, $6, $6)
           returning id as "id!: NewsId", title, content, author, author_id as "author_id: UserId",
                     views, is_pinned, created_at, updated_at"#,
        news.title,
        news.content,
        news.author,
        news.author_id as UserId,
        news.is_pinned,
        now.to_sqlx() as _
    )
    .fetch_one(executor)
    .await
    .map(News::from)
}

/// Changes an article of `author`; `None` where they have no such article. An absent
/// `is_pinned` stays as it is.
pub async fn update(
    executor: impl PgExecutor<'_>,
    id: NewsId,
    author: UserId,
    title: &str,
    content: &str,
    is_pinned: Option<bool>,
    now: Timestamp,
) -> sqlx::Result<Option<News>> {
    sqlx::query_as!(
        Row,
        r#"update news set title = $3, content = $4, is_pinned = coalesce($5, is_pinned),
                           updated_at = $6
           where id = $1 and author_id = $2
           returning id as "id!: NewsId", title, content, author, author_id as "author_id: UserId",
                     views, is_pinned, created_at, updated_at"#,
        id as NewsId,
        author as UserId,
        title,
        content,
        is_pinned,
        now.to_sqlx() as _
    )
    .fetch_optional(executor)
    .await
    .map(|row| row.map(News::from))
}

/// Deletes an article; returns whether there was one.
pub async fn delete(executor: impl PgExecutor<'_>, id: NewsId) -> sqlx::Result<bool> {
    let deleted = sqlx::query!("delete from news where id = $1", id as NewsId)
        .execute(executor)
        .await?;
    Ok(deleted.rows_affected() == 1)
}
