//! A stand-in for ticket: reservations with an owner, a price and a fence, and its answers.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path, Query, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::StatusCode;
use parking_lot::Mutex;
use serde_json::{Value, json};
use urr_contract::{
    EventId, ReservationId, UserId,
    internal::{OwedBack, OwedOrder},
};
use uuid::Uuid;

/// Where a reservation is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Held,
    Paying,
    Sold,
    Ended,
}

#[derive(Clone, Debug)]
pub(crate) struct Reservation {
    pub(crate) owner: UserId,
    pub(crate) price: i64,
    pub(crate) stage: Stage,
    pub(crate) order: Option<String>,
    pub(crate) event: EventId,
}

#[derive(Debug, Default)]
struct Inner {
    reservations: HashMap<Uuid, Reservation>,
    /// Transfers and memberships that may be bought, with their price.
    others: HashMap<Uuid, i64>,
    /// Calls to be failed with 500 before any is answered.
    failing: usize,
    /// Whether captured orders are turned away, as where the seat was lost.
    rejects: bool,
    /// Orders that ticket says are owed back.
    owed: Vec<String>,
    /// Whether no call is answered.
    hangs: bool,
    /// Calls of each last path segment.
    calls: HashMap<String, usize>,
}

/// The stand-in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ticket(Arc<Mutex<Inner>>);

impl Ticket {
    pub(crate) fn hold(&self, id: ReservationId, owner: UserId, price: i64) {
        let reservation = Reservation {
            owner,
            price,
            stage: Stage::Held,
            order: None,
            event: EventId::random(),
        };
        self.0.lock().reservations.insert(id.0, reservation);
    }

    pub(crate) fn sell_other(&self, id: Uuid, price: i64) {
        self.0.lock().others.insert(id, price);
    }

    pub(crate) fn get(&self, id: ReservationId) -> Reservation {
        self.0.lock().reservations[&id.0].clone()
    }

    pub(crate) fn set(&self, id: ReservationId, change: impl FnOnce(&mut Reservation)) {
        change(self.0.lock().reservations.get_mut(&id.0).expect("known"));
    }

    pub(crate) fn forget(&self, id: ReservationId) {
        self.0.lock().reservations.remove(&id.0);
    }

    /// The next so many calls fail with 500.
    pub(crate) fn fail_next(&self, calls: usize) {
        self.0.lock().failing = calls;
    }

    /// From now on ticket says that the money of this order is owed back.
    pub(crate) fn owe(&self, order: &str) {
        self.0.lock().owed.push(order.to_owned());
        self.0.lock().owed.sort();
    }

    /// Whether no call is answered from now on.
    pub(crate) fn set_hanging(&self, hangs: bool) {
        self.0.lock().hangs = hangs;
    }

    pub(crate) fn reject_orders(&self) {
        self.0.lock().rejects = true;
    }

    pub(crate) fn calls(&self, segment: &str) -> usize {
        self.0
            .lock()
            .calls
            .get(segment)
            .copied()
            .unwrap_or_default()
    }

    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/internal/reservations/{id}/validate", get(validate))
            .route("/internal/reservations/{id}/pay", post(pay))
            .route("/internal/reservations/{id}/fence", get(fence))
            .route("/internal/reservations/{id}/confirm", post(confirm))
            .route("/internal/reservations/{id}/refund", post(refund))
            .route("/internal/transfers/{id}/validate", get(validate_other))
            .route("/internal/memberships/{id}/validate", get(validate_other))
            .route("/internal/transfers/{id}/pay", post(pay_other))
            .route("/internal/transfers/{id}/complete", post(done))
            .route("/internal/memberships/{id}/activate", post(done))
            .route("/internal/orders/owed-back", get(owed_back))
            .layer(middleware::from_fn_with_state(self.clone(), count_and_fail))
            .with_state(self.clone())
    }
}

async fn count_and_fail(State(ticket): State<Ticket>, request: Request, next: Next) -> Response {
    {
        let mut inner = ticket.0.lock();
        let segment = request
            .uri()
            .path()
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned();
        *inner.calls.entry(segment).or_default() += 1;
        if inner.failing > 0 {
            inner.failing -= 1;
            return refuse(500, "Internal server error");
        }
    }
    if ticket.0.lock().hangs {
        std::future::pending::<()>().await;
    }
    next.run(request).await
}

fn refuse(status: u16, error: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (
        status,
        Json(json!({"error": error, "message": error, "code": "C"})),
    )
        .into_response()
}

fn ok() -> Response {
    Json(json!({"ok": true})).into_response()
}

