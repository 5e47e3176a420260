//! `POST /api/auth/refresh`: rotation, reuse, races.

use futures::future::join_all;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use urr_testkit::wait_for;
use uuid::Uuid;

use crate::{
    app::{App, Session, cookies},
    me::{claims, signed},
};

const REUSED: &str = "Token reuse detected. All sessions revoked for security.";
const INVALID: &str = "Invalid or expired refresh token";

#[tokio::test]
async fn a_refresh_gives_a_new_pair() {
    let app = App::start().await;
    let session = app.session().await;
    app.advance(1800);
    app.me(&session.access).await.expect(401);
    let answer = app.refresh(&session.refresh).await.expect(200);
    assert_eq!(answer.body["message"], "Token refreshed");
    assert_eq!(answer.body["user"], session.user);
    assert_eq!(cookies(&answer).len(), 2);
    let next = Session::of(&answer);
    assert_ne!(next.refresh, session.refresh);
    app.me(&next.access).await.expect(200);
    app.advance(60);
    app.refresh(&next.refresh).await.expect(200);
}

#[tokio::test]
async fn the_cookie_comes_before_the_body() {
    let app = App::start().await;
    let session = app.session().await;
    let browser = |token: &str| {
        app.client
            .with_header("cookie", &format!("a=b; refresh_token={token}"))
    };
    let url = "/api/auth/refresh";
    browser(&session.refresh)
        .post(url, json!({"refreshToken": "abc"}))
        .await
        .expect(200);
    browser(&session.refresh)
        .send(http::Method::POST, url, "{bad")
        .await
        .expect(200);
    browser(&session.refresh)
        .post(url, Value::Null)
        .await
        .expect(200);
    browser("")
        .post(url, json!({"refreshToken": session.refresh}))
        .await
        .expect(200);
    browser("abc")
        .post(url, json!({"refreshToken": session.refresh}))
        .await
        .expect(400);
}

#[tokio::test]
async fn without_a_token_nothing_is_refreshed() {
    let app = App::start().await;
    for body in [
        Value::Null,
        json!({}),
        json!({"refreshToken": null}),
        json!({"refreshToken": " "}),
    ] {
        let answer = app.client.post("/api/auth/refresh", body).await.expect(400);
        assert_eq!(answer.error(), "Refresh token is required");
    }
}

#[tokio::test]
async fn reuse_ends_the_family_and_the_end_is_kept() {
    let app = App::start().await;
    let stolen = app.session().await;
    let bystander = app.session().await;
    let owner = Session::of(&app.refresh(&stolen.refresh).await.expect(200));
    app.advance(10);
    assert_eq!(
        app.refresh(&stolen.refresh).await.expect(400).error(),
        REUSED
    );
    let end =
        sqlx::query_scalar!("select end_reason from token_families where ended_at is not null")
            .fetch_all(&app.pool)
            .await
            .expect("read");
    assert_eq!(end, [Some("reuse".to_owned())]);
    assert_eq!(
        app.refresh(&owner.refresh).await.expect(400).error(),
        REUSED
    );
    app.me(&owner.access).await.expect(401);
    app.refresh(&bystander.refresh).await.expect(200);
}

/// Statements of this test's database that wait for a lock.
async fn waiting(app: &App) -> i64 {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from pg_stat_activity
           where datname = current_database() and wait_event_type = 'Lock'"#
    )
    .fetch_one(&app.pool)
    .await
    .expect("counted")
}

#[tokio::test]
async fn two_tabs_at_once_get_the_same_successor() {
    let app = App::start().await;
    let session = app.session().await;
    // All stand before the family's lock before any of them goes on.
    let mut gate = app.pool.begin().await.expect("a connection");
    sqlx::query!("update token_families set ended_at = null")
        .execute(&mut *gate)
        .await
        .expect("locked");
    let tabs = join_all((0..8).map(|_| app.refresh(&session.refresh)));
    let opened = async {
        wait_for("eight to wait", async || waiting(&app).await == 8).await;
        gate.rollback().await.expect("released");
    };
    let (answers, ()) = tokio::join!(tabs, opened);
    let successors: Vec<_> = answers
        .into_iter()
        .map(|answer| Session::of(&answer.expect(200)).refresh)
        .collect();
    assert!(
        successors
            .iter()
            .all(|successor| *successor == successors[0])
    );
    assert_ne!(successors[0], session.refresh);
    let live = sqlx::query_scalar!(
        r#"select count(*) as "count!" from refresh_tokens where rotated_at is null"#
    )
    .fetch_one(&app.pool)
    .await
    .expect("counted");
    assert_eq!(live, 1, "no second branch of the family");
    app.advance(9);
    let late = Session::of(&app.refresh(&session.refresh).await.expect(200));
    assert_eq!(late.refresh, successors[0]);
    app.advance(1);
    assert_eq!(
        app.refresh(&session.refresh).await.expect(400).error(),
        REUSED
    );
}

