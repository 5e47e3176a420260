//! Journeys, answer by answer, and what holds whatever the answers are.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const EVENT: u128 = 1;
const SEAT: u128 = 2;
const RESERVATION: u128 = 3;
const CLASS: u128 = 4;

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn rules() -> Rules {
    Rules {
        event: Some(EventId(id(EVENT))),
        patience: Duration::from_mins(1),
        think: Duration::ZERO,
        seats: 1,
        idle_polls: false,
        drop_out: 0.0,
        abandon: 0.0,
        decline: 0.0,
        cancel: 0.0,
        accounts: Accounts {
            demo_password: Some("demo".to_owned()),
            register: 0.0,
            first: 1,
        },
    }
}

fn answer(status: u16, body: &Value) -> Outcome {
    Outcome::Answered(Answer {
        status,
        retry_after: None,
        body: body.to_string().into_bytes().into(),
    })
}

/// A fan under test: answers go in, pauses pass at once, the next request comes out.
struct Journey {
    fan: Fan,
    now: Timestamp,
    paused: Duration,
    seen: Vec<Milestone>,
    request: Option<Call>,
}

impl Journey {
    fn new(rules: Rules) -> Self {
        Self::of(Fan::new(0, 7, Arc::new(rules)))
    }

    fn of(fan: Fan) -> Self {
        let mut journey = Self {
            fan,
            now: Timestamp::UNIX_EPOCH,
            paused: Duration::ZERO,
            seen: Vec::new(),
            request: None,
        };
        journey.turn(Input::Woke);
        journey
    }

    fn turn(&mut self, input: Input) {
        self.paused = Duration::ZERO;
        let mut input = input;
        loop {
            let turn = self.fan.next(self.now, input);
            self.seen.extend(turn.milestones);
            self.request = match turn.step {
                Step::Pause(pause) => {
                    self.paused += pause;
                    self.now = later(self.now, pause);
                    input = Input::Woke;
                    continue;
                }
                Step::Send(call) => Some(call),
                Step::End => None,
            };
            return;
        }
    }

    /// Answers the request under way, which must be to `endpoint`.
    fn at(&mut self, endpoint: &str, status: u16, body: &Value) -> &mut Self {
        assert_eq!(self.endpoint(), endpoint, "after {:?}", self.seen);
        self.turn(Input::Came(answer(status, body)));
        self
    }

    fn endpoint(&self) -> &'static str {
        self.request.as_ref().map_or("(end)", Call::endpoint)
    }

    fn ending(&self) -> Option<&Ending> {
        self.seen.iter().find_map(|milestone| match milestone {
            Milestone::Ended(ending) => Some(ending),
            _ => None,
        })
    }

    fn saw(&self, milestone: &Milestone) -> bool {
        self.seen.contains(milestone)
    }

    fn violated(&self) -> bool {
        self.seen
            .iter()
            .any(|milestone| matches!(milestone, Milestone::Violation(_)))
    }

    // === parts of a journey ===

    fn up_to_the_queue(mut self, seated: bool) -> Self {
        self.at("GET events", 200, &json!({"events": []}))
            .at("GET events/{id}", 200, &event(seated))
            .at("POST auth/login", 200, &json!({}));
        self
    }

    fn inside(self, seated: bool) -> Self {
        let mut journey = self.up_to_the_queue(seated);
        journey.at("POST queue/check/{id}", 200, &active());
        journey
    }

    fn holding(self) -> Self {
        let mut journey = self.inside(true);
        journey
            .at("GET seats/events/{id}", 200, &map("available"))
            .at("POST seats/reserve", 200, &held());
        journey
    }

    fn confirming(self) -> Self {
        let mut journey = self.holding();
        journey.at("POST payments/prepare", 200, &prepared()).at(
            "POST (provider's checkout)",
            200,
            &paid_in_window(),
        );
        journey
    }
}

fn event(seated: bool) -> Value {
    let layout = seated.then(|| id(9));
    json!({
        "event": {"id": id(EVENT), "seat_layout_id": layout},
        "ticketTypes": [{"id": id(CLASS), "available_quantity": 5}],
    })
}

