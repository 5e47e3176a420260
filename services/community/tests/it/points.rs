//! Points: earned in the transaction of the deed, handed over once, capped per day.

use futures::future::join_all;
use http::StatusCode;
use jiff::SignedDuration;
use serde_json::json;
use urr_community::{domain::points::Outcome, store::point_awards};
use urr_contract::UserId;

use crate::app::{App, text};

/// Awards that are neither delivered nor given up, and those given up.
async fn open_and_given_up(app: &App) -> (i64, i64) {
    let row = sqlx::query!(
        r#"select count(*) filter (where delivered_at is null and given_up_at is null) as "open!",
                  count(*) filter (where given_up_at is not null) as "given_up!"
           from point_awards"#
    )
    .fetch_one(&app.pool)
    .await
    .expect("counted");
    (row.open, row.given_up)
}

#[tokio::test]
async fn posts_comments_and_news_earn_what_the_contract_says() {
    let app = App::start().await;
    let id = UserId::random();
    let user = app.client.as_user(id);
    let post = app.write_post(&user, "t").await.expect(201);
    let post = text(&post.body["post"]["id"]);
    let comment = app
        .comment(&user, &format!("/api/community/posts/{post}"))
        .await
        .expect(201);
    let body = json!({"title": "t", "content": "c", "author": "a"});
    let news = app
        .client
        .as_admin(id)
        .post("/api/news", body)
        .await
        .expect(201);
    assert_eq!(
        app.ticket.awards.lock().len(),
        0,
        "nothing is awarded in the request"
    );
    for _ in 0..2 {
        app.deliver().await;
    }
    let artist = app.ticket.artist;
    let award = |action: &str, points: i32, description: &str, reference: &serde_json::Value| {
        json!({
            "userId": id, "actionType": action, "points": points, "description": description,
            "referenceId": reference, "artistId": artist,
        })
    };
    let mut for_news = award("NEWS_CREATION", 30, "뉴스 작성", &news.body["news"]["id"]);
    for_news["artistId"] = serde_json::Value::Null;
    let mut awards = app.ticket.awards.lock().clone();
    awards.sort_by_key(|award| award["actionType"].to_string());
    assert_eq!(
        awards,
        [
            award(
                "COMMUNITY_COMMENT",
                10,
                "커뮤니티 댓글 작성",
                &comment.body["comment"]["id"]
            ),
            award("COMMUNITY_POST", 30, "커뮤니티 글 작성", &json!(post)),
            for_news,
        ]
    );
    assert_eq!(open_and_given_up(&app).await, (0, 0));
}

#[tokio::test]
async fn parallel_deliveries_hand_each_award_over_once() {
    let app = App::with(&["--community-daily-points", "100000"]).await;
    let user = app.client.as_user(UserId::random());
    join_all((0..30).map(|_| app.write_post(&user, "t"))).await;
    join_all((0..4).map(|_| app.deliver())).await;
    assert_eq!(app.ticket.awards.lock().len(), 30);
    assert_eq!(open_and_given_up(&app).await, (0, 0));
}

#[tokio::test]
async fn while_ticket_fails_awards_wait_with_growing_pauses() {
    let app = App::start().await;
    app.post().await;
    for answer in [
        (StatusCode::SERVICE_UNAVAILABLE, json!({"error": "not now"})),
        (StatusCode::OK, json!({"ok": false, "error": "not now"})),
        (
            StatusCode::FORBIDDEN,
            json!({"error": "Invalid internal token"}),
        ),
    ] {
        *app.ticket.answer.lock() = answer;
        app.deliver().await;
        assert_eq!(open_and_given_up(&app).await, (1, 0));
        app.advance(10);
    }
    let row = sqlx::query!("select attempts, error from point_awards")
        .fetch_one(&app.pool)
        .await
        .expect("one award");
    assert_eq!(row.attempts, 3);
    assert!(
        row.error
            .is_some_and(|error| error.contains("Invalid internal token"))
    );
    *app.ticket.answer.lock() = (StatusCode::OK, json!({"ok": true}));
    app.deliver().await;
    app.deliver().await;
    assert_eq!(app.ticket.awards.lock().len(), 1);
    assert_eq!(open_and_given_up(&app).await, (0, 0));
}

#[tokio::test]
async fn a_pause_is_kept_before_the_next_delivery() {
    let app = App::start().await;
    app.post().await;
    *app.ticket.answer.lock() = (StatusCode::OK, json!({"ok": false}));
    app.deliver().await;
    *app.ticket.answer.lock() = (StatusCode::OK, json!({"ok": true}));
    app.deliver().await;
    assert_eq!(open_and_given_up(&app).await, (1, 0));
    app.advance(1);
    app.deliver().await;
    assert_eq!(open_and_given_up(&app).await, (0, 0));
}

