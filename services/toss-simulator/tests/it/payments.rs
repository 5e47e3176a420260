//! Confirm, cancel, queries, authentication, idempotency.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{Simulator, refused};

#[tokio::test]
async fn an_approved_payment_is_captured_queried_and_given_back() {
    let toss = Simulator::new();
    let key = toss.pay("ORD_1", 100_000, "approve").await;
    assert_eq!(toss.of_order("ORD_1").await["status"], "IN_PROGRESS");

    let paid = toss.confirm(&key, "ORD_1", 100_000).await.expect(200).body;
    assert_eq!(paid["status"], "DONE");
    assert_eq!(paid["totalAmount"], 100_000);
    assert_eq!(paid["balanceAmount"], 100_000);
    assert!(
        paid["approvedAt"]
            .as_str()
            .is_some_and(|at| at.ends_with("+09:00"))
    );
    assert_eq!(toss.of_order("ORD_1").await, paid);
    let by_key = toss.merchant().get(&format!("/v1/payments/{key}")).await;
    assert_eq!(by_key.expect(200).body, paid);

    let back = toss.cancel(&key).await.expect(200).body;
    assert_eq!(back["status"], "CANCELED");
    assert_eq!(back["balanceAmount"], 0);
    assert_eq!(back["cancels"][0]["cancelAmount"], 100_000);
    refused(&toss.cancel(&key).await, 400, "ALREADY_CANCELED_PAYMENT");
}

#[tokio::test]
async fn part_of_a_payment_is_given_back() {
    let toss = Simulator::new();
    let key = toss.pay("ORD_1", 1_000, "approve").await;
    toss.confirm(&key, "ORD_1", 1_000).await.expect(200);
    let path = format!("/v1/payments/{key}/cancel");
    let part = json!({"cancelReason": "r", "cancelAmount": 300});
    let answer = toss.merchant().post(&path, part).await.expect(200);
    assert_eq!(answer.body["status"], "PARTIAL_CANCELED");
    assert_eq!(answer.body["balanceAmount"], 700);
    let more = json!({"cancelReason": "r", "cancelAmount": 701});
    refused(
        &toss.merchant().post(&path, more).await,
        403,
        "NOT_CANCELABLE_AMOUNT",
    );
}

#[tokio::test]
async fn a_confirm_is_refused_with_the_published_code() {
    let toss = Simulator::new();
    let key = toss.pay("ORD_1", 1_000, "approve").await;
    let wrong = [
        (
            "no_such_key",
            "ORD_1",
            1_000,
            404,
            "NOT_FOUND_PAYMENT_SESSION",
        ),
        (&key, "ORD_2", 1_000, 404, "NOT_FOUND_PAYMENT_SESSION"),
        (&key, "ORD_1", 999, 400, "INVALID_REQUEST"),
        ("", "ORD_1", 1_000, 400, "INVALID_REQUEST"),
    ];
    for (key, order, amount, status, code) in wrong {
        refused(&toss.confirm(key, order, amount).await, status, code);
    }
    toss.confirm(&key, "ORD_1", 1_000).await.expect(200);
    let again = toss.confirm(&key, "ORD_1", 1_000).await;
    refused(&again, 400, "ALREADY_PROCESSED_PAYMENT");
}

#[tokio::test]
async fn bodies_that_are_none_are_refused() {
    let toss = Simulator::new();
    for body in [
        "",
        "[]",
        "{",
        "{\"paymentKey\":1,\"orderId\":\"o\",\"amount\":1}",
    ] {
        let answer = toss
            .merchant()
            .send(http::Method::POST, "/v1/payments/confirm", body)
            .await;
        refused(&answer, 400, "INVALID_REQUEST");
    }
    let key = toss.pay("ORD_1", 1_000, "approve").await;
    let path = format!("/v1/payments/{key}/cancel");
    refused(
        &toss.merchant().post(&path, json!({})).await,
        400,
        "INVALID_REQUEST",
    );
    refused(&toss.cancel(&key).await, 403, "NOT_CANCELABLE_PAYMENT");
    refused(&toss.cancel("nobody").await, 404, "NOT_FOUND_PAYMENT");
    let unknown = toss.merchant().get("/v1/payments/orders/none").await;
    refused(&unknown, 404, "NOT_FOUND_PAYMENT");
}

