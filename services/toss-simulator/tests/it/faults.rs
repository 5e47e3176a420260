//! Faults on demand.

use serde_json::{Value, json};
use urr_toss_simulator::{CANCEL_REFUSALS, CONFIRM_REFUSALS};

use crate::{Simulator, refused};

#[tokio::test]
async fn every_published_code_can_be_asked_for() {
    let toss = Simulator::new();
    for refusal in CONFIRM_REFUSALS {
        let order = format!("ORD_{}", refusal.code);
        let key = toss.pay(&order, 1_000, "approve").await;
        toss.fault(json!({"fault": "refuse", "code": refusal.code, "operation": "confirm"}))
            .await;
        let answer = toss.confirm(&key, &order, 1_000).await;
        refused(&answer, refusal.status.as_u16(), refusal.code);
        let status = toss.of_order(&order).await["status"].clone();
        let expected = if refusal.aborts {
            "ABORTED"
        } else {
            "IN_PROGRESS"
        };
        assert_eq!(status, expected, "{}", refusal.code);
    }
    let key = toss.pay("ORD_1", 1_000, "approve").await;
    toss.confirm(&key, "ORD_1", 1_000).await.expect(200);
    for refusal in CANCEL_REFUSALS {
        toss.fault(json!({"fault": "refuse", "code": refusal.code, "operation": "cancel"}))
            .await;
        refused(
            &toss.cancel(&key).await,
            refusal.status.as_u16(),
            refusal.code,
        );
    }
    toss.cancel(&key).await.expect(200);
}

#[tokio::test]
async fn a_time_out_after_capturing_has_captured_and_one_before_has_not() {
    let toss = Simulator::new();
    for (fault, status) in [("timeout_after", "DONE"), ("timeout_before", "IN_PROGRESS")] {
        let order = format!("ORD_{fault}");
        let key = toss.pay(&order, 1_000, "approve").await;
        toss.fault(json!({"fault": fault, "hangMs": 3_600_000, "orderId": order, "calls": 1}))
            .await;
        let merchant = toss.merchant().with_header("idempotency-key", &order);
        // The answer never comes; the merchant hangs up once the state is what it will be.
        tokio::select! {
            answer = toss.confirm_with(&merchant, &key, &order, 1_000) => panic!("{}", answer.body),
            () = urr_testkit::wait_for("the fault to be met", || async {
                toss.merchant().get("/simulator/faults").await.body["faults"] == json!([])
                    && toss.of_order(&order).await["status"] == status
            }) => {}
        }
        // Nothing was begun, or the stored answer comes: either way the repeat succeeds.
        toss.confirm_with(&merchant, &key, &order, 1_000)
            .await
            .expect(200);
    }
}

#[tokio::test]
async fn a_repeat_while_the_first_is_worked_on_is_refused() {
    let toss = Simulator::new();
    let key = toss.pay("ORD_1", 1_000, "approve").await;
    toss.fault(json!({"fault": "timeout_before", "hangMs": 3_600_000}))
        .await;
    let merchant = toss.merchant().with_header("idempotency-key", "k");
    tokio::select! {
        answer = toss.confirm_with(&merchant, &key, "ORD_1", 1_000) => panic!("{}", answer.body),
        () = urr_testkit::wait_for("the refusal", || async {
            if toss.merchant().get("/simulator/faults").await.body["faults"] != json!([]) {
                return false;
            }
            let answer = toss.confirm_with(&merchant, &key, "ORD_1", 1_000).await;
            answer.body["code"] == "IDEMPOTENT_REQUEST_PROCESSING"
        }) => {}
    }
}

#[tokio::test]
async fn a_late_answer_is_an_answer() {
    let toss = Simulator::new();
    let key = toss.pay("ORD_1", 1_000, "approve").await;
    toss.fault(json!({"fault": "late", "delayMs": 20})).await;
    let before = std::time::Instant::now();
    toss.confirm(&key, "ORD_1", 1_000).await.expect(200);
    assert!(before.elapsed().as_millis() >= 20);
}

#[tokio::test]
async fn faults_are_listed_cleared_and_checked() {
    let toss = Simulator::new();
    toss.fault(json!({"fault": "late", "delayMs": 1, "orderId": "a"}))
        .await;
    let list = toss.merchant().get("/simulator/faults").await.expect(200);
    assert_eq!(list.body["faults"][0]["orderId"], "a");
    toss.merchant()
        .delete("/simulator/faults")
        .await
        .expect(204);
    let list = toss.merchant().get("/simulator/faults").await;
    assert_eq!(list.body["faults"], json!([]));
    for bad in [
        Value::Null,
        json!({"fault": "no_such"}),
        json!({"fault": "refuse", "code": "NO_SUCH"}),
        json!({"fault": "late"}),
        json!({"fault": "timeout_after", "calls": 0}),
    ] {
        toss.merchant()
            .post("/simulator/faults", bad)
            .await
            .expect(400);
    }
}

#[tokio::test]
async fn shares_of_calls_fail_by_themselves() {
    let runtime = urr_testkit::runtime("toss-simulator");
    let toss = Simulator::with(runtime, &["--decline-rate", "1"]);
    let key = toss.pay("ORD_1", 1_000, "approve").await;
    refused(
        &toss.confirm(&key, "ORD_1", 1_000).await,
        403,
        "REJECT_CARD_PAYMENT",
    );
}

#[tokio::test]
async fn a_delay_that_no_clock_can_hold_is_refused() {
    let toss = Simulator::new();
    for fault in ["late", "webhook_late"] {
        let body = json!({"fault": fault, "delayMs": 9_000_000_000_000_000_000_u64});
        let answer = toss.merchant().post("/simulator/faults", body).await;
        answer.expect(400);
    }
}
