//! `/api/community/posts/{id}/comments`

use futures::future::join_all;
use serde_json::json;
use urr_contract::{PostId, UserId};

use crate::app::{App, text};

async fn comment_count(app: &App, post: &str) -> i64 {
    let answer = app.client.get(post).await.expect(200);
    answer.body["post"]["comment_count"]
        .as_i64()
        .expect("a number")
}

#[tokio::test]
async fn a_comment_counts_until_it_is_deleted() {
    let app = App::start().await;
    let post = app.post().await;
    let id = UserId::random();
    let author = app.client.as_user(id);
    let made = app.comment(&author, &post).await.expect(201);
    let comment = &made.body["comment"];
    assert_eq!(
        *comment,
        json!({
            "id": comment["id"], "post_id": post.rsplit('/').next(), "author_id": id, "author_name": "아나",
            "content": "댓글", "created_at": "2026-03-01T03:00:00Z",
        })
    );
    assert_eq!(comment_count(&app, &post).await, 1);
    let path = format!("{post}/comments/{}", text(&comment["id"]));
    let answer = author.delete(&path).await.expect(200);
    assert_eq!(
        answer.body,
        json!({"message": "Comment deleted successfully"})
    );
    assert_eq!(comment_count(&app, &post).await, 0);
    assert_eq!(
        author.delete(&path).await.expect(404).error(),
        "Comment not found"
    );
    assert_eq!(comment_count(&app, &post).await, 0);
}

#[tokio::test]
async fn they_are_listed_oldest_first_without_total_pages() {
    let app = App::start().await;
    let post = app.post().await;
    let author = app.client.as_user(UserId::random());
    for content in ["1", "2", "3"] {
        author
            .post(&format!("{post}/comments"), json!({"content": content}))
            .await
            .expect(201);
        app.advance(1);
    }
    let answer = app
        .client
        .get(&format!("{post}/comments?limit=2"))
        .await
        .expect(200);
    let listed: Vec<_> = answer.body["comments"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|comment| text(&comment["content"]))
        .collect();
    assert_eq!(listed, ["1", "2"]);
    assert_eq!(
        answer.body["pagination"],
        json!({"page": 1, "limit": 2, "total": 3})
    );
    let clamped = app
        .client
        .get(&format!("{post}/comments?page=-1&limit=1000"))
        .await
        .expect(200);
    assert_eq!(
        clamped.body["pagination"],
        json!({"page": 1, "limit": 100, "total": 3})
    );
}

#[tokio::test]
async fn an_unknown_post_has_none_and_takes_none() {
    let app = App::start().await;
    let unknown = format!("/api/community/posts/{}", PostId::random());
    let answer = app
        .client
        .get(&format!("{unknown}/comments"))
        .await
        .expect(200);
    assert_eq!(answer.body["comments"], json!([]));
    let author = app.client.as_user(UserId::random());
    assert_eq!(
        app.comment(&author, &unknown).await.expect(404).error(),
        "Post not found"
    );
}

#[tokio::test]
async fn a_comment_is_deleted_under_its_own_post_by_those_who_may() {
    let app = App::start().await;
    let (post, other_post) = (app.post().await, app.post().await);
    let author = app.client.as_user(UserId::random());
    let made = app.comment(&author, &post).await.expect(201);
    let id = text(&made.body["comment"]["id"]);
    let answer = author
        .delete(&format!("{other_post}/comments/{id}"))
        .await
        .expect(404);
    assert_eq!(answer.error(), "Comment not found");
    let path = format!("{post}/comments/{id}");
    let stranger = app.client.as_user(UserId::random());
    let answer = stranger.delete(&path).await.expect(403);
    assert_eq!(answer.error(), "No permission to delete this comment");
    app.client.delete(&path).await.expect(401);
    assert_eq!(comment_count(&app, &post).await, 1);
    app.client
        .as_admin(UserId::random())
        .delete(&path)
        .await
        .expect(200);
    assert_eq!(comment_count(&app, &post).await, 0);
}

#[tokio::test]
async fn parallel_comments_and_deletions_add_up() {
    let app = App::start().await;
    let post = app.post().await;
    let author = app.client.as_user(UserId::random());
    let made = join_all((0..20).map(|_| app.comment(&author, &post))).await;
    let paths: Vec<_> = made
        .into_iter()
        .map(|answer| {
            format!(
                "{post}/comments/{}",
                text(&answer.expect(201).body["comment"]["id"])
            )
        })
        .collect();
    assert_eq!(comment_count(&app, &post).await, 20);
    // Each of five is deleted by two at once: one of them finds it gone.
    let twice = paths
        .iter()
        .take(5)
        .flat_map(|path| [author.delete(path), author.delete(path)]);
    let answers = join_all(twice).await;
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 200).count(),
        5
    );
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 404).count(),
        5
    );
    assert_eq!(comment_count(&app, &post).await, 15);
}

#[tokio::test]
async fn a_deleted_post_takes_its_comments_along() {
    let app = App::start().await;
    let post = app.post().await;
    app.comment(&app.client.as_user(UserId::random()), &post)
        .await
        .expect(201);
    app.client
        .as_admin(UserId::random())
        .delete(&post)
        .await
        .expect(200);
    let answer = app
        .client
        .get(&format!("{post}/comments"))
        .await
        .expect(200);
    assert_eq!(answer.body["pagination"]["total"], 0);
}
