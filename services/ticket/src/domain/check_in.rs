//! The rule of the door: who is let in, and which of several scans of one ticket counts.
//!
//! A door that asks us lets nobody in before it has our word, so the first to ask is let in. A
//! door without a connection decides by itself and tells us later; then people are inside
//! already, and of all who came in on one ticket the earliest counts, in whatever order doors
//! tell. The others are conflicts for people to look into.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp, Unit};
use urr_contract::{EventId, ScanId, TicketId};
use uuid::Uuid;

use super::{
    credential::{Credential, CredentialError},
    doors::{Closed, DoorRules, Doors},
};

/// How long a door may have been without a connection. What it says of earlier times is taken
/// for that long ago.
pub const LONGEST_OFFLINE: SignedDuration = SignedDuration::from_hours(48);
/// Differences between clocks up to this are the way of the request, and left alone.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_secs(10);

/// How far a scanner's clock is behind ours, by the time it says it sent a request. What
/// the request may have spent on its way is no difference.
pub fn clock_offset(sent_at: Option<Timestamp>, received_at: Timestamp) -> SignedDuration {
    sent_at
        .map(|sent_at| received_at.duration_since(sent_at))
        .filter(|offset| offset.abs() > CLOCK_SLACK)
        .unwrap_or(SignedDuration::ZERO)
}

/// When a scan happened, by the word of a scanner whose clock is `offset` behind ours. No later
/// than we heard of it and no earlier than a door can have been without a connection; to the
/// microsecond, as it is stored.
pub fn happened_at(
    scanned_at: Timestamp,
    offset: SignedDuration,
    received_at: Timestamp,
) -> Timestamp {
    let earliest = received_at.saturating_sub(LONGEST_OFFLINE);
    let corrected = scanned_at.saturating_add(offset);
    let (Ok(earliest), Ok(corrected)) = (earliest, corrected) else {
        return received_at;
    };
    let bounded = corrected.clamp(earliest, received_at);
    bounded.round(Unit::Microsecond).unwrap_or(bounded)
}

/// Which of two scans is the earlier: by time, then by what no two scans share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// When it happened.
    pub at: Timestamp,
    /// Who scanned.
    pub scanner: Uuid,
    /// The scanner's name for it.
    pub scan: ScanId,
}

/// The scan by which a ticket is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// When and by whom.
    pub moment: Moment,
    /// Where.
    pub gate: String,
}

/// What a ticket is worth, apart from having been used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It opens the door.
    Valid,
    /// Its holder offers it to others.
    ForSale,
    /// Its reservation was cancelled.
    Cancelled,
    /// It was cancelled, and its money goes or went back.
    Refunded,
}

/// A ticket, as far as the door needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketState {
    /// The version that its holder has.
    pub rotation: u32,
    /// What it is worth.
    pub standing: Standing,
    /// The scan by which it is used.
    pub used: Option<Use>,
}

/// How a scan came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The door waits for our word.
    Live,
    /// The door decided by itself.
    Offline {
        /// Whether it let somebody in.
        let_in: bool,
    },
}

/// A scan to be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// When and by whom.
    pub moment: Moment,
    /// Where.
    pub gate: String,
    /// What the code said.
    pub read: Result<Credential, CredentialError>,
    /// How it came about.
    pub way: Way,
}

/// Why a credential does not open the door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The code is none of ours.
    NotATicket,
    /// It imitates one of ours.
    Forged,
    /// It is for another event.
    OtherEvent(EventId),
    /// It was one of ours, and is gone.
    Unknown,
    /// The doors are still closed.
    NotYet,
    /// The event is on another day.
    OtherDay,
    /// The ticket has changed hands since.
    Transferred,
    /// Its reservation was cancelled.
    Cancelled,
    /// Its reservation was cancelled and refunded.
    Refunded,
    /// Its holder offers it to others.
    ForSale,
    /// Somebody came in on it.
    Used(Use),
    /// The door turned its holder away by itself.
    TurnedAway,
}

/// What a scan has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// `Ok` where the holder is right to come in.
    pub verdict: Result<(), Refusal>,
    /// Somebody came in.
    pub admitted: bool,
    /// By a good credential, so that this scan may be the one that counts.
    pub eligible: bool,
    /// It is the one that counts.
    pub counts: bool,
    /// The scan that counted until now.
    pub displaced: Option<Use>,
}

