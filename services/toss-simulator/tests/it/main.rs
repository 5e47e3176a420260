//! The simulator as a merchant and a payer meet it.

mod checkout;
mod faults;
mod journal;
mod payments;
mod webhooks;

use std::sync::Arc;

use serde_json::{Value, json};
use urr_kit::Runtime;
use urr_testkit::{Answer, Client};
use urr_toss_simulator::{Config, State, router};

const SECRET_KEY: &str = "test_sk_of_the_tests";
/// `test_sk_of_the_tests:` in Base64.
const BASIC: &str = "Basic dGVzdF9za19vZl90aGVfdGVzdHM6";

/// One simulator.
struct Simulator {
    client: Client,
    state: Arc<State>,
}

impl Simulator {
    fn new() -> Self {
        Self::with(urr_testkit::runtime("toss-simulator"), &[])
    }

    fn with(runtime: Runtime, arguments: &[&str]) -> Self {
        let all = ["urr", "--secret-key", SECRET_KEY];
        let config: Config = urr_testkit::settings(all.iter().chain(arguments));
        let state = Arc::new(State::open(&config, runtime).expect("a readable journal"));
        Self {
            client: Client::new(router(Arc::clone(&state))),
            state,
        }
    }

    fn merchant(&self) -> Client {
        self.client.with_header("authorization", BASIC)
    }

    /// The payer's choice at the checkout; the payment key.
    async fn pay(&self, order: &str, amount: i64, action: &str) -> String {
        let path = format!("/checkout/{order}?amount={amount}");
        let answer = self
            .client
            .post(&path, json!({"action": action}))
            .await
            .expect(200);
        answer.body["paymentKey"]
            .as_str()
            .expect("a key")
            .to_owned()
    }

    async fn confirm(&self, key: &str, order: &str, amount: i64) -> Answer {
        self.confirm_with(&self.merchant(), key, order, amount)
            .await
    }

    async fn confirm_with(&self, by: &Client, key: &str, order: &str, amount: i64) -> Answer {
        let body = json!({"paymentKey": key, "orderId": order, "amount": amount});
        by.post("/v1/payments/confirm", body).await
    }

    async fn cancel(&self, key: &str) -> Answer {
        let path = format!("/v1/payments/{key}/cancel");
        self.merchant()
            .post(&path, json!({"cancelReason": "r"}))
            .await
    }

    async fn of_order(&self, order: &str) -> Value {
        let path = format!("/v1/payments/orders/{order}");
        self.merchant().get(&path).await.body
    }

    async fn fault(&self, fault: Value) {
        self.merchant()
            .post("/simulator/faults", fault)
            .await
            .expect(201);
    }
}

/// Asserts a refusal in Toss's form.
#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
    assert_eq!(answer.body["code"], code, "{}", answer.body);
    assert!(answer.body["message"].is_string());
}
