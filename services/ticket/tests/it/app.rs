//! A ticket service of one test's own, with verbs, and the invariants that hold at its end.

use std::sync::Arc;

use serde_json::{Value, json};
use sqlx::PgPool;
use tempfile::TempDir;
use urr_contract::{
    ArtistId, EventId, Fact, FactId, MembershipId, PaymentId, ReservationId, SeatId, SeatLayoutId,
    TicketTypeId, UserId, Won,
    facts::{PaymentConfirmedV1, PaymentRefundedV1, PaymentType},
    topics::Topic,
};
use urr_kit::consumer::{self, Applied, Received};
use urr_testkit::{Answer, Client, TestRedis, settings};
use urr_ticket::{
    Config, MIGRATIONS, State,
    domain::layout::Layout,
    facts::payment::{GROUP, PaymentFacts},
    store::{artists, seats, stock},
};

use crate::{auth_stub::AuthStub, payment_stub::PaymentStub};

/// When money moved in tests.
const CAPTURED_AT: &str = "2026-03-01T00:00:00Z";
/// Price of every seat that tests make.
pub(crate) const SEAT_PRICE: i64 = 100_000;

/// The service and everything it stands on.
pub(crate) struct App {
    pub(crate) pool: PgPool,
    pub(crate) url: String,
    pub(crate) redis: TestRedis,
    pub(crate) state: Arc<State>,
    pub(crate) payment: PaymentStub,
    pub(crate) auth: AuthStub,
    pub(crate) client: Client,
    pub(crate) images: TempDir,
}

/// Runs a test on a service of its own and checks the invariants afterwards.
pub(crate) async fn with_app(test: impl AsyncFnOnce(&App)) {
    let app = App::start().await;
    test(&app).await;
    check(&app.pool).await;
}

/// The settings as they are parsed from these arguments and the ones a test must have.
pub(crate) fn config(arguments: &[&str]) -> Config {
    let always = [
        "ticket",
        "--internal-api-token",
        urr_testkit::INTERNAL_TOKEN,
        "--gateway-token",
        urr_testkit::GATEWAY_TOKEN,
        "--ticket-signing-key",
        "the secret that tickets are signed with in tests",
        "--db-url",
        "postgres://unused",
    ];
    settings(always.iter().chain(arguments))
}

impl App {
    async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The service with further arguments.
    pub(crate) async fn start_with(arguments: &[&str]) -> Self {
        let database = urr_testkit::database(&MIGRATIONS, "ticket").await;
        let redis = urr_testkit::redis().await;
        let payment = PaymentStub::default();
        let auth = AuthStub::default();
        let images = tempfile::tempdir().expect("a folder");
        let (payment_url, auth_url) = (payment.serve().await, auth.serve().await);
        let always = [
            "--payment-service-url",
            &payment_url,
            "--auth-service-url",
            &auth_url,
            "--image-directory",
            images.path().to_str().expect("a path"),
        ];
        let config = config(&[&always[..], arguments].concat());
        let runtime = urr_testkit::runtime("ticket");
        let connected = redis.args().connect().await.expect("a valid address");
        let state = Arc::new(State::new(
            &config,
            database.pool.clone(),
            connected,
            &runtime,
        ));
        let router = urr_kit::serve::layers(
            urr_ticket::router(Arc::clone(&state)),
            &runtime,
            Some(urr_testkit::gateway_token()),
        );
        Self {
            pool: database.pool,
            url: database.url,
            redis,
            state,
            payment,
            auth,
            client: Client::new(router),
            images,
        }
    }

    /// A person nobody has seen before, with an entry pass for the event.
    pub(crate) fn fan(&self, event: EventId) -> Fan {
        self.fan_named(UserId::random(), event)
    }

    /// That person, with an entry pass for the event.
    pub(crate) fn fan_named(&self, user: UserId, event: EventId) -> Fan {
        Fan {
            user,
            event,
            client: self.client.as_user(user).with_entry(event, user),
        }
    }

