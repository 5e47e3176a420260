//! A running stats service without its sockets, and facts to feed it.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use sqlx::PgPool;
use urr_contract::{
    EventId, Fact, FactId, MembershipId, PaymentId, ReservationId, TransferId, UserId, Won,
    facts::{
        MembershipActivatedV1, PaymentConfirmedV1, PaymentRefundedV1, PaymentType,
        ReservationConfirmedV1, ReservationCreatedV1, ReservationEndedV1, TransferCompletedV1,
    },
};
use urr_kit::{
    Runtime,
    consumer::{Applied, Received, apply_once},
    serve::layers,
};
use urr_stats::{Config, GROUP, MIGRATIONS, State};
use urr_testkit::{Answer, Client, GATEWAY_TOKEN, INTERNAL_TOKEN, settings};
use uuid::Uuid;

/// Nothing listens there.
pub(crate) const NOWHERE: &str = "http://127.0.0.1:1";
/// The time in these tests: a Monday afternoon in Seoul.
pub(crate) const NOW: &str = "2026-11-23T06:00:00Z";

pub(crate) struct App {
    pub(crate) pool: PgPool,
    pub(crate) runtime: Runtime,
    pub(crate) state: Arc<State>,
    /// Whom the gateway has let through as nobody.
    pub(crate) anybody: Client,
    pub(crate) admin: Client,
}

impl App {
    /// With ticket and auth away.
    pub(crate) async fn alone() -> Self {
        Self::with_peers(NOWHERE, NOWHERE).await
    }

    pub(crate) async fn with_peers(ticket: &str, auth: &str) -> Self {
        let database = urr_testkit::database(&MIGRATIONS, "stats").await;
        let runtime = urr_testkit::runtime_at("stats", at(NOW));
        let arguments = [
            "stats",
            "--db-url",
            &database.url,
            "--internal-api-token",
            INTERNAL_TOKEN,
            "--gateway-token",
            GATEWAY_TOKEN,
            "--ticket-service-url",
            ticket,
            "--auth-service-url",
            auth,
            "--stats-time-zone",
            "Asia/Seoul",
        ];
        let config: Config = settings(arguments);
        let state = Arc::new(State::new(&config, database.pool.clone(), &runtime));
        let router = urr_stats::router(Arc::clone(&state));
        let router = layers(router, &runtime, Some(urr_testkit::gateway_token()));
        let anybody = Client::new(router).through_gateway();
        Self {
            pool: database.pool,
            runtime,
            state,
            admin: anybody.as_admin(UserId(Uuid::from_u128(1))),
            anybody,
        }
    }

    /// One fact takes effect, under a new id.
    pub(crate) async fn hear(&self, fact: Fact) -> Received {
        let received = Received {
            id: FactId::random(),
            topic: fact.topic().unwrap(),
            key: fact.key().unwrap(),
            fact,
        };
        assert_eq!(self.hear_as(&received).await, Applied::Now);
        received
    }

    pub(crate) async fn hear_as(&self, received: &Received) -> Applied {
        apply_once(&self.pool, GROUP, received, &self.state.recorder())
            .await
            .unwrap()
    }

    /// `data` of an answer to the administrator.
    pub(crate) async fn data(&self, path: &str) -> Value {
        let Answer { mut body, .. } = self.admin.get(path).await.expect(200);
        assert_eq!(body["success"], true, "{path}");
        body["data"].take()
    }
}

pub(crate) fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

/// A reservation to tell facts about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Story {
    pub(crate) reservation: ReservationId,
    pub(crate) payment: PaymentId,
    pub(crate) user: UserId,
    pub(crate) event: EventId,
    pub(crate) amount: i64,
    pub(crate) quantity: i64,
}

impl Story {
    pub(crate) fn of(user: u128, event: u128, amount: i64, quantity: i64) -> Self {
        Self {
            reservation: ReservationId::random(),
            payment: PaymentId::random(),
            user: UserId(Uuid::from_u128(user)),
            event: EventId(Uuid::from_u128(event)),
            amount,
            quantity,
        }
    }