#[tokio::test]
async fn a_slow_tab_gets_the_newest_token_of_the_family() {
    let app = App::start().await;
    let session = app.session().await;
    let second = Session::of(&app.refresh(&session.refresh).await.expect(200));
    let third = Session::of(&app.refresh(&second.refresh).await.expect(200));
    let slow = Session::of(&app.refresh(&session.refresh).await.expect(200));
    assert_eq!(slow.refresh, third.refresh);
}

#[tokio::test]
async fn a_refresh_token_ends_on_the_second() {
    let app = App::start().await;
    let session = app.session().await;
    app.advance(604_799);
    let next = Session::of(&app.refresh(&session.refresh).await.expect(200));
    app.advance(1);
    assert_eq!(
        app.refresh(&session.refresh).await.expect(400).error(),
        INVALID
    );
    app.refresh(&next.refresh).await.expect(200);
}

#[tokio::test]
async fn foreign_unknown_and_access_tokens_are_refused() {
    let app = App::start().await;
    let session = app.session().await;
    let mut unknown = claims(&app, &session);
    unknown["type"] = json!("refresh");
    unknown["familyId"] = json!(Uuid::new_v4());
    unknown["jti"] = json!(Uuid::new_v4());
    let known = sqlx::query!("select id, family_id from refresh_tokens")
        .fetch_one(&app.pool)
        .await
        .expect("one token");
    let mut of_known_family = unknown.clone();
    of_known_family["familyId"] = json!(known.family_id);
    app.session().await;
    let other_family = sqlx::query_scalar!(
        "select id from token_families where id <> $1",
        known.family_id
    )
    .fetch_one(&app.pool)
    .await
    .expect("another family");
    let mut of_other_family = unknown.clone();
    of_other_family["familyId"] = json!(other_family);
    of_other_family["jti"] = json!(known.id);
    for (what, token) in [
        ("unknown", signed(Algorithm::HS256, &unknown)),
        (
            "unknown of a known family",
            signed(Algorithm::HS256, &of_known_family),
        ),
        (
            "of another family",
            signed(Algorithm::HS256, &of_other_family),
        ),
        ("access", session.access.clone()),
        ("nonsense", "abc".to_owned()),
    ] {
        assert_eq!(
            app.refresh(&token).await.expect(400).error(),
            INVALID,
            "{what}"
        );
    }
    app.refresh(&session.refresh).await.expect(200);
}

#[tokio::test]
async fn what_has_expired_is_purged() {
    let app = App::start().await;
    let old = app.session().await;
    app.advance(604_000);
    let kept = Session::of(&app.refresh(&old.refresh).await.expect(200));
    app.session().await;
    app.advance(800);
    urr_auth::jobs::purge::run(&app.state)
        .await
        .expect("purged");
    let left = sqlx::query!(
        r#"select (select count(*) from token_families) as "families!",
                  (select count(*) from refresh_tokens) as "tokens!""#
    )
    .fetch_one(&app.pool)
    .await
    .expect("counted");
    assert_eq!((left.families, left.tokens), (2, 2));
    app.refresh(&kept.refresh).await.expect(200);
    app.advance(2 * 604_800);
    urr_auth::jobs::purge::run(&app.state)
        .await
        .expect("purged");
    let families = sqlx::query_scalar!(r#"select count(*) as "count!" from token_families"#)
        .fetch_one(&app.pool)
        .await
        .expect("counted");
    assert_eq!(families, 0);
}
