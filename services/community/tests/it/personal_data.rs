//! What community holds about one person, and what is left when they leave.

use serde_json::{Value, json};
use urr_contract::UserId;

use crate::app::App;

async fn held(app: &App, user: UserId) -> Value {
    let path = format!("/internal/users/{user}/personal-data");
    let answer = app.client.internal().get(&path).await.expect(200);
    answer.body["personalData"].clone()
}

async fn erase(app: &App, user: UserId) -> Value {
    let path = format!("/internal/users/{user}/erase");
    let answer = app.client.internal().post(&path, json!({})).await;
    answer.expect(200).body
}

#[tokio::test]
async fn whoever_leaves_takes_words_and_name_and_leaves_the_thread() {
    let app = App::start().await;
    let (user, other) = (UserId::random(), UserId::random());
    let author = app.client.as_user(user);
    let made = app.write_post(&author, "제목").await.expect(201);
    let post = format!(
        "/api/community/posts/{}",
        crate::app::text(&made.body["post"]["id"])
    );
    app.comment(&author, &post).await.expect(201);
    app.comment(&app.client.as_user(other), &post)
        .await
        .expect(201);

    let data = held(&app, user).await;
    assert_eq!(data["posts"][0]["title"], "제목");
    assert_eq!(data["comments"].as_array().map(Vec::len), Some(1));
    assert!(!data["pointAwards"].as_array().expect("a list").is_empty());

    assert!(erase(&app, user).await["erased"].as_u64() >= Some(4));
    assert_eq!(erase(&app, user).await, json!({"erased": 0}));
    let data = held(&app, user).await;
    for kind in ["posts", "comments", "news", "pointAwards", "dailyPoints"] {
        assert_eq!(data[kind], json!([]), "{kind}");
    }
    let post = app.client.get(&post).await.expect(200).body["post"].clone();
    assert_eq!(post["author_name"], "탈퇴한 회원");
    assert_eq!(post["content"], "삭제된 글입니다.");
    assert_eq!(post["comment_count"], 2);
    let others = held(&app, other).await;
    assert_eq!(others["comments"][0]["content"], "댓글");
}

#[tokio::test]
async fn news_stay_without_the_name() {
    let app = App::start().await;
    let admin = UserId::random();
    let body = json!({"title": "공지", "content": "내용", "author": "관리자"});
    let client = app.client.as_admin(admin);
    let made = client.post("/api/news", body).await.expect(201);
    let id = crate::app::text(&made.body["news"]["id"]).to_owned();
    assert_eq!(held(&app, admin).await["news"][0]["title"], "공지");
    erase(&app, admin).await;
    let news = app.client.get(&format!("/api/news/{id}")).await.expect(200);
    assert_eq!(news.body["news"]["author"], "탈퇴한 회원");
    assert_eq!(news.body["news"]["content"], "내용");
}

#[tokio::test]
async fn only_services_ask() {
    let app = App::start().await;
    let path = format!("/internal/users/{}", UserId::random());
    for client in [app.client.clone(), app.client.as_admin(UserId::random())] {
        client
            .get(&format!("{path}/personal-data"))
            .await
            .expect(401);
        client
            .get(&format!("{path}/open-matters"))
            .await
            .expect(401);
        let erase = format!("{path}/erase");
        client.post(&erase, json!({})).await.expect(401);
    }
}