    pub(crate) fn created(&self, time: &str) -> Fact {
        Fact::ReservationCreated(ReservationCreatedV1 {
            saga_id: None,
            reservation_id: self.reservation,
            user_id: self.user,
            event_id: Some(self.event),
            total_amount: Won(self.amount),
            quantity: self.quantity,
            timestamp: at(time),
        })
    }

    pub(crate) fn confirmed(&self, time: &str) -> Fact {
        Fact::ReservationConfirmed(ReservationConfirmedV1 {
            saga_id: None,
            reservation_id: self.reservation,
            user_id: self.user,
            event_id: Some(self.event),
            total_amount: Won(self.amount),
            payment_method: "toss".to_owned(),
            quantity: self.quantity,
            timestamp: at(time),
        })
    }

    fn ending(&self, time: &str) -> ReservationEndedV1 {
        ReservationEndedV1 {
            saga_id: None,
            reservation_id: self.reservation,
            user_id: self.user,
            event_id: Some(self.event),
            reason: None,
            was_confirmed: false,
            quantity: self.quantity,
            order_id: None,
            payer_id: None,
            timestamp: at(time),
        }
    }

    pub(crate) fn cancelled(&self, time: &str) -> Fact {
        Fact::ReservationCancelled(self.ending(time))
    }

    pub(crate) fn rejected(&self, time: &str) -> Fact {
        Fact::ReservationRejected(self.ending(time))
    }

    /// A rejection that names the order, as ticket sends it.
    pub(crate) fn rejected_order(&self, time: &str) -> Fact {
        Fact::ReservationRejected(ReservationEndedV1 {
            order_id: Some(format!("ORD_{}", self.payment)),
            ..self.ending(time)
        })
    }

    pub(crate) fn expired(&self, time: &str) -> Fact {
        Fact::ReservationExpired(self.ending(time))
    }

    pub(crate) fn captured(&self, time: &str) -> Fact {
        self.captured_as(PaymentType::Reservation, time)
    }

    pub(crate) fn captured_as(&self, kind: PaymentType, time: &str) -> Fact {
        let for_reservation = kind == PaymentType::Reservation;
        Fact::PaymentConfirmed(PaymentConfirmedV1 {
            payment_id: self.payment,
            order_id: format!("ORD_{}", self.payment),
            user_id: self.user,
            reservation_id: for_reservation.then_some(self.reservation),
            reference_id: (!for_reservation).then_some(self.reservation.0),
            payment_type: kind,
            amount: Won(self.amount),
            payment_method: "toss".to_owned(),
            timestamp: at(time),
        })
    }

    pub(crate) fn refunded(&self, time: &str) -> Fact {
        self.refunded_as(PaymentType::Reservation, time)
    }

    pub(crate) fn refunded_as(&self, kind: PaymentType, time: &str) -> Fact {
        let for_reservation = kind == PaymentType::Reservation;
        Fact::PaymentRefunded(PaymentRefundedV1 {
            payment_id: self.payment,
            order_id: format!("ORD_{}", self.payment),
            user_id: self.user,
            reservation_id: for_reservation.then_some(self.reservation),
            reference_id: (!for_reservation).then_some(self.reservation.0),
            payment_type: kind,
            amount: Won(self.amount),
            reason: "changed their mind".to_owned(),
            event_id: for_reservation.then_some(self.event),
            timestamp: at(time),
        })
    }
}

pub(crate) fn transferred(price: i64, time: &str) -> Fact {
    Fact::TransferCompleted(TransferCompletedV1 {
        saga_id: None,
        transfer_id: TransferId::random(),
        reservation_id: Some(ReservationId::random()),
        seller_id: Some(UserId::random()),
        buyer_id: UserId::random(),
        total_price: Won(price),
        timestamp: at(time),
    })
}

pub(crate) fn joined(time: &str) -> Fact {
    Fact::MembershipActivated(MembershipActivatedV1 {
        saga_id: None,
        membership_id: MembershipId::random(),
        user_id: UserId::random(),
        artist_id: None,
        timestamp: at(time),
    })
}
