//! What is left of an event, and what those who wait for it are told.

use serde_json::{Value, json};
use urr_contract::EventId;

use crate::app::{App, with_app};

/// Waits until the queue is told that word: figures are about a second old.
async fn wait_for_word(app: &App, event: EventId, word: &str) {
    let path = format!("/internal/events/{event}/queue-info");
    urr_testkit::wait_for("the word about the sale", async || {
        app.client.internal().get(&path).await.expect(200).body["status"] == word
    })
    .await;
}

async fn figures(app: &App, event: EventId) -> Value {
    let path = format!("/internal/events/{event}/sale-figures");
    app.client.internal().get(&path).await.expect(200).body
}

#[tokio::test]
async fn a_seated_event_is_held_then_sold_out_and_on_sale_again() {
    with_app(async |app| {
        let (event, seats) = app.seated(2).await;
        // Its ticket types, if it has any, are not what it sells.
        app.ticket_type(event, "A", 1000, 5).await;
        wait_for_word(app, event, "on_sale").await;
        let first = app.fan(event).hold(seats[0]).await;
        app.buy(&first, "ORD-1").await;
        let fan = app.fan(event);
        let last = fan.hold(seats[1]).await;
        wait_for_word(app, event, "held").await;
        assert_eq!(
            figures(app, event).await,
            json!({"status": "held", "total": 2, "available": 0, "held": 1, "sold": 1})
        );
        app.buy(&last, "ORD-2").await;
        wait_for_word(app, event, "sold_out").await;
        fan.cancel(last.id).await.expect(200);
        wait_for_word(app, event, "on_sale").await;
    })
    .await;
}

#[tokio::test]
async fn standing_places_are_counted_over_all_types() {
    with_app(async |app| {
        let event = app.event().await;
        wait_for_word(app, event, "on_sale").await;
        let one = app.ticket_type(event, "A", 1000, 2).await;
        let other = app.ticket_type(event, "B", 2000, 3).await;
        let sold = app.fan(event).places(one, 2).await;
        app.buy(&sold, "ORD-1").await;
        let held = app.fan(event).places(other, 3).await;
        wait_for_word(app, event, "held").await;
        assert_eq!(
            figures(app, event).await,
            json!({"status": "held", "total": 5, "available": 0, "held": 3, "sold": 2})
        );
        app.expire(held.id).await;
        wait_for_word(app, event, "on_sale").await;
        let internal = app.client.internal();
        let unknown = format!("/internal/events/{}/sale-figures", EventId::random());
        internal.get(&unknown).await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn an_event_that_is_over_is_not_called_sold_out() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        app.buy(&hold, "ORD-1").await;
        wait_for_word(app, event, "sold_out").await;
        sqlx::query!(
            "update events set sale_end_date = now() where id = $1",
            event as EventId
        )
        .execute(&app.pool)
        .await
        .unwrap();
        wait_for_word(app, event, "ended").await;
    })
    .await;
}
