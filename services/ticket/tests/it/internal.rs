//! What other services ask beside payment, and that nobody else may.

use serde_json::json;
use urr_contract::{EventId, ReservationId, SeatLayoutId};
use urr_ticket::jobs::flush_views;
use uuid::Uuid;

use crate::app::{SEAT_PRICE, with_app};

#[tokio::test]
async fn internal_paths_take_the_internal_token_only() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        let (id, user) = (hold.id, hold.user);
        let gets = [
            format!("/internal/reservations/{id}/validate?userId={user}"),
            format!("/internal/reservations/{id}/fence?orderId=O"),
            format!("/internal/events/{event}/queue-info"),
            format!("/internal/seats/count/{event}"),
            "/internal/seats/figures".to_owned(),
            "/internal/events/figures".to_owned(),
        ];
        let posts = [
            format!("/internal/reservations/{id}/pay"),
            format!("/internal/reservations/{id}/confirm"),
            format!("/internal/reservations/{id}/refund"),
            "/internal/events/batch".to_owned(),
            "/internal/reservations/details".to_owned(),
            "/internal/reschedule-event-status".to_owned(),
            format!("/internal/seats/generate/{event}/{event}"),
        ];
        // Anybody, a signed-in person, an administrator: none of them.
        for client in [
            app.client.clone(),
            app.client.as_user(user),
            app.client.as_admin(user),
        ] {
            for path in &gets {
                assert_eq!(
                    client.get(path).await.expect(401).error(),
                    "Internal token required"
                );
            }
            for path in &posts {
                client.post(path, json!({})).await.expect(401);
            }
            client
                .delete(&format!("/internal/seats/{event}"))
                .await
                .expect(401);
            let wrong = client.with_header("authorization", "Bearer wrong");
            let refused = wrong.get(&gets[0]).await.expect(403);
            assert_eq!(refused.error(), "Invalid internal token");
        }
        assert_eq!(app.stage(id).await, "pending/pending");
    })
    .await;
}

#[tokio::test]
async fn queue_info_says_when_the_sale_is() {
    with_app(async |app| {
        let event = app.event().await;
        let path = format!("/internal/events/{event}/queue-info");
        let info = app.client.internal().get(&path).await.expect(200).body;
        assert_eq!(info["title"], "A night of tests");
        assert_eq!(info["artist"], serde_json::Value::Null);
        assert_eq!(info["status"], "on_sale");
        assert!(info["saleStartsAt"].is_string() && info["saleEndsAt"].is_string());
        sqlx::query!(
            "update events set sale_start_date = now() + interval '1 day' where id = $1",
            event as EventId
        )
        .execute(&app.pool)
        .await
        .unwrap();
        let info = app.client.internal().get(&path).await.expect(200).body;
        assert_eq!(info["status"], "upcoming");
    })
    .await;
}

#[tokio::test]
async fn a_batch_of_events_counts_what_exists_and_what_is_sold() {
    with_app(async |app| {
        let (seated, seats) = app.seated(3).await;
        let standing = app.event().await;
        let ticket_type = app.ticket_type(standing, "GA", 1_000, 20).await;
        let hold = app.fan(seated).hold(seats[0]).await;
        app.buy(&hold, "ORD-1").await;
        app.fan(seated).hold(seats[1]).await;
        let places = app.fan(standing).places(ticket_type, 2).await;
        app.buy(&places, "ORD-2").await;
        let ids = json!({"ids": [seated, standing, Uuid::new_v4()]});
        let batch = app
            .client
            .internal()
            .post("/internal/events/batch", ids)
            .await
            .expect(200)
            .body;
        let mut counts: Vec<(String, i64, i64)> = batch["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| {
                (
                    event["id"].as_str().unwrap().to_owned(),
                    event["totalSeats"].as_i64().unwrap(),
                    event["soldSeats"].as_i64().unwrap(),
                )
            })
            .collect();
        counts.sort_by_key(|(_, total, _)| *total);
        assert_eq!(
            counts,
            [(seated.to_string(), 3, 1), (standing.to_string(), 20, 2)]
        );
        let ids = json!({"ids": vec![Uuid::nil(); 501]});
        app.client
            .internal()
            .post("/internal/events/batch", ids)
            .await
            .expect(400);
    })
    .await;
}