fn active() -> Value {
    json!({"status": "active", "queued": false, "entryToken": "t", "nextPoll": 3})
}

fn queued(position: u64, next_poll: u64) -> Value {
    json!({"status": "queued", "queued": true, "position": position, "nextPoll": next_poll})
}

fn map(status: &str) -> Value {
    json!({"seats": [{"id": id(SEAT), "status": status}]})
}

fn held() -> Value {
    json!({"reservation": {"id": id(RESERVATION), "totalAmount": 70_000}})
}

fn prepared() -> Value {
    json!({"orderId": "ORD_1", "amount": 70_000, "clientKey": "k", "checkoutUrl": "http://p/c"})
}

fn paid_in_window() -> Value {
    json!({"paymentKey": "key"})
}

fn reservation(status: &str, payment: &str) -> Value {
    json!({"reservation": {"status": status, "payment_status": payment}})
}

const TICKET: &str = "GET reservations/{id}";

#[test]
fn a_seated_purchase_takes_its_way() {
    let mut journey = Journey::new(rules()).confirming();
    journey
        .at("POST payments/confirm", 200, &json!({"success": true}))
        .at(TICKET, 200, &reservation("confirmed", "completed"));
    assert_eq!(journey.ending(), Some(&Ending::Bought));
    assert!(journey.saw(&Milestone::Held(1)) && journey.saw(&Milestone::Confirmed));
}

#[test]
fn a_standing_purchase_takes_its_way() {
    let mut journey = Journey::new(Rules {
        seats: 2,
        ..rules()
    })
    .inside(false);
    journey.at("GET events/{id}", 200, &event(false));
    let Some(Call::HoldStanding {
        ticket_type,
        quantity,
        ..
    }) = journey.request.clone()
    else {
        panic!("not holding places: {:?}", journey.request);
    };
    assert_eq!((ticket_type.0, quantity), (id(CLASS), 2));
    journey.at("POST reservations", 200, &held());
    assert!(journey.saw(&Milestone::Held(2)));
    assert_eq!(journey.endpoint(), "POST payments/prepare");
}

#[test]
fn polls_come_exactly_when_told_within_the_clients_bounds() {
    for (told, expected) in [
        (json!(5), 5.0),
        (json!(0), 1.0),
        (json!(2.5), 2.5),
        (json!(900), 60.0),
        (json!(null), 3.0),
    ] {
        let mut journey = Journey::new(Rules {
            patience: Duration::from_secs(1000),
            ..rules()
        })
        .up_to_the_queue(true);
        let line = json!({"status": "queued", "position": 4, "nextPoll": told});
        journey.at("POST queue/check/{id}", 200, &line);
        assert_eq!(journey.endpoint(), "GET queue/status/{id}");
        assert_eq!(journey.paused, Duration::from_secs_f64(expected), "{told}");
    }
}

#[test]
fn who_is_let_in_has_waited_since_joining() {
    let mut journey = Journey::new(rules()).up_to_the_queue(true);
    journey
        .at("POST queue/check/{id}", 200, &queued(9, 5))
        .at("GET queue/status/{id}", 200, &queued(3, 2))
        .at("GET queue/status/{id}", 200, &active());
    assert!(journey.saw(&Milestone::Admitted(Duration::from_secs(7))));
    assert_eq!(journey.endpoint(), "GET seats/events/{id}");
}

#[test]
fn a_position_that_grows_is_noted() {
    let mut journey = Journey::new(rules()).up_to_the_queue(true);
    journey.at("POST queue/check/{id}", 200, &queued(3, 1)).at(
        "GET queue/status/{id}",
        200,
        &queued(3, 1),
    );
    assert!(!journey.saw(&Milestone::PositionGrew));
    journey.at("GET queue/status/{id}", 200, &queued(4, 1));
    assert!(journey.saw(&Milestone::PositionGrew));
}

