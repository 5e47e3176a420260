//! The public API as far as fans use it, in memory, strict about what fans must do: cookies
//! only, one idempotency key a hold, no poll before its time.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::SocketAddr,
    sync::Arc,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    runtime::{self, Runtime},
    sync::oneshot,
};
use uuid::Uuid;

/// Password of all seeded fans.
pub(crate) const PASSWORD: &str = "all demo fans have this one";
/// The one event.
pub(crate) const EVENT: Uuid = Uuid::from_u128(0xE);

/// What the stand-in does wrong.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    /// Every so-manieth request to anything but sign-in is answered with this status.
    pub(crate) every: Option<(u64, u16)>,
    /// A first confirm captures the money and answers that it is in doubt.
    pub(crate) doubt: bool,
    /// Paid reservations are never confirmed, but expire.
    pub(crate) forgets_tickets: bool,
    /// How many more people it lets in than it says may be inside.
    pub(crate) crowded: usize,
    /// Nobody is let in.
    pub(crate) closed: bool,
    /// Access tokens are good for so many requests.
    pub(crate) session_requests: Option<u64>,
}

#[derive(Clone, Debug)]
struct Reservation {
    owner: String,
    seats: Vec<Uuid>,
    status: &'static str,
    payment_status: &'static str,
}

/// What there is, and what happened.
#[derive(Default)]
pub(crate) struct Platform {
    pub(crate) faults: Faults,
    pub(crate) seats: BTreeMap<Uuid, &'static str>,
    pub(crate) threshold: usize,
    pub(crate) requests: u64,
    pub(crate) unexpected: BTreeSet<String>,
    pub(crate) refreshed: u64,
    pub(crate) holds_by_key: HashMap<String, Uuid>,
    waiting: Vec<String>,
    inside: BTreeSet<String>,
    reservations: BTreeMap<Uuid, Reservation>,
    orders: HashMap<String, Uuid>,
    captured: BTreeSet<String>,
    declined: BTreeSet<String>,
    sessions: HashMap<String, (String, u64)>,
}

pub(crate) type Shared = Arc<Mutex<Platform>>;

/// A stand-in that listens. It runs on a runtime of its own, so that taking that away cuts
/// every connection, as the death of a process does.
pub(crate) struct StandIn {
    pub(crate) platform: Shared,
    pub(crate) url: String,
    server: Option<Runtime>,
}

impl StandIn {
    /// A platform of `seats` seats that lets `threshold` people in, with `faults`.
    pub(crate) async fn start(seats: u128, threshold: usize, faults: Faults) -> Self {
        let platform = Arc::new(Mutex::new(Platform {
            faults,
            threshold,
            seats: (1..=seats)
                .map(|seat| (Uuid::from_u128(seat), "available"))
                .collect(),
            ..Platform::default()
        }));
        let mut stand_in = Self {
            platform,
            url: String::new(),
            server: None,
        };
        let address = stand_in.listen("127.0.0.1:0").await;
        stand_in.url = format!("http://{address}");
        stand_in
    }

    /// Cuts every connection and comes back at the same address.
    pub(crate) async fn restart(&mut self) {
        self.stop();
        let address = self.url.trim_start_matches("http://").to_owned();
        self.listen(&address).await;
    }

    /// How many seats have `status`.
    pub(crate) fn seats_that_are(&self, status: &str) -> usize {
        let platform = self.platform.lock();
        let seats = platform.seats.values();
        seats.filter(|seat| **seat == status).count()
    }

    async fn listen(&mut self, address: &str) -> SocketAddr {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let router = router(Arc::clone(&self.platform));
        let (bound, told) = oneshot::channel();
        let address = address.to_owned();
        runtime.spawn(async move {
            let listener = loop {
                match TcpListener::bind(&address).await {
                    Ok(listener) => break listener,
                    // The one before is not gone yet.
                    Err(_) => tokio::task::yield_now().await,
                }
            };
            let address = listener.local_addr().expect("bound");
            bound.send(address).expect("somebody waits for it");
            axum::serve(listener, router).await.expect("serves");
        });
        self.server = Some(runtime);
        told.await.expect("listens")
    }

    fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown_background();
        }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.stop();
    }
}

fn router(platform: Shared) -> Router {
    Router::new()
        .route("/api/v1/events", get(events))
        .route("/api/v1/events/{id}", get(event))
        .route("/api/v1/auth/login", post(log_in))
        .route("/api/v1/auth/register", post(register))
        .route("/api/v1/auth/refresh", post(refresh))
        .route("/api/v1/queue/check/{id}", post(check))
        .route("/api/v1/queue/status/{id}", get(check))
        .route("/api/v1/queue/heartbeat/{id}", post(heartbeat))
        .route("/api/v1/queue/leave/{id}", post(leave))
        .route("/api/v1/seats/events/{id}", get(seat_map))
        .route("/api/v1/seats/reserve", post(hold))
        .route("/api/v1/reservations/{id}", get(reservation))
        .route("/api/v1/reservations/{id}/cancel", post(cancel))
        .route("/api/v1/payments/prepare", post(prepare))
        .route("/api/v1/payments/confirm", post(confirm))
        .route("/checkout/{order}", post(checkout))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&platform),
            misbehave,
        ))
        .with_state(platform)
}

