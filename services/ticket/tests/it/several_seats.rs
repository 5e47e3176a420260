//! Several seats in one hold: all or none, never beyond the cap.

use serde_json::json;
use urr_contract::{EventId, SeatId};
use urr_testkit::Answer;

use crate::app::{App, Fan, Hold, SEAT_PRICE, with_app};

/// An event whose holds may take so many seats.
async fn seated(app: &App, seats_in_row: i32, per_hold: i32) -> (EventId, Vec<SeatId>) {
    let (event, seats) = app.seated(seats_in_row).await;
    sqlx::query!(
        "update events set max_seats_per_hold = $2 where id = $1",
        event as EventId,
        per_hold
    )
    .execute(&app.pool)
    .await
    .unwrap();
    (event, seats)
}

async fn try_seats(fan: &Fan, seats: &[SeatId]) -> Answer {
    let body = json!({"eventId": fan.event, "seatIds": seats});
    fan.client.post("/api/seats/reserve", body).await
}

fn held(fan: &Fan, answer: Answer) -> Hold {
    let reservation = &answer.body["reservation"];
    Hold {
        id: reservation["id"].as_str().unwrap().parse().unwrap(),
        user: fan.user,
        total: reservation["totalAmount"].as_i64().unwrap(),
        body: answer.body,
    }
}

#[tokio::test]
async fn all_seats_of_a_hold_share_its_fate() {
    with_app(async |app| {
        let (event, seats) = seated(app, 4, 3).await;
        let fan = app.fan(event);
        let hold = held(&fan, try_seats(&fan, &seats[..3]).await.expect(200));
        assert_eq!(hold.total, 3 * SEAT_PRICE);
        let shown = hold.body["reservation"]["seats"].as_array().unwrap().len();
        assert_eq!(shown, 3);
        // The same seats in another order are the same hold; some of them are none.
        let again = [seats[2], seats[0], seats[1]];
        let repeated = held(&fan, try_seats(&fan, &again).await.expect(200));
        assert_eq!(repeated.id, hold.id);
        try_seats(&fan, &seats[..2]).await.expect(409);
        try_seats(&fan, &seats[2..]).await.expect(409);
        assert_eq!(app.seat_status(seats[3]).await, "available");

        app.buy(&hold, "ORD-1").await;
        for seat in &seats[..3] {
            assert_eq!(app.seat_status(*seat).await, "reserved");
        }
        let detail = fan.detail(hold.id).await.expect(200).body;
        let listed = detail["reservation"]["seats"].as_array().unwrap().len();
        assert_eq!(listed, 3);
        fan.cancel(hold.id).await.expect(200);
        let next = app.fan(event);
        let hold = held(&next, try_seats(&next, &seats[1..]).await.expect(200));
        app.expire(hold.id).await;
        for seat in &seats {
            assert_eq!(app.seat_status(*seat).await, "available");
        }
    })
    .await;
}

#[tokio::test]
async fn one_taken_seat_leaves_the_others_free_with_redis_and_without() {
    with_app(async |app| {
        let (event, seats) = seated(app, 3, 8).await;
        for redis_is_up in [true, false] {
            if !redis_is_up {
                app.redis.stop();
            }
            let first = app.fan(event).hold(seats[1]).await;
            try_seats(&app.fan(event), &seats).await.expect(409);
            assert_eq!(app.seat_status(seats[0]).await, "available");
            assert_eq!(app.seat_status(seats[2]).await, "available");
            // Nor does a lock stay behind.
            let other = app.fan(event);
            let ends = [seats[0], seats[2]];
            let hold = held(&other, try_seats(&other, &ends).await.expect(200));
            other.cancel(hold.id).await.expect(200);
            app.fan_named(first.user, event).cancel(first.id).await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_event_says_how_many_seats_one_hold_takes() {
    with_app(async |app| {
        let (event, seats) = seated(app, 10, 1).await;
        let fan = app.fan(event);
        let refused = try_seats(&fan, &seats[..2]).await.expect(400);
        assert_eq!(refused.error(), "Only one seat can be selected");
        let admin = app.admin();
        let path = format!("/api/admin/events/{event}");
        let form = |most: i64| {
            json!({"title": "T", "venue": "V", "eventDate": "2199-01-01T00:00:00Z",
                   "maxSeatsPerHold": most, "maxPerPerson": 10})
        };
        admin.put(&path, form(9)).await.expect(400);
        let changed = admin.put(&path, form(8)).await.expect(200).body;
        assert_eq!(changed["event"]["max_seats_per_hold"], 8);
        let refused = try_seats(&fan, &seats[..9]).await.expect(400);
        assert_eq!(refused.error(), "At most 8 seats can be selected");
        let twice = [seats[0], seats[0]];
        let refused = try_seats(&fan, &twice).await.expect(400);
        assert_eq!(refused.error(), "A seat can be selected only once");
        let unknown = [seats[0], SeatId::random()];
        try_seats(&fan, &unknown).await.expect(404);
        assert_eq!(app.seat_status(seats[0]).await, "available");
        try_seats(&fan, &seats[..8]).await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_gets_beyond_the_cap_by_asking_for_several_at_once() {
    with_app(async |app| {
        let (event, seats) = seated(app, 24, 3).await;
        app.set_cap(event, 7).await;
        let fan = app.fan(event);
        let tries = seats
            .chunks(3)
            .map(|three| async { try_seats(&fan, three).await.status.as_u16() });
        let answers = futures::future::join_all(tries).await;
        let held = answers.iter().filter(|status| **status == 200).count();
        assert_eq!(held, 2, "{answers:?}");
        assert!(answers.iter().all(|status| matches!(status, 200 | 403)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn overlapping_holds_neither_share_a_seat_nor_wait_for_each_other_for_ever() {
    with_app(async |app| {
        let (event, seats) = seated(app, 12, 4).await;
        for redis_is_up in [true, false] {
            if !redis_is_up {
                app.redis.stop();
            }
            let seats = &seats;
            let tries = (0..48).map(|n| async move {
                // Every fan names the seats in another order.
                let mut wanted: Vec<SeatId> = (0..4).map(|k| seats[(n * 5 + k * 3) % 12]).collect();
                wanted.rotate_left(n % 4);
                let fan = app.fan(event);
                let answer = try_seats(&fan, &wanted).await;
                match answer.status.as_u16() {
                    200 => Some((fan.clone(), held(&fan, answer))),
                    409 => None,
                    other => panic!("{other}: {}", answer.body),
                }
            });
            let holds = futures::future::join_all(tries).await;
            let holds: Vec<_> = holds.into_iter().flatten().collect();
            assert!((1..=3).contains(&holds.len()), "{}", holds.len());
            for (fan, hold) in holds {
                fan.cancel(hold.id).await.expect(200);
            }
        }
    })
    .await;
}
