//! Every answer, field by field, of one small and known past.

use serde_json::{Value, json};

use crate::app::{App, Story};

/// Event 10: one paid by user 1 on Sunday the 22nd at 10:00 in Seoul; one paid and given
/// back by user 1 on Monday the 23rd at 11:00; one still held by user 2 since 14:50.
/// Event 11: one expired of user 3 at 11:00. Now it is Monday 15:00.
async fn past() -> App {
    let app = App::alone().await;
    let sold = Story::of(1, 10, 120_000, 2);
    let returned = Story::of(1, 10, 40_000, 1);
    let held = Story::of(2, 10, 60_000, 1);
    let expired = Story::of(3, 11, 60_000, 1);
    for fact in [
        sold.created("2026-11-22T01:00:00Z"),
        sold.captured("2026-11-22T01:02:00Z"),
        sold.confirmed("2026-11-22T01:02:00Z"),
        returned.created("2026-11-23T02:00:00Z"),
        returned.captured("2026-11-23T02:01:00Z"),
        returned.confirmed("2026-11-23T02:01:00Z"),
        returned.cancelled("2026-11-23T05:00:00Z"),
        returned.refunded("2026-11-23T05:00:30Z"),
        held.created("2026-11-23T05:50:00Z"),
        expired.created("2026-11-23T02:10:00Z"),
        expired.expired("2026-11-23T02:15:00Z"),
    ] {
        app.hear(fact).await;
    }
    app
}

const EVENT_10: &str = "00000000-0000-0000-0000-00000000000a";
const EVENT_11: &str = "00000000-0000-0000-0000-00000000000b";

#[tokio::test]
async fn overview() {
    let app = past().await;
    assert_eq!(
        app.data("/api/stats/overview").await,
        json!({
            "total_users": 0, "active_events": 0, "total_reservations": 4,
            "confirmed_reservations": 2, "cancelled_reservations": 1,
            "rejected_reservations": 0, "expired_reservations": 1, "total_revenue": 120_000,
            "completed_payments": 2, "payment_revenue": 120_000,
        })
    );
}

#[tokio::test]
async fn payments() {
    let app = past().await;
    let row = |method: &str| json!({"method": method, "count": 2, "total_amount": 120_000, "average_amount": 60_000.0});
    let mut aggregated = row("aggregated");
    aggregated["methods"] = json!([row("toss")]);
    assert_eq!(app.data("/api/stats/payments").await, json!([aggregated]));
    // Nothing sold yet is a row of zeros.
    let empty = App::alone().await.data("/api/stats/payments").await;
    assert_eq!(empty[0]["count"], 0);
    assert_eq!(empty[0]["average_amount"], 0.0);
}

#[tokio::test]
async fn revenue_by_day_week_and_month() {
    let app = past().await;
    let row = |period, payments, revenue: i64, average: f64| {
        json!({
            "period": period, "payment_count": payments, "total_revenue": revenue,
            "revenue": revenue, "average_amount": average,
        })
    };
    assert_eq!(
        app.data("/api/stats/revenue").await,
        json!([
            row("2026-11-23", 1, 0, 0.0),
            row("2026-11-22", 1, 120_000, 120_000.0)
        ])
    );
    // The 22nd is a Sunday, so it belongs to the week of Monday the 16th.
    assert_eq!(
        app.data("/api/stats/revenue?period=weekly").await,
        json!([
            row("2026-11-23", 1, 0, 0.0),
            row("2026-11-16", 1, 120_000, 120_000.0)
        ])
    );
    assert_eq!(
        app.data("/api/stats/revenue?period=monthly").await,
        json!([row("2026-11-01", 2, 120_000, 60_000.0)])
    );
}

