//! Table `community_posts`.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use serde::Serialize;
use sqlx::PgExecutor;
use urr_contract::{ArtistId, PostId, UserId};
use urr_kit::page::Page;
use utoipa::ToSchema;

/// A post as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Post {
    /// Its id.
    pub id: PostId,
    /// On whose board it is.
    pub artist_id: ArtistId,
    /// Who wrote it.
    pub author_id: UserId,
    /// Their name when they wrote it.
    pub author_name: String,
    /// Its title.
    pub title: String,
    /// Its text.
    pub content: String,
    /// How often it was viewed.
    pub views: i32,
    /// Comments on it.
    pub comment_count: i32,
    /// Whether it stays on top.
    pub is_pinned: bool,
    /// When it was written.
    pub created_at: Timestamp,
    /// When its text was last changed.
    pub updated_at: Timestamp,
}

struct Row {
    id: PostId,
    artist_id: ArtistId,
    author_id: UserId,
    author_name: String,
    title: String,
    content: String,
    views: i32,
    comment_count: i32,
    is_pinned: bool,
    created_at: jiff_sqlx::Timestamp,
    updated_at: jiff_sqlx::Timestamp,
}

impl From<Row> for Post {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            artist_id: row.artist_id,
            author_id: row.author_id,
            author_name: row.author_name,
            title: row.title,
            content: row.content,
            views: row.views,
            comment_count: row.comment_count,
            is_pinned: row.is_pinned,
            created_at: row.created_at.to_jiff(),
            updated_at: row.updated_at.to_jiff(),
        }
    }
}

/// A post to be published.
#[derive(Clone, Debug)]
pub struct NewPost {
    /// On whose board.
    pub artist_id: ArtistId,
    /// Who wrote it.
    pub author_id: UserId,
    /// Their name.
    pub author_name: String,
    /// Its title.
    pub title: String,
    /// Its text.
    pub content: String,
}

/// One page of all boards, pinned first, then newest.
pub async fn page(executor: impl PgExecutor<'_>, page: Page) -> sqlx::Result<Vec<Post>> {
    sqlx::query_as!(
        Row,
        r#"select id as "id!: PostId", artist_id as "artist_id!: ArtistId",
                  author_id as "author_id!: UserId", author_name, title, content, views,
                  comment_count, is_pinned, created_at, updated_at
           from community_posts
           order by is_pinned desc, created_at desc, id limit $1 offset $2"#,
        page.limit(),
        page.offset()
    )
    .fetch_all(executor)
    .await
    .map(|rows| rows.into_iter().map(Post::from).collect())
}

/// One page of an artist's board, in the same order.
pub async fn page_of_artist(
    executor: impl PgExecutor<'_>,
    artist: ArtistId,
    page: Page,
) -> sqlx::Result<Vec<Post>> {
    sqlx::query_as!(
        Row,
        r#"select id as "id!: PostId", artist_id as "artist_id!: ArtistId",
                  author_id as "author_id!: UserId", author_name, title, content, views,
                  comment_count, is_pinned, created_at, updated_at
           from community_posts where artist_id = $1
           order by is_pinned desc, created_at desc, id limit $2 offset $3"#,
        artist as ArtistId,
        page.limit(),
        page.offset()
    )
    .fetch_all(executor)
    .await
    .map(|rows| rows.into_iter().map(Post::from).collect())
}

/// How many posts there are, on one board or on all.
pub async fn count(executor: impl PgExecutor<'_>, artist: Option<ArtistId>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from community_posts
           where $1::uuid is null or artist_id = $1"#,
        artist as Option<ArtistId>
    )
    .fetch_one(executor)
    .await
}

/// A post.
pub async fn by_id(executor: impl PgExecutor<'_>, id: PostId) -> sqlx::Result<Option<Post>> {
    sqlx::query_as!(
        Row,
        r#"select id as "id!: PostId", artist_id as "artist_id!: ArtistId",
                  author_id as "author_id!: UserId", author_name, title, content, views,
                  comment_count, is_pinned, created_at, updated_at
           from community_posts where id = $1"#,
        id as PostId
    )
    .fetch_optional(executor)
    .await
    .map(|row| row.map(Post::from))
}

/// Publishes a post.
pub async fn insert(
    executor: impl PgExecutor<'_>,
    post: &NewPost,
    now: Timestamp,
) -> sqlx::Result<Post> {
    sqlx::query_as!(
        Row,
        r#"insert into community_posts
               (artist_id, author_id, author_name, title, content, created_at, updated_at)
           values ($1, $2, $3, $4, $5, $6, $6)
           returning id as "id!: PostId", artist_id as "artist_id!: ArtistId",
                     author_id as "author_id!: UserId", author_name, title, content, views,
                     comment_count, is_pinned, created_at, updated_at"#,
        post.artist_id as ArtistId,
        post.author_id as UserId,
        post.author_name,
        post.title,
        post.content,
        now.to_sqlx() as _
    )
    .fetch_one(executor)
    .await
    .map(Post::from)
}

/// Changes a post of `author`; `None` where they have no such post.
pub async fn update(
    executor: impl PgExecutor<'_>,
    id: PostId,
    author: UserId,
    title: &str,
    content: &str,
    now: Timestamp,
) -> sqlx::Result<Option<Post>> {
    sqlx::query_as!(
        Row,
        r#"update community_posts set title = $3, content = $4, updated_at = $5
           where id = $1 and author_id = $2
           returning id as "id!: PostId", artist_id as "artist_id!: ArtistId",
                     author_id as "author_id!: UserId", author_name, title, content, views,
                     comment_count, is_pinned, created_at, updated_at"#,
        id as PostId,
        author as UserId,
        title,
        content,
        now.to_sqlx() as _
    )
    .fetch_optional(executor)
    .await
    .map(|row| row.map(Post::from))
}

/// Deletes a post with its comments; returns whether there was one.
pub async fn delete(executor: impl PgExecutor<'_>, id: PostId) -> sqlx::Result<bool> {
    let deleted = sqlx::query!("delete from community_posts where id = $1", id as PostId)
        .execute(executor)
        .await?;
    Ok(deleted.rows_affected() == 1)
}

/// Changes the number of comments under the post's lock; returns its artist, `None` where
/// there is no such post. Whoever writes comments takes this lock first.
pub async fn change_comment_count(
    executor: impl PgExecutor<'_>,
    id: PostId,
    change: i32,
) -> sqlx::Result<Option<ArtistId>> {
    sqlx::query_scalar!(
        r#"update community_posts set comment_count = greatest(comment_count + $2, 0)
           where id = $1
           returning artist_id as "artist_id!: ArtistId""#,
        id as PostId,
        change
    )
    .fetch_optional(executor)
    .await
}
