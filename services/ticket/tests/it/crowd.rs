//! Many at once: one winner a seat, no person over the cap, no type below zero.

use std::sync::Arc;

use futures::{StreamExt, future::join_all, stream};
use urr_contract::SeatId;
use urr_ticket::{
    booking::seats::{SeatRequest, hold},
    domain::order::SeatSelection,
    store::people,
};

use crate::app::with_app;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_holds_of_one_seat_have_one_winner() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let tries = (0..1_000).map(|_| {
            let fan = app.fan(event);
            let seat = seats[0];
            async move { fan.try_seat(seat).await.status.as_u16() }
        });
        let answers = join_all(tries).await;
        assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1);
        assert_eq!(answers.iter().filter(|status| **status == 409).count(), 999);
        assert_eq!(app.seat_token(seats[0]).await, 1, "only one ever took it");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_cap_holds_for_one_person_in_many_windows() {
    with_app(async |app| {
        let (event, seats) = app.seated(20).await;
        let ticket_type = app.ticket_type(event, "R", 1_000, 50).await;
        let fan = app.fan(event);
        fan.hold(seats[0]).await;
        let windows = seats[1..].iter().map(|seat| {
            let fan = fan.clone();
            async move {
                let (seat, places) =
                    tokio::join!(fan.try_seat(*seat), fan.try_places(ticket_type, 1));
                usize::from(seat.status.is_success()) + usize::from(places.status.is_success())
            }
        });
        let held: usize = join_all(windows).await.into_iter().sum();
        assert_eq!(held, 3);
    })
    .await;
}

#[tokio::test]
async fn a_hold_locks_its_person_until_it_is_committed() {
    with_app(async |app| {
        let (event, seats) = app.seated(2).await;
        let fan = app.fan(event);
        fan.hold(seats[0]).await;
        let mut open = app.pool.begin().await.unwrap();
        let has = people::lock_and_count(&mut open, event, fan.user).await;
        assert_eq!(has.unwrap(), 1);
        // Another hold of the same person waits, and gives up; another person's does not.
        let refused = fan.try_seat(seats[1]).await.expect(503);
        assert_eq!(refused.body["code"], "REQUEST_IN_PROGRESS");
        app.fan(event).hold(seats[1]).await;
        open.rollback().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn standing_places_sell_in_parallel_to_exactly_zero() {
    with_app(async |app| {
        let event = app.event().await;
        let ticket_type = app.ticket_type(event, "GA", 1_000, 101).await;
        let sold: i64 = stream::iter(0..150_i64)
            .map(|index| {
                let fan = app.fan(event);
                let quantity = 1 + index % 3;
                async move {
                    match fan.try_places(ticket_type, quantity).await.status.as_u16() {
                        200 => quantity,
                        409 => 0,
                        other => panic!("answered {other}"),
                    }
                }
            })
            .buffer_unordered(40)
            .fold(0, |sum, quantity| async move { sum + quantity })
            .await;
        assert_eq!(sold + app.available(ticket_type).await, 101);
        // Whatever was left for the large orders goes one by one.
        while app.available(ticket_type).await > 0 {
            app.fan(event).places(ticket_type, 1).await;
        }
        app.fan(event).try_places(ticket_type, 1).await.expect(409);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn overlapping_holds_of_several_seats_are_all_or_none_and_never_wait_for_each_other() {
    with_app(async |app| {
        let (event, seats) = app.seated(8).await;
        app.set_cap(event, 8).await;
        // Every three neighbours, in both directions, so that lock orders would clash.
        let tries = (0..60_usize).map(|index| {
            let state = Arc::clone(&app.state);
            let mut wanted: Vec<SeatId> = (0..3)
                .map(|step| seats[(index + step) % seats.len()])
                .collect();
            if index % 2 == 0 {
                wanted.reverse();
            }
            async move {
                let request = SeatRequest {
                    user: urr_contract::UserId::random(),
                    event,
                    seats: SeatSelection::new(wanted, 8).unwrap(),
                    key: None,
                };
                match hold(&state, &request).await {
                    Ok(_) => 1,
                    Err(refused) => {
                        assert_eq!(refused.status().as_u16(), 409, "{refused}");
                        0
                    }
                }
            }
        });
        let holds: i64 = join_all(tries).await.into_iter().sum();
        let held = sqlx::query_scalar!(
            r#"select count(*) as "count!" from seats where event_id = $1 and status = 'locked'"#,
            event as urr_contract::EventId
        )
        .fetch_one(&app.pool)
        .await
        .unwrap();
        assert!(
            (1..=2).contains(&holds),
            "{holds} holds of three of eight seats"
        );
        assert_eq!(held, holds * 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn holds_cancellations_payments_and_ends_in_any_mixture_keep_the_books() {
    with_app(async |app| {
        let (event, seats) = app.seated(6).await;
        let ticket_type = app.ticket_type(event, "GA", 1_000, 8).await;
        stream::iter(0..200_usize)
            .for_each_concurrent(24, |index| {
                let seat = seats[index % seats.len()];
                async move {
                    let fan = app.fan(event);
                    let answer = if index % 3 == 0 {
                        fan.try_places(ticket_type, 1 + i64::try_from(index % 2).unwrap())
                            .await
                    } else {
                        fan.try_seat(seat).await
                    };
                    if !answer.status.is_success() {
                        assert_eq!(answer.status.as_u16(), 409);
                        return;
                    }
                    let reservation = &answer.body["reservation"];
                    let hold = crate::app::Hold {
                        id: reservation["id"].as_str().unwrap().parse().unwrap(),
                        user: fan.user,
                        total: reservation["totalAmount"].as_i64().unwrap(),
                        body: answer.body.clone(),
                    };
                    let order = format!("ORD-{index}");
                    match index % 4 {
                        0 => {
                            fan.cancel(hold.id).await.expect(200);
                        }
                        1 => {
                            app.overdue(hold.id).await;
                            let (_, _) = tokio::join!(
                                app.confirm(&hold, &order),
                                urr_ticket::jobs::expiry::release_overdue(&app.state),
                            );
                        }
                        2 => {
                            let (_, _) =
                                tokio::join!(app.confirm(&hold, &order), fan.cancel(hold.id),);
                            fan.cancel(hold.id).await;
                        }
                        _ => {
                            app.overdue(hold.id).await;
                            urr_ticket::jobs::expiry::release_overdue(&app.state)
                                .await
                                .unwrap();
                        }
                    }
                }
            })
            .await;
    })
    .await;
}
