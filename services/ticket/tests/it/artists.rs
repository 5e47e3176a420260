//! Artists, read only.

use serde_json::{Value, json};
use urr_contract::{ArtistId, EventId};

use crate::app::with_app;

#[tokio::test]
async fn artists_are_listed_by_name_and_shown_with_their_events() {
    with_app(async |app| {
        let (a, b) = (ArtistId::random(), ArtistId::random());
        sqlx::query!(
            "insert into artists (id, name) values ($1, 'Zebra Crossing'), ($2, 'Apple Peel')",
            a as ArtistId,
            b as ArtistId
        )
        .execute(&app.pool)
        .await
        .unwrap();
        let event = app.event().await;
        sqlx::query!(
            "update events set artist_id = $2, artist_name = 'Zebra Crossing',
                    sale_start_date = '2026-03-01T09:00:00Z', sale_end_date = '2099-01-01T00:00:00Z' where id = $1",
            event as EventId,
            a as ArtistId
        )
        .execute(&app.pool)
        .await
        .unwrap();

        let list = app.client.get("/api/artists?limit=1").await.expect(200).body;
        assert_eq!(list["pagination"], json!({"page": 1, "limit": 1, "total": 2, "totalPages": 2}));
        assert_eq!(list["artists"][0]["name"], "Apple Peel");
        assert_eq!(list["artists"][0]["membership_price"], 30_000);
        assert_eq!(list["artists"][0]["member_count"], 0);

        let detail = app.client.get(&format!("/api/artists/{a}")).await.expect(200).body;
        assert_eq!(detail["artist"]["name"], "Zebra Crossing");
        assert_eq!(detail["memberCount"], 0);
        assert_eq!(detail["events"][0]["id"], json!(event));
        assert_eq!(detail["events"][0]["min_price"], Value::Null);
        assert_eq!(
            detail["events"][0]["pre_sale_schedule"]["silver"],
            "2026-03-02T09:00:00Z"
        );
        let event = app.client.get(&format!("/api/events/{event}")).await.expect(200).body;
        assert_eq!(event["preSaleSchedule"]["gold"], "2026-03-01T10:00:00Z");

        let missing = app.client.get(&format!("/api/artists/{}", ArtistId::random())).await.expect(404);
        assert_eq!(missing.error(), "Artist not found");
    })
    .await;
}
