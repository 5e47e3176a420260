//! Nobody books who was not let in.

use std::time::Duration;

use ::redis::AsyncCommands;
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;
use urr_contract::{
    AdmissionId, EventId, UserId, revocations,
    tokens::{Claims, EntryClaims},
};
use urr_testkit::TestRedis;

use crate::app::{Answer, ENTRY_SECRET, JWT_SECRET, Setup, TestGateway, gateway, sign_entry};

/// An entry token that names no person.
#[derive(Serialize, Deserialize)]
struct NobodysClaims {
    sub: EventId,
    exp: i64,
}

impl Claims for NobodysClaims {
    fn expires_at(&self) -> i64 {
        self.exp
    }
}

const RESERVE: &str = "/api/v1/seats/reserve";

async fn book(gateway: &TestGateway, user: Option<UserId>, entry: &[(&str, &str)]) -> Answer {
    let bearer = user.map(|user| format!("Bearer {}", gateway.access_token(user)));
    let mut headers = entry.to_vec();
    if let Some(bearer) = &bearer {
        headers.push(("authorization", bearer));
    }
    gateway.send(Method::POST, RESERVE, &headers, "{}").await
}

async fn end(redis: &TestRedis, event: EventId, admission: AdmissionId, until: i64) {
    let mut connection = redis.client.connection();
    let key = revocations::key(event);
    let () = connection
        .zadd(key, admission.to_string(), until)
        .await
        .expect("Redis answers");
    let () = connection
        .sadd(revocations::EVENTS, event.to_string())
        .await
        .expect("Redis answers");
}

#[tokio::test]
async fn an_admitted_person_passes_and_the_service_learns_of_the_admission() {
    let (gateway, _redis) = gateway().await;
    let (user, event) = (UserId::random(), EventId::random());
    let (token, admission) = gateway.entry_token(event, user);
    let cookie = format!("tiketi-entry-token={token}");
    for entry in [("x-queue-entry-token", &token), ("cookie", &cookie)] {
        let answer = book(&gateway, Some(user), &[(entry.0, entry.1.as_str())]).await;
        let answer = answer.expect(200);
        assert_eq!(answer.echoed("x-entry-event"), event.to_string());
        assert_eq!(answer.echoed("x-entry-user"), user.to_string());
        assert_eq!(answer.echoed("x-entry-admission"), admission.to_string());
    }
}

#[tokio::test]
async fn nobody_else_passes() {
    let (gateway, _redis) = gateway().await;
    let (user, event) = (UserId::random(), EventId::random());
    let (token, _) = gateway.entry_token(event, user);
    let now = gateway.now();
    let claims = |exp| EntryClaims {
        sub: event,
        uid: user,
        user_id: user,
        jti: AdmissionId::random(),
        iat: now,
        exp,
    };
    let expired = sign_entry(ENTRY_SECRET, &claims(now));
    let foreign = sign_entry(JWT_SECRET, &claims(now + 600));
    let nobodys = sign_entry(
        ENTRY_SECRET,
        &NobodysClaims {
            sub: event,
            exp: now + 600,
        },
    );
    let unsigned = format!("{}.", token.rsplit_once('.').expect("three parts").0);
    for (what, user, entry) in [
        ("no token", Some(user), ""),
        ("blank", Some(user), "  "),
        ("nonsense", Some(user), "x"),
        ("expired", Some(user), expired.as_str()),
        ("of another key", Some(user), foreign.as_str()),
        ("without signature", Some(user), unsigned.as_str()),
        ("without a person", Some(user), nobodys.as_str()),
        ("somebody else's", Some(UserId::random()), token.as_str()),
        ("anonymous", None, token.as_str()),
    ] {
        let answer = book(&gateway, user, &[("x-queue-entry-token", entry)]).await;
        let answer = answer.expect_refusal(403, "ENTRY_TOKEN_REQUIRED");
        assert_eq!(answer.json["error"], "Queue entry token required", "{what}");
        assert_eq!(answer.json["redirectTo"], "/queue", "{what}");
    }
    assert_eq!(gateway.reached(), 0);
}

/// Defect 14: whether the event fits is decided where the booking is known; the gateway hands
/// the verified event on and lets nobody else name it.
#[tokio::test]
async fn the_event_of_the_token_is_handed_on_whatever_the_request_says() {
    let (gateway, _redis) = gateway().await;
    let (user, event) = (UserId::random(), EventId::random());
    let (token, _) = gateway.entry_token(event, user);
    let other = EventId::random().to_string();
    let headers = [
        ("x-queue-entry-token", token.as_str()),
        ("x-entry-event", other.as_str()),
    ];
    let answer = book(&gateway, Some(user), &headers).await.expect(200);
    assert_eq!(
        answer.json["headers"]["x-entry-event"],
        json!([event.to_string()])
    );
}

