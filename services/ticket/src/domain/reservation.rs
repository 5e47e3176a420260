//! The life of a reservation: HELD → PAYING → SOLD, or RELEASED from any of them.
//!
//! Every decision is made here, from the row as it is under its lock and the database's
//! time; `booking` carries it out. A reservation is *live* while its seats and places are
//! its own: held, being paid or sold.

use jiff::Timestamp;
use urr_contract::{EventId, ReservationId, UserId, Won, internal::PayRequest};

/// Where a reservation stands. On the wire: `pending/pending`, `pending/processing`,
/// `confirmed`, `expired`, `cancelled`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Held, unpaid.
    Held,
    /// Held while an order is paid; ends only when payment says what became of the order.
    Paying,
    /// Paid.
    Sold,
    /// Ended by time.
    Expired,
    /// Ended by its owner, an organiser or a refund.
    Cancelled,
}

impl Stage {
    /// The stage that the two status columns say; `None` for words that are not ours.
    pub fn from_columns(status: &str, payment_status: &str) -> Option<Self> {
        match (status, payment_status) {
            ("pending", "processing") => Some(Self::Paying),
            ("pending", _) => Some(Self::Held),
            ("confirmed", _) => Some(Self::Sold),
            ("expired", _) => Some(Self::Expired),
            ("cancelled", _) => Some(Self::Cancelled),
            _ => None,
        }
    }

    /// Whether seats and places are its own.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Held | Self::Paying | Self::Sold)
    }
}

/// A reservation, as far as decisions need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// The reservation.
    pub id: ReservationId,
    /// Whose it is.
    pub user: UserId,
    /// For which event; `None` once the event was deleted.
    pub event: Option<EventId>,
    /// Its number for people.
    pub number: String,
    /// Seats and standing places in it.
    pub quantity: i64,
    /// Won to pay.
    pub total: Won,
    /// Where it stands.
    pub stage: Stage,
    /// End of the hold.
    pub expires_at: Timestamp,
    /// The order that fences it, or fenced it last.
    pub order: Option<String>,
    /// The order it was first sold to.
    pub sold_order: Option<String>,
    /// The order by which its owner bought it from somebody else.
    pub owner_order: Option<String>,
}

/// Why payment may not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayRefusal {
    /// Somebody else's.
    NotOwner,
    /// Ended or sold.
    NotPending,
    /// Its time is over.
    Expired,
    /// Another sum than its total.
    AmountMismatch,
}

/// How payment begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pay {
    /// HELD → PAYING, fenced by the order of the request.
    Fence,
    /// The order of the request takes the place of one that can no longer be paid. The end
    /// stays.
    Replace,
    /// This order fences it already, whatever order was asked for.
    FencedBy(String),
}

/// What becomes of a captured order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirm {
    /// It was sold to this order before.
    AlreadySold,
    /// It is live: sell it.
    Sell,
    /// It ended unpaid: sell it if its seats and places are still free.
    Retake,
    /// It cannot be honoured: give the money back.
    Reject(&'static str),
}

/// How an owner's cancellation is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cancel {
    /// Unpaid: release.
    Release,
    /// Being paid: payment must void this order first.
    VoidFirst(String),
    /// Paid: release, and the money goes back.
    Refund,
}

/// Why a cancellation is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelRefusal {
    /// Cancelled before.
    AlreadyCancelled,
    /// Expired; its seats may be somebody else's by now.
    Expired,
}

/// What a refund by payment means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refund {
    /// End it.
    End,
    /// It was sold to that order and has ended.
    Ended,
    /// It was not sold to that order, and must not be any more.
    Reject,
    /// The ticket is somebody else's by now.
    NotOwner,
}

/// What the passing of time means for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Not over, or not pending any more.
    NotDue,
    /// Over: release.
    Release,
    /// Over while being paid: payment must say what became of this order.
    Resolve(String),
}