    /// An administrator.
    pub(crate) fn admin(&self) -> Client {
        self.client.as_admin(UserId::random())
    }

    /// An event on sale without seats or types.
    pub(crate) async fn event(&self) -> EventId {
        let id = EventId::random();
        sqlx::query!(
            r"insert into events (id, title, venue, address, event_date, sale_start_date, sale_end_date, status)
              values ($1, 'A night of tests', 'Hall', 'Seoul', now() + interval '30 days',
                      now() - interval '1 day', now() + interval '29 days', 'on_sale')",
            id as EventId,
        )
        .execute(&self.pool)
        .await
        .unwrap();
        id
    }

    /// An event on sale with one row of so many seats.
    pub(crate) async fn seated(&self, seats_in_row: i32) -> (EventId, Vec<SeatId>) {
        let event = self.event().await;
        let config = json!({"sections": [
            {"name": "R", "rows": 1, "seatsPerRow": seats_in_row, "price": SEAT_PRICE, "startRow": 4}
        ]});
        let layout = SeatLayoutId::random();
        sqlx::query!(
            "insert into seat_layouts (id, name, total_seats, layout_config) values ($1, $2, $3, $4)",
            layout as SeatLayoutId,
            layout.to_string(),
            seats_in_row,
            config,
        )
        .execute(&self.pool)
        .await
        .unwrap();
        sqlx::query!(
            "update events set seat_layout_id = $2 where id = $1",
            event as EventId,
            layout as SeatLayoutId,
        )
        .execute(&self.pool)
        .await
        .unwrap();
        let mut connection = self.pool.acquire().await.unwrap();
        seats::generate(&mut connection, event, &Layout::parse(&config).unwrap())
            .await
            .unwrap();
        let ids = seats::map(&self.pool, event)
            .await
            .unwrap()
            .into_iter()
            .map(|seat| seat.id)
            .collect();
        (event, ids)
    }

    /// An artist.
    pub(crate) async fn artist(&self, name: &str) -> ArtistId {
        let mut connection = self.pool.acquire().await.unwrap();
        artists::by_name(&mut connection, name).await.unwrap()
    }

    /// From now on the event is that artist's.
    pub(crate) async fn set_artist(&self, event: EventId, artist: ArtistId) {
        sqlx::query!(
            "update events set artist_id = $2 where id = $1",
            event as EventId,
            artist as ArtistId
        )
        .execute(&self.pool)
        .await
        .unwrap();
    }

    /// The sale began so long ago that no presale is left.
    pub(crate) async fn open_for_everybody(&self, event: EventId) {
        sqlx::query!(
            "update events set sale_start_date = now() - interval '3 days' where id = $1",
            event as EventId
        )
        .execute(&self.pool)
        .await
        .unwrap();
    }