#[tokio::test]
async fn only_changes_of_seats_and_reservations_need_a_token() {
    let (gateway, _redis) = gateway().await;
    for (method, path, status) in [
        (Method::POST, "/api/reservations", 403),
        (Method::PATCH, "/api/reservations/1", 403),
        (Method::PUT, "/api/seats/1", 403),
        (Method::POST, "/api/reservations/1/cancel", 200),
        (Method::GET, "/api/reservations", 200),
        (Method::DELETE, "/api/seats/1", 200),
        (Method::POST, "/api/payments/prepare", 200),
    ] {
        let answer = gateway.send(method, path, &[], "{}").await;
        answer.expect(status);
    }
}

#[tokio::test]
async fn an_ended_admission_is_refused_and_stays_so_without_redis() {
    let (gateway, redis) = gateway().await;
    let (user, event) = (UserId::random(), EventId::random());
    let (token, admission) = gateway.entry_token(event, user);
    let entry = [("x-queue-entry-token", token.as_str())];
    book(&gateway, Some(user), &entry).await.expect(200);
    end(&redis, event, admission, gateway.now() + 600).await;
    let refused = || async { book(&gateway, Some(user), &entry).await.status == 403 };
    urr_testkit::wait_for("the gateway to hear of it", refused).await;

    redis.stop();
    urr_testkit::wait_for("the loss to be noticed", || async {
        gateway.get("/health").await.status == 503
    })
    .await;
    book(&gateway, Some(user), &entry).await.expect(403);
    let (again, _) = gateway.entry_token(event, user);
    let entry = [("x-queue-entry-token", again.as_str())];
    book(&gateway, Some(user), &entry).await.expect(200);
}

#[tokio::test]
async fn an_ended_admission_stays_refused_when_redis_loses_everything() {
    let (gateway, redis) = gateway().await;
    let (user, event) = (UserId::random(), EventId::random());
    let [first, second] = [(); 2].map(|()| gateway.entry_token(event, user));
    let status = async |token: &str| {
        let entry = [("x-queue-entry-token", token)];
        book(&gateway, Some(user), &entry).await.status.as_u16()
    };
    for (token, admission) in [&first, &second] {
        redis.flush().await;
        end(&redis, event, *admission, gateway.now() + 600).await;
        urr_testkit::wait_for("the gateway to hear of it", || async {
            status(token).await == 403
        })
        .await;
    }
    assert_eq!(status(&first.0).await, 403);
}

#[tokio::test]
async fn who_has_left_before_the_gateway_started_is_refused_at_once() {
    let redis = urr_testkit::redis().await;
    let setup = Setup::new(redis.args()).await;
    let (user, event) = (UserId::random(), EventId::random());
    let now = setup.runtime.clock.now().as_second();
    let claims = EntryClaims {
        sub: event,
        uid: user,
        user_id: user,
        jti: AdmissionId::random(),
        iat: now,
        exp: now + 600,
    };
    end(&redis, event, claims.jti, now + 600).await;
    let gateway = setup.start().await;
    let token = sign_entry(ENTRY_SECRET, &claims);
    let entry = [("x-queue-entry-token", token.as_str())];
    book(&gateway, Some(user), &entry).await.expect(403);
}

#[tokio::test]
async fn the_edge_may_have_checked_before() {
    let redis = urr_testkit::redis().await;
    let gateway = Setup::new(redis.args())
        .await
        .with(|config| config.cloudfront_secret = "edge secret".into())
        .start()
        .await;
    let passed = book(&gateway, None, &[("X-CloudFront-Verified", "edge secret")]).await;
    let passed = passed.expect(200);
    for name in ["x-entry-event", "x-cloudfront-verified"] {
        assert!(passed.json["headers"][name].is_null(), "{name}");
    }
    for guess in ["", "edge", "edge secret "] {
        let answer = book(&gateway, None, &[("x-cloudfront-verified", guess)]).await;
        // Blanks at the ends of a header are not part of it.
        let status = if guess.trim() == "edge secret" {
            200
        } else {
            403
        };
        answer.expect(status);
    }
}

#[tokio::test]
async fn a_token_ends_with_the_clock() {
    let redis = urr_testkit::redis().await;
    let mut setup = Setup::new(redis.args()).await;
    setup.runtime = urr_testkit::runtime_at("gateway", setup.runtime.clock.now());
    let gateway = setup.start().await;
    let (user, event) = (UserId::random(), EventId::random());
    let (token, _) = gateway.entry_token(event, user);
    let entry = [("x-queue-entry-token", token.as_str())];
    let step = |seconds| {
        let duration = Duration::from_secs(seconds).try_into().expect("short");
        gateway.runtime.clock.advance(duration);
    };
    step(599);
    book(&gateway, Some(user), &entry).await.expect(200);
    step(1);
    book(&gateway, Some(user), &entry).await.expect(403);
}
