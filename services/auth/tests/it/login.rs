//! `POST /api/auth/login`

use futures::future::join_all;
use serde_json::json;

use crate::app::{App, PASSWORD, Session};

#[tokio::test]
async fn the_right_password_signs_in() {
    let app = App::start().await;
    let email = app.fan().await;
    let answer = app.log_in(email, PASSWORD).await.expect(200);
    assert_eq!(answer.body["message"], "Login successful");
    assert_eq!(answer.body["user"]["email"], email);
    app.me(&Session::of(&answer).access).await.expect(200);
}

#[tokio::test]
async fn unknown_wrong_and_passwordless_are_one_refusal() {
    let app = App::start().await;
    let email = app.fan().await;
    sqlx::query!(
        "insert into users (email, password_hash, name) values
             ('oauth@example.com', 'OAUTH_USER_NO_PASSWORD', 'o'), ('empty@example.com', '', 'e')"
    )
    .execute(&app.pool)
    .await
    .expect("inserted");
    for (email, password) in [
        (email, "wrong-password"),
        ("nobody@example.com", PASSWORD),
        ("oauth@example.com", "OAUTH_USER_NO_PASSWORD"),
        ("empty@example.com", "a"),
    ] {
        let answer = app.log_in(email, password).await.expect(400);
        assert_eq!(answer.error(), "Invalid email or password", "{email}");
        assert!(answer.headers.get("set-cookie").is_none());
    }
}

#[tokio::test]
async fn empty_and_blank_fields_are_violations() {
    let app = App::start().await;
    let email = app.fan().await;
    for body in [
        json!({}),
        json!({"email": email}),
        json!({"email": " ", "password": "x"}),
    ] {
        let answer = app.client.post("/api/auth/login", body).await.expect(400);
        assert_eq!(answer.body["message"], "must not be blank");
    }
    let answer = app.log_in(email, &"x".repeat(73)).await.expect(400);
    assert_eq!(answer.error(), "Password must be at most 72 bytes");
}

#[tokio::test]
async fn seeded_hashes_stay_what_they_are() {
    let app = App::start().await;
    let email = app.fan().await;
    app.log_in(email, PASSWORD).await.expect(200);
    let hash = sqlx::query_scalar!("select password_hash from users")
        .fetch_one(&app.pool)
        .await
        .expect("one user");
    assert!(hash.starts_with("$2b$04$"), "{hash}");
}

#[tokio::test]
async fn guessing_is_slowed_down_for_its_account_alone() {
    let app = App::start().await;
    urr_auth::seed::demo_fans(&app.pool, 2, PASSWORD)
        .await
        .expect("seeded");
    let (victim, other) = ("fan000001@demo.urr.invalid", "fan000002@demo.urr.invalid");
    let guesses = join_all((0..50).map(|_| app.log_in(victim, "wrong-password"))).await;
    for guess in guesses {
        assert_eq!(guess.expect(400).error(), "Invalid email or password");
    }
    // Even the right password waits, with the same words.
    let answer = app.log_in(victim, PASSWORD).await.expect(400);
    assert_eq!(answer.error(), "Invalid email or password");
    app.log_in(other, PASSWORD).await.expect(200);
    app.advance(1);
    app.log_in(victim, PASSWORD).await.expect(200);
    app.log_in(victim, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_login_that_fails_on_our_side_is_nobodys_guess() {
    let app = App::start().await;
    let email = app.fan().await;
    sqlx::query!("alter table users rename to hidden")
        .execute(&app.pool)
        .await
        .expect("renamed");
    for _ in 0..20 {
        app.log_in(email, PASSWORD).await.expect(500);
    }
    sqlx::query!("alter table hidden rename to users")
        .execute(&app.pool)
        .await
        .expect("renamed");
    app.log_in(email, PASSWORD).await.expect(200);
}
