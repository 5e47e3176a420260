//! The door: every ticket opens it once, a refusal says why, and doors without a connection
//! agree with each other in the end.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use urr_contract::{EventId, ScanId, SeatId, UserId, internal::OrderOutcome};
use urr_testkit::{Answer, Client, wait_for};

use crate::{
    app::{App, Hold, SEAT_PRICE, with_app},
    tickets::{credential, list, sell_on, tickets},
};

/// The event is on at this moment.
async fn begins_now(app: &App, event: EventId) {
    sqlx::query!(
        "update events set event_date = now() where id = $1",
        event as EventId
    )
    .execute(&app.pool)
    .await
    .unwrap();
}

/// An event on sale with so many seats, and bought tickets for all of them.
async fn sold_out(app: &App, seats: i32) -> (EventId, Vec<Hold>) {
    let (event, seats) = app.seated(seats).await;
    let mut holds = Vec::new();
    for (number, seat) in seats.into_iter().enumerate() {
        holds.push(buy(app, event, seat, &format!("ORD-{number}")).await);
    }
    (event, holds)
}

async fn buy(app: &App, event: EventId, seat: SeatId, order: &str) -> Hold {
    let hold = app.fan(event).hold(seat).await;
    app.buy(&hold, order).await;
    hold
}

/// A device at a gate of an event.
#[derive(Clone)]
struct Device {
    client: Client,
    id: String,
}

async fn device(app: &App, event: EventId, gate: &str) -> Device {
    let path = format!("/api/admin/events/{event}/check-in-devices");
    let body = json!({"name": format!("Scanner of {gate}"), "gate": gate});
    let made = app.admin().post(&path, body).await.expect(201).body;
    let token = made["token"].as_str().unwrap();
    Device {
        client: app.client.with_header("x-check-in-token", token),
        id: made["device"]["id"].as_str().unwrap().to_owned(),
    }
}

impl Device {
    async fn ask(&self, scan: ScanId, credential: &str) -> Answer {
        let body = json!({"scanId": scan, "credential": credential});
        self.client.post("/api/check-ins", body).await
    }

    async fn scan(&self, credential: &str) -> Value {
        self.ask(ScanId::random(), credential)
            .await
            .expect(200)
            .body
    }

    async fn merge(&self, scans: &[Value]) -> Value {
        let body = json!({"scans": scans});
        let answer = self.client.post("/api/check-ins/merge", body).await;
        answer.expect(200).body
    }

    async fn list(&self, query: &str) -> Value {
        let path = format!("/api/check-ins/list?{query}");
        self.client.get(&path).await.expect(200).body
    }
}

/// So many seconds ago by the clock of the database's machine.
fn ago(app: &App, seconds: i64) -> Timestamp {
    app.state.clock.now() - SignedDuration::from_secs(seconds)
}

fn offline(credential: &str, at: Timestamp) -> Value {
    json!({"scanId": ScanId::random(), "credential": credential, "scannedAt": at})
}

async fn log(app: &App, event: EventId, query: &str) -> Value {
    let path = format!("/api/admin/events/{event}/check-ins{query}");
    app.admin().get(&path).await.expect(200).body
}

