//! A purchase across both services: the real ticket and the real payment on real engines, and
//! the real simulator. Whatever comes late, twice or in another order, money and ticket end up
//! together: every test ends with [`World::settled`].

#![expect(
    clippy::disallowed_methods,
    reason = "looks into the databases of two services, which no one schema checks"
)]

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};
use sqlx::PgPool;
use urr_contract::{EventId, Fact, FactId, ReservationId, SeatId, SeatLayoutId, UserId};
use urr_kit::consumer::{self, Handler, Received};
use urr_payment::{FaultPoint, ReservationEnded};
use urr_testkit::{Answer, BreakingProxy, Client, TestRedis, settings};
use urr_ticket::{
    domain::layout::Layout,
    facts::payment::PaymentFacts,
    jobs::{expiry, reconciliation},
    store::seats,
};
use uuid::Uuid;

const PRICE: i64 = 100_000;
const SECRET_KEY: &str = "test_sk_of_the_tests";
/// `test_sk_of_the_tests:` in Base64.
const BASIC: &str = "Basic dGVzdF9za19vZl90aGVfdGVzdHM6";

/// Both services with everything around them.
struct World {
    ticket: Arc<urr_ticket::State>,
    tickets: Client,
    payment: Arc<urr_payment::State>,
    payments: Client,
    toss: Client,
    ticket_pool: PgPool,
    payment_pool: PgPool,
    /// Payment's way to ticket.
    to_ticket: BreakingProxy,
    event: EventId,
    seat: SeatId,
    _redis: TestRedis,
}

/// A person who holds the seat.
#[derive(Clone)]
struct Fan {
    user: UserId,
    reservation: ReservationId,
}

// === Building it ===

impl World {
    async fn new() -> Self {
        Self::with_provider_timeout("6000").await
    }

    async fn with_provider_timeout(milliseconds: &str) -> Self {
        let ticket_router = |state: &Arc<urr_ticket::State>| {
            urr_kit::serve::layers(
                urr_ticket::router(Arc::clone(state)),
                &urr_testkit::runtime("ticket"),
                Some(urr_testkit::gateway_token()),
            )
        };
        let toss = urr_toss_simulator::router(simulator());
        let toss_url = urr_testkit::serve(toss.clone()).await;
        let ticket_database = urr_testkit::database(&urr_ticket::MIGRATIONS, "ticket").await;
        let payment_database = urr_testkit::database(&urr_payment::MIGRATIONS, "payment").await;
        let redis = urr_testkit::redis().await;
        // Payment asks a replica that cannot ask back, so that no answer depends on it.
        let nowhere = "http://127.0.0.1:9";
        let replica = ticket(&ticket_database.pool, &redis, nowhere).await;
        let replica_url = urr_testkit::serve(ticket_router(&replica)).await;
        let to_ticket = BreakingProxy::to_port(port(&replica_url)).await;
        let payment = payment(
            &payment_database.pool,
            &format!("http://127.0.0.1:{}", to_ticket.port()),
            &toss_url,
            milliseconds,
        );
        let payments = urr_payment::router(Arc::clone(&payment), urr_testkit::gateway_token());
        let payment_url = urr_testkit::serve(payments.clone()).await;
        let ticket = ticket(&ticket_database.pool, &redis, &payment_url).await;
        let (event, seat) = one_seat(&ticket_database.pool).await;
        Self {
            tickets: Client::new(ticket_router(&ticket)),
            ticket,
            payments: Client::new(payments),
            payment,
            toss: Client::new(toss).with_header("authorization", BASIC),
            ticket_pool: ticket_database.pool,
            payment_pool: payment_database.pool,
            to_ticket,
            event,
            seat,
            _redis: redis,
        }
    }
}

fn simulator() -> Arc<urr_toss_simulator::State> {
    let config = settings(["urr", "--secret-key", SECRET_KEY]);
    let runtime = urr_testkit::runtime("toss-simulator");
    Arc::new(urr_toss_simulator::State::open(&config, runtime).expect("opens"))
}

/// Settings that every service has.
const COMMON: [&str; 7] = [
    "urr",
    "--internal-api-token",
    urr_testkit::INTERNAL_TOKEN,
    "--gateway-token",
    urr_testkit::GATEWAY_TOKEN,
    "--db-url",
    "postgres://given-as-a-pool",
];

