//! `/api/community/posts`

use serde_json::{Value, json};
use urr_contract::{ArtistId, UserId};

use crate::app::{App, text};

const POSTS: &str = "/api/community/posts";

#[tokio::test]
async fn a_post_lives_from_creation_to_deletion() {
    let app = App::start().await;
    let id = UserId::random();
    let author = app.client.as_user(id);
    let made = app.write_post(&author, "제목").await.expect(201);
    let post = &made.body["post"];
    assert_eq!(
        *post,
        json!({
            "id": post["id"], "artist_id": app.ticket.artist, "author_id": id, "author_name": "아나",
            "title": "제목", "content": "내용", "views": 0, "comment_count": 0, "is_pinned": false,
            "created_at": "2026-03-01T03:00:00Z", "updated_at": "2026-03-01T03:00:00Z",
        })
    );
    let path = format!("{POSTS}/{}", text(&post["id"]));
    assert_eq!(
        app.client.get(&path).await.expect(200).body["post"]["views"],
        1
    );
    app.advance(1);
    let changed = author
        .put(&path, json!({"title": "t2", "content": "c2"}))
        .await
        .expect(200);
    assert_eq!(changed.body["post"]["content"], "c2");
    assert_eq!(changed.body["post"]["updated_at"], "2026-03-01T03:00:01Z");
    let answer = author.delete(&path).await.expect(200);
    assert_eq!(answer.body, json!({"message": "Post deleted successfully"}));
    for answer in [
        app.client.get(&path).await,
        author
            .put(&path, json!({"title": "t", "content": "c"}))
            .await,
        author.delete(&path).await,
    ] {
        assert_eq!(answer.expect(404).error(), "Post not found");
    }
}

#[tokio::test]
async fn boards_are_listed_apart_or_together() {
    let app = App::alone().await;
    let author = app.client.as_user(UserId::random());
    let (one, other) = (ArtistId::random(), ArtistId::random());
    for (title, artist) in [("1", one), ("2", other), ("3", one)] {
        let body = json!({"title": title, "content": "c", "artist_id": artist});
        author.post(POSTS, body).await.expect(201);
        app.advance(1);
    }
    let listed = |body: &Value| -> Vec<String> {
        body["posts"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|post| text(&post["title"]).to_owned())
            .collect()
    };
    let all = app.client.get(POSTS).await.expect(200);
    assert_eq!(listed(&all.body), ["3", "2", "1"]);
    assert_eq!(
        all.body["pagination"],
        json!({"page": 1, "limit": 20, "total": 3, "totalPages": 1})
    );
    let board = app
        .client
        .get(&format!("{POSTS}?artistId={one}&limit=1&page=2"))
        .await
        .expect(200);
    assert_eq!(listed(&board.body), ["1"]);
    assert_eq!(
        board.body["pagination"],
        json!({"page": 2, "limit": 1, "total": 2, "totalPages": 2})
    );
    let empty = app
        .client
        .get(&format!("{POSTS}?artistId={}", ArtistId::random()))
        .await
        .expect(200);
    assert_eq!(empty.body["pagination"]["total"], 0);
    app.client
        .get(&format!("{POSTS}?artistId=abc"))
        .await
        .expect(400);
    let clamped = app
        .client
        .get(&format!("{POSTS}?page=0&limit=1000"))
        .await
        .expect(200);
    assert_eq!(
        clamped.body["pagination"],
        json!({"page": 1, "limit": 100, "total": 3, "totalPages": 1})
    );
}

#[tokio::test]
async fn authors_edit_and_authors_or_administrators_delete() {
    let app = App::start().await;
    let path = app.post().await;
    let other = app.client.as_user(UserId::random());
    let body = json!({"title": "t", "content": "c"});
    let answer = other.put(&path, body.clone()).await.expect(403);
    assert_eq!(answer.error(), "Only the author can edit this post");
    let admin = app.client.as_admin(UserId::random());
    admin.put(&path, body.clone()).await.expect(403);
    let answer = other.delete(&path).await.expect(403);
    assert_eq!(answer.error(), "No permission to delete this post");
    app.client.put(&path, body).await.expect(401);
    app.client.delete(&path).await.expect(401);
    admin.delete(&path).await.expect(200);
}

#[tokio::test]
async fn an_unknown_artist_has_no_board() {
    let app = App::start().await;
    let author = app.client.as_user(UserId::random());
    let body = json!({"title": "t", "content": "c", "artist_id": ArtistId::random()});
    let answer = author.post(POSTS, body).await.expect(404);
    assert_eq!(answer.error(), "Artist not found");
}

#[tokio::test]
async fn names_come_from_the_profile_then_the_email_then_nowhere() {
    let app = App::start().await;
    let nobody = UserId(uuid::Uuid::nil());
    let name = async |client| {
        let answer = app.write_post(&client, "t").await.expect(201);
        text(&answer.body["post"]["author_name"]).to_owned()
    };
    let unknown = app.client.as_user(nobody);
    assert_eq!(
        name(unknown.with_header("x-user-email", "ana.kim@example.com")).await,
        "ana.kim"
    );
    assert_eq!(name(unknown.with_header("x-user-email", "")).await, "회원");

    let alone = App::alone().await;
    let author = alone
        .client
        .as_user(UserId::random())
        .with_header("x-user-email", "bob@example.com");
    let answer = alone.write_post(&author, "t").await.expect(201);
    assert_eq!(answer.body["post"]["author_name"], "bob");
}
