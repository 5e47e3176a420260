//! The payment service as ticket sees it: answers that a test sets, and what was asked.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::{RwLock, RwLockWriteGuard};
use urr_contract::{
    ReservationId, Won,
    internal::{OrderOutcome, OrderState, PaymentByReservation},
};

/// What payment knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct PaymentStub {
    known: Arc<Mutex<Known>>,
    answering: Arc<RwLock<()>>,
}

#[derive(Debug, Default)]
struct Known {
    orders: HashMap<String, OrderState>,
    payments: HashMap<ReservationId, PaymentByReservation>,
    down: bool,
    asked: Vec<String>,
}

impl PaymentStub {
    /// Serves it; returns its base URL.
    pub(crate) async fn serve(&self) -> String {
        let router = Router::new()
            .route("/internal/payments/orders/{order}/{question}", post(order))
            .route(
                "/internal/payments/by-reservation/{id}",
                get(by_reservation),
            )
            .with_state(self.clone());
        urr_testkit::serve(router).await
    }

    /// From now on that is what became of the order.
    pub(crate) fn order_is(&self, order: &str, outcome: OrderOutcome, amount: Option<i64>) {
        let state = OrderState {
            outcome,
            payment_id: None,
            method: amount.map(|_| "toss".to_owned()),
            amount: amount.map(Won),
        };
        self.known.lock().orders.insert(order.to_owned(), state);
    }

    /// From now on that is the latest payment of the reservation, which clients see confirmed.
    pub(crate) fn payment_is(
        &self,
        id: ReservationId,
        order: &str,
        outcome: OrderOutcome,
        amount: i64,
    ) {
        let payment = PaymentByReservation {
            found: true,
            reservation_id: Some(id),
            status: Some("confirmed".to_owned()),
            outcome: Some(outcome),
            method: Some("toss".to_owned()),
            amount: Some(Won(amount)),
            order_id: Some(order.to_owned()),
        };
        self.known.lock().payments.insert(id, payment);
    }

    /// Whether every call fails from now on.
    pub(crate) fn set_down(&self, down: bool) {
        self.known.lock().down = down;
    }

    /// Hears what it is asked about orders, and answers only once this is dropped.
    pub(crate) async fn silence(&self) -> RwLockWriteGuard<'_, ()> {
        self.answering.write().await
    }

    /// What was asked, `<order>/<question>`.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.known.lock().asked.clone()
    }
}

async fn order(
    State(stub): State<PaymentStub>,
    Path((order, question)): Path<(String, String)>,
) -> Response {
    stub.known.lock().asked.push(format!("{order}/{question}"));
    let _turn = stub.answering.read().await;
    let known = stub.known.lock();
    if known.down {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let state = known.orders.get(&order).cloned().unwrap_or(OrderState {
        outcome: OrderOutcome::Void,
        payment_id: None,
        method: None,
        amount: None,
    });
    Json(state).into_response()
}

async fn by_reservation(
    State(stub): State<PaymentStub>,
    Path(id): Path<ReservationId>,
) -> Response {
    let known = stub.known.lock();
    if known.down {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    match known.payments.get(&id) {
        Some(payment) => Json(payment.clone()).into_response(),
        None => Json(json!({"found": false, "reservationId": id})).into_response(),
    }
}
