//! `/internal/**` of auth and its own guard.

use serde_json::json;
use urr_testkit::INTERNAL_TOKEN;
use uuid::Uuid;

use crate::app::App;

#[tokio::test]
async fn without_the_token_everything_is_forbidden() {
    let app = App::start().await;
    let session = app.session().await;
    let bearer = app.bearer(&session.access);
    let wrong = app.client.with_header("x-internal-token", "wrong");
    let empty = app.client.with_header("authorization", "Bearer ");
    let gateway = app.client.through_gateway();
    for client in [&app.client, &bearer, &wrong, &empty, &gateway] {
        for path in [
            "/internal/users/counts",
            "/internal/users/abc",
            "/internal/nothing",
        ] {
            let answer = client.get(path).await.expect(403);
            assert_eq!(answer.error(), "Forbidden");
        }
        for path in ["/internal/users/batch", "/internal/users/daily"] {
            client.post(path, json!({})).await.expect(403);
        }
    }
}

#[tokio::test]
async fn either_header_opens_it() {
    let app = App::start().await;
    let other = app.client.with_header("x-internal-token", INTERNAL_TOKEN);
    for client in [app.client.internal(), other] {
        client.get("/internal/users/counts").await.expect(200);
        client.get("/internal/nothing").await.expect(404);
    }
}

#[tokio::test]
async fn a_batch_gives_those_who_exist() {
    let app = App::start().await;
    let session = app.session().await;
    let id = &session.user["id"];
    let user = json!({"id": id, "email": session.user["email"], "name": "팬 000001", "role": "user", "language": "ko"});
    let client = app.client.internal();
    for key in ["userIds", "ids"] {
        let body = json!({key: [id, Uuid::new_v4(), id]});
        let answer = client.post("/internal/users/batch", body).await.expect(200);
        assert_eq!(answer.body, json!({"users": [user]}));
    }
    let answer = client
        .get(&format!("/internal/users/{}", id.as_str().expect("text")))
        .await
        .expect(200);
    assert_eq!(answer.body, json!({"user": user}));
}

#[tokio::test]
async fn bad_batches_and_unknown_ids_are_refused() {
    let app = App::start().await;
    let client = app.client.internal();
    let many: Vec<_> = (0..501).map(|_| Uuid::new_v4()).collect();
    for (body, text) in [
        (json!({}), "must not be empty"),
        (json!({"userIds": []}), "must not be empty"),
        (json!({"userIds": ["1"]}), "Invalid userIds"),
        (json!({"userIds": many}), "at most 500 user ids at once"),
    ] {
        let answer = client.post("/internal/users/batch", body).await.expect(400);
        assert_eq!(answer.error(), text);
        assert_eq!(answer.body["message"], text);
    }
    client
        .post("/internal/users/batch", json!({"userIds": "x"}))
        .await
        .expect(400);
    let unknown = client
        .get(&format!("/internal/users/{}", Uuid::new_v4()))
        .await
        .expect(400);
    assert_eq!(unknown.error(), "User not found");
    client.get("/internal/users/not-a-uuid").await.expect(400);
}

#[tokio::test]
async fn counts_are_by_role() {
    let app = App::start().await;
    urr_auth::seed::demo_fans(&app.pool, 3, "Passw0rd!x")
        .await
        .expect("seeded");
    urr_auth::seed::admin(&app.pool, "admin@urr.com", "Passw0rd!x")
        .await
        .expect("seeded");
    let answer = app
        .client
        .internal()
        .get("/internal/users/counts")
        .await
        .expect(200);
    assert_eq!(answer.body, json!({"users": 3, "admins": 1}));
}

#[tokio::test]
async fn days_say_who_came_and_how_many_there_were() {
    let app = App::start().await;
    let daily = async |since: &str| {
        let asked = json!({"since": since, "until": "2026-03-04", "timeZone": "Asia/Seoul"});
        let client = app.client.internal();
        let answer = client.post("/internal/users/daily", asked).await;
        answer.expect(200).body["days"].take()
    };
    assert_eq!(daily("2026-03-01").await, json!([]));
    urr_auth::seed::demo_fans(&app.pool, 3, "Passw0rd!x")
        .await
        .expect("seeded");
    // Two on the 2nd, of whom one leaves on the 3rd; one on the 4th. A day in Seoul begins at
    // three in the afternoon of UTC.
    for change in [
        "update users set created_at = '2026-03-01 15:00+00' where email like 'fan000001%'",
        "update users set created_at = '2026-03-02 14:59+00' where email like 'fan000002%'",
        "update users set created_at = '2026-03-03 15:00+00' where email like 'fan000003%'",
        "update users set erased_at = '2026-03-03 00:00+00', email = 'erased-2@erased.invalid'
         where email like 'fan000002%'",
    ] {
        sqlx::raw_sql(change)
            .execute(&app.pool)
            .await
            .expect("changed");
    }
    let day = |day, new, users| json!({"day": day, "newUsers": new, "users": users});
    let days = [
        day("2026-03-04", 1, 2),
        day("2026-03-03", 0, 1),
        day("2026-03-02", 2, 2),
    ];
    assert_eq!(daily("2026-03-01").await, json!(days));
    assert_eq!(daily("2026-03-04").await, json!(days[..1]));
}