#[test]
fn who_waits_in_vain_leaves_when_patience_ends() {
    let mut journey = Journey::new(Rules {
        patience: Duration::from_secs(10),
        ..rules()
    })
    .up_to_the_queue(true);
    journey
        .at("POST queue/check/{id}", 200, &queued(9, 6))
        .at("GET queue/status/{id}", 200, &queued(8, 6))
        .at("POST queue/leave/{id}", 200, &json!({}));
    let expected = Ending::Failed(Cause::WaitedTooLong);
    assert_eq!(journey.ending(), Some(&expected));
    assert_eq!(
        journey.now,
        later(Timestamp::UNIX_EPOCH, Duration::from_secs(10))
    );
}

#[test]
fn who_drops_out_does_so_at_a_poll() {
    let mut journey = Journey::new(Rules {
        drop_out: 1.0,
        ..rules()
    })
    .up_to_the_queue(true);
    journey.at("POST queue/check/{id}", 200, &queued(9, 1));
    for _ in 0..4 {
        match journey.endpoint() {
            "GET queue/status/{id}" => journey.at("GET queue/status/{id}", 200, &queued(9, 1)),
            "POST queue/leave/{id}" => journey.at("POST queue/leave/{id}", 200, &json!({})),
            _ => break,
        };
    }
    assert_eq!(journey.ending(), Some(&Ending::DroppedOut));
}

#[test]
fn who_is_forgotten_joins_again() {
    let mut journey = Journey::new(rules()).up_to_the_queue(true);
    journey
        .at("POST queue/check/{id}", 200, &queued(9, 1))
        .at(
            "GET queue/status/{id}",
            200,
            &json!({"status": "not_in_queue"}),
        )
        .at("POST queue/check/{id}", 200, &active());
    assert!(journey.saw(&Milestone::LostPlace));
    let joined = journey
        .seen
        .iter()
        .filter(|seen| **seen == Milestone::Joined);
    assert_eq!(joined.count(), 1);
}

#[test]
fn a_line_that_sells_nothing_more_is_left() {
    let mut journey = Journey::new(rules()).up_to_the_queue(true);
    let line = json!({"status": "queued", "position": 5, "saleStatus": "sold_out"});
    journey
        .at("POST queue/check/{id}", 200, &line)
        .at("POST queue/leave/{id}", 200, &json!({}));
    assert_eq!(journey.ending(), Some(&Ending::SoldOut));
    // Whoever comes later gets no number at all, and has nothing to leave.
    let mut journey = Journey::new(rules()).up_to_the_queue(true);
    journey.at("POST queue/check/{id}", 409, &json!({"code": "SOLD_OUT"}));
    assert_eq!(journey.ending(), Some(&Ending::SoldOut));
}

#[test]
fn entry_without_a_token_is_a_violation() {
    let mut journey = Journey::new(rules()).up_to_the_queue(true);
    journey.at("POST queue/check/{id}", 200, &json!({"status": "active"}));
    assert!(journey.violated());
}

#[test]
fn a_taken_seat_sends_back_to_the_map_and_a_new_choice_has_a_new_key() {
    let mut journey = Journey::new(rules()).inside(true);
    journey.at("GET seats/events/{id}", 200, &map("available"));
    let first = journey.request.clone();
    journey
        .at("POST seats/reserve", 409, &json!({"code": "SEAT_TAKEN"}))
        .at("GET seats/events/{id}", 200, &map("available"));
    assert!(journey.saw(&Milestone::Conflict));
    assert_eq!(journey.endpoint(), "POST seats/reserve");
    assert_ne!(journey.request, first);
}

#[test]
fn a_failed_hold_is_repeated_with_its_own_key() {
    let mut journey = Journey::new(rules()).inside(true);
    journey.at("GET seats/events/{id}", 200, &map("available"));
    let first = journey.request.clone();
    journey.at("POST seats/reserve", 503, &json!({}));
    assert_eq!(journey.request, first);
    journey.turn(Input::Came(Outcome::Lost));
    assert_eq!(journey.request, first);
}