#[tokio::test]
async fn events_by_revenue_and_by_reservations() {
    let app = past().await;
    let row = |id: &str, reservations, confirmed, revenue, sold| {
        json!({
            "id": id, "event_id": id, "title": format!("Event {}", &id[..8]), "venue": null,
            "event_date": null, "status": null, "reservations": reservations,
            "total_reservations": reservations, "confirmed_reservations": confirmed,
            "revenue": revenue, "total_revenue": revenue, "total_seats": 0, "sold_seats": sold,
            "occupancy_rate": 0.0, "seat_utilization": 0.0, "view_count": 0,
        })
    };
    let rows = json!([row(EVENT_10, 3, 2, 120_000, 2), row(EVENT_11, 1, 0, 0, 0)]);
    assert_eq!(app.data("/api/stats/events").await, rows);
    assert_eq!(
        app.data("/api/stats/events?sortBy=reservations").await,
        rows
    );
    let first = app.data("/api/stats/events?limit=1&sortBy=occupancy").await;
    assert_eq!(first.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn one_event() {
    let app = past().await;
    assert_eq!(
        app.data(&format!("/api/stats/events/{EVENT_10}")).await,
        json!({
            "overview": {
                "id": EVENT_10, "event_id": EVENT_10, "title": "Event 00000000", "venue": null,
                "event_date": null, "status": null, "total_reservations": 3,
                "confirmed_reservations": 2, "pending_reservations": 1,
                "cancelled_reservations": 1, "total_revenue": 120_000, "total_seats": 0,
                "sold_seats": 2, "available_seats": 0, "occupancy_rate": 0.0,
                "seat_utilization": 0.0, "view_count": 0,
            },
            "dailyTrend": [
                {"date": "2026-11-23", "reservations": 2, "revenue": 0},
                {"date": "2026-11-22", "reservations": 1, "revenue": 120_000},
            ],
        })
    );
}

#[tokio::test]
async fn hourly_traffic() {
    let app = past().await;
    let data = app.data("/api/stats/hourly-traffic").await;
    let hours = data["hourly"].as_array().unwrap();
    assert_eq!(hours.len(), 24);
    let hour = |hour, reservations, confirmed, cancelled, revenue| {
        json!({
            "hour": hour, "total_reservations": reservations, "reservations": reservations,
            "confirmed": confirmed, "cancelled": cancelled, "revenue": revenue,
        })
    };
    assert_eq!(hours[0], hour(0, 0, 0, 0, 0));
    assert_eq!(hours[10], hour(10, 1, 1, 0, 120_000));
    assert_eq!(hours[11], hour(11, 2, 1, 0, 40_000));
    assert_eq!(hours[14], hour(14, 1, 0, 1, -40_000));
    assert_eq!(data["peakHour"], json!({"hour": 11, "reservations": 2}));
    assert_eq!(
        data["weekdayComparison"],
        json!([
            {"day_type": "weekday", "reservations": 3, "avg_amount": 40_000.0},
            {"day_type": "weekend", "reservations": 1, "avg_amount": 120_000.0},
        ])
    );
}

#[tokio::test]
async fn conversion() {
    let app = past().await;
    assert_eq!(
        app.data("/api/stats/conversion").await,
        json!({
            "funnel": {"total_started": 4, "completed": 2, "cancelled": 1, "pending": 1},
            "rates": {"conversion_rate": 50.0, "cancellation_rate": 25.0, "pending_rate": 25.0},
            "dailyTrend": [
                {"date": "2026-11-23", "total": 3, "completed": 1, "conversion_rate": 33.33},
                {"date": "2026-11-22", "total": 1, "completed": 1, "conversion_rate": 100.0},
            ],
        })
    );
}

#[tokio::test]
async fn cancellations() {
    let app = past().await;
    let mut data = app.data("/api/stats/cancellations").await;
    let hours = data["hourlyPattern"].take();
    assert_eq!(hours.as_array().unwrap().len(), 24);
    assert_eq!(hours[14], json!({"hour": 14, "cancellations": 1}));
    assert_eq!(hours[13], json!({"hour": 13, "cancellations": 0}));
    assert_eq!(
        data,
        json!({
            "overview": {
                "total_cancelled": 1, "avg_hours_before_cancel": 3.0, "total_refund_amount": 40_000,
            },
            "hourlyPattern": null,
            "byEvent": [{
                "id": EVENT_10, "event_id": EVENT_10, "title": "Event 00000000",
                "event_title": "Event 00000000", "total_reservations": 3, "cancelled": 1,
                "cancelled_count": 1, "total_cancelled": 1, "cancellation_rate": 33.33,
                "refund_amount": 40_000, "total_refund": 40_000,
            }],
            "dailyTrend": [{"date": "2026-11-23", "cancellations": 1}],
        })
    );
}

#[tokio::test]
async fn realtime() {
    let app = past().await;
    // A payment one minute ago; the hold of ten minutes ago still stands.
    let now = Story::of(4, 11, 70_000, 1);
    app.hear(now.created("2026-11-23T05:58:00Z")).await;
    app.hear(now.captured("2026-11-23T05:59:00Z")).await;
    app.hear(now.confirmed("2026-11-23T05:59:00Z")).await;
    let act = |what, at, id, seats, amount| {
        json!({
            "type": what, "at": at, "event_id": id, "title": "Event 00000000", "seats": seats,
            "amount": amount,
        })
    };
    let trend = |id, reservations| {
        json!({
            "id": id, "event_id": id, "title": "Event 00000000",
            "recent_reservations": reservations, "reservations": reservations,
        })
    };
    assert_eq!(
        app.data("/api/stats/realtime").await,
        json!({
            "current": {"locked_seats": 1, "active_payments": 1, "active_users": 1},
            "lastHour": {"reservations": 2, "revenue": 70_000},
            "recentActivity": [
                act("paid", "2026-11-23T05:59:00Z", EVENT_11, 1, 70_000),
                act("held", "2026-11-23T05:58:00Z", EVENT_11, 1, 0),
                act("held", "2026-11-23T05:50:00Z", EVENT_10, 1, 0),
                act("cancelled", "2026-11-23T05:00:00Z", EVENT_10, 1, 0),
                act("expired", "2026-11-23T02:15:00Z", EVENT_11, 1, 0),
                act("held", "2026-11-23T02:10:00Z", EVENT_11, 1, 0),
                act("paid", "2026-11-23T02:01:00Z", EVENT_10, 1, 40_000),
                act("held", "2026-11-23T02:00:00Z", EVENT_10, 1, 0),
                act("paid", "2026-11-22T01:02:00Z", EVENT_10, 2, 120_000),
                act("held", "2026-11-22T01:00:00Z", EVENT_10, 2, 0),
            ],
            "trendingEvents": [trend(EVENT_10, 2), trend(EVENT_11, 2)],
        })
    );
}

#[tokio::test]
async fn of_many_acts_the_last_twenty_are_shown() {
    let app = App::alone().await;
    for minute in 10..40 {
        let story = Story::of(minute, 10, 50_000, 1);
        app.hear(story.created(&format!("2026-11-23T05:{minute}:00Z")))
            .await;
    }
    let data = app.data("/api/stats/realtime").await;
    let acts = data["recentActivity"].as_array().unwrap();
    assert_eq!(acts.len(), 20);
    assert_eq!(acts[0]["at"], "2026-11-23T05:39:00Z");
    assert_eq!(acts[19]["at"], "2026-11-23T05:20:00Z");
}

#[tokio::test]
async fn user_behavior() {
    let app = past().await;
    let mut data = app.data("/api/stats/user-behavior").await;
    let days = data["weekdayActivity"].take();
    let day = |name, number, users, reservations| {
        json!({
            "day_name": name, "day_of_week": number, "unique_users": users,
            "reservations": reservations,
        })
    };
    assert_eq!(days.as_array().unwrap().len(), 7);
    assert_eq!(days[0], day("Sunday", 0, 1, 1));
    assert_eq!(days[1], day("Monday", 1, 3, 3));
    assert_eq!(days[6], day("Saturday", 6, 0, 0));
    let kind = |name, users, reservations| json!({"user_type": name, "user_count": users, "total_reservations": reservations});
    let spending = |tier, range, users| json!({"spending_tier": tier, "tier": tier, "range": range, "user_count": users});
    assert_eq!(
        data,
        json!({
            "userTypes": [kind("new", 2, 2), kind("returning", 1, 2), kind("loyal", 0, 0)],
            "averageMetrics": {
                "avg_reservations": 1.33, "max_reservations": 2, "median_reservations": 1.0,
                "avg_spending": 40_000.0,
            },
            "spendingDistribution": [
                spending("budget", "< 50,000", 2),
                spending("standard", "50,000 – 99,999", 0),
                spending("premium", "100,000 – 149,999", 1),
                spending("vip", "≥ 150,000", 0),
            ],
            "avgTimeToPayment": "1.50",
            "weekdayActivity": null,
        })
    );
}

#[tokio::test]
async fn performance() {
    let app = past().await;
    let mut data = app.data("/api/stats/performance").await;
    let bytes = data["database"]["sizeBytes"].take().as_i64().unwrap();
    assert!(bytes > 1_000_000, "{bytes}");
    let size = data["database"]["size"].take();
    assert!(size.as_str().unwrap().ends_with("kB"), "{size}");
    let pattern = data["loadPattern"].take();
    assert_eq!(pattern.as_array().unwrap().len(), 24);
    assert_eq!(
        pattern[11],
        json!({"hour": 11, "request_count": 2, "avg_per_day": 0.29})
    );
    // Held in the last day: 60 s until paid, 300 s until expired, one still held.
    assert_eq!(
        data,
        json!({
            "database": {
                "size": null, "sizeBytes": null,
                "tableCounts": {"users": 0, "events": 0, "reservations": 4, "seats": 0, "payments": 2},
            },
            "recentPerformance": {"successRate": 33.33, "totalRequests": 3},
            "metrics": {"avgSeatLockSeconds": "180.00", "paymentFailureRate": 0.0},
            "loadPattern": null,
        })
    );
}

/// Before anything was sold every answer is there, of zeros.
#[tokio::test]
async fn nothing_yet() {
    let app = App::alone().await;
    let none: Value = json!([]);
    for path in ["daily", "events", "revenue"] {
        assert_eq!(
            app.data(&format!("/api/stats/{path}")).await,
            none,
            "{path}"
        );
    }
    let hourly = app.data("/api/stats/hourly-traffic").await;
    assert_eq!(hourly["hourly"].as_array().unwrap().len(), 24);
    assert_eq!(hourly["peakHour"], json!({"hour": 0, "reservations": 0}));
    let users = app.data("/api/stats/users").await;
    assert_eq!(users, json!({"daily": [], "byRole": []}));
    let behavior = app.data("/api/stats/user-behavior").await;
    assert_eq!(behavior["averageMetrics"]["avg_reservations"], 0.0);
    assert_eq!(behavior["avgTimeToPayment"], "0.00");
    let conversion = app.data("/api/stats/conversion").await;
    assert_eq!(conversion["rates"]["conversion_rate"], 0.0);
}
