//! Presales: who may buy when, at the queue's question, at a hold, and before money moves.

use serde_json::{Value, json};
use urr_contract::{ArtistId, EventId, TicketTypeId, UserId};

use crate::app::{App, with_app};

/// An event of an artist whose sale began so many hours ago, with one ticket type.
async fn event_since(app: &App, hours: i32) -> (EventId, ArtistId, TicketTypeId) {
    let event = app.event().await;
    let artist = members_first(app, event, hours).await;
    let kind = app.ticket_type(event, "A", 1000, 20).await;
    (event, artist, kind)
}

/// Makes it the event of an artist whose sale began so many hours ago.
async fn members_first(app: &App, event: EventId, hours: i32) -> ArtistId {
    let artist = app.artist("Aurora").await;
    app.set_artist(event, artist).await;
    sqlx::query!(
        "update events set sale_start_date = now() - make_interval(hours => $2) where id = $1",
        event as EventId,
        hours
    )
    .execute(&app.pool)
    .await
    .unwrap();
    artist
}

/// Makes a person a member with so many points.
async fn member(app: &App, user: UserId, artist: ArtistId, points: i32) {
    app.join(user, artist).await;
    sqlx::query!(
        "update artist_memberships set points = $2 where user_id = $1",
        user as UserId,
        points
    )
    .execute(&app.pool)
    .await
    .unwrap();
}

async fn window(app: &App, event: EventId, user: UserId) -> Value {
    let path = format!("/internal/events/{event}/entry?userId={user}");
    app.client.internal().get(&path).await.expect(200).body
}