#[tokio::test]
async fn figures_say_what_there_is_and_what_of_it_is_sold() {
    with_app(async |app| {
        let (seated, seats) = app.seated(3).await;
        let (standing, over, deleted) = (app.event().await, app.event().await, app.event().await);
        let ticket_type = app.ticket_type(standing, "GA", 1_000, 20).await;
        app.ticket_type(deleted, "GA", 1_000, 20).await;
        sqlx::query!(
            "update events set event_date = now() - interval '1 hour', sale_end_date = null where id = $1",
            over as EventId
        )
        .execute(&app.pool)
        .await
        .unwrap();
        sqlx::query!(
            "update events set status = 'cancelled', deleted_at = now() where id = $1",
            deleted as EventId
        )
        .execute(&app.pool)
        .await
        .unwrap();
        let hold = app.fan(seated).hold(seats[0]).await;
        app.buy(&hold, "ORD-1").await;
        app.fan(seated).hold(seats[1]).await;
        let places = app.fan(standing).places(ticket_type, 2).await;
        app.buy(&places, "ORD-2").await;
        app.fan(standing).places(ticket_type, 1).await;

        let get = async |path: &str| app.client.internal().get(path).await.expect(200).body;
        assert_eq!(
            get("/internal/events/figures").await,
            json!({"events": 3, "onSale": 2, "seats": 23})
        );
        let standing_row = json!({"section": "GA", "row": null, "price": 1_000, "total": 20, "sold": 2});
        let seated_row = json!({"section": "R", "row": 4, "price": SEAT_PRICE, "total": 3, "sold": 1});
        assert_eq!(
            get("/internal/seats/figures").await,
            json!({"places": [standing_row, seated_row]})
        );
        assert_eq!(
            get(&format!("/internal/seats/figures?eventId={seated}")).await,
            json!({"places": [seated_row]})
        );
        assert_eq!(
            get(&format!("/internal/seats/figures?eventId={deleted}")).await,
            json!({"places": []})
        );
    })
    .await;
}

#[tokio::test]
async fn looks_at_an_event_are_counted_and_written_down_once() {
    with_app(async |app| {
        let (shown, other) = (app.event().await, app.event().await);
        let deleted = app.event().await;
        let look = async |event: EventId| app.client.get(&format!("/api/events/{event}")).await;
        for event in [shown, shown, shown, deleted] {
            look(event).await.expect(200);
        }
        look(EventId::random()).await.expect(404);
        sqlx::query!("delete from events where id = $1", deleted as EventId)
            .execute(&app.pool)
            .await
            .unwrap();
        for _ in 0..2 {
            flush_views::run(&app.state).await.unwrap();
        }
        look(shown).await.expect(200);
        flush_views::run(&app.state).await.unwrap();
        let ids = json!({"ids": [shown, other]});
        let batch = app
            .client
            .internal()
            .post("/internal/events/batch", ids)
            .await
            .expect(200)
            .body;
        let views = |event: EventId| {
            let mut events = batch["events"].as_array().unwrap().iter();
            events.find(|found| found["id"] == json!(event)).unwrap()["views"].clone()
        };
        assert_eq!(views(shown), 4);
        assert_eq!(views(other), 0);
    })
    .await;
}

