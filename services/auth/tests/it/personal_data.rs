//! Seeing everything that is held, and leaving.

use http::Method;
use serde_json::{Value, json};
use urr_auth::{jobs, seed};
use urr_contract::UserId;
use urr_testkit::{Answer, Client};

use crate::{
    app::{App, PASSWORD, Session, cookies},
    holders_stub::{HoldersStub, NAMES},
};

const EMAIL: &str = "fan000001@demo.urr.invalid";

/// Auth beside services that know people.
struct Platform {
    app: App,
    holders: HoldersStub,
}

impl Platform {
    async fn start() -> Self {
        let holders = HoldersStub::serve().await;
        let arguments: Vec<&str> = holders.arguments.iter().map(String::as_str).collect();
        let app = App::with(&arguments).await;
        Self { app, holders }
    }

    async fn leave(&self, session: &Session, password: &str) -> Answer {
        let body = json!({"password": password}).to_string();
        let client = self.app.bearer(&session.access);
        client.send(Method::DELETE, "/api/auth/me", body).await
    }

    async fn work(&self) {
        jobs::erase::run(&self.app.state).await.expect("works");
    }

    /// How often each of them has erased that person.
    fn erasures_of(&self, user: UserId) -> Vec<usize> {
        NAMES
            .iter()
            .map(|name| self.holders.all[name].erasures_of(user))
            .collect()
    }

    async fn admin(&self) -> Client {
        seed::admin(&self.app.pool, "admin@urr.com", PASSWORD)
            .await
            .expect("seeded");
        let answer = self.app.log_in("admin@urr.com", PASSWORD).await.expect(200);
        self.app.bearer(&Session::of(&answer).access)
    }
}

fn id(session: &Session) -> UserId {
    let id = session.user["id"].as_str().expect("an id");
    id.parse().expect("an id")
}

#[tokio::test]
async fn an_export_has_what_everybody_holds() {
    let platform = Platform::start().await;
    let session = platform.app.session().await;
    let answer = platform
        .app
        .bearer(&session.access)
        .get("/api/auth/me/export")
        .await
        .expect(200);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let disposition = answer.headers["content-disposition"].to_str();
    assert!(disposition.is_ok_and(|text| text.starts_with("attachment;")));
    let document = &answer.body;
    assert_eq!(document["account"]["email"], EMAIL);
    assert_eq!(document["account"]["language"], "ko");
    assert!(document["account"].get("passwordHash").is_none());
    assert_eq!(document["logins"].as_array().map(Vec::len), Some(1));
    for name in NAMES {
        let expected = json!({"of": id(&session), "heldBy": name});
        assert_eq!(document[name], expected);
    }
}

#[tokio::test]
async fn an_export_is_complete_or_says_whose_part_is_missing() {
    let platform = Platform::start().await;
    let session = platform.app.session().await;
    platform.holders.all["payment"].set_down(true);
    let client = platform.app.bearer(&session.access);
    let answer = client.get("/api/auth/me/export").await.expect(503);
    assert_eq!(answer.body["code"], "EXPORT_INCOMPLETE");
    assert_eq!(answer.body["missing"], json!(["payment"]));
    assert!(answer.headers.contains_key("retry-after"));
    assert!(answer.body.get("account").is_none());
    platform
        .app
        .client
        .get("/api/auth/me/export")
        .await
        .expect(401);
}