async fn ticket(pool: &PgPool, redis: &TestRedis, payment_url: &str) -> Arc<urr_ticket::State> {
    let arguments = [
        "--payment-service-url",
        payment_url,
        "--ticket-signing-key",
        "the secret that tickets are signed with in tests",
    ];
    let config = settings(COMMON.iter().chain(&arguments));
    let redis = redis.args().connect().await.expect("a valid address");
    let runtime = urr_testkit::runtime("ticket");
    Arc::new(urr_ticket::State::new(
        &config,
        pool.clone(),
        redis,
        &runtime,
    ))
}

fn payment(
    pool: &PgPool,
    ticket_url: &str,
    toss_url: &str,
    provider_timeout: &str,
) -> Arc<urr_payment::State> {
    let arguments = [
        "--ticket-service-url",
        ticket_url,
        "--provider",
        "simulator",
        "--provider-url",
        toss_url,
        "--toss-secret-key",
        SECRET_KEY,
        "--provider-timeout-ms",
        provider_timeout,
    ];
    let config = settings(COMMON.iter().chain(&arguments));
    let runtime = urr_testkit::runtime("payment");
    Arc::new(urr_payment::State::new(&config, runtime, pool.clone()).expect("a state"))
}

fn port(url: &str) -> u16 {
    let (_, port) = url.rsplit_once(':').expect("a port");
    port.parse().expect("a number")
}

/// An event on sale with one seat.
async fn one_seat(pool: &PgPool) -> (EventId, SeatId) {
    let (event, layout) = (EventId::random(), SeatLayoutId::random());
    let plan = json!({"sections": [
        {"name": "R", "rows": 1, "seatsPerRow": 1, "price": PRICE, "startRow": 1}
    ]});
    sqlx::query(
        "insert into seat_layouts (id, name, total_seats, layout_config) values ($1, 'one', 1, $2)",
    )
    .bind(layout)
    .bind(&plan)
    .execute(pool)
    .await
    .expect("a layout");
    sqlx::query(
        "insert into events (id, title, venue, address, event_date, sale_start_date, sale_end_date, status,
                             seat_layout_id)
         values ($1, 'A night of tests', 'Hall', 'Seoul', now() + interval '30 days',
                 now() - interval '1 day', now() + interval '29 days', 'on_sale', $2)",
    )
    .bind(event)
    .bind(layout)
    .execute(pool)
    .await
    .expect("an event");
    let mut connection = pool.acquire().await.expect("a connection");
    let layout = Layout::parse(&plan).expect("a layout");
    seats::generate(&mut connection, event, &layout)
        .await
        .expect("a seat");
    let map = seats::map(pool, event).await.expect("a map");
    (event, map[0].id)
}

// === What people do ===

impl World {
    async fn hold(&self) -> Fan {
        let user = UserId::random();
        let client = self.tickets.as_user(user).with_entry(self.event, user);
        let body = json!({"eventId": self.event, "seatIds": [self.seat]});
        let answer = client.post("/api/seats/reserve", body).await.expect(200);
        let id = text(&answer.body["reservation"]["id"]);
        Fan {
            user,
            reservation: id.parse().expect("an id"),
        }
    }

    /// The new order.
    async fn prepare(&self, fan: &Fan) -> String {
        let body = json!({"reservationId": fan.reservation, "amount": PRICE});
        let client = self.payments.as_user(fan.user);
        let answer = client.post("/api/payments/prepare", body).await;
        text(&answer.expect(200).body["orderId"])
    }

    /// An order and the key of what was approved for it.
    async fn approve(&self, fan: &Fan) -> (String, String) {
        let order = self.prepare(fan).await;
        let key = self.choose(&order, "approve").await;
        (order, key)
    }

    async fn choose(&self, order: &str, action: &str) -> String {
        let path = format!("/checkout/{order}?amount={PRICE}");
        let answer = self.toss.post(&path, json!({"action": action})).await;
        text(&answer.expect(200).body["paymentKey"])
    }

    async fn confirm(&self, fan: &Fan, order: &str, key: &str) -> Answer {
        let body = json!({"orderId": order, "paymentKey": key, "amount": PRICE});
        let client = self.payments.as_user(fan.user);
        client.post("/api/payments/confirm", body).await
    }

