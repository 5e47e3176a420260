//! What community holds about one person.

use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};
use urr_contract::UserId;
use uuid::Uuid;

/// Author of what somebody wrote who has left: nobody.
const NOBODY: Uuid = Uuid::nil();
/// Name under which it stays.
const NAMELESS: &str = "탈퇴한 회원";
/// What is left of its words.
const ERASED: &str = "삭제된 글입니다.";

/// All that is held about a person, by kind, oldest first.
pub async fn all(executor: impl PgExecutor<'_>, user: UserId) -> sqlx::Result<Value> {
    sqlx::query_scalar!(
        r#"select jsonb_build_object(
               'posts', (
                   select coalesce(jsonb_agg(jsonb_build_object(
                       'id', p.id, 'artistId', p.artist_id, 'authorName', p.author_name, 'title', p.title,
                       'content', p.content, 'createdAt', p.created_at, 'updatedAt', p.updated_at
                   ) order by p.created_at, p.id), '[]')
                   from community_posts p where p.author_id = $1),
               'comments', (
                   select coalesce(jsonb_agg(jsonb_build_object(
                       'id', c.id, 'postId', c.post_id, 'authorName', c.author_name, 'content', c.content,
                       'createdAt', c.created_at) order by c.created_at, c.id), '[]')
                   from community_comments c where c.author_id = $1),
               'news', (
                   select coalesce(jsonb_agg(jsonb_build_object(
                       'id', n.id, 'author', n.author, 'title', n.title, 'createdAt', n.created_at
                   ) order by n.created_at, n.id), '[]')
                   from news n where n.author_id = $1),
               'pointAwards', (
                   select coalesce(jsonb_agg(jsonb_build_object(
                       'action', a.action_type, 'points', a.points, 'description', a.description,
                       'createdAt', a.created_at, 'deliveredAt', a.delivered_at) order by a.id), '[]')
                   from point_awards a where a.user_id = $1),
               'dailyPoints', (
                   select coalesce(jsonb_agg(jsonb_build_object('day', d.day, 'points', d.points) order by d.day), '[]')
                   from daily_points d where d.user_id = $1)
           ) as "data!""#,
        user as UserId
    )
    .fetch_one(executor)
    .await
}

/// Takes a person's words and name out of what others read, and deletes the rest. Threads
/// stay, so that what others answered stays readable. News are the house's and lose only
/// the name. Returns how many rows that were.
pub async fn erase(connection: &mut PgConnection, user: UserId) -> sqlx::Result<u64> {
    Ok(empty_writings(connection, user).await? + delete_points(connection, user).await?)
}

async fn empty_writings(connection: &mut PgConnection, user: UserId) -> sqlx::Result<u64> {
    let posts = sqlx::query!(
        "update community_posts set author_id = $2, author_name = $3, title = $4::text, content = $4::text
         where author_id = $1",
        user as UserId,
        NOBODY,
        NAMELESS,
        ERASED,
    )
    .execute(&mut *connection)
    .await?;
    let comments = sqlx::query!(
        "update community_comments set author_id = $2, author_name = $3, content = $4
         where author_id = $1",
        user as UserId,
        NOBODY,
        NAMELESS,
        ERASED,
    )
    .execute(&mut *connection)
    .await?;
    let news = sqlx::query!(
        "update news set author_id = null, author = $2 where author_id = $1",
        user as UserId,
        NAMELESS,
    )
    .execute(connection)
    .await?;
    Ok(posts.rows_affected() + comments.rows_affected() + news.rows_affected())
}

async fn delete_points(connection: &mut PgConnection, user: UserId) -> sqlx::Result<u64> {
    let awards = sqlx::query!(
        "delete from point_awards where user_id = $1",
        user as UserId
    )
    .execute(&mut *connection)
    .await?;
    let days = sqlx::query!(
        "delete from daily_points where user_id = $1",
        user as UserId
    )
    .execute(connection)
    .await?;
    Ok(awards.rows_affected() + days.rows_affected())
}