#[tokio::test]
async fn whoever_leaves_is_signed_out_everywhere_and_nobody_signs_in_again() {
    let platform = Platform::start().await;
    let (app, session) = (&platform.app, platform.app.session().await);
    let elsewhere = app.session().await;
    let answer = platform.leave(&session, PASSWORD).await.expect(202);
    assert_eq!(answer.body["erasure"]["completedAt"], Value::Null);
    assert_eq!(
        cookies(&answer),
        [
            "access_token=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
            "refresh_token=; Max-Age=0; Path=/api; HttpOnly; SameSite=Lax",
        ]
    );
    for session in [&session, &elsewhere] {
        app.me(&session.access).await.expect(401);
        app.refresh(&session.refresh).await.expect(400);
    }
    app.log_in(EMAIL, PASSWORD).await.expect(400);
    let body = json!({"userIds": [id(&session)]});
    let batch = app
        .client
        .internal()
        .post("/internal/users/batch", body)
        .await
        .expect(200);
    assert_eq!(batch.body, json!({"users": []}));
    let row = sqlx::query!("select email, name, phone, google_id, password_hash from users")
        .fetch_one(&app.pool)
        .await
        .expect("a tombstone");
    assert_eq!(row.email, format!("erased-{}@erased.invalid", id(&session)));
    assert_eq!((row.name.as_str(), row.phone), ("탈퇴한 회원", None));
    assert_eq!(row.password_hash, "OAUTH_USER_NO_PASSWORD");
}

#[tokio::test]
async fn the_same_email_may_register_again_and_is_somebody_else() {
    let platform = Platform::start().await;
    let session = platform.app.session().await;
    platform.leave(&session, PASSWORD).await.expect(202);
    let again = platform.app.register(EMAIL, "Ana").await.expect(201);
    assert_ne!(again.body["user"]["id"], session.user["id"]);
    // The old tokens do not lead to the new account.
    platform.app.me(&session.access).await.expect(401);
}

#[tokio::test]
async fn each_service_erases_at_once_and_once_more_when_no_token_lives() {
    let platform = Platform::start().await;
    let admin = platform.admin().await;
    let session = platform.app.session().await;
    platform.leave(&session, PASSWORD).await.expect(202);
    platform.work().await;
    assert_eq!(platform.erasures_of(id(&session)), [1; 4]);
    platform.work().await;
    assert_eq!(platform.erasures_of(id(&session)), [1; 4]);
    let path = format!("/api/admin/users/{}/erasure", id(&session));
    let before = admin.get(&path).await.expect(200);
    assert_eq!(before.body["erasure"]["completedAt"], Value::Null);
    platform.app.advance(1800);
    platform.work().await;
    assert_eq!(platform.erasures_of(id(&session)), [2; 4]);
    platform.app.advance(86_400);
    platform.work().await;
    assert_eq!(platform.erasures_of(id(&session)), [2; 4]);
    let completed = sqlx::query_scalar!("select completed_at is not null from erasures")
        .fetch_one(&platform.app.pool)
        .await
        .expect("an erasure");
    assert_eq!(completed, Some(true));
}

#[tokio::test]
async fn a_service_that_is_down_erases_when_it_is_back() {
    let platform = Platform::start().await;
    let session = platform.app.session().await;
    platform.leave(&session, PASSWORD).await.expect(202);
    platform.app.advance(1800);
    platform.holders.all["community"].set_down(true);
    platform.work().await;
    assert_eq!(platform.erasures_of(id(&session)), [1, 1, 0, 1]);
    let error =
        sqlx::query_scalar!("select last_error from erasure_steps where holder = 'community'")
            .fetch_one(&platform.app.pool)
            .await
            .expect("a step");
    assert!(error.is_some_and(|error| error.contains("community")));
    platform.holders.all["community"].set_down(false);
    platform.app.advance(3600);
    platform.work().await;
    assert_eq!(platform.erasures_of(id(&session)), [1, 1, 1, 1]);
    let open = urr_auth::store::erasures::open(&platform.app.pool).await;
    assert_eq!(open.expect("a count"), 0);
}

#[tokio::test]
async fn what_is_open_comes_first() {
    let platform = Platform::start().await;
    let session = platform.app.session().await;
    platform.holders.all["ticket"].set_open(2);
    let answer = platform.leave(&session, PASSWORD).await.expect(409);
    assert_eq!(answer.body["code"], "OPEN_MATTERS");
    assert_eq!(
        answer.body["openMatters"],
        json!([{"code": "UPCOMING_TICKETS", "detail": "Tickets", "count": 2}])
    );
    platform.holders.all["ticket"].set_open(0);
    platform.holders.all["queue"].set_down(true);
    let answer = platform.leave(&session, PASSWORD).await.expect(503);
    assert_eq!(answer.body["missing"], json!(["queue"]));
    platform.app.me(&session.access).await.expect(200);
}