#[tokio::test]
async fn each_tier_buys_from_its_own_time() {
    with_app(async |app| {
        for (hours, may_buy) in [(0, 3), (2, 2), (25, 1), (49, 0)] {
            let (event, artist, kind) = event_since(app, hours).await;
            for (tier, points) in [(3, Some(1500)), (2, Some(500)), (1, Some(0)), (0, None)] {
                let fan = app.fan(event);
                if let Some(points) = points {
                    member(app, fan.user, artist, points).await;
                }
                let answer = fan.try_places(kind, 1).await;
                if tier >= may_buy {
                    answer.expect(200);
                } else {
                    let refused = answer.expect(403);
                    assert_eq!(refused.body["code"], "PRESALE_NOT_OPEN");
                    let told = &refused.body["opensAt"];
                    assert!(told.is_string());
                    assert_eq!(&window(app, event, fan.user).await["opensAt"], told);
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_hold_of_seats_obeys_the_presale_too_and_leaves_no_lock_behind() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let artist = members_first(app, event, 25).await;
        let refused = app.fan(event).try_seat(seats[0]).await.expect(403);
        assert_eq!(
            (&refused.body["code"], &refused.body["tier"]),
            (&"PRESALE_NOT_OPEN".into(), &"BRONZE".into())
        );
        let fan = app.fan(event);
        member(app, fan.user, artist, 0).await;
        fan.hold(seats[0]).await;
    })
    .await;
}

#[tokio::test]
async fn a_tier_that_rises_meanwhile_counts_at_once() {
    with_app(async |app| {
        let (event, artist, kind) = event_since(app, 2).await;
        let fan = app.fan(event);
        member(app, fan.user, artist, 499).await;
        fan.try_places(kind, 1).await.expect(403);
        assert_eq!(window(app, event, fan.user).await["tier"], "SILVER");
        let points = json!({"userId": fan.user, "actionType": "COMMUNITY_POST", "points": 30,
                            "description": "A post", "referenceId": null, "artistId": artist});
        let path = "/internal/memberships/award-points";
        app.client.internal().post(path, points).await.expect(200);
        assert_eq!(window(app, event, fan.user).await["tier"], "GOLD");
        fan.places(kind, 1).await;
    })
    .await;
}

/// Join, hold, have the membership refunded, pay: the window would have been lent.
#[tokio::test]
async fn who_gave_the_membership_back_does_not_pay_before_everybody() {
    with_app(async |app| {
        let (event, artist, kind) = event_since(app, 25).await;
        let fan = app.fan(event);
        let end_membership = async || {
            sqlx::query!(
                "update artist_memberships set status = 'expired', expires_at = now() where user_id = $1",
                fan.user as UserId
            )
            .execute(&app.pool)
            .await
            .unwrap();
        };
        app.join(fan.user, artist).await;
        let hold = fan.places(kind, 1).await;
        end_membership().await;
        let refused = app.pay(&hold, "ORD-1").await.expect(403);
        assert_eq!(refused.body["code"], "PRESALE_NOT_OPEN");
        assert_eq!(app.stage(hold.id).await, "pending/pending");

        app.join(fan.user, artist).await;
        app.pay(&hold, "ORD-1").await.expect(200);
        let fence = format!("/internal/reservations/{}/fence?orderId=ORD-1", hold.id);
        let fenced = app.client.internal().get(&fence).await.expect(200).body;
        assert_eq!(fenced["fenced"], true);
        end_membership().await;
        app.client.internal().get(&fence).await.expect(403);
    })
    .await;
}

#[tokio::test]
async fn a_sale_without_a_presale_is_everybodys_from_its_start() {
    with_app(async |app| {
        let (event, _, kind) = event_since(app, 1).await;
        let fan = app.fan(event);
        fan.try_places(kind, 1).await.expect(403);
        let info = format!("/internal/events/{event}/queue-info");
        let info = async || app.client.internal().get(&info).await.expect(200).body;
        assert!(info().await["generalSaleStartsAt"].is_string());
        let form = json!({"title": "T", "venue": "V", "artistName": "Aurora",
                          "eventDate": "2199-01-01T00:00:00Z", "presale": false});
        let path = format!("/api/admin/events/{event}");
        let changed = app.admin().put(&path, form).await.expect(200).body;
        assert_eq!(changed["event"]["presale"], false);
        assert_eq!(info().await["generalSaleStartsAt"], Value::Null);
        assert_eq!(window(app, event, fan.user).await["opensAt"], Value::Null);
        let shown = app
            .client
            .get(&format!("/api/events/{event}"))
            .await
            .expect(200)
            .body;
        assert!(shown.get("preSaleSchedule").is_none());
        fan.places(kind, 1).await;
    })
    .await;
}

/// A form that does not know of presales must not keep everybody out for two days.
#[tokio::test]
async fn an_administrator_asks_for_a_presale() {
    with_app(async |app| {
        let form = |presale: Option<bool>| {
            let mut form = json!({"title": "T", "venue": "V", "artistName": "Aurora",
                                  "eventDate": "2199-01-01T00:00:00Z",
                                  "ticketTypes": [{"name": "A", "price": 1000, "totalQuantity": 3}]});
            if let Some(presale) = presale {
                form["presale"] = presale.into();
            }
            form
        };
        for (asked, is_presale) in [(None, false), (Some(false), false), (Some(true), true)] {
            let made = app.admin().post("/api/admin/events", form(asked)).await.expect(201).body;
            let event: EventId = made["event"]["id"].as_str().unwrap().parse().unwrap();
            let shown = app.client.get(&format!("/api/events/{event}")).await.expect(200).body;
            assert_eq!(shown.get("preSaleSchedule").is_some(), is_presale);
            let kind = app.only_type(event).await;
            let status = if is_presale { 403 } else { 200 };
            app.fan(event).try_places(kind, 1).await.expect(status);
        }
    })
    .await;
}

#[tokio::test]
async fn the_question_about_a_window_is_checked() {
    with_app(async |app| {
        let (event, _, _) = event_since(app, 1).await;
        let internal = app.client.internal();
        let user = UserId::random();
        let of =
            |event: String, user: String| format!("/internal/events/{event}/entry?userId={user}");
        internal
            .get(&of(EventId::random().to_string(), user.to_string()))
            .await
            .expect(404);
        internal
            .get(&of(event.to_string(), "nobody".to_owned()))
            .await
            .expect(400);
        internal
            .get(&format!("/internal/events/{event}/entry"))
            .await
            .expect(400);
        app.client
            .as_user(user)
            .get(&of(event.to_string(), user.to_string()))
            .await
            .expect(401);
    })
    .await;
}
