//! What ticket and auth add, and what remains without them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Json, Router,
    extract::{Query, State as Shared},
    routing::{get, post},
};
use jiff::{SignedDuration, civil::date};
use serde_json::{Value, json};
use urr_contract::{
    EventId, Won,
    internal::{
        AccountDay, AccountDays, AccountDaysRequest, AlikePlaces, CatalogueFigures, EventBatch,
        EventSummary, IdBatch, SeatFigures, SeatFiguresQuery, UserCounts,
    },
};
use urr_kit::internal::{HasInternalToken, InternalCaller, InternalToken};
use urr_testkit::serve;
use uuid::Uuid;

use crate::app::{App, NOWHERE, Story, at};

const EVENT_10: &str = "00000000-0000-0000-0000-00000000000a";
const EVENT_11: &str = "00000000-0000-0000-0000-00000000000b";

/// Ticket and auth in one: knows events 10 and 11, 105 users and one administrator.
struct Peer {
    token: InternalToken,
    asked: AtomicUsize,
    counted: AtomicUsize,
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
            counted: AtomicUsize::new(0),
        })
    }

    async fn serve(self: &Arc<Self>) -> String {
        let router = Router::new()
            .route("/internal/events/batch", post(batch))
            .route("/internal/events/figures", get(catalogue))
            .route("/internal/seats/figures", get(places))
            .route("/internal/users/counts", get(counts))
            .route("/internal/users/daily", post(daily))
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

async fn catalogue(_: InternalCaller) -> Json<CatalogueFigures> {
    Json(CatalogueFigures {
        events: 28,
        on_sale: 6,
        seats: 44_285,
    })
}

/// Event 10 has a seated floor, event 11 standing places.
async fn places(
    Shared(peer): Shared<Arc<Peer>>,
    _: InternalCaller,
    Query(query): Query<SeatFiguresQuery>,
) -> Json<SeatFigures> {
    peer.counted.fetch_add(1, Ordering::SeqCst);
    let alike = |section: &str, row, price, total, sold| AlikePlaces {
        section: section.to_owned(),
        row,
        price: Won(price),
        total,
        sold,
    };
    let seated = vec![
        alike("R", Some(1), 120_000, 10, 9),
        alike("R", Some(2), 120_000, 10, 4),
        alike("S", Some(1), 40_000, 10, 1),
    ];
    let standing = vec![alike("스탠딩", None, 160_000, 100, 25)];
    let places = match query.event_id.map(|id| id.to_string()).as_deref() {
        Some(EVENT_10) => seated,
        Some(EVENT_11) => standing,
        Some(_) => Vec::new(),
        None => [seated, standing].concat(),
    };
    Json(SeatFigures { places })
}

async fn counts(_: InternalCaller) -> Json<UserCounts> {
    Json(UserCounts {
        users: 105,
        admins: 1,
    })
}

async fn daily(_: InternalCaller, Json(asked): Json<AccountDaysRequest>) -> Json<AccountDays> {
    assert_eq!(asked.since, date(2026, 11, 17));
    assert_eq!(asked.until, date(2026, 11, 23));
    assert_eq!(asked.time_zone, "Asia/Seoul");
    let day = |day, new_users, users| AccountDay {
        day: date(2026, 11, day),
        new_users,
        users,
    };
    Json(AccountDays {
        days: vec![day(23, 3, 106), day(22, 0, 103)],
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
    assert_eq!(overview["overview"]["view_count"], 70);
    // Also of events that nobody has reserved for yet.
    assert_eq!(app.data("/api/stats/overview").await["active_events"], 6);
    let counts = &app.data("/api/stats/performance").await["database"]["tableCounts"];
    assert_eq!(counts["events"], 28);
    assert_eq!(counts["seats"], 44_285);
}

#[tokio::test]
async fn places_are_counted_by_section_price_and_row() {
    let peer = Peer::new();
    let app = App::with_peers(&peer.serve().await, NOWHERE).await;
    let with = |first: Value, total: i64, sold: i64, rate: f64| {
        let mut row = first;
        row["total_seats"] = total.into();
        row["reserved_seats"] = sold.into();
        row["reservation_rate"] = rate.into();
        row
    };
    let tier =
        |name: &str, price: f64| json!({"price_tier": name, "tier": name, "avg_price": price});
    let of_seats = json!({
        "bySection": [
            with(json!({"section": "R"}), 20, 13, 65.0),
            with(json!({"section": "S"}), 10, 1, 10.0),
        ],
        "byPriceTier": [
            with(tier("budget", 40_000.0), 10, 1, 10.0),
            with(tier("premium", 120_000.0), 20, 13, 65.0),
        ],
        "topRows": [
            with(json!({"row_number": 1}), 20, 10, 50.0),
            with(json!({"row_number": 2}), 10, 4, 40.0),
        ],
    });
    let of_event = format!("/api/stats/seat-preferences?eventId={EVENT_10}");
    assert_eq!(app.data(&of_event).await, of_seats);
    let of_all = app.data("/api/stats/seat-preferences").await;
    assert_eq!(
        of_all["bySection"][2],
        with(json!({"section": "스탠딩"}), 100, 25, 25.0)
    );
    assert_eq!(
        of_all["byPriceTier"][2],
        with(tier("vip", 160_000.0), 100, 25, 25.0)
    );
    assert_eq!(of_all["topRows"], of_seats["topRows"]);
    let of_none = format!("/api/stats/seat-preferences?eventId={}", EventId::random());
    assert_eq!(
        app.data(&of_none).await,
        json!({"bySection": [], "byPriceTier": [], "topRows": []})
    );
    // Each was counted once, and is remembered.
    app.data(&of_event).await;
    assert_eq!(peer.counted.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn what_is_missing_while_others_are_away_is_said() {
    let story = Story::of(1, 10, 100_000, 1);
    let told = story.created("2026-11-23T00:00:00Z");
    let cancelled = story.cancelled("2026-11-23T01:00:00Z");
    let paths = [
        "overview",
        "users",
        "performance",
        "events",
        "realtime",
        "cancellations",
        &format!("events/{EVENT_10}"),
    ];
    let peers = Peer::new().serve().await;
    for (url, degraded) in [(NOWHERE, json!(true)), (&peers, Value::Null)] {
        let app = App::with_peers(url, url).await;
        app.hear(told.clone()).await;
        app.hear(cancelled.clone()).await;
        for path in paths {
            let path = match path {
                "users" => "users?days=7",
                path => path,
            };
            let answer = app.admin.get(&format!("/api/stats/{path}")).await;
            assert_eq!(answer.expect(200).body["degraded"], degraded, "{path}");
        }
    }
    let alone = App::alone().await;
    let refused = alone.admin.get("/api/stats/seat-preferences").await;
    let refused = refused.expect(503);
    assert_eq!(refused.body["code"], "CATALOGUE_UNAVAILABLE");
    assert!(refused.headers.contains_key("retry-after"));
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
    let app = App::with_peers(NOWHERE, &Peer::new().serve().await).await;
    assert_eq!(
        app.data("/api/stats/users?days=7").await,
        json!({
            "daily": [
                {"date": "2026-11-23", "new_users": 3, "cumulative_users": 106},
                {"date": "2026-11-22", "new_users": 0, "cumulative_users": 103},
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
