//! Webhooks as a merchant receives them.

use std::sync::Arc;

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use parking_lot::Mutex;
use serde_json::{Value, json};
use urr_toss_simulator::spawn_webhooks;

use crate::Simulator;

/// A merchant that refuses the first `refusals` webhooks and keeps the rest.
#[derive(Clone, Default)]
struct Merchant {
    refusals: Arc<Mutex<u32>>,
    taken: Arc<Mutex<Vec<Value>>>,
}

impl Merchant {
    async fn serve(&self) -> String {
        let router = Router::new()
            .route("/hook", post(take))
            .with_state(self.clone());
        format!("{}/hook", urr_testkit::serve(router).await)
    }

    fn statuses(&self) -> Vec<String> {
        let taken = self.taken.lock();
        taken
            .iter()
            .map(|hook| {
                hook["data"]["status"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect()
    }

    async fn wait_for(&self, count: usize) {
        urr_testkit::wait_for("webhooks", || async { self.taken.lock().len() >= count }).await;
    }
}

async fn take(State(merchant): State<Merchant>, Json(body): Json<Value>) -> StatusCode {
    let mut refusals = merchant.refusals.lock();
    if *refusals > 0 {
        *refusals -= 1;
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    merchant.taken.lock().push(body);
    StatusCode::OK
}

async fn simulator(merchant: &Merchant, more: &[&str]) -> Simulator {
    let url = merchant.serve().await;
    let mut arguments = vec!["--webhook-url", &url, "--webhook-retry-ms", "1"];
    arguments.extend(more);
    let toss = Simulator::with(urr_testkit::runtime("toss-simulator"), &arguments);
    spawn_webhooks(&toss.state);
    toss
}

async fn captured(toss: &Simulator, order: &str) -> String {
    let key = toss.pay(order, 1_000, "approve").await;
    toss.confirm(&key, order, 1_000).await.expect(200);
    key
}

#[tokio::test]
async fn a_webhook_is_sent_until_it_is_taken() {
    let merchant = Merchant::default();
    *merchant.refusals.lock() = 3;
    let toss = simulator(&merchant, &[]).await;
    captured(&toss, "ORD_1").await;
    merchant.wait_for(1).await;
    let hook = merchant.taken.lock()[0].clone();
    assert_eq!(hook["eventType"], "PAYMENT_STATUS_CHANGED");
    assert_eq!(hook["data"]["orderId"], "ORD_1");
    assert_eq!(*merchant.refusals.lock(), 0);
}

#[tokio::test]
async fn a_webhook_is_sent_five_times() {
    let merchant = Merchant::default();
    let toss = simulator(&merchant, &[]).await;
    toss.fault(json!({"fault": "webhook_repeat", "times": 5}))
        .await;
    captured(&toss, "ORD_1").await;
    merchant.wait_for(5).await;
    assert_eq!(merchant.statuses(), ["DONE"; 5]);
}

#[tokio::test]
async fn webhooks_are_sent_out_of_order() {
    let merchant = Merchant::default();
    let toss = simulator(&merchant, &[]).await;
    toss.fault(json!({"fault": "webhook_out_of_order"})).await;
    let key = captured(&toss, "ORD_1").await;
    toss.cancel(&key).await.expect(200);
    merchant.wait_for(2).await;
    assert_eq!(merchant.statuses(), ["CANCELED", "DONE"]);
}

#[tokio::test]
async fn a_webhook_waits_for_the_process_to_come_back() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("journal");
    let state = ["--state", path.to_str().expect("text")];
    let merchant = Merchant::default();
    let url = merchant.serve().await;
    let arguments = [state[0], state[1], "--webhook-url", &url];
    // Without its sender it "dies" before anything has gone out.
    let first = Simulator::with(urr_testkit::runtime("toss-simulator"), &arguments);
    captured(&first, "ORD_1").await;
    drop(first);
    let second = simulator(&merchant, &state).await;
    merchant.wait_for(1).await;
    assert_eq!(merchant.statuses(), ["DONE"]);
    drop(second);
}