    /// Asks for a membership.
    pub(crate) async fn subscribe(&self, user: UserId, artist: ArtistId) -> MembershipId {
        let body = json!({"artistId": artist});
        let path = "/api/memberships/subscribe";
        let answer = self.client.as_user(user).post(path, body).await.expect(201);
        answer.body["membershipId"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap()
    }

    /// Makes a person a paid member; returns the order.
    pub(crate) async fn join(&self, user: UserId, artist: ArtistId) -> String {
        let id = self.subscribe(user, artist).await;
        let order = format!("ORD-{id}");
        let path = format!("/internal/memberships/{id}/activate");
        let body = json!({"userId": user, "orderId": order});
        self.client.internal().post(&path, body).await.expect(200);
        order
    }

    /// A standing type of an event.
    pub(crate) async fn ticket_type(
        &self,
        event: EventId,
        name: &str,
        price: i64,
        total: i32,
    ) -> TicketTypeId {
        let id = TicketTypeId::random();
        sqlx::query!(
            "insert into ticket_types (id, event_id, name, price, total_quantity) values ($1, $2, $3, $4, $5)",
            id as TicketTypeId,
            event as EventId,
            name,
            Won(price) as Won,
            total,
        )
        .execute(&self.pool)
        .await
        .unwrap();
        let mut connection = self.pool.acquire().await.unwrap();
        stock::create(&mut connection, id, total).await.unwrap();
        id
    }

    /// The only standing type of an event.
    pub(crate) async fn only_type(&self, event: EventId) -> TicketTypeId {
        sqlx::query_scalar!(
            r#"select id as "id!: TicketTypeId" from ticket_types where event_id = $1"#,
            event as EventId
        )
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    /// Sets how many tickets one person may have.
    pub(crate) async fn set_cap(&self, event: EventId, most: i32) {
        sqlx::query!(
            "update events set max_per_person = $2 where id = $1",
            event as EventId,
            most
        )
        .execute(&self.pool)
        .await
        .unwrap();
    }

    /// Calls an event off, and leaves what was taken for it as it is.
    pub(crate) async fn call_off(&self, event: EventId) {
        sqlx::query!(
            "update events set status = 'cancelled' where id = $1",
            event as EventId
        )
        .execute(&self.pool)
        .await
        .unwrap();
    }

    /// Lets the time of a hold be over.
    pub(crate) async fn overdue(&self, id: ReservationId) {
        sqlx::query!(
            "update reservations set expires_at = now() - interval '1 second' where id = $1",
            id as ReservationId
        )
        .execute(&self.pool)
        .await
        .unwrap();
    }

    /// Ends an unpaid hold as time does.
    pub(crate) async fn expire(&self, id: ReservationId) {
        self.overdue(id).await;
        assert!(
            urr_ticket::booking::expire::expire(&self.state, id)
                .await
                .unwrap()
        );
    }

    /// `status/payment_status` of a reservation.
    pub(crate) async fn stage(&self, id: ReservationId) -> String {
        sqlx::query_scalar!(
            r#"select status || '/' || payment_status as "stage!" from reservations where id = $1"#,
            id as ReservationId
        )
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    /// Status of a seat's row.
    pub(crate) async fn seat_status(&self, seat: SeatId) -> String {
        sqlx::query_scalar!("select status from seats where id = $1", seat as SeatId)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// Fencing token of a seat's row.
    pub(crate) async fn seat_token(&self, seat: SeatId) -> i64 {
        sqlx::query_scalar!(
            "select fencing_token from seats where id = $1",
            seat as SeatId
        )
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    /// What is left of a type.
    pub(crate) async fn available(&self, ticket_type: TicketTypeId) -> i64 {
        let path = format!("/api/tickets/availability/{ticket_type}");
        let answer = self.client.get(&path).await.expect(200);
        answer.body["available_quantity"].as_i64().unwrap()
    }

    /// Types of the facts about a reservation, in order.
    pub(crate) async fn facts(&self, id: ReservationId) -> Vec<String> {
        sqlx::query_scalar!(
            r#"select payload->>'type' as "type!" from outbox where key = $1 order by id"#,
            id.to_string()
        )
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    /// The last fact about a reservation.
    pub(crate) async fn last_fact(&self, id: ReservationId) -> Value {
        sqlx::query_scalar!(
            r#"select payload as "payload!" from outbox where key = $1 order by id desc limit 1"#,
            id.to_string()
        )
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    /// Payment begins: HELD → PAYING.
    pub(crate) async fn pay(&self, hold: &Hold, order: &str) -> Answer {
        self.pay_instead_of(hold, order, &[]).await
    }

    /// Payment begins again under an order in place of ones that are over.
    pub(crate) async fn pay_instead_of(&self, hold: &Hold, order: &str, over: &[&str]) -> Answer {
        let body = json!({
            "userId": hold.user, "orderId": order, "amount": hold.total, "replaces": over,
        });
        let path = format!("/internal/reservations/{}/pay", hold.id);
        self.client.internal().post(&path, body).await
    }

    /// Payment tells that it captured the order.
    pub(crate) async fn confirm(&self, hold: &Hold, order: &str) -> Answer {
        let body = json!({
            "userId": hold.user, "orderId": order, "amount": hold.total, "paymentMethod": "toss",
        });
        let path = format!("/internal/reservations/{}/confirm", hold.id);
        self.client.internal().post(&path, body).await
    }

    /// Payment gives the money of the order back.
    pub(crate) async fn refund(&self, hold: &Hold, order: &str) -> Answer {
        let body = json!({"userId": hold.user, "orderId": order, "reason": "user-request"});
        let path = format!("/internal/reservations/{}/refund", hold.id);
        self.client.internal().post(&path, body).await
    }

    /// Pays and confirms.
    pub(crate) async fn buy(&self, hold: &Hold, order: &str) {
        self.pay(hold, order).await.expect(200);
        self.confirm(hold, order).await.expect(200);
    }

    /// A fact arrives over the bus.
    pub(crate) async fn receive(&self, id: FactId, fact: Fact) -> anyhow::Result<Applied> {
        let received = Received {
            id,
            topic: Topic::Payment,
            key: fact.key().unwrap_or_default(),
            fact,
        };
        let handler = PaymentFacts {
            metrics: self.state.metrics.clone(),
        };
        consumer::apply_once(&self.pool, GROUP, &received, &handler).await
    }
}

/// A person at the service, inside the sale of one event.
#[derive(Clone)]
pub(crate) struct Fan {
    pub(crate) user: UserId,
    pub(crate) event: EventId,
    pub(crate) client: Client,
}

/// A hold that was taken.
#[derive(Clone, Debug)]
pub(crate) struct Hold {
    pub(crate) id: ReservationId,
    pub(crate) user: UserId,
    pub(crate) total: i64,
    pub(crate) body: Value,
}

impl Fan {
    /// Asks for a seat.
    pub(crate) async fn try_seat(&self, seat: SeatId) -> Answer {
        let body = json!({"eventId": self.event, "seatIds": [seat]});
        self.client.post("/api/seats/reserve", body).await
    }

    /// Holds a seat.
    pub(crate) async fn hold(&self, seat: SeatId) -> Hold {
        self.held(self.try_seat(seat).await.expect(200))
    }

    /// Asks for standing places.
    pub(crate) async fn try_places(&self, ticket_type: TicketTypeId, quantity: i64) -> Answer {
        let body = json!({
            "eventId": self.event,
            "items": [{"ticketTypeId": ticket_type, "quantity": quantity}],
        });
        self.client.post("/api/reservations", body).await
    }

    /// Holds standing places.
    pub(crate) async fn places(&self, ticket_type: TicketTypeId, quantity: i64) -> Hold {
        self.held(self.try_places(ticket_type, quantity).await.expect(200))
    }

    /// Asks to cancel.
    pub(crate) async fn cancel(&self, id: ReservationId) -> Answer {
        let path = format!("/api/reservations/{id}/cancel");
        self.client.post(&path, Value::Null).await
    }

    /// The reservation as its page shows it.
    pub(crate) async fn detail(&self, id: ReservationId) -> Answer {
        self.client.get(&format!("/api/reservations/{id}")).await
    }

    fn held(&self, answer: Answer) -> Hold {
        let reservation = &answer.body["reservation"];
        Hold {
            id: reservation["id"].as_str().unwrap().parse().unwrap(),
            user: self.user,
            total: reservation["totalAmount"].as_i64().unwrap(),
            body: answer.body,
        }
    }
}

/// The fact that an order was captured for a hold.
pub(crate) fn captured(hold: &Hold, order: &str) -> Fact {
    Fact::PaymentConfirmed(PaymentConfirmedV1 {
        payment_id: PaymentId::random(),
        order_id: order.to_owned(),
        user_id: hold.user,
        reservation_id: Some(hold.id),
        reference_id: None,
        payment_type: PaymentType::Reservation,
        amount: Won(hold.total),
        payment_method: "toss".to_owned(),
        timestamp: CAPTURED_AT.parse().unwrap(),
    })
}

/// The fact that the money of an order went back.
pub(crate) fn refunded(hold: &Hold, order: &str) -> Fact {
    Fact::PaymentRefunded(PaymentRefundedV1 {
        payment_id: PaymentId::random(),
        order_id: order.to_owned(),
        user_id: hold.user,
        reservation_id: Some(hold.id),
        reference_id: None,
        payment_type: PaymentType::Reservation,
        amount: Won(hold.total),
        reason: "user-request".to_owned(),
        event_id: None,
        timestamp: CAPTURED_AT.parse().unwrap(),
    })
}

/// What must hold whatever happened: no seat has two holders, rows and lines agree, stock
/// adds up, and every change was told exactly once.
pub(crate) async fn check(pool: &PgPool) {
    let broken = sqlx::query_scalar!(
        r#"
        select 'seat ' || i.seat_id || ' has ' || count(*) || ' live lines' as "what!"
        from reservation_items i where i.live and i.seat_id is not null
        group by i.seat_id having count(*) > 1
        union all
        select 'seat ' || s.id || ' is ' || s.status || ' but its reservation ' || coalesce(r.status, 'none')
        from seats s
        left join reservation_items i on i.seat_id = s.id and i.live
        left join reservations r on r.id = i.reservation_id
        where s.status <> case r.status when 'pending' then 'locked' when 'confirmed' then 'reserved' else 'available' end
        union all
        select 'a line of ' || r.id || ' is live while it is ' || r.status
        from reservation_items i join reservations r on r.id = i.reservation_id
        where i.live <> (r.status in ('pending', 'confirmed'))
        union all
        select 'type ' || t.name || ': ' || k.stock || ' left and ' || k.live || ' taken of ' || t.total_quantity
        from ticket_types t cross join lateral (
            select (select coalesce(sum(s.available), 0) from ticket_stock s where s.ticket_type_id = t.id) as stock,
                   (select coalesce(sum(i.quantity), 0) from reservation_items i
                    where i.ticket_type_id = t.id and i.live) as live
        ) k
        where k.stock + k.live <> t.total_quantity
        union all
        select 'person ' || r.user_id || ' has ' || sum(r.quantity) || ' tickets'
        from reservations r join events e on e.id = r.event_id
        where r.status in ('pending', 'confirmed')
        group by r.user_id, e.id having sum(r.quantity) > e.max_per_person
        union all
        select 'reservation ' || r.id || ' is ' || r.status || ' but told as ' || coalesce(f.types, 'nothing')
        from reservations r cross join lateral (
            select string_agg(payload->>'type', ',' order by o.id) as types,
                   count(*) filter (where payload->>'type' = 'RESERVATION_CREATED') as created,
                   count(*) filter (where payload->>'type' = 'RESERVATION_CONFIRMED') as confirmed,
                   count(*) filter (where payload->>'type' = 'RESERVATION_CANCELLED') as cancelled,
                   count(*) filter (where payload->>'type' = 'RESERVATION_EXPIRED') as expired
            from outbox o where o.key = r.id::text
        ) f
        where f.created <> 1
           or f.confirmed <> (r.sold_order_id is not null)::int
           or f.cancelled <> (r.status = 'cancelled')::int
           or f.expired > 1
           or (r.status = 'expired' and f.expired <> 1)
        union all
        select 'reservation ' || r.id || ' is ' || r.status || ' and has ' || t.live || ' tickets'
        from reservations r cross join lateral (
            select count(*) as live from tickets t where t.reservation_id = r.id and t.voided_at is null
        ) t
        where r.event_id is not null and t.live <> case when r.status = 'confirmed' then r.quantity else 0 end
        union all
        select 'order ' || (o.payload->>'orderId') || ' was rejected twice'
        from outbox o where o.payload->>'type' = 'RESERVATION_REJECTED'
        group by o.payload->>'orderId' having count(*) > 1
        "#
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert!(broken.is_empty(), "{broken:#?}");
}
