//! Table `community_comments`.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use serde::Serialize;
use sqlx::PgExecutor;
use urr_contract::{CommentId, PostId, UserId};
use urr_kit::page::Page;
use utoipa::ToSchema;

/// A comment as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Comment {
    /// Its id.
    pub id: CommentId,
    /// On which post.
    pub post_id: PostId,
    /// Who wrote it.
    pub author_id: UserId,
    /// Their name when they wrote it.
    pub author_name: String,
    /// Its text.
    pub content: String,
    /// When it was written.
    pub created_at: Timestamp,
}

struct Row {
    id: CommentId,
    post_id: PostId,
    author_id: UserId,
    author_name: String,
    content: String,
    created_at: jiff_sqlx::Timestamp,
}

impl From<Row> for Comment {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            post_id: row.post_id,
            author_id: row.author_id,
            author_name: row.author_name,
            content: row.content,
            created_at: row.created_at.to_jiff(),
        }
    }
}

/// One page of a post's comments, oldest first.
pub async fn page(
    executor: impl PgExecutor<'_>,
    post: PostId,
    page: Page,
) -> sqlx::Result<Vec<Comment>> {
    sqlx::query_as!(
        Row,
        r#"select id as "id!: CommentId", post_id as "post_id!: PostId",
                  author_id as "author_id!: UserId", author_name, content, created_at
           from community_comments where post_id = $1
           order by created_at, id limit $2 offset $3"#,
        post as PostId,
        page.limit(),
        page.offset()
    )
    .fetch_all(executor)
    .await
    .map(|rows| rows.into_iter().map(Comment::from).collect())
}

/// How many comments a post has.
pub async fn count(executor: impl PgExecutor<'_>, post: PostId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from community_comments where post_id = $1"#,
        post as PostId
    )
    .fetch_one(executor)
    .await
}

/// Publishes a comment on a post that exists and is locked.
pub async fn insert(
    executor: impl PgExecutor<'_>,
    post: PostId,
    author: UserId,
    author_name: &str,
    content: &str,
    now: Timestamp,
) -> sqlx::Result<Comment> {
    sqlx::query_as!(
        Row,
        r#"insert into community_comments (post_id, author_id, author_name, content, created_at)
           values ($1, $2, $3, $4, $5)
           returning id as "id!: CommentId", post_id as "post_id!: PostId",
                     author_id as "author_id!: UserId", author_name, content, created_at"#,
        post as PostId,
        author as UserId,
        author_name,
        content,
        now.to_sqlx() as _
    )
    .fetch_one(executor)
    .await
    .map(Comment::from)
}

/// Who wrote a comment of that post.
pub async fn author(
    executor: impl PgExecutor<'_>,
    post: PostId,
    id: CommentId,
) -> sqlx::Result<Option<UserId>> {
    sqlx::query_scalar!(
        r#"select author_id as "author_id!: UserId" from community_comments
           where id = $1 and post_id = $2"#,
        id as CommentId,
        post as PostId
    )
    .fetch_optional(executor)
    .await
}

/// Deletes a comment of that post; returns whether there was one.
pub async fn delete(
    executor: impl PgExecutor<'_>,
    post: PostId,
    id: CommentId,
) -> sqlx::Result<bool> {
    let deleted = sqlx::query!(
        "delete from community_comments where id = $1 and post_id = $2",
        id as CommentId,
        post as PostId
    )
    .execute(executor)
    .await?;
    Ok(deleted.rows_affected() == 1)
}