#[tokio::test]
async fn a_ticket_opens_the_door_once_and_then_says_when_and_where_it_did() {
    with_app(async |app| {
        let (event, holds) = sold_out(app, 1).await;
        begins_now(app, event).await;
        let text = credential(app, &holds[0]).await;
        let (north, south) = (
            device(app, event, "North").await,
            device(app, event, "South").await,
        );
        let first = ScanId::random();
        let accepted = north.ask(first, &text).await.expect(200);
        assert_eq!(accepted.body["accepted"], true);
        assert_eq!(accepted.body["code"], "ACCEPTED");
        assert!(accepted.body["ticket"]["place"].is_string());

        let refused = south.scan(&text).await;
        assert_eq!(
            (&refused["accepted"], &refused["code"]),
            (&json!(false), &json!("ALREADY_USED"))
        );
        assert_eq!(refused["used"]["gate"], "North");
        for language in ["ko", "en"] {
            assert!(
                refused["text"][language]
                    .as_str()
                    .unwrap()
                    .contains("North")
            );
        }
        // The same device repeats what it heard no answer to, and hears the same.
        let again = north.ask(first, &text).await.expect(200);
        assert_eq!(again.bytes, accepted.bytes);
        let other = north.ask(first, "something else").await.expect(422);
        assert_eq!(other.body["code"], "SCAN_ID_REUSED");

        let ticket = tickets(app, holds[0].user, holds[0].id).await.remove(0);
        assert_eq!(
            (&ticket["state"], &ticket["usedGate"]),
            (&json!("used"), &json!("North"))
        );
        let log = log(app, event, "").await;
        assert_eq!(
            log["figures"],
            json!({"tickets": 1, "checkedIn": 1, "refused": 1, "conflicts": 0})
        );
        assert_eq!(
            log["gates"][0],
            json!({"gate": "North", "checkedIn": 1, "refused": 0})
        );
        assert_eq!(log["pagination"]["total"], 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_show_one_code_at_once_one_comes_in() {
    with_app(async |app| {
        let (event, holds) = sold_out(app, 1).await;
        begins_now(app, event).await;
        let text = credential(app, &holds[0]).await;
        let mut devices = Vec::new();
        for gate in 0..8 {
            devices.push(device(app, event, &format!("Gate {gate}")).await);
        }
        let scans = (0..40).map(|number| devices[number % devices.len()].scan(&text));
        let answers = futures::future::join_all(scans).await;
        let accepted = answers.iter().filter(|answer| answer["accepted"] == true);
        assert_eq!(accepted.count(), 1);
        assert!(
            answers
                .iter()
                .all(|answer| answer["accepted"] == true || answer["code"] == "ALREADY_USED")
        );
    })
    .await;
}

#[tokio::test]
async fn a_refusal_says_why() {
    with_app(async |app| {
        let (event, holds) = sold_out(app, 4).await;
        let texts = {
            let mut texts = Vec::new();
            for hold in &holds {
                texts.push(credential(app, hold).await);
            }
            texts
        };
        let device = device(app, event, "North").await;
        let code = async |text: &str| device.scan(text).await["code"].as_str().unwrap().to_owned();
        // The event is in a month.
        assert_eq!(code(&texts[0]).await, "WRONG_DAY");
        let listing = list(app, &holds[1]).await;
        begins_now(app, event).await;
        assert_eq!(code("https://example.com").await, "NOT_A_TICKET");
        let mut forged = texts[0].clone();
        forged.replace_range(20..21, if &forged[20..21] == "A" { "B" } else { "A" });
        assert_eq!(code(&forged).await, "FORGED_TICKET");

        assert_eq!(code(&texts[1]).await, "TICKET_FOR_SALE");
        sqlx::query!("update events set event_date = now() + interval '1 day'")
            .execute(&app.pool)
            .await
            .unwrap();
        sell_on(app, &listing, UserId::random(), "ORD-X")
            .await
            .expect(200);
        begins_now(app, event).await;
        assert_eq!(code(&texts[1]).await, "TICKET_TRANSFERRED");

        let fan = app.fan_named(holds[2].user, event);
        fan.cancel(holds[2].id).await.expect(200);
        assert_eq!(code(&texts[2]).await, "TICKET_REFUNDED");

        let (other, other_holds) = sold_out_elsewhere(app).await;
        let wrong = device.scan(&credential(app, &other_holds).await).await;
        assert_eq!(wrong["code"], "WRONG_EVENT");
        assert_eq!(wrong["event"]["id"], json!(other));
        assert!(
            wrong["text"]["ko"]
                .as_str()
                .unwrap()
                .contains("A night of tests")
        );

        open_doors(
            app,
            event,
            Some(app.state.clock.now() + SignedDuration::from_mins(1)),
        )
        .await;
        let early = code(&texts[3]).await;
        assert!(early == "DOORS_CLOSED" || early == "WRONG_DAY", "{early}");
        open_doors(app, event, None).await;
        sqlx::query!(
            "delete from tickets where reservation_id = $1",
            holds[3].id.0
        )
        .execute(&app.pool)
        .await
        .unwrap();
        assert_eq!(code(&texts[3]).await, "UNKNOWN_TICKET");
        urr_ticket::jobs::ticket_issue::run(&app.state)
            .await
            .unwrap();
        let log = log(app, event, "?outcome=refused").await;
        // The scan of the doors that were closed went with its ticket.
        assert_eq!(log["figures"]["refused"], 8);
        assert_eq!(log["figures"]["checkedIn"], 0);
    })
    .await;
}

async fn sold_out_elsewhere(app: &App) -> (EventId, Hold) {
    let (event, seats) = app.seated(1).await;
    (event, buy(app, event, seats[0], "ORD-E").await)
}

async fn open_doors(app: &App, event: EventId, at: Option<Timestamp>) -> Value {
    let path = format!("/api/admin/events/{event}/doors");
    let body = json!({"doorsOpenAt": at});
    app.admin().put(&path, body).await.expect(200).body
}

#[tokio::test]
async fn doors_open_when_an_administrator_says_so() {
    with_app(async |app| {
        let (event, holds) = sold_out(app, 1).await;
        let text = credential(app, &holds[0]).await;
        let path = format!("/api/admin/events/{event}/doors");
        let hours = app.admin().get(&path).await.expect(200).body;
        assert!(hours["doorsOpenAt"].is_null() && hours["opensAt"].is_string());
        let now = app.state.clock.now();
        for wrong in [
            now + SignedDuration::from_hours(24 * 60),
            now - SignedDuration::from_hours(24 * 366),
            Timestamp::MIN,
            Timestamp::MAX,
        ] {
            let body = json!({"doorsOpenAt": wrong});
            let refused = app.admin().put(&path, body).await.expect(400);
            assert_eq!(refused.body["code"], "INVALID_DOORS");
        }
        // A month before the show, for whoever tries the door out.
        let opened = open_doors(app, event, Some(now - SignedDuration::from_secs(1))).await;
        assert_eq!(opened["doorsOpenAt"], opened["opensAt"]);
        let device = device(app, event, "North").await;
        assert_eq!(device.scan(&text).await["accepted"], true);
        let nowhere = format!("/api/admin/events/{}/doors", EventId::random());
        app.admin().get(&nowhere).await.expect(404);
        app.admin().put(&nowhere, json!({})).await.expect(404);
        let fan = app.client.as_user(holds[0].user);
        fan.put(&path, json!({})).await.expect(403);
        fan.get(&path).await.expect(403);
    })
    .await;
}

#[tokio::test]
async fn whoever_came_in_while_their_order_was_looked_into_gets_no_money_back() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let fan = app.fan(event);
        let hold = fan.hold(seats[0]).await;
        app.pay(&hold, "ORD-1").await.expect(200);
        app.payment
            .order_is("ORD-1", OrderOutcome::Captured, Some(SEAT_PRICE));
        begins_now(app, event).await;
        let device = device(app, event, "North").await;
        let silence = app.payment.silence().await;
        let came_in = async {
            wait_for("payment to be asked", async || {
                !app.payment.asked().is_empty()
            })
            .await;
            app.confirm(&hold, "ORD-1").await.expect(200);
            let text = credential(app, &hold).await;
            assert_eq!(device.scan(&text).await["accepted"], true);
            drop(silence);
        };
        let (refused, ()) = tokio::join!(fan.cancel(hold.id), came_in);
        assert_eq!(refused.expect(409).body["code"], "TICKET_USED");
        assert_eq!(app.stage(hold.id).await, "confirmed/completed");
    })
    .await;
}

#[tokio::test]
async fn whoever_came_in_sells_nothing_and_gets_no_money_back() {
    with_app(async |app| {
        let (event, holds) = sold_out(app, 1).await;
        let hold = &holds[0];
        begins_now(app, event).await;
        let text = credential(app, hold).await;
        device(app, event, "North").await.scan(&text).await;
        sqlx::query!("update events set event_date = now() + interval '1 day'")
            .execute(&app.pool)
            .await
            .unwrap();
        let fan = app.fan_named(hold.user, event);
        let body = json!({"reservationId": hold.id});
        let refused = fan.client.post("/api/transfers", body).await.expect(409);
        assert_eq!(refused.body["code"], "TICKET_USED");
        let refused = fan.cancel(hold.id).await.expect(409);
        assert_eq!(refused.body["code"], "TICKET_USED");
        app.refund(hold, "ORD-0").await.expect(409);
        assert_eq!(app.stage(hold.id).await, "confirmed/completed");
        // The organiser still may.
        let path = format!("/api/admin/reservations/{}/status", hold.id);
        let body = json!({"status": "cancelled"});
        app.admin().patch(&path, body).await.expect(200);
        assert_eq!(app.stage(hold.id).await, "cancelled/refund_requested");
    })
    .await;
}

// === without a connection ===

#[tokio::test]
async fn doors_without_a_connection_agree_whoever_tells_first() {
    with_app(async |app| {
        let (event, holds) = sold_out(app, 2).await;
        begins_now(app, event).await;
        let (north, south) = (
            device(app, event, "North").await,
            device(app, event, "South").await,
        );
        for (number, hold) in holds.iter().enumerate() {
            let text = credential(app, hold).await;
            let early = [offline(&text, ago(app, 120))];
            let late = [offline(&text, ago(app, 60))];
            let (first, second) = if number == 0 {
                (north.merge(&early).await, south.merge(&late).await)
            } else {
                let late = south.merge(&late).await;
                (north.merge(&early).await, late)
            };
            assert_eq!(first["results"][0]["accepted"], true);
            let expected = if number == 0 {
                "ALREADY_USED"
            } else {
                "ACCEPTED"
            };
            assert_eq!(second["results"][0]["code"], expected);
            let ticket = tickets(app, hold.user, hold.id).await.remove(0);
            assert_eq!(ticket["usedGate"], "North", "the earlier one counts");
        }
        let log = log(app, event, "?outcome=conflict").await;
        assert_eq!(
            log["figures"],
            json!({"tickets": 2, "checkedIn": 2, "refused": 0, "conflicts": 2})
        );
        let scans = log["scans"].as_array().unwrap();
        assert!(
            scans
                .iter()
                .all(|scan| scan["gate"] == "South" && scan["offline"] == true)
        );
    })
    .await;
}

#[tokio::test]
async fn clocks_that_are_wrong_are_put_right() {
    with_app(async |app| {
        let (event, holds) = sold_out(app, 1).await;
        begins_now(app, event).await;
        let text = credential(app, &holds[0]).await;
        let (north, south) = (
            device(app, event, "North").await,
            device(app, event, "South").await,
        );
        north.merge(&[offline(&text, ago(app, 60))]).await;
        // A day ahead: by its own word it was later, by ours earlier.
        let ahead = SignedDuration::from_hours(24);
        let body = json!({
            "sentAt": app.state.clock.now() + ahead,
            "scans": [offline(&text, ago(app, 300) + ahead)],
        });
        let answer = south
            .client
            .post("/api/check-ins/merge", body)
            .await
            .expect(200);
        assert_eq!(answer.body["results"][0]["accepted"], true);
        assert_eq!(answer.body["conflicts"], 1);
        // Times that no clock can mean are bounded, and stored.
        let wild = [
            offline(&text, Timestamp::MAX),
            offline(&text, Timestamp::MIN),
        ];
        let answer = north.merge(&wild).await;
        assert_eq!(answer["results"][0]["code"], "ALREADY_USED");
        assert_eq!(answer["results"][1]["conflict"], true, "it was another day");
    })
    .await;
}

#[tokio::test]
async fn what_a_door_let_in_wrongly_is_a_conflict_and_what_it_refused_is_none() {
    with_app(async |app| {
        let (event, holds) = sold_out(app, 3).await;
        begins_now(app, event).await;
        let mut texts = Vec::new();
        for hold in &holds {
            texts.push(credential(app, hold).await);
        }
        let fan = app.fan_named(holds[0].user, event);
        fan.cancel(holds[0].id).await.expect(200);
        sqlx::query!("update events set event_date = now() + interval '1 hour'")
            .execute(&app.pool)
            .await
            .unwrap();
        let listing = list(app, &holds[1]).await;
        open_doors(app, event, Some(ago(app, 3_600))).await;
        let north = device(app, event, "North").await;
        let mut refused = offline(&texts[2], ago(app, 10));
        refused["letIn"] = json!(false);
        let scans = [
            offline(&texts[0], ago(app, 30)),
            offline(&texts[1], ago(app, 20)),
            refused,
            offline("not ours", ago(app, 5)),
        ];
        let answer = north.merge(&scans).await;
        let codes: Vec<&str> = answer["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|result| result["code"].as_str().unwrap())
            .collect();
        assert_eq!(
            codes,
            ["TICKET_REFUNDED", "ACCEPTED", "TURNED_AWAY", "NOT_A_TICKET"]
        );
        assert_eq!(
            (&answer["accepted"], &answer["conflicts"]),
            (&json!(1), &json!(2))
        );
        // Who is in has nothing to sell any more, and a buyer's money goes back.
        let listed = app
            .client
            .as_user(holds[1].user)
            .get(&format!("/api/transfers/{listing}"))
            .await
            .expect(200);
        assert_eq!(listed.body["transfer"]["status"], "cancelled");
        sell_on(app, &listing, UserId::random(), "ORD-X")
            .await
            .expect(400);
        // Told again, all is as it was.
        assert_eq!(north.merge(&scans).await["results"], answer["results"]);
        assert_eq!(log(app, event, "").await["pagination"]["total"], 4);
        // One bad id holds up none of the others.
        let mut mixed = vec![offline(&texts[2], ago(app, 1))];
        mixed.push(json!({
            "scanId": scans[0]["scanId"], "credential": texts[2], "scannedAt": ago(app, 1),
        }));
        let answer = north.merge(&mixed).await;
        assert_eq!(answer["results"][0]["accepted"], true);
        assert_eq!(answer["results"][1]["code"], "SCAN_ID_REUSED");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_doors_that_scanned_two_thousand_tickets_alone_agree() {
    const PEOPLE: usize = 200;
    const TICKETS: usize = PEOPLE * 10;
    with_app(async |app| {
        let event = app.event().await;
        app.set_cap(event, 10).await;
        let floor = app.ticket_type(event, "Floor", 50_000, 2_000).await;
        let mut texts = Vec::new();
        for number in 0..PEOPLE {
            let hold = app.fan(event).places(floor, 10).await;
            app.buy(&hold, &format!("ORD-{number}")).await;
            for ticket in tickets(app, hold.user, hold.id).await {
                texts.push(ticket["qr"].as_str().unwrap().to_owned());
            }
        }
        begins_now(app, event).await;
        let devices = [device(app, event, "North").await, device(app, event, "South").await];
        // North scans the first three quarters and South the last: half of all twice.
        let seconds = |number: usize| i64::try_from(number).unwrap();
        let north: Vec<Value> = (0..TICKETS * 3 / 4)
            .map(|number| offline(&texts[number], ago(app, 3_000 - seconds(number))))
            .collect();
        let south: Vec<Value> = (TICKETS / 4..TICKETS)
            .map(|number| offline(&texts[number], ago(app, 900 + seconds(number) / 2)))
            .collect();
        let begun = std::time::Instant::now();
        let merges = [(&devices[0], &north), (&devices[1], &south)]
            .into_iter()
            .flat_map(|(device, scans)| {
                scans
                    .chunks(1_000)
                    .map(move |chunk| device.merge(chunk))
            });
        let answers = futures::future::join_all(merges).await;
        println!("{} scans in {:?}", north.len() + south.len(), begun.elapsed());
        let conflicts: i64 = answers
            .iter()
            .map(|answer| answer["conflicts"].as_i64().unwrap())
            .sum();
        assert_eq!(conflicts, i64::try_from(TICKETS / 2).unwrap());
        let log = log(app, event, "?limit=1").await;
        assert_eq!(
            log["figures"],
            json!({"tickets": TICKETS, "checkedIn": TICKETS, "refused": 0, "conflicts": TICKETS / 2})
        );
        // Whichever was told first, the earliest counts.
        let late = sqlx::query_scalar!(
            r#"select count(*) as "count!" from ticket_scans s
               where s.counts and exists (select from ticket_scans o
                                          where o.ticket_id = s.ticket_id and o.happened_at < s.happened_at)"#
        )
        .fetch_one(&app.pool)
        .await
        .unwrap();
        assert_eq!(late, 0);
    })
    .await;
}

// === the list ===

fn ids(list: &Value) -> BTreeSet<String> {
    let tickets = list["tickets"].as_array().unwrap();
    tickets
        .iter()
        .map(|ticket| ticket["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_door_downloads_the_list_and_then_what_changes() {
    with_app(async |app| {
        let (event, holds) = sold_out(app, 5).await;
        begins_now(app, event).await;
        let north = device(app, event, "North").await;
        let mut seen = BTreeSet::new();
        let mut page = north.list("limit=2").await;
        assert_eq!(page["startsOver"], false);
        assert_eq!(page["event"]["id"], json!(event));
        assert_eq!(page["keys"][0]["algorithm"], "Ed25519");
        loop {
            seen.extend(ids(&page));
            let Some(cursor) = page["cursor"].as_str() else {
                break;
            };
            page = north.list(&format!("limit=2&cursor={cursor}")).await;
        }
        assert_eq!(seen.len(), 5);
        let since = page["since"].as_str().unwrap().to_owned();

        let text = credential(app, &holds[0]).await;
        north.scan(&text).await;
        let fan = app.fan_named(holds[1].user, event);
        fan.cancel(holds[1].id).await.expect(200);
        let changes = north.list(&format!("since={since}")).await;
        let states: Vec<&Value> = changes["tickets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|ticket| &ticket["state"])
            .filter(|state| **state != "valid")
            .collect();
        assert_eq!(states, ["used", "void"]);
        assert_eq!(changes["tickets"][0]["usedGate"], "North");
        // A database that is not the one of then.
        let over = north.list("since=9000000000000000").await;
        assert_eq!((&over["startsOver"], ids(&over).len()), (&json!(true), 5));
    })
    .await;
}

#[tokio::test]
async fn a_sale_that_commits_late_is_not_missed() {
    with_app(async |app| {
        let (event, seats) = app.seated(2).await;
        let late = app.fan(event).hold(seats[0]).await;
        let early = buy(app, event, seats[1], "ORD-1").await;
        let north = device(app, event, "North").await;
        // One transaction draws its number before another, and commits after it was read.
        let mut transaction = app.pool.begin().await.unwrap();
        sqlx::query!(
            r"update reservations set status = 'confirmed', payment_status = 'completed', sold_order_id = 'ORD-2'
              where id = $1",
            late.id.0
        )
        .execute(&mut *transaction)
        .await
        .unwrap();
        urr_ticket::store::tickets::issue(&mut transaction, late.id).await.unwrap();
        app.fan_named(early.user, event).cancel(early.id).await.expect(200);
        let first = north.list("").await;
        assert_eq!(first["tickets"].as_array().unwrap().len(), 1);
        transaction.rollback().await.unwrap();
        app.buy(&late, "ORD-2").await;
        let since = first["since"].as_str().unwrap();
        let second = north.list(&format!("since={since}")).await;
        assert_eq!(ids(&second).len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_list_that_did_not_change_is_not_sent_again() {
    with_app(async |app| {
        let (event, holds) = sold_out(app, 1).await;
        begins_now(app, event).await;
        let north = device(app, event, "North").await;
        let first = north.client.get("/api/check-ins/list").await.expect(200);
        let tag = first.headers["etag"].to_str().unwrap();
        let knowing = north.client.with_header("if-none-match", tag);
        let same = knowing.get("/api/check-ins/list").await.expect(304);
        assert!(same.bytes.is_empty() && same.headers["etag"] == tag);
        let text = credential(app, &holds[0]).await;
        north.scan(&text).await;
        knowing.get("/api/check-ins/list").await.expect(200);
    })
    .await;
}

// === who may ===

#[tokio::test]
async fn a_device_scans_for_its_event_until_its_token_is_taken_away() {
    with_app(async |app| {
        let (event, holds) = sold_out(app, 1).await;
        begins_now(app, event).await;
        let text = credential(app, &holds[0]).await;
        let north = device(app, event, "North").await;
        let other = EventId::random();
        let body = json!({"scanId": ScanId::random(), "credential": text, "eventId": other});
        let refused = north.client.post("/api/check-ins", body).await.expect(403);
        assert_eq!(refused.body["code"], "DEVICE_OF_ANOTHER_EVENT");
        let elsewhere = format!("/api/check-ins/list?event={other}");
        north.client.get(&elsewhere).await.expect(403);

        let path = format!("/api/admin/events/{event}/check-in-devices");
        let listed = app.admin().get(&path).await.expect(200);
        assert!(!String::from_utf8_lossy(&listed.bytes).contains("urr-door-"));
        assert_eq!(listed.body["devices"][0]["gate"], "North");
        let one = format!("{path}/{}", north.id);
        let wrong = format!("/api/admin/events/{other}/check-in-devices/{}", north.id);
        app.admin().delete(&wrong).await.expect(404);
        assert_eq!(north.scan(&text).await["accepted"], true);
        app.admin().delete(&one).await.expect(200);
        app.admin().delete(&one).await.expect(200);
        let refused = north.ask(ScanId::random(), &text).await.expect(401);
        assert_eq!(refused.body["code"], "INVALID_CHECK_IN_TOKEN");
        // Nowhere is the token itself, the audit log included.
        let logs = app.admin().get("/api/admin/audit-logs").await.expect(200);
        assert!(!String::from_utf8_lossy(&logs.bytes).contains("urr-door-"));
        let actions: Vec<&str> = logs.body["logs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|log| log["action"].as_str().unwrap())
            .collect();
        assert!(actions.contains(&"REVOKE_CHECK_IN_DEVICE"), "{actions:?}");
        assert!(actions.contains(&"CREATE_CHECK_IN_DEVICE"), "{actions:?}");
    })
    .await;
}

#[tokio::test]
async fn administrators_scan_as_well_and_nobody_else_does() {
    with_app(async |app| {
        let (event, holds) = sold_out(app, 1).await;
        begins_now(app, event).await;
        let text = credential(app, &holds[0]).await;
        let body = json!({"scanId": ScanId::random(), "credential": text, "eventId": event});
        let path = "/api/check-ins";
        app.client.post(path, body.clone()).await.expect(401);
        let fan = app.client.as_user(holds[0].user);
        fan.post(path, body.clone()).await.expect(403);
        fan.get(&format!("/api/check-ins/list?event={event}"))
            .await
            .expect(403);
        for token in ["", "nonsense"] {
            let stranger = app.client.with_header("x-check-in-token", token);
            stranger.post(path, body.clone()).await.expect(401);
        }
        let mut without = body.clone();
        without.as_object_mut().unwrap().remove("eventId");
        let refused = app.admin().post(path, without).await.expect(400);
        assert_eq!(refused.body["code"], "EVENT_REQUIRED");
        let admin = app.admin();
        assert_eq!(
            admin.post(path, body).await.expect(200).body["accepted"],
            true
        );
        let ticket = tickets(app, holds[0].user, holds[0].id).await.remove(0);
        assert_eq!(ticket["usedGate"], "admin");
        for admins in ["check-ins", "check-in-devices"] {
            let path = format!("/api/admin/events/{event}/{admins}");
            fan.get(&path).await.expect(403);
            app.client.get(&path).await.expect(401);
        }
    })
    .await;
}

#[tokio::test]
async fn what_was_done_by_mistake_is_undone() {
    with_app(async |app| {
        let (event, holds) = sold_out(app, 1).await;
        begins_now(app, event).await;
        let text = credential(app, &holds[0]).await;
        let (north, south) = (
            device(app, event, "North").await,
            device(app, event, "South").await,
        );
        north.scan(&text).await;
        let row = log(app, event, "").await["scans"][0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let path = |row: &str| format!("/api/admin/events/{event}/check-ins/{row}/undo");
        app.admin()
            .post(&path(&row), json!({"reason": " "}))
            .await
            .expect(400);
        let because = json!({"reason": "The wrong person's phone"});
        let nobody = UserId::random().to_string();
        app.admin()
            .post(&path(&nobody), because.clone())
            .await
            .expect(404);
        app.admin()
            .post(&path(&row), because.clone())
            .await
            .expect(200);
        let twice = app
            .admin()
            .post(&path(&row), because.clone())
            .await
            .expect(409);
        assert_eq!(twice.body["code"], "ALREADY_UNDONE");
        assert_eq!(
            log(app, event, "?outcome=undone").await["pagination"]["total"],
            1
        );
        let ticket = tickets(app, holds[0].user, holds[0].id).await.remove(0);
        assert_eq!(ticket["state"], "valid");

        // Of two who came in the other one counts now.
        south.merge(&[offline(&text, ago(app, 60))]).await;
        north.merge(&[offline(&text, ago(app, 30))]).await;
        let first = log(app, event, "?outcome=checked_in").await["scans"][0].clone();
        assert_eq!(first["gate"], "South");
        app.admin()
            .post(&path(first["id"].as_str().unwrap()), because)
            .await
            .expect(200);
        let ticket = tickets(app, holds[0].user, holds[0].id).await.remove(0);
        assert_eq!(
            (&ticket["state"], &ticket["usedGate"]),
            (&json!("used"), &json!("North"))
        );
        let actions = app
            .admin()
            .get("/api/admin/audit-logs?action=UNDO_CHECK_IN")
            .await;
        assert_eq!(actions.expect(200).body["logs"][0]["response_status"], 200);
    })
    .await;
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused() {
    with_app(async |app| {
        let (event, _) = app.seated(1).await;
        let north = device(app, event, "North").await;
        let id = ScanId::random();
        for body in [
            json!({}),
            json!({"scanId": "x", "credential": "y"}),
            json!({"scanId": id}),
            json!({"scanId": id, "credential": "y", "scannedAt": "yesterday"}),
            json!({"scanId": id, "credential": "y", "gate": "g".repeat(51)}),
            json!({"scanId": id, "credential": "y", "gate": "a\u{0}b"}),
            json!({"scanId": id, "credential": "y".repeat(4_001)}),
        ] {
            north.client.post("/api/check-ins", body).await.expect(400);
        }
        let odd = json!({"scanId": id, "credential": "\u{0}표", "gate": " "});
        let answer = north.client.post("/api/check-ins", odd).await.expect(200);
        assert_eq!(answer.body["code"], "NOT_A_TICKET");
        let one = offline("x", ago(app, 1));
        for body in [
            json!({"scans": []}),
            json!({"scans": vec![one.clone(); 1_001]}),
            json!({"scans": [{"scanId": id, "credential": "x"}]}),
            json!({"scans": [one], "sentAt": 5}),
        ] {
            north
                .client
                .post("/api/check-ins/merge", body)
                .await
                .expect(400);
        }
        for query in [
            "cursor=x",
            "cursor=1.2",
            "since=x",
            "since=-1",
            "limit=x",
            "event=x",
        ] {
            let path = format!("/api/check-ins/list?{query}");
            north.client.get(&path).await.expect(400);
        }
        let devices = format!("/api/admin/events/{event}/check-in-devices");
        for body in [
            json!({"name": "", "gate": "North"}),
            json!({"name": "A", "gate": "g".repeat(51)}),
            json!({"name": "A\n", "gate": "g\u{0}"}),
            json!({"name": "n".repeat(101), "gate": "North"}),
            json!({"gate": "North"}),
        ] {
            app.admin().post(&devices, body).await.expect(400);
        }
        let nowhere = format!("/api/admin/events/{}/check-in-devices", EventId::random());
        let body = json!({"name": "A", "gate": "North"});
        app.admin().post(&nowhere, body).await.expect(404);
        let log = format!("/api/admin/events/{event}/check-ins");
        app.admin()
            .get(&format!("{log}?outcome=x"))
            .await
            .expect(400);
        let nowhere = format!("/api/admin/events/{}/check-ins", EventId::random());
        app.admin().get(&nowhere).await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn a_device_is_known_to_be_alive() {
    with_app(async |app| {
        let (event, _) = app.seated(1).await;
        let north = device(app, event, "North").await;
        let path = format!("/api/admin/events/{event}/check-in-devices");
        let before = app.admin().get(&path).await.expect(200).body;
        assert!(before["devices"][0]["last_seen_at"].is_null());
        north.list("").await;
        urr_testkit::wait_for("the device to be seen", async || {
            let after = app.admin().get(&path).await.expect(200).body;
            after["devices"][0]["lastSeenAt"].is_string()
        })
        .await;
        assert_eq!(before["pagination"]["total"], 1);
    })
    .await;
}