    async fn cancel_payment(&self, fan: &Fan, key: &str) -> Answer {
        let path = format!("/api/payments/{key}/cancel");
        let client = self.payments.as_user(fan.user);
        client.post(&path, json!({})).await
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

// === What happens to them ===

impl World {
    async fn fault(&self, fault: Value) {
        self.toss.post("/simulator/faults", fault).await.expect(201);
    }

    async fn clear_faults(&self) {
        self.toss.delete("/simulator/faults").await;
    }

    /// A capture that payment did not ask for just now, as a lost request makes it late, and
    /// the webhook that tells of it.
    async fn capture_late(&self, order: &str, key: &str) {
        let body = json!({"orderId": order, "paymentKey": key, "amount": PRICE});
        let answer = self.toss.post("/v1/payments/confirm", body).await;
        answer.expect(200);
        let hint = json!({"data": {"orderId": order, "status": "DONE"}});
        let answer = self.payments.post("/api/payments/webhooks/toss", hint);
        answer.await.expect(200);
    }

    async fn give_back_by_hand(&self, key: &str) {
        let path = format!("/v1/payments/{key}/cancel");
        let body = json!({"cancelReason": "by hand"});
        self.toss.post(&path, body).await.expect(200);
    }

    /// Lets the time of a hold be over.
    async fn overdue(&self, fan: &Fan) {
        sqlx::query(
            "update reservations set resolve_after = null, expires_at = now() - interval '1 second' where id = $1",
        )
        .bind(fan.reservation)
        .execute(&self.ticket_pool)
        .await
        .expect("over");
    }

    /// Lets a reservation be old enough for reconciliation.
    async fn age(&self, fan: &Fan) {
        sqlx::query(
            "update reservations set updated_at = updated_at - interval '1 minute' where id = $1",
        )
        .bind(fan.reservation)
        .execute(&self.ticket_pool)
        .await
        .expect("aged");
    }

    /// Ticket ends what is overdue.
    async fn end_overdue(&self) {
        expiry::release_overdue(&self.ticket).await.expect("ends");
        expiry::resolve_overdue(&self.ticket).await.expect("asks");
    }

    /// Payment works on everything that waits, as if its time had come.
    async fn work(&self) {
        for statement in [
            "update payments set next_check_at = now() where next_check_at is not null",
            "update refunds set next_attempt_at = now() where status = 'requested'",
        ] {
            let pool = &self.payment_pool;
            sqlx::query(statement).execute(pool).await.expect("due");
        }
        while urr_payment::work_once(&self.payment).await.expect("works") > 0 {}
    }

    /// Delivers what ticket has told so far to payment, again where it was delivered.
    async fn tell_payment(&self) {
        let handler = ReservationEnded(Arc::clone(&self.payment));
        deliver(
            &self.ticket_pool,
            &self.payment_pool,
            "payment-service-group",
            &handler,
        )
        .await;
    }

    /// Delivers what payment has told so far to ticket.
    async fn tell_ticket(&self) {
        let handler = PaymentFacts {
            metrics: self.ticket.metrics.clone(),
        };
        deliver(
            &self.payment_pool,
            &self.ticket_pool,
            "ticket-service-group",
            &handler,
        )
        .await;
    }
}

async fn deliver(from: &PgPool, to: &PgPool, group: &'static str, handler: &impl Handler) {
    for (id, payload) in told(from).await {
        let fact: Fact = serde_json::from_value(payload).expect("a fact");
        let received = Received {
            id: FactId(id),
            topic: fact.topic().expect("a topic"),
            key: fact.key().expect("a key"),
            fact,
        };
        consumer::apply_once(to, group, &received, handler)
            .await
            .expect("applies");
    }
}

async fn told(pool: &PgPool) -> Vec<(Uuid, Value)> {
    sqlx::query_as("select fact_id, payload from outbox order by id")
        .fetch_all(pool)
        .await
        .expect("facts")
}

// === How it ended ===

impl World {
    /// Everything that was on its way arrives. Then the captured orders, the paid ones and those
    /// with a ticket are the same: which they are.
    async fn settled(&self) -> Vec<String> {
        self.clear_faults().await;
        let mut before = 0;
        loop {
            self.work().await;
            self.tell_ticket().await;
            self.tell_payment().await;
            let so_far = told(&self.ticket_pool).await.len() + told(&self.payment_pool).await.len();
            if so_far == before {
                break;
            }
            before = so_far;
        }
        let orders = self.orders("true").await;
        let mut captured = Vec::new();
        for order in orders {
            let path = format!("/v1/payments/orders/{order}");
            if self.toss.get(&path).await.body["status"] == "DONE" {
                captured.push(order);
            }
        }
        assert_eq!(self.orders("status = 'confirmed'").await, captured);
        assert_eq!(
            self.orders("status in ('confirming', 'refunding')").await,
            Vec::<String>::new()
        );
        let sold: Vec<String> = sqlx::query_scalar(
            "select sold_order_id from reservations where status = 'confirmed' order by sold_order_id",
        )
        .fetch_all(&self.ticket_pool)
        .await
        .expect("orders");
        assert_eq!(sold, captured);
        sold
    }

    async fn orders(&self, condition: &'static str) -> Vec<String> {
        let statement =
            format!("select order_id from payments where {condition} order by order_id");
        sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .fetch_all(&self.payment_pool)
            .await
            .expect("orders")
    }

    /// `status/payment_status` of a reservation.
    async fn stage(&self, fan: &Fan) -> String {
        sqlx::query_scalar("select status || '/' || payment_status from reservations where id = $1")
            .bind(fan.reservation)
            .fetch_one(&self.ticket_pool)
            .await
            .expect("a stage")
    }
}

#[tokio::test]
async fn a_seat_is_bought_and_given_back() {
    let world = World::new().await;
    let fan = world.hold().await;
    let (order, key) = world.approve(&fan).await;
    world.confirm(&fan, &order, &key).await.expect(200);
    assert_eq!(world.stage(&fan).await, "confirmed/completed");
    assert_eq!(world.settled().await, [order]);
    world.cancel_payment(&fan, &key).await.expect(200);
    assert!(world.settled().await.is_empty());
    assert_eq!(world.stage(&fan).await, "cancelled/refunded");
    world.hold().await;
}

#[tokio::test]
async fn whoever_has_come_in_does_not_get_the_money_back() {
    let world = World::new().await;
    let fan = world.hold().await;
    let (order, key) = world.approve(&fan).await;
    world.confirm(&fan, &order, &key).await.expect(200);
    let path = format!("/api/reservations/{}/tickets", fan.reservation);
    let shown = world.tickets.as_user(fan.user).get(&path).await.expect(200);
    let admin = world.tickets.as_admin(UserId::random());
    let doors = format!("/api/admin/events/{}/doors", world.event);
    let now = world.ticket.clock.now() - SignedDuration::from_secs(1);
    admin
        .put(&doors, json!({"doorsOpenAt": now}))
        .await
        .expect(200);
    let scan = json!({
        "scanId": Uuid::new_v4(), "eventId": world.event, "credential": shown.body["tickets"][0]["qr"],
    });
    let answer = admin.post("/api/check-ins", scan).await.expect(200);
    assert_eq!(answer.body["accepted"], true, "{}", answer.body);
    let refused = world.cancel_payment(&fan, &key).await.expect(409);
    assert_eq!(refused.error(), "Ticket has been used at the door");
    assert_eq!(world.settled().await, [order]);
    assert_eq!(world.stage(&fan).await, "confirmed/completed");
}

#[tokio::test]
async fn a_declined_person_pays_under_a_new_order() {
    let world = World::new().await;
    let fan = world.hold().await;
    let declined = world.prepare(&fan).await;
    let key = world.choose(&declined, "decline").await;
    world.confirm(&fan, &declined, &key).await.expect(400);
    let (order, key) = world.approve(&fan).await;
    assert_ne!(order, declined);
    world.confirm(&fan, &order, &key).await.expect(200);
    assert_eq!(world.settled().await, [order]);
}

#[tokio::test]
async fn a_late_capture_takes_the_seat_again_and_the_delayed_expiry_does_not_undo_it() {
    let world = World::new().await;
    let fan = world.hold().await;
    let (order, key) = world.approve(&fan).await;
    world.overdue(&fan).await;
    world.end_overdue().await;
    assert_eq!(world.stage(&fan).await, "expired/pending");
    world.capture_late(&order, &key).await;
    world.work().await;
    assert_eq!(world.stage(&fan).await, "confirmed/completed");
    world.tell_payment().await;
    assert_eq!(world.settled().await, [order]);
}

#[tokio::test]
async fn a_late_capture_for_a_seat_that_is_gone_goes_back() {
    let world = World::new().await;
    let fan = world.hold().await;
    let (late, key) = world.approve(&fan).await;
    world.overdue(&fan).await;
    world.end_overdue().await;
    let next = world.hold().await;
    world.capture_late(&late, &key).await;
    world.work().await;
    assert!(world.settled().await.is_empty());
    assert_eq!(world.stage(&fan).await, "expired/refunded");
    let (order, key) = world.approve(&next).await;
    world.confirm(&next, &order, &key).await.expect(200);
    assert_eq!(world.settled().await, [order]);
}

#[tokio::test]
async fn money_on_its_way_back_buys_no_ticket_beside_the_order_that_pays() {
    let world = World::new().await;
    let fan = world.hold().await;
    let (first, first_key) = world.approve(&fan).await;
    world
        .fault(json!({
            "fault": "refuse", "code": "PROVIDER_ERROR", "operation": "confirm", "orderId": first, "calls": 1,
        }))
        .await;
    world.confirm(&fan, &first, &first_key).await.expect(400);
    let (second, second_key) = world.approve(&fan).await;
    world
        .fault(json!({
            "fault": "refuse", "code": "PROVIDER_ERROR", "operation": "cancel", "orderId": first,
        }))
        .await;
    world.capture_late(&first, &first_key).await;
    world.work().await;
    assert_eq!(world.orders("status = 'refunding'").await, [first]);
    world.age(&fan).await;
    reconciliation::run(&world.ticket).await.expect("asks");
    assert_eq!(world.stage(&fan).await, "pending/processing");
    world.confirm(&fan, &second, &second_key).await.expect(200);
    assert_eq!(world.settled().await, [second]);
}

#[tokio::test]
async fn a_late_capture_that_was_cancelled_never_takes_the_seat() {
    let world = World::new().await;
    let fan = world.hold().await;
    let (order, key) = world.approve(&fan).await;
    world.overdue(&fan).await;
    world.end_overdue().await;
    // Ticket hears of the capture neither directly nor, for now, by the fact.
    world.to_ticket.break_off();
    world.capture_late(&order, &key).await;
    world.work().await;
    assert_eq!(world.orders("status = 'confirmed'").await, [order]);
    world.to_ticket.mend();
    urr_testkit::wait_for("ticket to be reached again", || async {
        world.cancel_payment(&fan, &key).await.status == 200
    })
    .await;
    world.tell_ticket().await;
    assert!(world.settled().await.is_empty());
    assert_eq!(world.stage(&fan).await, "expired/refunded");
    world.hold().await;
}

#[tokio::test]
async fn money_given_back_by_hand_before_it_was_written_down_leaves_no_ticket() {
    let world = World::new().await;
    let fan = world.hold().await;
    let (order, key) = world.approve(&fan).await;
    world.payment.fault_points.arm(FaultPoint::AfterCapture);
    world.confirm(&fan, &order, &key).await.expect(500);
    world.give_back_by_hand(&key).await;
    world.work().await;
    assert_eq!(world.orders("status = 'refunded'").await, [order]);
    world.overdue(&fan).await;
    world.end_overdue().await;
    assert_eq!(world.stage(&fan).await, "expired/refunded");
    assert!(world.settled().await.is_empty());
    world.hold().await;
}

#[tokio::test]
async fn an_order_in_doubt_when_its_time_is_over_keeps_the_seat_whoever_asks_first() {
    let world = World::with_provider_timeout("1500").await;
    let fan = world.hold().await;
    let (order, key) = world.approve(&fan).await;
    world
        .fault(json!({"fault": "timeout_before", "operation": "confirm"}))
        .await;
    world.confirm(&fan, &order, &key).await.expect(503);
    world.overdue(&fan).await;
    // The simulator may still be at the first request, whose repeat it then turns away.
    urr_testkit::wait_for("the capture", || async {
        tokio::join!(world.work(), world.end_overdue());
        assert!(world.orders("status = 'voided'").await.is_empty());
        world.orders("status = 'confirmed'").await == [order.clone()]
    })
    .await;
    assert_eq!(world.settled().await, [order]);
    assert_eq!(world.stage(&fan).await, "confirmed/completed");
}