impl Reservation {
    /// The order that its owner paid. Money goes back to that one, never to an earlier
    /// owner's.
    pub fn paid_order(&self) -> Option<&str> {
        let paid = self.owner_order.as_ref().or(self.sold_order.as_ref());
        paid.map(String::as_str)
    }

    /// Whether payment for it may begin or go on at `now`.
    pub fn check_payable(&self, user: UserId, now: Timestamp) -> Result<(), PayRefusal> {
        if self.user != user {
            return Err(PayRefusal::NotOwner);
        }
        if !matches!(self.stage, Stage::Held | Stage::Paying) {
            return Err(PayRefusal::NotPending);
        }
        if self.expires_at <= now {
            return Err(PayRefusal::Expired);
        }
        Ok(())
    }

    /// HELD → PAYING at `now`. A repeat gets the order that fences already.
    pub fn pay(&self, request: &PayRequest, now: Timestamp) -> Result<Pay, PayRefusal> {
        self.check_payable(request.user_id, now)?;
        if self.total != request.amount {
            return Err(PayRefusal::AmountMismatch);
        }
        Ok(match (self.stage, &self.order) {
            (Stage::Paying, Some(order)) if request.replaces.contains(order) => Pay::Replace,
            (Stage::Paying, Some(order)) => Pay::FencedBy(order.clone()),
            _ => Pay::Fence,
        })
    }

    /// Whether `order` fences the live hold. The time does not matter: the hold ends only when
    /// payment says that the order is void, and until then nobody else can have its seats.
    pub fn is_fenced_by(&self, order: &str) -> bool {
        self.stage == Stage::Paying && self.order.as_deref() == Some(order)
    }

    /// What becomes of the captured `order`. The time does not matter: while it is live,
    /// nobody else has its seats.
    pub fn confirm(&self, order: &str, user: UserId, amount: Won) -> Confirm {
        if self.sold_order.as_deref() == Some(order) {
            return Confirm::AlreadySold;
        }
        if self.user != user {
            return Confirm::Reject("Paid by somebody else than the owner");
        }
        if self.total != amount {
            return Confirm::Reject("Paid amount differs from the total");
        }
        match self.stage {
            Stage::Held | Stage::Paying => Confirm::Sell,
            Stage::Expired if self.sold_order.is_none() => Confirm::Retake,
            Stage::Sold => Confirm::Reject("Already paid by another order"),
            Stage::Expired | Stage::Cancelled => {
                Confirm::Reject("Reservation was cancelled before the payment arrived")
            }
        }
    }

    /// Cancellation by the owner.
    pub fn cancel(&self) -> Result<Cancel, CancelRefusal> {
        match (self.stage, &self.order) {
            (Stage::Paying, Some(order)) => Ok(Cancel::VoidFirst(order.clone())),
            (Stage::Held | Stage::Paying, _) => Ok(Cancel::Release),
            (Stage::Sold, _) => Ok(Cancel::Refund),
            (Stage::Expired, _) => Err(CancelRefusal::Expired),
            (Stage::Cancelled, _) => Err(CancelRefusal::AlreadyCancelled),
        }
    }

    /// End because payment gives the money of `order` back to `user`.
    pub fn refund(&self, order: &str, user: UserId) -> Refund {
        let is_sold_to_it = self.paid_order() == Some(order);
        let was_sold_to_it = self.sold_order.as_deref() == Some(order);
        if self.user != user || (was_sold_to_it && !is_sold_to_it) {
            return Refund::NotOwner;
        }
        match self.stage {
            Stage::Held => Refund::End,
            Stage::Paying if self.is_fenced_by(order) => Refund::End,
            Stage::Sold if is_sold_to_it => Refund::End,
            Stage::Expired | Stage::Cancelled if is_sold_to_it => Refund::Ended,
            Stage::Paying | Stage::Sold | Stage::Expired | Stage::Cancelled => Refund::Reject,
        }
    }