/// Refuses what no fan may send, and fails when told to.
async fn misbehave(State(platform): State<Shared>, request: Request, next: Next) -> Response {
    let fails = {
        let mut platform = platform.lock();
        if request.headers().contains_key(header::AUTHORIZATION) {
            platform
                .unexpected
                .insert("an Authorization header".to_owned());
        }
        platform.requests += 1;
        platform
            .faults
            .every
            .filter(|(every, _)| platform.requests.is_multiple_of(*every))
            .map(|(_, status)| status)
    };
    match fails.map(StatusCode::from_u16) {
        Some(Ok(status)) => {
            let retry = [(header::RETRY_AFTER, "1")];
            (status, retry, Json(json!({"error": "told to fail"}))).into_response()
        }
        _ => next.run(request).await,
    }
}

fn error(status: u16, text: &str, code: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    let body = json!({"error": text, "message": text, "code": code});
    (status, Json(body)).into_response()
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get(header::COOKIE)?
        .to_str()
        .ok()?
        .split("; ")
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        .map(str::to_owned)
}

impl Platform {
    /// The account of the session cookie, which counts its uses.
    fn user(&mut self, headers: &HeaderMap) -> Option<String> {
        let limit = self.faults.session_requests.unwrap_or(u64::MAX);
        let (email, uses) = self.sessions.get_mut(&cookie(headers, "access_token")?)?;
        *uses += 1;
        (*uses <= limit).then(|| email.clone())
    }

    fn sign_in(&mut self, email: &str) -> Response {
        let token = Uuid::new_v4().to_string();
        self.sessions.insert(token.clone(), (email.to_owned(), 0));
        let cookies = [
            format!("access_token={token}; Path=/; HttpOnly; Max-Age=1800"),
            format!("refresh_token={email}; Path=/api; HttpOnly; Max-Age=604800"),
        ];
        let headers = cookies.map(|cookie| (header::SET_COOKIE, cookie));
        (axum::response::AppendHeaders(headers), Json(json!({}))).into_response()
    }

    fn let_in(&mut self) {
        while !self.faults.closed
            && self.inside.len() < self.threshold + self.faults.crowded
            && !self.waiting.is_empty()
        {
            let next = self.waiting.remove(0);
            self.inside.insert(next);
        }
    }
}

async fn events() -> Json<Value> {
    Json(json!({"events": [{"id": EVENT, "status": "on_sale"}]}))
}

async fn event(Path(id): Path<Uuid>) -> Json<Value> {
    Json(json!({"event": {"id": id, "seat_layout_id": Uuid::from_u128(5)}, "ticketTypes": []}))
}

async fn log_in(State(platform): State<Shared>, Json(body): Json<Value>) -> Response {
    let email = body["email"].as_str().expect("an e-mail");
    let seeded = email.starts_with("fan") && body["password"] == PASSWORD;
    if !seeded {
        return error(400, "Invalid email or password", "");
    }
    platform.lock().sign_in(email)
}

async fn register(State(platform): State<Shared>, Json(body): Json<Value>) -> Response {
    let email = body["email"].as_str().expect("an e-mail");
    platform.lock().sign_in(email)
}

async fn refresh(State(platform): State<Shared>, headers: HeaderMap) -> Response {
    let mut platform = platform.lock();
    let Some(email) = cookie(&headers, "refresh_token") else {
        return error(400, "Refresh token is required", "");
    };
    platform.refreshed += 1;
    platform.sign_in(&email)
}

async fn check(
    State(platform): State<Shared>,
    Path(_): Path<Uuid>,
    headers: HeaderMap,
) -> Response {
    let mut platform = platform.lock();
    let Some(user) = platform.user(&headers) else {
        return error(401, "Authentication required", "");
    };
    if !platform.inside.contains(&user) && !platform.waiting.contains(&user) {
        platform.waiting.push(user.clone());
    }
    platform.let_in();
    let current = platform.inside.len().min(platform.threshold);
    let threshold = platform.threshold;
    let Some(ahead) = platform.waiting.iter().position(|other| *other == user) else {
        let entry = format!("tiketi-entry-token={user}; Path=/; Max-Age=600; SameSite=Strict");
        let body = json!({"status": "active", "queued": false, "entryToken": user,
            "nextPoll": 1, "currentUsers": current, "threshold": threshold});
        return ([(header::SET_COOKIE, entry)], Json(body)).into_response();
    };
    Json(
        json!({"status": "queued", "queued": true, "position": ahead + 1, "nextPoll": 1,
        "currentUsers": current, "threshold": threshold}),
    )
    .into_response()
}

async fn heartbeat() -> Json<Value> {
    Json(json!({"status": "active", "queued": false}))
}