#[tokio::test]
async fn only_the_secret_key_opens() {
    let toss = Simulator::new();
    let get = |value: &'static str| {
        let client = toss.client.with_header("authorization", value);
        async move { client.get("/v1/payments/orders/o").await }
    };
    refused(
        &toss.client.get("/v1/payments/orders/o").await,
        401,
        "UNAUTHORIZED_KEY",
    );
    refused(&get("Bearer x").await, 401, "UNAUTHORIZED_KEY");
    // `wrong:` and `test_sk_of_the_tests` without its colon.
    refused(&get("Basic d3Jvbmc6").await, 401, "UNAUTHORIZED_KEY");
    refused(
        &get("Basic dGVzdF9za19vZl90aGVfdGVzdHM=").await,
        403,
        "INCORRECT_BASIC_AUTH_FORMAT",
    );
    refused(
        &toss.client.get("/simulator/faults").await,
        401,
        "UNAUTHORIZED_KEY",
    );
}

#[tokio::test]
async fn a_session_ends_after_ten_minutes() {
    let now = Timestamp::UNIX_EPOCH;
    let runtime = urr_testkit::runtime_at("toss-simulator", now);
    let clock = runtime.clock.clone();
    let toss = Simulator::with(runtime, &[]);
    let key = toss.pay("ORD_1", 1_000, "approve").await;
    clock.advance(SignedDuration::from_secs(601));
    refused(
        &toss.confirm(&key, "ORD_1", 1_000).await,
        404,
        "NOT_FOUND_PAYMENT_SESSION",
    );
    assert_eq!(toss.of_order("ORD_1").await["status"], "EXPIRED");
}

#[tokio::test]
async fn an_idempotency_key_gives_the_same_answer() {
    let toss = Simulator::new();
    let key = toss.pay("ORD_1", 1_000, "approve").await;
    let merchant = toss.merchant().with_header("idempotency-key", "k1");
    let first = toss
        .confirm_with(&merchant, &key, "ORD_1", 1_000)
        .await
        .expect(200);
    let second = toss
        .confirm_with(&merchant, &key, "ORD_1", 1_000)
        .await
        .expect(200);
    assert_eq!(first.bytes, second.bytes);

    let other = toss.confirm_with(&merchant, &key, "ORD_1", 999).await;
    refused(&other, 422, "INVALID_REQUEST");

    // The same key on another path is another key.
    let path = format!("/v1/payments/{key}/cancel");
    let cancelled = merchant
        .post(&path, json!({"cancelReason": "r"}))
        .await
        .expect(200);
    let again = merchant
        .post(&path, json!({"cancelReason": "r"}))
        .await
        .expect(200);
    assert_eq!(cancelled.bytes, again.bytes);
}

#[tokio::test]
async fn a_refusal_is_kept_under_its_key_and_a_long_key_refused() {
    let toss = Simulator::new();
    let merchant = toss.merchant().with_header("idempotency-key", "k1");
    let first = toss.confirm_with(&merchant, "nobody", "ORD_1", 1).await;
    let second = toss.confirm_with(&merchant, "nobody", "ORD_1", 1).await;
    refused(&first, 404, "NOT_FOUND_PAYMENT_SESSION");
    assert_eq!(first.bytes, second.bytes);

    let key = toss.pay("ORD_2", 1_000, "approve").await;
    let longest = toss
        .merchant()
        .with_header("idempotency-key", &"k".repeat(300));
    let too_long = toss
        .merchant()
        .with_header("idempotency-key", &"k".repeat(301));
    let answer = toss.confirm_with(&too_long, &key, "ORD_2", 1_000).await;
    refused(&answer, 400, "INVALID_IDEMPOTENCY_KEY");
    toss.confirm_with(&longest, &key, "ORD_2", 1_000)
        .await
        .expect(200);
}