#[test]
fn refusals_of_a_hold_that_no_other_seat_would_help() {
    for (status, body, expected) in [
        (
            403,
            json!({"code": "PER_PERSON_LIMIT"}),
            Ending::LimitReached,
        ),
        (
            409,
            json!({"code": "EVENT_NOT_ON_SALE", "error": "no"}),
            Ending::Failed(Cause::Refused {
                endpoint: "POST seats/reserve",
                status: 409,
                said: "EVENT_NOT_ON_SALE".to_owned(),
            }),
        ),
        (
            422,
            json!({"error": "other body"}),
            Ending::Failed(Cause::Refused {
                endpoint: "POST seats/reserve",
                status: 422,
                said: "other body".to_owned(),
            }),
        ),
        (
            200,
            json!({"nothing": 1}),
            Ending::Failed(Cause::Unreadable("POST seats/reserve")),
        ),
    ] {
        let mut journey = Journey::new(rules()).inside(true);
        journey
            .at("GET seats/events/{id}", 200, &map("available"))
            .at("POST seats/reserve", status, &body);
        if journey.endpoint() == "POST queue/leave/{id}" {
            journey.at("POST queue/leave/{id}", 200, &json!({}));
        }
        assert_eq!(journey.ending(), Some(&expected));
    }
}

#[test]
fn a_refused_entry_token_sends_back_up_to_the_queue_a_few_times() {
    let mut journey = Journey::new(rules()).inside(true);
    for _ in 0..3 {
        journey
            .at("GET seats/events/{id}", 200, &map("available"))
            .at("POST seats/reserve", 403, &json!({"redirectTo": "/queue"}))
            .at("POST queue/check/{id}", 200, &active());
    }
    journey
        .at("GET seats/events/{id}", 200, &map("available"))
        .at(
            "POST seats/reserve",
            403,
            &json!({"code": "ENTRY_TOKEN_REQUIRED"}),
        );
    assert!(matches!(
        journey.ending(),
        Some(Ending::Failed(Cause::Refused { status: 403, .. }))
    ));
}

#[test]
fn everything_sold_is_no_failure() {
    let mut journey = Journey::new(rules()).inside(true);
    journey
        .at("GET seats/events/{id}", 200, &map("reserved"))
        .at("POST queue/leave/{id}", 200, &json!({}));
    assert_eq!(journey.ending(), Some(&Ending::SoldOut));
    let mut journey = Journey::new(Rules {
        seats: 6,
        ..rules()
    })
    .inside(false);
    journey
        .at("GET events/{id}", 200, &event(false))
        .at("POST queue/leave/{id}", 200, &json!({}));
    assert_eq!(journey.ending(), Some(&Ending::SoldOut));
}

#[test]
fn a_map_of_held_seats_is_looked_at_again_but_not_for_ever() {
    let mut journey = Journey::new(rules()).inside(true);
    for _ in 0..=10 {
        journey.at("GET seats/events/{id}", 200, &map("locked"));
    }
    journey.at("POST queue/leave/{id}", 200, &json!({}));
    assert_eq!(journey.ending(), Some(&Ending::SoldOut));
}

#[test]
fn an_ended_session_is_refreshed_and_the_request_repeated() {
    let mut journey = Journey::new(rules()).inside(true);
    journey
        .at("GET seats/events/{id}", 200, &map("available"))
        .at("POST seats/reserve", 401, &json!({}))
        .at("POST auth/refresh", 200, &json!({}));
    assert!(journey.saw(&Milestone::SessionRenewed));
    journey
        .at("POST seats/reserve", 401, &json!({}))
        .at(
            "POST auth/refresh",
            400,
            &json!({"error": "Token reuse detected."}),
        )
        .at("POST auth/login", 200, &json!({}));
    assert_eq!(journey.endpoint(), "POST seats/reserve");
}

#[test]
fn sessions_that_never_hold_are_given_up() {
    let mut journey = Journey::new(rules()).up_to_the_queue(true);
    for _ in 0..5 {
        journey.at("POST queue/check/{id}", 401, &json!({})).at(
            "POST auth/refresh",
            200,
            &json!({}),
        );
    }
    journey.at("POST queue/check/{id}", 401, &json!({}));
    let expected = Ending::Failed(Cause::SignInRefused);
    assert_eq!(journey.ending(), Some(&expected));
}