impl Judged {
    /// Somebody came in who should not have, or not a second time.
    pub fn is_conflict(&self) -> bool {
        self.admitted && !self.counts
    }
}

/// The door of one event.
#[derive(Clone, Debug)]
pub struct Door<'a> {
    /// The event.
    pub event: EventId,
    /// When it is open.
    pub doors: Doors,
    /// How days are reckoned.
    pub rules: &'a DoorRules,
}

impl Door<'_> {
    /// Judges scans by the time they happened, and keeps `tickets` up to date. The answers are
    /// in the order of `scans`.
    pub fn judge(
        &self,
        scans: &[Scan],
        tickets: &mut HashMap<TicketId, TicketState>,
    ) -> Vec<Judged> {
        let mut by_time: Vec<(usize, &Scan)> = scans.iter().enumerate().collect();
        by_time.sort_by_key(|(_, scan)| scan.moment);
        let mut judged: Vec<(usize, Judged)> = by_time
            .into_iter()
            .map(|(place, scan)| (place, self.judge_one(scan, tickets)))
            .collect();
        judged.sort_by_key(|(place, _)| *place);
        judged.into_iter().map(|(_, judged)| judged).collect()
    }

    fn judge_one(&self, scan: &Scan, tickets: &mut HashMap<TicketId, TicketState>) -> Judged {
        let let_in = scan.way == Way::Offline { let_in: true };
        match self.good_ticket(scan, tickets) {
            Err(refusal) => refused(refusal, let_in),
            Ok(ticket) => used_by(scan, ticket),
        }
    }

    /// The ticket that the scanned credential opens the door with, apart from having been used.
    fn good_ticket<'t>(
        &self,
        scan: &Scan,
        tickets: &'t mut HashMap<TicketId, TicketState>,
    ) -> Result<&'t mut TicketState, Refusal> {
        let credential = scan.read.map_err(|error| match error {
            CredentialError::Foreign => Refusal::NotATicket,
            CredentialError::Forged => Refusal::Forged,
        })?;
        if credential.event != self.event {
            return Err(Refusal::OtherEvent(credential.event));
        }
        let ticket = tickets
            .get_mut(&credential.ticket)
            .ok_or(Refusal::Unknown)?;
        match ticket.standing {
            Standing::Cancelled => return Err(Refusal::Cancelled),
            Standing::Refunded => return Err(Refusal::Refunded),
            Standing::Valid | Standing::ForSale => {}
        }
        if credential.rotation != ticket.rotation {
            return Err(Refusal::Transferred);
        }
        // Whoever came in at a door without a connection is in; the listing is withdrawn then.
        if ticket.standing == Standing::ForSale && scan.way == Way::Live {
            return Err(Refusal::ForSale);
        }
        match self.rules.closed(&self.doors, scan.moment.at) {
            Some(Closed::NotYet) => Err(Refusal::NotYet),
            Some(Closed::OtherDay) => Err(Refusal::OtherDay),
            None => Ok(ticket),
        }
    }
}

/// What becomes of a ticket whose credential is good.
fn used_by(scan: &Scan, ticket: &mut TicketState) -> Judged {
    let let_in = scan.way != Way::Offline { let_in: false };
    match &ticket.used {
        Some(used) if scan.way == Way::Live || used.moment <= scan.moment => Judged {
            eligible: scan.way == Way::Offline { let_in: true },
            ..refused(
                Refusal::Used(used.clone()),
                scan.way == Way::Offline { let_in: true },
            )
        },
        _ if !let_in => refused(Refusal::TurnedAway, false),
        _ => Judged {
            verdict: Ok(()),
            admitted: true,
            eligible: true,
            counts: true,
            displaced: ticket.used.replace(Use {
                moment: scan.moment,
                gate: scan.gate.clone(),
            }),
        },
    }
}