async fn leave(State(platform): State<Shared>, headers: HeaderMap) -> Response {
    let mut platform = platform.lock();
    let Some(user) = platform.user(&headers) else {
        return error(401, "Authentication required", "");
    };
    platform.inside.remove(&user);
    platform.waiting.retain(|other| *other != user);
    Json(json!({"message": "Left queue"})).into_response()
}

async fn seat_map(State(platform): State<Shared>) -> Json<Value> {
    let platform = platform.lock();
    let seats: Vec<Value> = platform
        .seats
        .iter()
        .map(|(id, status)| json!({"id": id, "status": status, "seat_label": "A-1-1"}))
        .collect();
    Json(json!({"event": {}, "layout": null, "seats": seats}))
}

async fn hold(
    State(platform): State<Shared>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let mut platform = platform.lock();
    let Some(user) = platform.user(&headers) else {
        return error(401, "Authentication required", "");
    };
    if cookie(&headers, "tiketi-entry-token").as_deref() != Some(user.as_str()) {
        return error(403, "Queue entry token required", "ENTRY_TOKEN_REQUIRED");
    }
    let key = body["idempotencyKey"].as_str().expect("a key").to_owned();
    if let Some(id) = platform.holds_by_key.get(&key) {
        return Json(json!({"reservation": {"id": id, "total_amount": 1000}})).into_response();
    }
    let seats: Vec<Uuid> =
        serde_json::from_value(body["seatIds"].clone()).expect("a list of seats");
    if seats
        .iter()
        .any(|seat| platform.seats.get(seat) != Some(&"available"))
    {
        return error(409, "Seat already selected by another user", "SEAT_TAKEN");
    }
    for seat in &seats {
        platform.seats.insert(*seat, "locked");
    }
    let id = Uuid::new_v4();
    platform.holds_by_key.insert(key, id);
    let reservation = Reservation {
        owner: user,
        seats,
        status: "pending",
        payment_status: "pending",
    };
    platform.reservations.insert(id, reservation);
    Json(json!({"reservation": {"id": id, "totalAmount": 1000}})).into_response()
}

async fn prepare(
    State(platform): State<Shared>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let mut platform = platform.lock();
    let reservation: Uuid =
        serde_json::from_value(body["reservationId"].clone()).expect("a reservation");
    let order = Uuid::new_v4().to_string();
    platform.orders.insert(order.clone(), reservation);
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let url = format!("http://{}/checkout/{order}", host.expect("a host"));
    Json(json!({"orderId": order, "amount": 1000, "clientKey": "k", "checkoutUrl": url}))
        .into_response()
}

async fn checkout(
    State(platform): State<Shared>,
    Path(order): Path<String>,
    Json(body): Json<Value>,
) -> Json<Value> {
    if body["action"] == "decline" {
        platform.lock().declined.insert(order.clone());
    }
    Json(json!({"paymentKey": format!("key-of-{order}")}))
}

async fn confirm(State(platform): State<Shared>, Json(body): Json<Value>) -> Response {
    let mut platform = platform.lock();
    let order = body["orderId"].as_str().expect("an order").to_owned();
    if platform.declined.contains(&order) {
        return error(400, "Card refused", "PAYMENT_DECLINED");
    }
    if !platform.captured.insert(order.clone()) {
        return error(400, "Payment already confirmed", "ALREADY_CONFIRMED");
    }
    let doubt = platform.faults.doubt;
    let forgets = platform.faults.forgets_tickets;
    let id = platform.orders[&order];
    let reservation = platform.reservations.get_mut(&id).expect("prepared before");
    reservation.status = if forgets { "expired" } else { "confirmed" };
    reservation.payment_status = "completed";
    let (owner, seats) = (reservation.owner.clone(), reservation.seats.clone());
    platform.inside.remove(&owner);
    for seat in seats {
        platform.seats.insert(seat, "reserved");
    }
    if doubt {
        return error(503, "Not known yet", "PAYMENT_IN_DOUBT");
    }
    Json(json!({"success": true})).into_response()
}

async fn reservation(State(platform): State<Shared>, Path(id): Path<Uuid>) -> Response {
    match platform.lock().reservations.get(&id) {
        Some(found) => Json(json!({"reservation": {"id": id, "status": found.status,
            "payment_status": found.payment_status}}))
        .into_response(),
        None => error(404, "Reservation not found", ""),
    }
}

async fn cancel(State(platform): State<Shared>, Path(id): Path<Uuid>, _: Bytes) -> Response {
    let mut platform = platform.lock();
    let Some(found) = platform.reservations.get_mut(&id) else {
        return error(404, "Reservation not found", "");
    };
    found.status = "cancelled";
    found.payment_status = "refunded";
    let seats = found.seats.clone();
    for seat in seats {
        platform.seats.insert(seat, "available");
    }
    Json(json!({"message": "Reservation cancelled"})).into_response()
}

/// Waits until `condition` holds of the platform.
pub(crate) async fn wait_for(platform: &Shared, condition: impl Fn(&Platform) -> bool) {
    urr_testkit::wait_for("something at the platform", async || {
        condition(&platform.lock())
    })
    .await;
}
