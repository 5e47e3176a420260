//! The payment service against a real Postgres and the real simulator. Ticket is a small
//! router with the rules that matter here.

mod confirm;
mod description;
mod doubt;
mod ledger;
mod personal_data;
mod prepare;
mod process;
mod queries;
mod refunds;
mod ticket;
mod webhooks;

use std::sync::Arc;

use serde_json::{Value, json};
use urr_contract::{Fact, FactId, ReservationId, UserId, Won, topics::Topic};
use urr_kit::consumer::{self, Applied, Received};
use urr_payment::{Config, MIGRATIONS, ReservationEnded, State, router, work_once};
use urr_testkit::{Answer, Client, INTERNAL_TOKEN, TestDatabase, settings};

use ticket::Ticket;

const SECRET_KEY: &str = "test_sk_of_the_tests";
/// `test_sk_of_the_tests:` in Base64.
const BASIC: &str = "Basic dGVzdF9za19vZl90aGVfdGVzdHM6";
const PRICE: i64 = 100_000;

/// The service with everything around it.
struct App {
    client: Client,
    state: Arc<State>,
    ticket: Ticket,
    toss: Client,
    database: TestDatabase,
}

/// One person and what they want to pay for.
#[derive(Clone, Copy)]
struct Fan {
    user: UserId,
    reservation: ReservationId,
}

impl App {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(arguments: &[&str]) -> Self {
        Self::with_state(arguments, |_| {}).await
    }

    async fn with_state(arguments: &[&str], change: impl FnOnce(&mut State)) -> Self {
        let simulator = settings(["urr", "--secret-key", SECRET_KEY]);
        let runtime = urr_testkit::runtime("toss-simulator");
        let simulator = urr_toss_simulator::State::open(&simulator, runtime).expect("opens");
        let toss = urr_toss_simulator::router(Arc::new(simulator));
        let toss_url = urr_testkit::serve(toss.clone()).await;
        let ticket = Ticket::default();
        let ticket_url = urr_testkit::serve(ticket.router()).await;
        let database = urr_testkit::database(&MIGRATIONS, "payment").await;
        let required = [
            "urr",
            "--db-url",
            &database.url,
            "--internal-api-token",
            INTERNAL_TOKEN,
            "--gateway-token",
            urr_testkit::GATEWAY_TOKEN,
            "--provider",
            "simulator",
            "--ticket-service-url",
            &ticket_url,
            "--toss-secret-key",
            SECRET_KEY,
            "--provider-url",
            &toss_url,
        ];
        let config: Config = settings(required.iter().chain(arguments));
        let runtime = urr_testkit::runtime("payment");
        let mut state = State::new(&config, runtime, database.pool.clone()).expect("a state");
        change(&mut state);
        let state = Arc::new(state);
        let router = router(Arc::clone(&state), urr_testkit::gateway_token());
        Self {
            client: Client::new(router),
            state,
            ticket,
            toss: Client::new(toss).with_header("authorization", BASIC),
            database,
        }
    }

    /// A person with a hold that costs [`PRICE`].
    fn fan(&self) -> Fan {
        let fan = Fan {
            user: UserId::random(),
            reservation: ReservationId::random(),
        };
        self.ticket.hold(fan.reservation, fan.user, PRICE);
        fan
    }

    fn by(&self, fan: Fan) -> Client {
        self.client.as_user(fan.user)
    }

    // === A person's steps ===

    async fn try_prepare(&self, fan: Fan) -> Answer {
        let body = json!({"reservationId": fan.reservation, "amount": PRICE});
        self.by(fan).post("/api/payments/prepare", body).await
    }

    async fn prepare(&self, fan: Fan) -> String {
        text(&self.try_prepare(fan).await.expect(200).body["orderId"])
    }

    /// What the person does at the provider; the payment key.
    async fn choose(&self, order: &str, amount: i64, action: &str) -> String {
        let path = format!("/checkout/{order}?amount={amount}");
        let answer = self.toss.post(&path, json!({"action": action})).await;
        text(&answer.expect(200).body["paymentKey"])
    }

    async fn confirm(&self, fan: Fan, order: &str, key: &str) -> Answer {
        let body = json!({"orderId": order, "paymentKey": key, "amount": PRICE});
        self.by(fan).post("/api/payments/confirm", body).await
    }

    /// Prepared and approved: the order and its payment key.
    async fn approved(&self, fan: Fan) -> (String, String) {
        let order = self.prepare(fan).await;
        let key = self.choose(&order, PRICE, "approve").await;
        (order, key)
    }

    /// Prepared, approved and confirmed.
    async fn paid(&self, fan: Fan) -> (String, String) {
        let (order, key) = self.approved(fan).await;
        self.confirm(fan, &order, &key).await.expect(200);
        (order, key)
    }

    async fn cancel(&self, fan: Fan, key: &str) -> Answer {
        let path = format!("/api/payments/{key}/cancel");
        let body = json!({"cancelReason": "changed my mind"});
        self.by(fan).post(&path, body).await
    }

    // === Ticket's questions ===

    async fn outcome(&self, order: &str, question: &str) -> Value {
        let path = format!("/internal/payments/orders/{order}/{question}");
        let answer = self.client.internal().post(&path, json!({})).await;
        answer.expect(200).body["outcome"].clone()
    }