#[tokio::test]
async fn seats_are_generated_counted_and_deleted_unless_somebody_has_one() {
    with_app(async |app| {
        let (event, seats) = app.seated(4).await;
        let other = app.event().await;
        let layout = sqlx::query_scalar!(
            r#"select seat_layout_id as "id!: SeatLayoutId" from events where id = $1"#,
            event as EventId
        )
        .fetch_one(&app.pool)
        .await
        .unwrap();
        let client = app.client.internal();
        let generate = format!("/internal/seats/generate/{other}/{layout}");
        for created in [4, 0] {
            let answer = client.post(&generate, json!({})).await.expect(200);
            assert_eq!(answer.body, json!({"seatsCreated": created}));
        }
        let count = client
            .get(&format!("/internal/seats/count/{other}"))
            .await
            .expect(200);
        assert_eq!(count.body, json!({"count": 4}));
        let path = format!(
            "/internal/seats/generate/{other}/{}",
            SeatLayoutId::random()
        );
        assert_eq!(
            client.post(&path, json!({})).await.expect(404).error(),
            "Seat layout not found"
        );
        let path = format!("/internal/seats/generate/{}/{layout}", EventId::random());
        client.post(&path, json!({})).await.expect(404);
        sqlx::query!(
            "update seat_layouts set layout_config = '{\"sections\": 1}' where id = $1",
            layout as SeatLayoutId
        )
        .execute(&app.pool)
        .await
        .unwrap();
        let refused = client.post(&generate, json!({})).await.expect(400);
        assert_eq!(refused.error(), "Invalid seat layout config");

        let deleted = client
            .delete(&format!("/internal/seats/{other}"))
            .await
            .expect(200);
        assert_eq!(deleted.body, json!({"deleted": 4}));
        app.fan(event).hold(seats[0]).await;
        let refused = client
            .delete(&format!("/internal/seats/{event}"))
            .await
            .expect(400);
        assert_eq!(
            refused.error(),
            "Cannot delete seats with active reservations"
        );
    })
    .await;
}

#[tokio::test]
async fn the_status_job_follows_the_dates_and_never_revives_a_cancelled_event() {
    with_app(async |app| {
        let (opening, closing, over, cancelled) = (
            app.event().await,
            app.event().await,
            app.event().await,
            app.event().await,
        );
        sqlx::query!("update events set status = 'upcoming' where id = $1", opening as EventId)
            .execute(&app.pool).await.unwrap();
        sqlx::query!("update events set sale_end_date = now() where id = $1", closing as EventId)
            .execute(&app.pool).await.unwrap();
        sqlx::query!(
            "update events set event_date = now() - interval '1 hour', sale_end_date = null where id = $1",
            over as EventId
        )
        .execute(&app.pool).await.unwrap();
        sqlx::query!("update events set status = 'cancelled' where id = $1", cancelled as EventId)
            .execute(&app.pool).await.unwrap();
        let answer = app.client.internal().post("/internal/reschedule-event-status", json!({})).await.expect(200);
        assert_eq!(answer.body, json!({"ok": true, "message": "Event status update executed"}));
        for (event, expected) in [
            (opening, "on_sale"),
            (closing, "ended"),
            (over, "ended"),
            (cancelled, "cancelled"),
        ] {
            let status = sqlx::query_scalar!("select status from events where id = $1", event as EventId)
                .fetch_one(&app.pool).await.unwrap();
            assert_eq!(status, expected);
        }
    })
    .await;
}

#[tokio::test]
async fn payment_learns_of_reservations_that_do_not_exist() {
    with_app(async |app| {
        let id = ReservationId::random();
        let body = json!({"userId": id, "orderId": "O", "amount": 1, "reason": "r", "paymentMethod": "toss"});
        for act in ["pay", "confirm", "refund"] {
            let path = format!("/internal/reservations/{id}/{act}");
            let refused = app.client.internal().post(&path, body.clone()).await.expect(404);
            assert_eq!(refused.error(), "Reservation not found");
        }
    })
    .await;
}