#[tokio::test]
async fn a_delivery_that_was_taken_over_changes_nothing_unless_it_arrived() {
    let app = App::start().await;
    app.post().await;
    let lease = SignedDuration::from_secs(1);
    let first = app.runtime.clock.now();
    let mut taken = Vec::new();
    for now in [first, first + lease] {
        let leased = point_awards::lease(&app.pool, now, lease, 1).await.unwrap();
        taken.extend(leased);
    }
    let [slow, quick] = &taken[..] else {
        panic!("taken twice: {taken:?}");
    };
    let settle =
        async |leased, outcome| point_awards::settle(&app.pool, leased, &outcome, first).await;
    let refused = || Outcome::GiveUp("no".to_owned());
    settle(slow, refused()).await.unwrap();
    assert_eq!(open_and_given_up(&app).await, (1, 0));
    settle(quick, refused()).await.unwrap();
    assert_eq!(open_and_given_up(&app).await, (0, 1));
    settle(slow, Outcome::Delivered).await.unwrap();
    assert_eq!(open_and_given_up(&app).await, (0, 0));
    settle(quick, refused()).await.unwrap();
    assert_eq!(open_and_given_up(&app).await, (0, 0), "it has arrived");
}

#[tokio::test]
async fn what_ticket_refuses_is_given_up_with_the_reason() {
    let app = App::start().await;
    app.post().await;
    *app.ticket.answer.lock() = (StatusCode::NOT_FOUND, json!({"error": "Not found"}));
    app.deliver().await;
    assert_eq!(open_and_given_up(&app).await, (0, 1));
    let error = sqlx::query_scalar!("select error from point_awards")
        .fetch_one(&app.pool)
        .await
        .expect("one award");
    assert_eq!(error.as_deref(), Some("call to ticket failed: Not found"));
    *app.ticket.answer.lock() = (StatusCode::OK, json!({"ok": true}));
    app.advance(86_400);
    app.deliver().await;
    assert_eq!(app.ticket.awards.lock().len(), 0);
}

#[tokio::test]
async fn writing_works_without_ticket_and_auth() {
    let app = App::alone().await;
    let post = app.post().await;
    app.comment(&app.client.as_user(UserId::random()), &post)
        .await
        .expect(201);
    app.deliver().await;
    assert_eq!(open_and_given_up(&app).await, (2, 0));
}

#[tokio::test]
async fn points_are_capped_per_person_and_day() {
    let app = App::with(&["--community-daily-points", "70"]).await;
    let user = app.client.as_user(UserId::random());
    let answers = join_all((0..6).map(|_| app.write_post(&user, "t"))).await;
    for answer in &answers {
        assert_eq!(answer.status, 201, "writing goes on without points");
    }
    assert_eq!(open_and_given_up(&app).await.0, 2);
    let post = format!(
        "/api/community/posts/{}",
        text(&answers[0].body["post"]["id"])
    );
    app.comment(&user, &post).await.expect(201);
    assert_eq!(open_and_given_up(&app).await.0, 3, "10 more fit under 70");
    app.comment(&user, &post).await.expect(201);
    assert_eq!(open_and_given_up(&app).await.0, 3);
    // Deleting gives nothing back.
    user.delete(&post).await.expect(200);
    app.write_post(&user, "t").await.expect(201);
    assert_eq!(open_and_given_up(&app).await.0, 3);
    let other = app.client.as_user(UserId::random());
    app.write_post(&other, "t").await.expect(201);
    assert_eq!(open_and_given_up(&app).await.0, 4);
    // It is noon in Seoul: the next day begins in twelve hours.
    app.advance(12 * 3600 - 1);
    app.write_post(&user, "t").await.expect(201);
    assert_eq!(open_and_given_up(&app).await.0, 4);
    app.advance(1);
    app.write_post(&user, "t").await.expect(201);
    assert_eq!(open_and_given_up(&app).await.0, 5);
}

#[tokio::test]
async fn a_limit_of_zero_earns_nothing() {
    let app = App::with(&["--community-daily-points", "0"]).await;
    app.post().await;
    assert_eq!(open_and_given_up(&app).await, (0, 0));
}

#[tokio::test]
async fn what_is_done_is_purged_after_a_month() {
    let app = App::start().await;
    app.post().await;
    app.deliver().await;
    let purge = async || {
        urr_community::jobs::purge::run(&app.state)
            .await
            .expect("purged");
        sqlx::query!(
            r#"select (select count(*) from point_awards) as "awards!",
                      (select count(*) from daily_points) as "days!""#
        )
        .fetch_one(&app.pool)
        .await
        .map(|row| (row.awards, row.days))
        .expect("counted")
    };
    assert_eq!(purge().await, (1, 1));
    app.advance(2 * 86_400);
    assert_eq!(purge().await, (1, 0));
    app.advance(29 * 86_400);
    assert_eq!(purge().await, (0, 0));
}