#[test]
fn who_finds_no_seeded_account_registers_one() {
    let mut journey = Journey::new(rules());
    journey
        .at("GET events", 200, &json!({"events": []}))
        .at("GET events/{id}", 200, &event(true))
        .at(
            "POST auth/login",
            400,
            &json!({"error": "Invalid email or password"}),
        )
        .at("POST auth/register", 201, &json!({}));
    assert!(journey.saw(&Milestone::SignedIn { registered: true }));
    assert_eq!(journey.endpoint(), "POST queue/check/{id}");
}

#[test]
fn who_registered_in_a_lost_request_logs_in() {
    let mut everybody_registers = rules();
    everybody_registers.accounts.demo_password = None;
    let mut journey = Journey::new(everybody_registers);
    journey
        .at("GET events", 200, &json!({"events": []}))
        .at("GET events/{id}", 200, &event(true));
    journey.turn(Input::Came(Outcome::Lost));
    journey
        .at(
            "POST auth/register",
            400,
            &json!({"error": "Email already exists"}),
        )
        .at("POST auth/login", 200, &json!({}));
    assert!(journey.saw(&Milestone::SignedIn { registered: false }));
}

#[test]
fn without_an_event_of_its_own_a_fan_takes_one_on_sale() {
    let mut journey = Journey::new(Rules {
        event: None,
        ..rules()
    });
    let list = json!({"events": [
        {"id": id(50), "status": "upcoming"},
        {"id": id(51), "status": "on_sale"},
    ]});
    journey.at("GET events", 200, &list);
    assert_eq!(journey.request, Some(Call::Event(EventId(id(51)))));
    let mut journey = Journey::new(Rules {
        event: None,
        ..rules()
    });
    journey.at("GET events", 200, &json!({"events": []}));
    let expected = Ending::Failed(Cause::NothingOnSale);
    assert_eq!(journey.ending(), Some(&expected));
}

#[test]
fn a_payment_in_doubt_is_confirmed_again_until_it_is_known() {
    let mut journey = Journey::new(rules()).confirming();
    let first = journey.request.clone();
    journey.at(
        "POST payments/confirm",
        503,
        &json!({"code": "PAYMENT_IN_DOUBT"}),
    );
    assert_eq!(journey.request, first);
    assert!(journey.saw(&Milestone::InDoubt));
    journey
        .at(
            "POST payments/confirm",
            400,
            &json!({"message": "Payment already confirmed"}),
        )
        .at(TICKET, 200, &reservation("confirmed", "completed"));
    assert_eq!(journey.ending(), Some(&Ending::Bought));
}

#[test]
fn a_doubt_that_stays_is_looked_up_in_the_reservation() {
    let mut journey = Journey::new(rules()).confirming();
    while journey.endpoint() == "POST payments/confirm" {
        journey.turn(Input::Came(Outcome::Lost));
    }
    journey.at(TICKET, 200, &reservation("pending", "processing"));
    assert_eq!(journey.paused, Duration::from_secs(1));
    journey.at(TICKET, 200, &reservation("confirmed", "completed"));
    assert_eq!(journey.ending(), Some(&Ending::Bought));
}

#[test]
fn what_the_reservation_shows_decides_an_unknown_payment() {
    for (status, payment, expected) in [
        ("expired", "pending", Cause::HoldLost),
        ("cancelled", "refunded", Cause::HoldLost),
    ] {
        let mut journey = Journey::new(rules()).confirming();
        journey.at("POST payments/confirm", 409, &json!({})).at(
            TICKET,
            200,
            &reservation(status, payment),
        );
        assert_eq!(journey.ending(), Some(&Ending::Failed(expected)));
        assert!(!journey.violated());
    }
}