#[tokio::test]
async fn a_message_holds_seats_for_the_person_it_names_and_only_once() {
    with_app(async |app| {
        let (event, seats) = app.seated(3).await;
        let internal = app.client.internal();
        let reserve = async |user, seats: &[urr_contract::SeatId]| {
            let body = json!({"eventId": event, "userId": user, "seatIds": seats, "entryToken": "checked before"});
            internal.post("/internal/seats/reserve", body).await
        };
        let (one, other) = (urr_contract::UserId::random(), urr_contract::UserId::random());
        let held = reserve(one, &seats[..1]).await.expect(200).body;
        let token = app.seat_token(seats[0]).await;
        assert_eq!(held["success"], true);
        assert_eq!(
            held["seats"],
            json!([{"seatId": seats[0], "success": true, "fencingToken": token}])
        );
        // Delivered again.
        assert_eq!(reserve(one, &seats[..1]).await.expect(200).body, held);
        let refused = reserve(other, &seats[..1]).await.expect(409).body;
        assert_eq!(refused["success"], false);
        assert_eq!(
            refused["seats"],
            json!([{"seatId": seats[0], "success": false, "fencingToken": -1}])
        );
        // The rules are those of everybody.
        assert_eq!(reserve(other, &seats[..2]).await.expect(400).body["code"], "INVALID_SEAT_SELECTION");
        reserve(other, &[urr_contract::SeatId::random()]).await.expect(404);
        app.set_cap(event, 1).await;
        assert_eq!(reserve(one, &seats[1..2]).await.expect(403).body["code"], "PER_PERSON_LIMIT");
        let id: ReservationId = held["reservationId"].as_str().unwrap().parse().unwrap();
        assert_eq!(app.facts(id).await, ["RESERVATION_CREATED"]);
        let body = json!({"eventId": event, "userId": one, "seatIds": [seats[1]]});
        app.client.as_user(one).post("/internal/seats/reserve", body).await.expect(401);
    })
    .await;
}

#[tokio::test]
async fn details_say_what_was_bought_also_after_it_ended() {
    with_app(async |app| {
        let (seated, seats) = app.seated(2).await;
        let hold = app.fan(seated).hold(seats[1]).await;
        app.buy(&hold, "ORD-1").await;
        let seller = app.client.as_user(hold.user);
        let body = json!({"reservationId": hold.id});
        let listed = seller.post("/api/transfers", body).await.expect(200).body;
        let listing = &listed["transfer"]["id"];
        app.fan_named(hold.user, seated)
            .cancel(hold.id)
            .await
            .expect(200);
        let standing = app.event().await;
        let ticket_type = app.ticket_type(standing, "GA", 1_000, 20).await;
        let places = app.fan(standing).places(ticket_type, 3).await;
        let details = async |body: serde_json::Value| {
            let client = app.client.internal();
            let answer = client.post("/internal/reservations/details", body).await;
            answer.expect(200).body
        };

        let of_places = details(json!({"reservations": [places.id, Uuid::new_v4()]})).await;
        assert_eq!(of_places["reservations"].as_array().unwrap().len(), 1);
        let reservation = &of_places["reservations"][0];
        assert_eq!(reservation["id"], json!(places.id));
        assert_eq!(reservation["event"]["title"], "A night of tests");
        assert_eq!(
            reservation["items"],
            json!([{"seat": null, "ticketType": "GA", "quantity": 3, "unitPrice": 1_000}])
        );

        let of_listing = details(json!({"transfers": [listing]})).await;
        let transfer = &of_listing["transfers"][0];
        assert_eq!(transfer["reservationId"], json!(hold.id));
        let (face, fee) = (&transfer["originalPrice"], &transfer["transferFee"]);
        let sum = face.as_i64().unwrap() + fee.as_i64().unwrap();
        assert_eq!(transfer["totalPrice"], sum);
        let items = of_listing["reservations"][0]["items"].as_array().unwrap();
        assert_eq!(items.len(), 1);
        assert!(items[0]["seat"].is_string(), "a seat that was given back");

        let many: Vec<Uuid> = (0..501).map(|_| Uuid::new_v4()).collect();
        let client = app.client.internal();
        let body = json!({"reservations": many});
        let answer = client.post("/internal/reservations/details", body).await;
        assert_eq!(answer.expect(400).body["code"], "TOO_MANY_IDS");
    })
    .await;
}