    // === The provider ===

    async fn fault(&self, fault: Value) {
        self.toss.post("/simulator/faults", fault).await.expect(201);
    }

    /// The provider's status of an order; null where it has none.
    async fn at_provider(&self, order: &str) -> Value {
        let path = format!("/v1/payments/orders/{order}");
        self.toss.get(&path).await.body["status"].clone()
    }

    /// A capture that this service did not make, as a lost request would make it late.
    async fn capture_late(&self, order: &str, key: &str) {
        let body = json!({"orderId": order, "paymentKey": key, "amount": PRICE});
        self.toss
            .post("/v1/payments/confirm", body)
            .await
            .expect(200);
    }

    /// Money given back by hand, without this service.
    async fn give_back_by_hand(&self, key: &str) {
        let path = format!("/v1/payments/{key}/cancel");
        let body = json!({"cancelReason": "by hand"});
        self.toss.post(&path, body).await.expect(200);
    }

    // === Time and facts ===

    /// As if enough time had passed: everything that waits is due, and is worked on.
    async fn work(&self) {
        for _ in 0..2 {
            sqlx::query!(
                "update payments set next_check_at = now() where next_check_at is not null"
            )
            .execute(&self.database.pool)
            .await
            .expect("due");
            sqlx::query!("update refunds set next_attempt_at = now() where status = 'requested'")
                .execute(&self.database.pool)
                .await
                .expect("due");
            while work_once(&self.state).await.expect("works") > 0 {}
        }
    }

    /// The time to pay is over.
    async fn let_time_pass(&self, order: &str) {
        sqlx::query!(
            "update payments set expires_at = now() - interval '1 second' where order_id = $1",
            order
        )
        .execute(&self.database.pool)
        .await
        .expect("passed");
    }

    /// Delivers a fact as the bus would.
    async fn deliver(&self, id: FactId, fact: Fact) -> Applied {
        let received = Received {
            id,
            topic: Topic::Reservation,
            key: fact.key().expect("a key"),
            fact,
        };
        let handler = ReservationEnded(Arc::clone(&self.state));
        consumer::apply_once(
            &self.database.pool,
            "payment-service-group",
            &received,
            &handler,
        )
        .await
        .expect("applies")
    }

    // === What is in the database ===

    async fn status(&self, order: &str) -> String {
        sqlx::query_scalar!("select status from payments where order_id = $1", order)
            .fetch_one(&self.database.pool)
            .await
            .expect("an order")
    }

    async fn orders_of(&self, reservation: ReservationId) -> i64 {
        sqlx::query_scalar!(
            r#"select count(*) as "count!" from payments where reservation_id = $1"#,
            reservation.0
        )
        .fetch_one(&self.database.pool)
        .await
        .expect("a count")
    }

    /// Facts published so far, oldest first.
    async fn facts(&self) -> Vec<Fact> {
        sqlx::query_scalar!("select payload from outbox order by id")
            .fetch_all(&self.database.pool)
            .await
            .expect("facts")
            .into_iter()
            .map(|payload| serde_json::from_value(payload).expect("a fact"))
            .collect()
    }

    async fn fact_types(&self) -> Vec<&'static str> {
        let name = |fact: &Fact| match fact {
            Fact::PaymentConfirmed(_) => "confirmed",
            Fact::PaymentRefunded(_) => "refunded",
            _ => "other",
        };
        self.facts().await.iter().map(name).collect()
    }

    /// Balance of one account.
    async fn balance(&self, account: &str) -> i64 {
        sqlx::query_scalar!(
            r#"select coalesce(sum(amount), 0)::bigint as "sum!" from ledger_entries where account = $1"#,
            account
        )
        .fetch_one(&self.database.pool)
        .await
        .expect("a balance")
    }

    /// The book: receivable, sales and refunds; it must sum to zero.
    async fn book(&self) -> (Won, Won, Won) {
        let receivable =
            self.balance("provider_receivable").await + self.balance("demo_receivable").await;
        let sales = self.balance("ticket_sales").await;
        let refunds = self.balance("refunds").await;
        assert_eq!(receivable + sales + refunds, 0);
        (Won(receivable), Won(sales), Won(refunds))
    }
}

/// The book after so many captures and refunds of [`PRICE`].
fn book_of(captures: i64, refunds: i64) -> (Won, Won, Won) {
    (
        Won((captures - refunds) * PRICE),
        Won(-captures * PRICE),
        Won(refunds * PRICE),
    )
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Asserts status, code and that `error` and `message` say the same.
#[track_caller]
fn refused(answer: &Answer, status: u16, error: &str) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
    assert_eq!(answer.body["error"], error);
    assert_eq!(answer.body["message"], error);
    assert!(answer.body["code"].is_string());
}

/// Asserts a 503 of that code, with the time to wait.
#[track_caller]
fn unavailable(answer: &Answer, code: &str) {
    assert_eq!(answer.status.as_u16(), 503, "{}", answer.body);
    assert_eq!(answer.body["code"], code);
    let wait = answer.headers["retry-after"].to_str().expect("text");
    assert!(wait.parse::<u32>().is_ok_and(|seconds| seconds > 0));
}