#[tokio::test]
async fn only_whoever_knows_the_password_ends_an_account() {
    let platform = Platform::start().await;
    let session = platform.app.session().await;
    let refused = platform.leave(&session, "not the one").await.expect(400);
    assert_eq!(refused.body["code"], "WRONG_PASSWORD");
    let client = platform.app.bearer(&session.access);
    let refused = client.delete("/api/auth/me").await.expect(400);
    assert_eq!(refused.body["code"], "PASSWORD_REQUIRED");
    let refused = client
        .send(Method::DELETE, "/api/auth/me", "{")
        .await
        .expect(400);
    assert_eq!(refused.error(), "입력값을 확인해주세요");
    for _ in 0..12 {
        platform.leave(&session, "not the one").await.expect(400);
    }
    // Guessing is slowed down like a login: even the right one is not compared now.
    platform.leave(&session, PASSWORD).await.expect(400);
    platform.app.advance(60);
    platform.leave(&session, PASSWORD).await.expect(202);
}

#[tokio::test]
async fn without_a_password_a_recent_sign_in_counts() {
    let platform = Platform::start().await;
    let session = platform.app.session().await;
    sqlx::query!("update users set password_hash = 'OAUTH_USER_NO_PASSWORD'")
        .execute(&platform.app.pool)
        .await
        .expect("updated");
    platform.app.advance(600);
    let client = platform.app.bearer(&session.access);
    let refused = client.delete("/api/auth/me").await.expect(403);
    assert_eq!(refused.body["code"], "SIGN_IN_AGAIN");
    sqlx::query!("update token_families set started_at = started_at + interval '1 second'")
        .execute(&platform.app.pool)
        .await
        .expect("updated");
    client.delete("/api/auth/me").await.expect(202);
}

#[tokio::test]
async fn administrators_erase_others_and_the_last_one_stays() {
    let platform = Platform::start().await;
    let admin = platform.admin().await;
    let session = platform.app.session().await;
    let path = format!("/api/admin/users/{}", id(&session));
    let refused = platform.app.bearer(&session.access).delete(&path).await;
    assert_eq!(refused.expect(403).error(), "Admin role required");
    platform.app.client.delete(&path).await.expect(401);
    admin.delete(&path).await.expect(202);
    admin.delete(&path).await.expect(202);
    let promised = sqlx::query_scalar!(r#"select count(*) as "count!" from erasures"#)
        .fetch_one(&platform.app.pool)
        .await
        .expect("a count");
    assert_eq!(promised, 1);
    let unknown = format!("/api/admin/users/{}", UserId::random());
    admin.delete(&unknown).await.expect(404);
    admin.get(&format!("{unknown}/erasure")).await.expect(404);
    let me = admin.get("/api/auth/me").await.expect(200);
    let own = me.body["user"]["id"].as_str().expect("an id");
    let refused = admin.delete(&format!("/api/admin/users/{own}")).await;
    assert_eq!(refused.expect(409).body["code"], "LAST_ADMINISTRATOR");
}

#[tokio::test]
async fn records_of_erasures_are_kept_for_years_and_not_for_ever() {
    let platform = Platform::start().await;
    let session = platform.app.session().await;
    platform.leave(&session, PASSWORD).await.expect(202);
    platform.app.advance(1800);
    platform.work().await;
    let kept = async || {
        jobs::purge::run(&platform.app.state).await.expect("purged");
        sqlx::query_scalar!(r#"select count(*) as "count!" from erasures"#)
            .fetch_one(&platform.app.pool)
            .await
            .expect("a count")
    };
    platform.app.advance(1095 * 86_400);
    assert_eq!(kept().await, 1);
    platform.app.advance(1);
    assert_eq!(kept().await, 0);
}