    /// What time means for it at `now`.
    pub fn expire(&self, now: Timestamp) -> Expiry {
        if now < self.expires_at {
            return Expiry::NotDue;
        }
        match (self.stage, &self.order) {
            (Stage::Paying, Some(order)) => Expiry::Resolve(order.clone()),
            (Stage::Held | Stage::Paying, _) => Expiry::Release,
            _ => Expiry::NotDue,
        }
    }
}

/// The number of a reservation: `TK` for seats, `R` for standing places.
pub fn reservation_number(prefix: &str, id: ReservationId, now: Timestamp) -> String {
    let tail = id.0.as_u128() & 0xFFFF_FFFF;
    format!("{prefix}{}-{tail:08X}", now.as_millisecond())
}

/// Seconds before a payment that was in doubt is asked about again.
pub fn resolve_backoff_seconds(attempts: i32) -> i32 {
    const LONGEST: i32 = 60;
    match u32::try_from(attempts) {
        Ok(attempts) if attempts < 6 => (1 << attempts).min(LONGEST),
        _ => LONGEST,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use urr_contract::internal::OrderOutcome;
    use uuid::Uuid;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    const OWNER: UserId = UserId(Uuid::from_u128(1));
    const OTHER: UserId = UserId(Uuid::from_u128(2));
    const TOTAL: Won = Won(100_000);

    fn held() -> Reservation {
        Reservation {
            id: ReservationId(Uuid::from_u128(7)),
            user: OWNER,
            event: None,
            number: "TK0-00000007".to_owned(),
            quantity: 1,
            total: TOTAL,
            stage: Stage::Held,
            expires_at: at(300),
            order: None,
            sold_order: None,
            owner_order: None,
        }
    }

    fn paying(order: &str) -> Reservation {
        Reservation {
            stage: Stage::Paying,
            order: Some(order.to_owned()),
            expires_at: at(600),
            ..held()
        }
    }

    fn request(order: &str) -> PayRequest {
        PayRequest {
            user_id: OWNER,
            order_id: order.to_owned(),
            amount: TOTAL,
            replaces: Vec::new(),
        }
    }

    #[test]
    fn paying_begins_once_and_a_repeat_gets_the_same_order() {
        let first = request("a");
        assert_eq!(held().pay(&first, at(0)), Ok(Pay::Fence));
        let fenced = Ok(Pay::FencedBy("a".to_owned()));
        assert_eq!(paying("a").pay(&first, at(0)), fenced);
        assert_eq!(paying("a").pay(&request("b"), at(0)), fenced);
        let other = PayRequest {
            user_id: OTHER,
            ..request("a")
        };
        assert_eq!(held().pay(&other, at(0)), Err(PayRefusal::NotOwner));
        let cheap = PayRequest {
            amount: Won(99_999),
            ..request("a")
        };
        assert_eq!(held().pay(&cheap, at(0)), Err(PayRefusal::AmountMismatch));
        assert_eq!(held().pay(&first, at(300)), Err(PayRefusal::Expired));
    }

    #[test]
    fn only_an_order_that_is_over_gives_way() {
        let second = PayRequest {
            replaces: vec!["a".to_owned()],
            ..request("b")
        };
        assert_eq!(paying("a").pay(&second, at(0)), Ok(Pay::Replace));
        // A late request of an earlier order.
        let fenced = Ok(Pay::FencedBy("b".to_owned()));
        assert_eq!(paying("b").pay(&request("a"), at(0)), fenced);
    }

    #[test]
    fn only_the_fencing_order_fences() {
        assert!(paying("a").is_fenced_by("a"));
        assert!(!paying("a").is_fenced_by("b"));
        assert!(!held().is_fenced_by("a"));
    }

    #[test]
    fn a_refund_ends_only_what_its_own_order_pays_for() {
        let of = |stage, sold: Option<&str>| Reservation {
            stage,
            sold_order: sold.map(str::to_owned),
            ..paying("a")
        };
        for (row, expected) in [
            (of(Stage::Paying, None), Refund::End),
            (of(Stage::Sold, Some("a")), Refund::End),
            (of(Stage::Sold, Some("b")), Refund::Reject),
            (of(Stage::Cancelled, Some("a")), Refund::Ended),
            (of(Stage::Cancelled, None), Refund::Reject),
            (of(Stage::Expired, None), Refund::Reject),
            (paying("b"), Refund::Reject),
        ] {
            assert_eq!(row.refund("a", OWNER), expected, "{row:?}");
            assert_eq!(row.refund("a", OTHER), Refund::NotOwner);
        }
    }

    #[test]
    fn a_hold_that_is_being_paid_never_ends_by_time_alone() {
        assert_eq!(held().expire(at(299)), Expiry::NotDue);
        assert_eq!(held().expire(at(300)), Expiry::Release);
        assert_eq!(paying("a").expire(at(600)), Expiry::Resolve("a".to_owned()));
    }

    #[test]
    fn who_sold_a_ticket_on_has_no_claim_to_its_money() {
        let resold = Reservation {
            stage: Stage::Sold,
            user: OTHER,
            sold_order: Some("first".to_owned()),
            owner_order: Some("second".to_owned()),
            ..held()
        };
        assert_eq!(resold.refund("first", OWNER), Refund::NotOwner);
        assert_eq!(resold.refund("second", OTHER), Refund::End);
        // Nor has an owner who bought it back, to that of the first sale.
        assert_eq!(resold.refund("first", OTHER), Refund::NotOwner);
        // The fact of the first sale may come again.
        assert_eq!(resold.confirm("first", OWNER, TOTAL), Confirm::AlreadySold);
    }

    #[test]
    fn back_off_grows_to_a_minute() {
        let waits: Vec<i32> = (-1..9).map(resolve_backoff_seconds).collect();
        assert_eq!(waits, [60, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    /// One thing that happens to a reservation.
    #[derive(Clone, Debug)]
    enum Command {
        Pay(u8),
        Confirm { order: u8, owner: bool, exact: bool },
        Cancel { voided: bool },
        Refund(u8),
        Expire(OrderOutcome),
        Wait(u16),
        Resell,
    }

    fn commands() -> impl Strategy<Value = Vec<Command>> {
        let one = prop_oneof![
            (0_u8..3).prop_map(Command::Pay),
            (
                0_u8..3,
                prop::bool::weighted(0.9),
                prop::bool::weighted(0.9)
            )
                .prop_map(|(order, owner, exact)| Command::Confirm {
                    order,
                    owner,
                    exact
                }),
            any::<bool>().prop_map(|voided| Command::Cancel { voided }),
            (0_u8..3).prop_map(Command::Refund),
            prop_oneof![
                Just(OrderOutcome::Void),
                Just(OrderOutcome::Captured),
                Just(OrderOutcome::Refunded),
            ]
            .prop_map(Command::Expire),
            (0_u16..400).prop_map(Command::Wait),
            Just(Command::Resell),
        ];
        prop::collection::vec(one, 1..40)
    }

    /// Carries decisions out as `booking` does, and counts what is given and taken.
    struct Model {
        row: Reservation,
        now: Timestamp,
        /// Whether the seat is somebody else's.
        resold: bool,
        takes: u32,
        gives: u32,
        sold_to: BTreeSet<String>,
        rejected: BTreeSet<String>,
        captured: BTreeSet<String>,
        /// Orders whose money went back.
        returned: BTreeSet<String>,
    }

    impl Model {
        fn release(&mut self, stage: Stage) {
            assert!(self.row.stage.is_live(), "released what it did not hold");
            self.row.stage = stage;
            self.gives += 1;
        }

        fn sell(&mut self, order: &str) {
            assert!(!self.resold, "sold a seat that is somebody else's");
            self.row.stage = Stage::Sold;
            self.row.sold_order = Some(order.to_owned());
            self.sold_to.insert(order.to_owned());
        }

        fn confirm(&mut self, order: &str, user: UserId, amount: Won) {
            if self.rejected.contains(order) || self.returned.contains(order) {
                return;
            }
            self.captured.insert(order.to_owned());
            match self.row.confirm(order, user, amount) {
                Confirm::AlreadySold => assert!(self.sold_to.contains(order)),
                Confirm::Sell => self.sell(order),
                Confirm::Retake if !self.resold => {
                    self.takes += 1;
                    self.sell(order);
                }
                Confirm::Retake | Confirm::Reject(_) => {
                    self.rejected.insert(order.to_owned());
                }
            }
        }

        fn step(&mut self, command: &Command) {
            let name = |order: &u8| format!("order-{order}");
            match command {
                Command::Wait(seconds) => {
                    self.now = at(self.now.as_second() + i64::from(*seconds));
                }
                // Somebody else can only take what is not live here.
                Command::Resell => self.resold |= !self.row.stage.is_live(),
                Command::Pay(order) => {
                    if self.row.pay(&request(&name(order)), self.now) == Ok(Pay::Fence) {
                        self.row.stage = Stage::Paying;
                        self.row.order = Some(name(order));
                        self.row.expires_at = at(self.now.as_second() + 600);
                    }
                }
                Command::Confirm {
                    order,
                    owner,
                    exact,
                } => self.confirm(
                    &name(order),
                    if *owner { OWNER } else { OTHER },
                    if *exact { TOTAL } else { Won(1) },
                ),
                Command::Cancel { voided } => match self.row.cancel() {
                    Ok(Cancel::VoidFirst(_)) if !voided => {}
                    Ok(_) => self.release(Stage::Cancelled),
                    Err(_) => assert!(!self.row.stage.is_live()),
                },
                Command::Refund(order) => {
                    match self.row.refund(&name(order), OWNER) {
                        Refund::End => self.release(Stage::Cancelled),
                        Refund::Ended | Refund::Reject => {}
                        Refund::NotOwner => panic!("it is the owner's"),
                    }
                    self.returned.insert(name(order));
                }
                Command::Expire(outcome) => match self.row.expire(self.now) {
                    Expiry::Release => self.release(Stage::Expired),
                    Expiry::Resolve(order) if *outcome == OrderOutcome::Captured => {
                        self.confirm(&order, OWNER, TOTAL);
                    }
                    Expiry::Resolve(order) => {
                        if *outcome == OrderOutcome::Refunded {
                            self.returned.insert(order);
                        }
                        self.release(Stage::Expired);
                    }
                    Expiry::NotDue => {}
                },
            }
        }

        fn check(&self) {
            let held = self.takes - self.gives;
            assert_eq!(
                held,
                u32::from(self.row.stage.is_live()),
                "seat leaked or doubled"
            );
            assert!(
                self.sold_to.is_disjoint(&self.rejected),
                "sold and refunded"
            );
            let settled: BTreeSet<_> = self.sold_to.union(&self.rejected).cloned().collect();
            assert_eq!(settled, self.captured, "money without ticket or refund");
            if self.row.stage == Stage::Sold {
                let order = self.row.sold_order.as_ref().expect("sold to nobody");
                assert!(!self.returned.contains(order), "ticket without money");
            }
            if self.resold {
                assert!(!self.row.stage.is_live(), "two holders of one seat");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn no_sequence_doubles_a_seat_or_parts_money_from_its_ticket(steps in commands()) {
            let mut model = Model {
                row: held(),
                now: at(0),
                resold: false,
                takes: 1,
                gives: 0,
                sold_to: BTreeSet::new(),
                rejected: BTreeSet::new(),
                captured: BTreeSet::new(),
                returned: BTreeSet::new(),
            };
            for command in &steps {
                model.step(command);
                model.check();
            }
        }
    }
}
