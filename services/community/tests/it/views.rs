//! Views: counted while reading, written down later.

use urr_contract::{NewsId, PostId};

use crate::app::App;

#[tokio::test]
async fn views_are_written_once_and_change_nothing_else() {
    let app = App::start().await;
    let post = app.post().await;
    for _ in 0..3 {
        app.client.get(&post).await.expect(200);
    }
    app.advance(60);
    let stored = async || {
        sqlx::query_scalar!("select views from community_posts")
            .fetch_one(&app.pool)
            .await
            .expect("one post")
    };
    assert_eq!(stored().await, 0);
    for _ in 0..2 {
        urr_community::jobs::flush_views::run(&app.state)
            .await
            .expect("written");
        assert_eq!(stored().await, 3);
    }
    let shown = app.client.get(&post).await.expect(200);
    assert_eq!(shown.body["post"]["views"], 4);
    assert_eq!(shown.body["post"]["updated_at"], "2026-03-01T03:00:00Z");
    let listed = app.client.get("/api/community/posts").await.expect(200);
    assert_eq!(listed.body["posts"][0]["views"], 4);
}

#[tokio::test]
async fn what_does_not_exist_is_not_counted() {
    let app = App::start().await;
    let news = format!("/api/news/{}", NewsId::random());
    assert_eq!(
        app.client.get(&news).await.expect(404).error(),
        "News not found"
    );
    let post = format!("/api/community/posts/{}", PostId::random());
    assert_eq!(
        app.client.get(&post).await.expect(404).error(),
        "Post not found"
    );
    urr_community::jobs::flush_views::run(&app.state)
        .await
        .expect("nothing to write");
}

#[tokio::test]
async fn views_of_what_was_deleted_are_passed_over() {
    let app = App::start().await;
    let (kept, deleted) = (app.post().await, app.post().await);
    app.client.get(&kept).await.expect(200);
    app.client.get(&deleted).await.expect(200);
    let admin = app.client.as_admin(urr_contract::UserId::random());
    admin.delete(&deleted).await.expect(200);
    urr_community::jobs::flush_views::run(&app.state)
        .await
        .expect("written");
    let views = sqlx::query_scalar!("select views from community_posts")
        .fetch_all(&app.pool)
        .await
        .expect("read");
    assert_eq!(views, [1]);
}