fn refused(refusal: Refusal, admitted: bool) -> Judged {
    Judged {
        verdict: Err(refusal),
        admitted,
        eligible: false,
        counts: false,
        displaced: None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;

    const EVENT: EventId = EventId(Uuid::from_u128(1));
    const OPENING: i64 = 1_772_290_800;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(OPENING + second).unwrap()
    }

    fn rules() -> DoorRules {
        DoorRules {
            zone: TimeZone::UTC,
            after_midnight: SignedDuration::ZERO,
        }
    }

    fn door(rules: &DoorRules) -> Door<'_> {
        Door {
            event: EVENT,
            doors: rules.doors(at(3_600), Some(at(0))),
            rules,
        }
    }

    fn ticket_id(number: u8) -> TicketId {
        TicketId(Uuid::from_u128(u128::from(number)))
    }

    fn credential(ticket: u8) -> Credential {
        Credential {
            event: EVENT,
            ticket: ticket_id(ticket),
            rotation: 1,
        }
    }

    fn scan(ticket: u8, second: i64, scanner: u8, number: u128, way: Way) -> Scan {
        Scan {
            moment: Moment {
                at: at(second),
                scanner: Uuid::from_u128(u128::from(scanner)),
                scan: ScanId(Uuid::from_u128(number)),
            },
            gate: format!("gate {scanner}"),
            read: Ok(credential(ticket)),
            way,
        }
    }

    fn tickets(count: u8) -> HashMap<TicketId, TicketState> {
        (0..count)
            .map(|number| {
                let state = TicketState {
                    rotation: 1,
                    standing: Standing::Valid,
                    used: None,
                };
                (ticket_id(number), state)
            })
            .collect()
    }

    const OFFLINE: Way = Way::Offline { let_in: true };

    #[test]
    fn a_ticket_opens_the_door_once() {
        let rules = rules();
        let mut tickets = tickets(1);
        let door = door(&rules);
        let first = door.judge(&[scan(0, 1, 1, 1, Way::Live)], &mut tickets);
        assert!(first[0].counts && first[0].verdict.is_ok());
        let second = door.judge(&[scan(0, 2, 2, 2, Way::Live)], &mut tickets);
        let Err(Refusal::Used(used)) = &second[0].verdict else {
            panic!("{second:?}");
        };
        assert_eq!((used.moment.at, used.gate.as_str()), (at(1), "gate 1"));
        assert!(!second[0].admitted && !second[0].is_conflict());
    }

    #[test]
    fn every_refusal_has_its_reason() {
        let rules = rules();
        let good = scan(0, 1, 1, 1, Way::Live);
        let with = |change: &dyn Fn(&mut Credential)| {
            let mut credential = credential(0);
            change(&mut credential);
            Scan {
                read: Ok(credential),
                ..good.clone()
            }
        };
        let unread = |error| Scan {
            read: Err(error),
            ..good.clone()
        };
        let other = EventId(Uuid::from_u128(2));
        let standing = |standing| {
            let mut tickets = tickets(1);
            tickets.get_mut(&ticket_id(0)).unwrap().standing = standing;
            tickets
        };
        for (scan, mut tickets, refusal) in [
            (
                unread(CredentialError::Foreign),
                tickets(1),
                Refusal::NotATicket,
            ),
            (unread(CredentialError::Forged), tickets(1), Refusal::Forged),
            (
                with(&|c| c.event = other),
                tickets(1),
                Refusal::OtherEvent(other),
            ),
            (
                with(&|c| c.ticket = ticket_id(9)),
                tickets(1),
                Refusal::Unknown,
            ),
            (with(&|c| c.rotation = 2), tickets(1), Refusal::Transferred),
            (scan(0, -1, 1, 1, Way::Live), tickets(1), Refusal::NotYet),
            (
                scan(0, 999_999, 1, 1, Way::Live),
                tickets(1),
                Refusal::OtherDay,
            ),
            (
                good.clone(),
                standing(Standing::Cancelled),
                Refusal::Cancelled,
            ),
            (
                good.clone(),
                standing(Standing::Refunded),
                Refusal::Refunded,
            ),
            (good.clone(), standing(Standing::ForSale), Refusal::ForSale),
            (
                scan(0, 1, 1, 1, Way::Offline { let_in: false }),
                tickets(1),
                Refusal::TurnedAway,
            ),
        ] {
            let judged = door(&rules).judge(&[scan], &mut tickets);
            assert_eq!(judged, [refused(refusal, false)]);
        }
    }

    #[test]
    fn who_came_in_on_a_bad_ticket_is_a_conflict() {
        let rules = rules();
        let mut tickets = tickets(1);
        let forged = Scan {
            read: Err(CredentialError::Forged),
            ..scan(0, 1, 1, 1, OFFLINE)
        };
        let judged = door(&rules).judge(&[forged], &mut tickets);
        assert!(judged[0].is_conflict() && !judged[0].eligible);
    }

    #[test]
    fn an_earlier_scan_that_is_told_later_counts() {
        let rules = rules();
        let door = door(&rules);
        let mut tickets = tickets(1);
        let late = door.judge(&[scan(0, 20, 2, 2, Way::Live)], &mut tickets);
        assert!(late[0].counts);
        let early = door.judge(&[scan(0, 10, 1, 1, OFFLINE)], &mut tickets);
        assert!(early[0].counts && early[0].verdict.is_ok());
        assert_eq!(early[0].displaced.as_ref().unwrap().gate, "gate 2");
    }

    #[test]
    fn a_clock_that_is_wrong_is_put_right_and_bounded() {
        let received = at(0);
        let none = SignedDuration::ZERO;
        let hours = SignedDuration::from_hours;
        assert_eq!(clock_offset(None, received), none);
        assert_eq!(clock_offset(Some(at(-10)), received), none);
        assert_eq!(clock_offset(Some(at(3_600)), received), hours(-1));
        for (scanned, offset, expected) in [
            (at(-60), none, at(-60)),
            (at(3_540), hours(-1), at(-60)),
            (at(60), none, at(0)),
            (at(-400_000), none, at(-172_800)),
            (Timestamp::MIN, none, at(-172_800)),
            (Timestamp::MAX, hours(1), at(0)),
        ] {
            assert_eq!(
                happened_at(scanned, offset, received),
                expected,
                "{scanned}"
            );
        }
    }

    /// Which scans of each ticket count after they were told in these batches.
    fn counting(batches: &[Vec<Scan>]) -> BTreeMap<TicketId, ScanId> {
        let rules = rules();
        let mut state = tickets(4);
        let mut counting: BTreeSet<(TicketId, ScanId)> = BTreeSet::new();
        for batch in batches {
            let judged = door(&rules).judge(batch, &mut state);
            for (scan, judged) in batch.iter().zip(judged) {
                let ticket = scan.read.unwrap().ticket;
                if let Some(displaced) = &judged.displaced {
                    assert!(counting.remove(&(ticket, displaced.moment.scan)));
                }
                if judged.counts {
                    counting.insert((ticket, scan.moment.scan));
                }
            }
        }
        let by_ticket: BTreeMap<TicketId, ScanId> = counting.iter().copied().collect();
        assert_eq!(by_ticket.len(), counting.len(), "a ticket counts twice");
        by_ticket
    }

    fn any_scans(way: impl Strategy<Value = Way>) -> impl Strategy<Value = Vec<Scan>> {
        prop::collection::vec((0_u8..4, 0_i64..20, 0_u8..3, way), 1..40).prop_map(|parts| {
            (0..)
                .zip(parts)
                .map(|(number, (ticket, second, scanner, way))| {
                    scan(ticket, second, scanner, number, way)
                })
                .collect()
        })
    }

    fn batches(scans: &[Scan], size: usize) -> Vec<Vec<Scan>> {
        scans.chunks(size).map(<[Scan]>::to_vec).collect()
    }

    proptest! {
        #[test]
        fn what_counts_depends_on_no_order_and_no_batch(
            scans in any_scans(Just(OFFLINE)),
            shuffled in any::<prop::sample::Index>(),
            size in 1_usize..50,
        ) {
            let at_once = counting(std::slice::from_ref(&scans));
            let mut others = scans.clone();
            others.rotate_left(shuffled.index(scans.len()));
            others.reverse();
            prop_assert_eq!(&counting(&batches(&others, size)), &at_once);
            // The earliest of each ticket counts, and each ticket that anybody came in on does.
            for scan in &scans {
                let ticket = scan.read.unwrap().ticket;
                let first = scans
                    .iter()
                    .filter(|other| other.read.unwrap().ticket == ticket)
                    .min_by_key(|other| other.moment)
                    .unwrap();
                prop_assert_eq!(at_once[&ticket], first.moment.scan);
            }
        }

        #[test]
        fn a_ticket_counts_once_however_it_was_scanned(
            scans in any_scans(prop_oneof![
                Just(Way::Live),
                Just(OFFLINE),
                Just(Way::Offline { let_in: false }),
            ]),
            size in 1_usize..50,
        ) {
            let counts = counting(&batches(&scans, size));
            for scan in scans.iter().filter(|scan| scan.way != Way::Offline { let_in: false }) {
                prop_assert!(counts.contains_key(&scan.read.unwrap().ticket));
            }
        }
    }
}
