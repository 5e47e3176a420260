//! `POST /api/auth/register`

use futures::future::join_all;
use serde_json::json;

use crate::app::{App, PASSWORD, Session, cookies};

#[tokio::test]
async fn a_new_person_is_signed_in_at_once() {
    let app = App::start().await;
    let answer = app
        .register("alice@example.com", "홍길동")
        .await
        .expect(201);
    assert_eq!(answer.body["message"], "Registration completed");
    let session = Session::of(&answer);
    let id = &session.user["id"];
    assert_eq!(
        session.user,
        json!({"id": id, "userId": id, "email": "alice@example.com", "name": "홍길동", "role": "user"})
    );
    assert_eq!(
        cookies(&answer),
        [
            format!(
                "access_token={}; Max-Age=1800; Path=/; HttpOnly; SameSite=Lax",
                session.access
            ),
            format!(
                "refresh_token={}; Max-Age=604800; Path=/api; HttpOnly; SameSite=Lax",
                session.refresh
            ),
        ]
    );
    app.me(&session.access).await.expect(200);
    app.refresh(&session.refresh).await.expect(200);
    app.log_in("alice@example.com", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn cookies_are_secure_where_told_so() {
    let app = App::with(&["--cookie-secure", "true"]).await;
    let email = app.fan().await;
    for cookie in cookies(&app.log_in(email, PASSWORD).await.expect(200)) {
        assert!(
            cookie.ends_with("; HttpOnly; SameSite=Lax; Secure"),
            "{cookie}"
        );
    }
}

#[tokio::test]
async fn one_address_is_one_account_however_it_is_written() {
    let app = App::start().await;
    app.register(" Alice@Example.com ", "a").await.expect(201);
    for email in ["alice@example.com", "ALICE@EXAMPLE.COM"] {
        let answer = app.register(email, "b").await.expect(400);
        assert_eq!(answer.error(), "Email already exists");
        assert_eq!(answer.body["message"], "Email already exists");
    }
    let answer = app.log_in("aLICE@example.com ", PASSWORD).await.expect(200);
    assert_eq!(answer.body["user"]["email"], "alice@example.com");
}

#[tokio::test]
async fn parallel_registrations_make_one_account() {
    let app = App::start().await;
    let answers = join_all((0..8).map(|_| app.register("alice@example.com", "a"))).await;
    let mut made = 0;
    for answer in answers {
        if answer.status == 201 {
            made += 1;
        } else {
            assert_eq!(answer.expect(400).error(), "Email already exists");
        }
    }
    assert_eq!(made, 1);
}

#[tokio::test]
async fn what_finds_no_room_to_be_hashed_is_told_to_come_back() {
    let app = App::with(&["--bcrypt-threads", "1", "--bcrypt-queue", "0"]).await;
    let emails: Vec<_> = (0..20)
        .map(|number| format!("fan{number}@example.com"))
        .collect();
    let answers = join_all(emails.iter().map(|email| app.register(email, "a"))).await;
    let (made, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == 201);
    assert!(!made.is_empty() && !refused.is_empty());
    for answer in refused {
        let answer = answer.expect(503);
        assert_eq!(answer.headers["retry-after"], "2");
        assert_eq!(answer.body["code"], "SIGN_IN_BUSY");
    }
    let stored = sqlx::query_scalar!(r#"select count(*) as "count!" from users"#)
        .fetch_one(&app.pool)
        .await
        .expect("counted");
    assert_eq!(stored, i64::try_from(made.len()).expect("few"));
}

#[tokio::test]
async fn hashes_have_cost_12_and_blank_phones_are_none() {
    let app = App::start().await;
    app.register("alice@example.com", "a").await.expect(201);
    let row = sqlx::query!("select password_hash, phone from users")
        .fetch_one(&app.pool)
        .await
        .expect("one user");
    assert!(row.password_hash.starts_with("$2b$12$"));
    assert_eq!(row.phone, None);
}

#[tokio::test]
async fn violations_are_worded_as_the_contract_words_them() {
    let app = App::start().await;
    let long_name = "ᄒ".repeat(300);
    let long_password = "가".repeat(25);
    let cases = [
        (json!({}), "must not be blank"),
        (
            json!({"email": null, "password": PASSWORD, "name": "a"}),
            "must not be blank",
        ),
        (
            json!({"email": "z@example.com", "password": "short", "name": "x"}),
            "Password must be at least 8 characters",
        ),
        (
            json!({"email": "z@example.com", "password": long_password, "name": "x"}),
            "Password must be at most 72 bytes",
        ),
        (
            json!({"email": "z@example.com", "password": PASSWORD, "name": " "}),
            "must not be blank",
        ),
        (
            json!({"email": "z@example.com", "password": PASSWORD}),
            "must not be blank",
        ),
        (
            json!({"email": "z@example.com", "password": PASSWORD, "name": long_name}),
            "Name must be at most 100 characters",
        ),
        (
            json!({"email": "z@example.com", "password": PASSWORD, "name": "a\0b"}),
            "Name must not contain control characters",
        ),
        (
            json!({"email": "z", "password": PASSWORD, "name": "x"}),
            "must be a well-formed email address",
        ),
        (
            json!({"email": "z@example.com", "password": PASSWORD, "name": "x", "phone": "0".repeat(21)}),
            "Phone must be at most 20 characters",
        ),
    ];
    for (body, text) in cases {
        let answer = app
            .client
            .post("/api/auth/register", body.clone())
            .await
            .expect(400);
        assert_eq!(answer.body["message"], text, "{body}");
        assert_eq!(answer.body["error"], text, "{body}");
    }
}

#[tokio::test]
async fn names_of_all_scripts_come_back_as_they_were() {
    let app = App::start().await;
    for (number, name) in [
        "👩‍🚀 Ana",
        "שלום",
        "\u{1112}\u{1161}\u{11ab}",
        "<script>alert(1)</script>",
        "=cmd|' /C calc'!A0",
    ]
    .into_iter()
    .enumerate()
    {
        let answer = app
            .register(&format!("n{number}@example.com"), name)
            .await
            .expect(201);
        assert_eq!(answer.body["user"]["name"], name);
    }
}