#[test]
fn who_was_told_paid_and_finds_no_ticket_reports_it() {
    for (code, body) in [
        (200, reservation("expired", "pending")),
        (200, reservation("cancelled", "refunded")),
        (404, json!({"error": "Reservation not found"})),
    ] {
        let mut journey = Journey::new(rules()).confirming();
        journey
            .at("POST payments/confirm", 200, &json!({"success": true}))
            .at(TICKET, code, &body);
        assert!(journey.violated(), "{body}");
        let expected = Ending::Failed(Cause::NotConfirmed);
        assert_eq!(journey.ending(), Some(&expected));
    }
}

#[test]
fn a_paid_reservation_may_be_pending_for_a_while_and_no_longer() {
    let mut journey = Journey::new(rules()).confirming();
    journey.at("POST payments/confirm", 200, &json!({"success": true}));
    let began = journey.now;
    while journey.endpoint() == TICKET {
        journey.at(TICKET, 200, &reservation("pending", "processing"));
    }
    assert!(journey.violated());
    assert_eq!(until(began, journey.now), PAYING_PATIENCE);
}

#[test]
fn a_refused_card_is_followed_by_another() {
    let mut journey = Journey::new(Rules {
        decline: 1.0,
        ..rules()
    })
    .holding();
    let window = |journey: &Journey| match &journey.request {
        Some(Call::Checkout { window, .. }) => Some(*window),
        _ => None,
    };
    journey.at("POST payments/prepare", 200, &prepared());
    assert_eq!(window(&journey), Some(Window::Decline));
    journey
        .at("POST (provider's checkout)", 200, &paid_in_window())
        .at(
            "POST payments/confirm",
            400,
            &json!({"error": "카드가 거절되었습니다"}),
        )
        .at("POST payments/prepare", 200, &prepared());
    assert!(journey.saw(&Milestone::Declined));
    assert_eq!(window(&journey), Some(Window::Approve));
}

#[test]
fn without_a_providers_window_a_demo_method_pays() {
    let mut journey = Journey::new(rules()).holding();
    journey
        .at(
            "POST payments/prepare",
            200,
            &json!({"orderId": "o", "amount": 1}),
        )
        .at("POST payments/process", 200, &json!({"success": true}))
        .at(TICKET, 200, &reservation("confirmed", "completed"));
    assert_eq!(journey.ending(), Some(&Ending::Bought));
}

#[test]
fn who_abandons_does_so_before_paying_or_in_the_window() {
    let rules = Arc::new(Rules {
        abandon: 1.0,
        ..rules()
    });
    let mut ends = [0, 0];
    for number in 0..20 {
        let mut journey = Journey::of(Fan::new(number, 7, Arc::clone(&rules))).holding();
        if journey.ending().is_none() {
            journey.at("POST payments/prepare", 200, &prepared()).at(
                "POST (provider's checkout)",
                200,
                &json!({}),
            );
            ends[1] += 1;
        } else {
            ends[0] += 1;
        }
        assert_eq!(journey.ending(), Some(&Ending::Abandoned));
    }
    assert!(ends.iter().all(|count| *count > 0), "{ends:?}");
}

#[test]
fn who_gives_a_ticket_back_waits_for_the_money() {
    let bought = |refund: &dyn Fn(&mut Journey)| {
        let mut journey = Journey::new(Rules {
            cancel: 1.0,
            ..rules()
        })
        .confirming();
        journey
            .at("POST payments/confirm", 200, &json!({"success": true}))
            .at(TICKET, 200, &reservation("confirmed", "completed"))
            .at("POST reservations/{id}/cancel", 200, &json!({}));
        refund(&mut journey);
        journey.ending().cloned()
    };
    let refunded = bought(&|journey| {
        journey
            .at(TICKET, 200, &reservation("cancelled", "refund_requested"))
            .at(TICKET, 200, &reservation("cancelled", "refunded"));
    });
    assert_eq!(refunded, Some(Ending::Refunded));
    let never = bought(&|journey| {
        while journey.endpoint() == TICKET {
            journey.at(TICKET, 200, &reservation("cancelled", "refund_requested"));
        }
    });
    assert_eq!(never, Some(Ending::RefundPending));
}