async fn validate(
    State(ticket): State<Ticket>,
    Path(id): Path<Uuid>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let inner = ticket.0.lock();
    let Some(reservation) = inner.reservations.get(&id) else {
        return refuse(404, "Reservation not found");
    };
    if query["userId"] != reservation.owner.to_string() {
        return refuse(403, "Access denied");
    }
    match reservation.stage {
        Stage::Held | Stage::Paying => Json(json!({
            "id": id, "user_id": reservation.owner, "event_id": reservation.event,
            "reservation_number": "R1", "total_amount": reservation.price,
            "status": "pending", "payment_status": "pending", "expires_at": null,
        }))
        .into_response(),
        Stage::Sold => refuse(400, "Reservation is not pending"),
        Stage::Ended => refuse(400, "Reservation has expired"),
    }
}

async fn pay(
    State(ticket): State<Ticket>,
    Path(id): Path<Uuid>,
    Json(body): Json<Value>,
) -> Response {
    let mut inner = ticket.0.lock();
    let Some(reservation) = inner.reservations.get_mut(&id) else {
        return refuse(404, "Reservation not found");
    };
    let is_over = body["replaces"]
        .as_array()
        .is_some_and(|over| over.contains(&json!(reservation.order)));
    match reservation.stage {
        Stage::Held => {
            reservation.stage = Stage::Paying;
            reservation.order = body["orderId"].as_str().map(str::to_owned);
        }
        Stage::Paying if is_over => {
            reservation.order = body["orderId"].as_str().map(str::to_owned);
        }
        Stage::Paying => {}
        Stage::Sold => return refuse(400, "Reservation is not pending"),
        Stage::Ended => return refuse(400, "Reservation has expired"),
    }
    Json(json!({
        "orderId": reservation.order, "amount": reservation.price, "eventId": reservation.event,
        "eventTitle": "A concert", "expiresAt": "2999-01-01T00:00:00Z",
    }))
    .into_response()
}

async fn fence(
    State(ticket): State<Ticket>,
    Path(id): Path<Uuid>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let inner = ticket.0.lock();
    let Some(reservation) = inner.reservations.get(&id) else {
        return refuse(404, "Reservation not found");
    };
    let fenced = reservation.stage == Stage::Paying
        && reservation.order.as_deref() == Some(query["orderId"].as_str());
    Json(json!({"fenced": fenced})).into_response()
}

async fn confirm(
    State(ticket): State<Ticket>,
    Path(id): Path<Uuid>,
    Json(body): Json<Value>,
) -> Response {
    let mut inner = ticket.0.lock();
    let rejects = inner.rejects;
    let Some(reservation) = inner.reservations.get_mut(&id) else {
        return refuse(404, "Reservation not found");
    };
    let is_its_order = reservation.order.as_deref() == body["orderId"].as_str();
    match reservation.stage {
        Stage::Paying | Stage::Sold if is_its_order && !rejects => {
            reservation.stage = Stage::Sold;
            ok()
        }
        _ => refuse(409, "Reservation cannot be confirmed"),
    }
}

async fn refund(
    State(ticket): State<Ticket>,
    Path(id): Path<Uuid>,
    Json(body): Json<Value>,
) -> Response {
    let mut inner = ticket.0.lock();
    let Some(reservation) = inner.reservations.get_mut(&id) else {
        return refuse(404, "Reservation not found");
    };
    if body["userId"] != json!(reservation.owner) {
        return refuse(403, "Access denied");
    }
    reservation.stage = Stage::Ended;
    ok()
}

async fn validate_other(State(ticket): State<Ticket>, Path(id): Path<Uuid>) -> Response {
    match ticket.0.lock().others.get(&id) {
        Some(price) => Json(json!({"total_amount": price, "totalAmount": price})).into_response(),
        None => refuse(404, "Transfer not found"),
    }
}

/// A listing is kept for the order that asks.
async fn pay_other(
    State(ticket): State<Ticket>,
    Path(id): Path<Uuid>,
    Json(request): Json<urr_contract::internal::PayRequest>,
) -> Response {
    if !ticket.0.lock().others.contains_key(&id) {
        return refuse(404, "Transfer not found");
    }
    Json(json!({
        "orderId": request.order_id, "amount": request.amount, "eventId": null,
        "eventTitle": "Resale", "expiresAt": "2199-01-01T00:00:00Z",
    }))
    .into_response()
}

/// One order at a time, as ticket gives a hundred.
async fn owed_back(
    State(ticket): State<Ticket>,
    Query(query): Query<HashMap<String, String>>,
) -> Json<OwedBack> {
    let owed = ticket.0.lock().owed.clone();
    let next = owed.into_iter().find(|order| *order > query["after"]);
    let orders = next.map(|order_id| OwedOrder {
        order_id,
        reason: "Reservation cancelled".to_owned(),
    });
    Json(OwedBack {
        orders: orders.into_iter().collect(),
    })
}

async fn done() -> Response {
    ok()
}
