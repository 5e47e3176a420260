//! What ticket and auth add, and what remains without them.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicUsize, Ordering},
};

use axum::{
    Json, Router,
    extract::State as Shared,
    routing::{get, post},
};
use jiff::SignedDuration;
use serde_json::json;
use urr_contract::{
    EventId,
    internal::{EventBatch, EventSummary, IdBatch, UserCounts},
};
use urr_kit::internal::{HasInternalToken, InternalCaller, InternalToken};
use urr_stats::jobs::count_accounts;
use urr_testkit::serve;
use uuid::Uuid;

use crate::app::{App, NOWHERE, Story, at};

const EVENT_10: &str = "00000000-0000-0000-0000-00000000000a";

/// Ticket and auth in one: knows events 10 and 11, so many users and one administrator.
struct Peer {
    token: InternalToken,
    asked: AtomicUsize,
    users: AtomicI64,
}

impl HasInternalToken for Peer {
    fn internal_token(&self) -> &InternalToken {
        &self.token
    }
}

impl Peer {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            token: urr_testkit::internal_token(),
            asked: AtomicUsize::new(0),
            users: AtomicI64::new(0),
        })
    }

    async fn serve(self: &Arc<Self>) -> String {
        let router = Router::new()
            .route("/internal/events/batch", post(batch))
            .route("/internal/users/counts", get(counts))
            .with_state(Arc::clone(self));
        serve(router).await
    }
}

async fn batch(
    Shared(peer): Shared<Arc<Peer>>,
    _: InternalCaller,
    Json(batch): Json<IdBatch>,
) -> Json<EventBatch> {
    peer.asked.fetch_add(1, Ordering::SeqCst);
    let known = [(10_u128, "Aria", 4, "on_sale"), (11, "Brass", 10, "ended")];
    let events = known
        .into_iter()
        .filter(|(id, ..)| batch.ids.contains(&Uuid::from_u128(*id)))
        .map(|(id, title, total_seats, status)| EventSummary {
            id: EventId(Uuid::from_u128(id)),
            title: title.to_owned(),
            venue: "Olympic Hall".to_owned(),
            event_date: at("2026-12-24T10:00:00Z"),
            status: status.to_owned(),
            total_seats,
            sold_seats: 0,
            views: 70,
        })
        .collect();
    Json(EventBatch { events })
}

async fn counts(Shared(peer): Shared<Arc<Peer>>, _: InternalCaller) -> Json<UserCounts> {
    Json(UserCounts {
        users: peer.users.load(Ordering::SeqCst),
        admins: 1,
    })
}

#[tokio::test]
async fn ticket_gives_events_their_names_and_seats() {
    let peer = Peer::new();
    let app = App::with_peers(&peer.serve().await, NOWHERE).await;
    for (event, quantity) in [(10, 1), (11, 2)] {
        let story = Story::of(1, event, 100_000, quantity);
        app.hear(story.created("2026-11-23T00:00:00Z")).await;
        app.hear(story.confirmed("2026-11-23T00:01:00Z")).await;
    }
    let rows = app.data("/api/stats/events?sortBy=occupancy").await;
    assert_eq!(rows[0]["title"], "Aria");
    assert_eq!(rows[0]["venue"], "Olympic Hall");
    assert_eq!(rows[0]["event_date"], "2026-12-24T10:00:00Z");
    assert_eq!(rows[0]["status"], "on_sale");
    assert_eq!(rows[0]["occupancy_rate"], 25.0);
    assert_eq!(rows[1]["seat_utilization"], 20.0);
    let overview = app.data(&format!("/api/stats/events/{EVENT_10}")).await;
    assert_eq!(overview["overview"]["available_seats"], 3);
    assert_eq!(app.data("/api/stats/overview").await["active_events"], 1);
    let seats = app.data("/api/stats/seat-preferences").await;
    assert_eq!(
        seats["bySection"],
        json!([{
            "section": "ALL", "total_seats": 14, "reserved_seats": 3, "reservation_rate": 21.43,
        }])
    );
    assert_eq!(
        app.data("/api/stats/performance").await["database"]["tableCounts"]["seats"],
        14
    );
}

#[tokio::test]
async fn ticket_is_asked_once_a_minute() {
    let peer = Peer::new();
    let app = App::with_peers(&peer.serve().await, NOWHERE).await;
    // Event 12 is not known there; that is remembered too.
    for event in [10, 12] {
        let story = Story::of(1, event, 100_000, 1);
        app.hear(story.created("2026-11-23T00:00:00Z")).await;
    }
    for _ in 0..3 {
        app.data("/api/stats/events").await;
    }
    assert_eq!(peer.asked.load(Ordering::SeqCst), 1);
    app.runtime.clock.advance(SignedDuration::from_secs(60));
    app.data("/api/stats/events").await;
    assert_eq!(peer.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_event_nobody_reserved_is_known_from_ticket() {
    let app = App::with_peers(&Peer::new().serve().await, NOWHERE).await;
    let data = app.data(&format!("/api/stats/events/{EVENT_10}")).await;
    assert_eq!(data["overview"]["title"], "Aria");
    assert_eq!(data["overview"]["total_reservations"], 0);
    assert_eq!(data["overview"]["available_seats"], 4);
    assert_eq!(data["dailyTrend"], json!([]));
}

#[tokio::test]
async fn auth_tells_how_many_accounts_there_are() {
    let peer = Peer::new();
    peer.users.store(100, Ordering::SeqCst);
    let app = App::with_peers(NOWHERE, &peer.serve().await).await;
    // The day's first look, then three more accounts, then the next day with two more.
    count_accounts::run(&app.state).await.unwrap();
    peer.users.store(103, Ordering::SeqCst);
    count_accounts::run(&app.state).await.unwrap();
    app.runtime.clock.advance(SignedDuration::from_hours(24));
    peer.users.store(105, Ordering::SeqCst);
    assert_eq!(
        app.data("/api/stats/users").await,
        json!({
            "daily": [
                {"date": "2026-11-24", "new_users": 2, "cumulative_users": 105},
                {"date": "2026-11-23", "new_users": 3, "cumulative_users": 103},
            ],
            "byRole": [{"role": "user", "count": 105}, {"role": "admin", "count": 1}],
        })
    );
    assert_eq!(app.data("/api/stats/overview").await["total_users"], 106);
    assert_eq!(
        app.data("/api/stats/performance").await["database"]["tableCounts"]["users"],
        106
    );
}