#[test]
fn idle_fans_poll_and_send_heartbeats_until_their_patience_ends() {
    let mut journey = Journey::new(Rules {
        idle_polls: true,
        patience: Duration::from_secs(6),
        ..rules()
    })
    .up_to_the_queue(true);
    journey
        .at("POST queue/check/{id}", 200, &queued(2, 1))
        .at("GET queue/status/{id}", 200, &active())
        .at("POST queue/heartbeat/{id}", 200, &json!({}))
        .at("GET queue/status/{id}", 200, &active())
        .at("POST queue/leave/{id}", 200, &json!({}));
    assert_eq!(journey.ending(), Some(&Ending::Idled));
}

#[test]
fn a_seed_decides_every_choice() {
    let choice = |number, seed| {
        let fan = Fan::new(number, seed, Arc::new(rules()));
        let mut journey = Journey::of(fan).inside(true);
        let seats: Vec<Value> = (0..100)
            .map(|seat| json!({"id": id(seat), "status": "available"}))
            .collect();
        journey.at("GET seats/events/{id}", 200, &json!({"seats": seats}));
        journey.request
    };
    assert_eq!(choice(1, 7), choice(1, 7));
    assert_ne!(choice(1, 7), choice(2, 7));
    assert_ne!(choice(1, 7), choice(1, 8));
}

/// Answers that a platform in any state might give, to whatever is asked.
fn any_outcome() -> impl Strategy<Value = Outcome> {
    let bodies = vec![
        json!({"events": [{"id": id(EVENT), "status": "on_sale"}]}),
        event(true),
        event(false),
        active(),
        queued(3, 1),
        json!({"status": "not_in_queue"}),
        json!({"status": "queued", "saleStatus": "sold_out"}),
        map("available"),
        map("locked"),
        map("reserved"),
        held(),
        prepared(),
        paid_in_window(),
        reservation("confirmed", "completed"),
        reservation("pending", "processing"),
        reservation("cancelled", "refunded"),
        json!({"error": "Payment already confirmed", "message": "Payment already confirmed"}),
        json!({"code": "PER_PERSON_LIMIT"}),
        json!("nonsense"),
    ];
    let status = prop_oneof![
        8 => Just(200_u16),
        1 => prop::sample::select(vec![201, 400, 401, 403, 404, 409, 422, 429, 500, 503, 504]),
    ];
    prop_oneof![
        12 => (status, prop::sample::select(bodies)).prop_map(|(status, body)| answer(status, &body)),
        1 => Just(Outcome::Lost),
    ]
}

proptest! {
    /// Whatever the answers, a fan comes to exactly one end, in bounded time.
    #[test]
    fn every_visit_ends(
        seed: u64,
        outcomes in prop::collection::vec(any_outcome(), 1..40),
    ) {
        let shares = Rules {
            event: None,
            patience: Duration::from_secs(20),
            drop_out: 0.2,
            abandon: 0.2,
            decline: 0.5,
            cancel: 0.5,
            ..rules()
        };
        let mut fan = Fan::new(0, seed, Arc::new(shares));
        let mut now = Timestamp::UNIX_EPOCH;
        let mut input = Input::Woke;
        let mut answers = outcomes.iter().cycle();
        let mut ends = 0;
        for _ in 0..20_000 {
            let turn = fan.next(now, input.clone());
            ends += turn
                .milestones
                .iter()
                .filter(|milestone| matches!(milestone, Milestone::Ended(_)))
                .count();
            input = match turn.step {
                Step::Pause(pause) => {
                    now = later(now, pause);
                    Input::Woke
                }
                Step::Send(_) => {
                    now = later(now, Duration::from_millis(50));
                    Input::Came(answers.next().cloned().unwrap_or(Outcome::Lost))
                }
                Step::End => break,
            };
        }
        prop_assert_eq!(ends, 1);
        prop_assert!(until(Timestamp::UNIX_EPOCH, now) < Duration::from_secs(400));
    }
}
