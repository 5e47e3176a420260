//! Scans, judged and written down in one transaction under the locks of the reservations that
//! their tickets belong to. One live scan and a thousand offline ones go the same way.

use std::collections::{HashMap, HashSet};

use anyhow::Context;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use urr_contract::{EventId, ScanId, TicketId};
use urr_kit::{ApiError, ApiResult};
use utoipa::ToSchema;

use super::words::{self, Text};
use crate::{
    State,
    domain::{
        check_in::{Door, Judged, Moment, Refusal, Scan, Standing, Way, clock_offset, happened_at},
        credential::{Credential, CredentialError, Keyring},
        stamp::Stamp,
    },
    refusal,
    store::{
        begin_bounded, scans,
        scans::{Known, NewScan, Scanner},
        tickets,
        tickets::{DoorEvent, DoorTicket},
        transfers,
    },
};

/// From so many scans on, signatures are verified beside the threads that answer requests.
const MANY: usize = 16;

/// What a scanner tells of one scan.
#[derive(Clone, Debug)]
pub struct Told {
    /// The scanner's name for it.
    pub id: ScanId,
    /// What the code said.
    pub credential: String,
    /// Where.
    pub gate: String,
    /// When, by the scanner's clock; now where it does not say.
    pub scanned_at: Option<Timestamp>,
    /// How it came about.
    pub way: Way,
}

/// Scans of one scanner at the door of one event.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Who scans.
    pub scanner: Scanner,
    /// The event.
    pub event: EventId,
    /// What the scanner's clock said when it sent the request.
    pub sent_at: Option<Timestamp>,
    /// The scans.
    pub scans: Vec<Told>,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Answered {
    /// Answers, in the order of the scans; `None` where the scan's name was used for another
    /// credential.
    pub answers: Vec<Option<Box<RawValue>>>,
    /// Scans heard for the first time that let their holder in by right.
    pub accepted: usize,
    /// People who came in, as is known since now, who should not have, or not a second time.
    pub conflicts: usize,
}

/// A scan whose code was read.
struct Read {
    told: Told,
    credential: Result<Credential, CredentialError>,
    hash: Vec<u8>,
}

/// Judges a batch. What was answered before gets the same answer.
pub async fn answer(state: &State, batch: Batch) -> ApiResult<Answered> {
    let read = read(&state.keyring, batch.scans).await?;
    let asked: Vec<(ScanId, Vec<u8>)> = read
        .iter()
        .map(|scan| (scan.told.id, scan.hash.clone()))
        .collect();
    let ids: Vec<ScanId> = asked.iter().map(|(id, _)| *id).collect();

    let mut transaction = begin_bounded(&state.pool).await?;
    scans::one_at_a_time(&mut transaction, batch.scanner)
        .await
        .map_err(refusal::database)?;
    let mut answers = scans::known(&mut transaction, batch.scanner, &ids).await?;
    let office = Office {
        state,
        scanner: batch.scanner,
        event: batch.event,
        sent_at: batch.sent_at,
    };
    let fresh = first_of_each(read, &answers);
    let mut answered = Answered::default();
    for scan in office.judge(&mut transaction, fresh, &mut answered).await? {
        let known = Known {
            credential_hash: scan.credential_hash,
            answer: scan.answer,
        };
        answers.insert(scan.id, known);
    }
    transaction.commit().await?;
    answered.answers = asked
        .into_iter()
        .map(|(id, hash)| {
            let known = answers.get(&id)?;
            (known.credential_hash == hash).then(|| known.answer.clone())
        })
        .collect();
    Ok(answered)
}

/// Verifies signatures, at about 50 µs each.
async fn read(keyring: &Keyring, told: Vec<Told>) -> ApiResult<Vec<Read>> {
    if told.len() < MANY {
        return Ok(read_all(keyring, told));
    }
    let keyring = keyring.clone();
    tokio::task::spawn_blocking(move || read_all(&keyring, told))
        .await
        .map_err(ApiError::internal)
}

fn read_all(keyring: &Keyring, told: Vec<Told>) -> Vec<Read> {
    told.into_iter()
        .map(|told| Read {
            credential: keyring.verify(&told.credential),
            hash: Sha256::digest(told.credential.trim().as_bytes()).to_vec(),
            told,
        })
        .collect()
}

/// Scans that were not answered before, each once.
fn first_of_each(read: Vec<Read>, known: &HashMap<ScanId, Known>) -> Vec<Read> {
    let mut seen = HashSet::new();
    read.into_iter()
        .filter(|scan| !known.contains_key(&scan.told.id) && seen.insert(scan.told.id))
        .collect()
}

/// Where scans of one batch are judged.
struct Office<'a> {
    state: &'a State,
    scanner: Scanner,
    event: EventId,
    sent_at: Option<Timestamp>,
}

/// What the database knows of what was scanned.
struct Desk {
    events: HashMap<EventId, DoorEvent>,
    here: DoorEvent,
    tickets: HashMap<TicketId, DoorTicket>,
    received_at: Timestamp,
}

impl Office<'_> {
    /// Judges scans that were not heard of before, and writes them and what follows down.
    async fn judge(
        &self,
        connection: &mut PgConnection,
        fresh: Vec<Read>,
        answered: &mut Answered,
    ) -> ApiResult<Vec<NewScan>> {
        let desk = self.look_up(connection, &fresh).await?;
        let scans: Vec<Scan> = fresh.iter().map(|read| self.scan(read, &desk)).collect();
        let door = Door {
            event: self.event,
            doors: self
                .state
                .door_rules
                .doors(desk.here.event_at, desk.here.doors_open_at),
            rules: &self.state.door_rules,
        };
        let mut tickets = desk
            .tickets
            .iter()
            .map(|(id, ticket)| (*id, ticket.state.clone()))
            .collect();
        let judged = door.judge(&scans, &mut tickets);
        let rows = fresh
            .into_iter()
            .zip(&scans)
            .zip(&judged)
            .map(|((read, scan), judged)| self.row(read, scan, judged, &desk, door.doors.opens))
            .collect::<ApiResult<Vec<NewScan>>>()?;
        self.follow(connection, &rows, &judged, &desk).await?;
        answered.accepted = judged.iter().filter(|judged| judged.counts).count();
        answered.conflicts = judged
            .iter()
            .filter(|judged| judged.is_conflict() || judged.displaced.is_some())
            .count();
        Ok(rows)
    }

    /// Locks and reads what the scans are of.
    async fn look_up(&self, connection: &mut PgConnection, fresh: &[Read]) -> ApiResult<Desk> {
        let named = || fresh.iter().filter_map(|read| read.credential.ok());
        let tickets: Vec<TicketId> = named()
            .filter(|credential| credential.event == self.event)
            .map(|credential| credential.ticket)
            .collect();
        tickets::lock_reservations(connection, &tickets)
            .await
            .map_err(refusal::database)?;
        let events: Vec<EventId> = named()
            .map(|credential| credential.event)
            .chain([self.event])
            .collect();
        let tickets = tickets::at_door(connection, self.event, &tickets).await?;
        let (events, received_at) = tickets::events(connection, &events).await?;
        let here = events
            .get(&self.event)
            .cloned()
            .ok_or_else(refusal::event_not_found)?;
        Ok(Desk {
            events,
            here,
            tickets,
            received_at,
        })
    }

    /// A scan as the rule of the door takes it. A live one happens now, whatever its scanner's
    /// clock says.
    fn scan(&self, read: &Read, desk: &Desk) -> Scan {
        let received_at = desk.received_at;
        let offset = clock_offset(self.sent_at, received_at);
        let at = match (read.told.way, read.told.scanned_at) {
            (Way::Offline { .. }, Some(at)) => happened_at(at, offset, received_at),
            _ => received_at,
        };
        Scan {
            moment: Moment {
                at,
                scanner: self.scanner.id(),
                scan: read.told.id,
            },
            gate: read.told.gate.clone(),
            read: read.credential,
            way: read.told.way,
        }
    }

    fn row(
        &self,
        read: Read,
        scan: &Scan,
        judged: &Judged,
        desk: &Desk,
        opens: Timestamp,
    ) -> ApiResult<NewScan> {
        let named = read
            .credential
            .ok()
            .filter(|credential| credential.event == self.event);
        let ticket = named.and_then(|credential| {
            let ticket = desk.tickets.get(&credential.ticket)?;
            Some((credential.ticket, ticket))
        });
        let other = match judged.verdict {
            Err(Refusal::OtherEvent(id)) => desk.events.get(&id).map(|event| (id, event)),
            _ => None,
        };
        let (code, text) = words::verdict(
            &judged.verdict,
            &self.state.door_rules,
            opens,
            &desk.here,
            other.map(|(_, event)| event),
        );
        let answer = ScanAnswer {
            scan_id: read.told.id,
            accepted: judged.verdict.is_ok(),
            code,
            text,
            conflict: judged.is_conflict(),
            ticket: ticket.map(|(id, ticket)| AnswerTicket {
                id,
                place: &ticket.place,
            }),
            used: used(judged),
            event: other.map(AnswerEvent::new),
        };
        Ok(NewScan {
            id: read.told.id,
            ticket: ticket.map(|(id, _)| id),
            credential_hash: read.hash,
            gate: read.told.gate,
            offline: read.told.way != Way::Live,
            code,
            answer: to_raw_value(&answer).map_err(ApiError::internal)?,
            admitted: judged.admitted,
            eligible: judged.eligible,
            counts: judged.counts,
            // Postgres knows no times of ten thousand years ago.
            scanned_at: read
                .told
                .scanned_at
                .unwrap_or(desk.received_at)
                .max(Timestamp::UNIX_EPOCH),
            happened_at: scan.moment.at,
        })
    }

    /// Writes the scans down. Whoever is in has no ticket to sell any more.
    async fn follow(
        &self,
        connection: &mut PgConnection,
        rows: &[NewScan],
        judged: &[Judged],
        desk: &Desk,
    ) -> ApiResult<()> {
        let displaced: Vec<_> = judged
            .iter()
            .filter_map(|judged| judged.displaced.as_ref())
            .map(|used| (used.moment.scanner, used.moment.scan))
            .collect();
        scans::displace(connection, &displaced).await?;
        scans::insert(connection, self.event, self.scanner, desk.received_at, rows).await?;
        let used: Vec<TicketId> = rows
            .iter()
            .filter(|row| row.counts)
            .filter_map(|row| row.ticket)
            .collect();
        for ticket in &used {
            let ticket = desk
                .tickets
                .get(ticket)
                .context("a ticket that was judged")?;
            if ticket.state.standing == Standing::ForSale {
                transfers::cancel_of(connection, ticket.reservation).await?;
            }
        }
        tickets::touch(connection, &used).await?;
        Ok(())
    }
}

/// The answer to one scan.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScanAnswer<'a> {
    /// The scanner's name for the scan.
    scan_id: ScanId,
    /// Whether the holder is let in.
    accepted: bool,
    /// How it ended, for programs: `ACCEPTED`, or why not.
    code: &'static str,
    /// The same for people.
    text: Text,
    /// Somebody came in who should not have, or not a second time.
    conflict: bool,
    /// The ticket; null where the code is none of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket: Option<AnswerTicket<'a>>,
    /// When and where the ticket was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<AnswerUse<'a>>,
    /// The event that the ticket is for, where it is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<AnswerEvent<'a>>,
}

/// A ticket, as the door sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ScannedTicket)]
struct AnswerTicket<'a> {
    /// The ticket.
    id: TicketId,
    /// The seat or standing place, for people.
    place: &'a str,
}

/// Where and when a ticket was used.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ScannedUse)]
struct AnswerUse<'a> {
    /// When.
    at: Stamp,
    /// At which gate.
    gate: &'a str,
}

/// An event, as the door sees it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScannedEvent)]
struct AnswerEvent<'a> {
    /// The event.
    id: EventId,
    /// The title.
    title: &'a str,
    /// When the event is.
    event_date: Stamp,
}

impl<'a> AnswerEvent<'a> {
    fn new((id, event): (EventId, &'a DoorEvent)) -> Self {
        Self {
            id,
            title: &event.title,
            event_date: event.event_at.into(),
        }
    }
}

fn used(judged: &Judged) -> Option<AnswerUse<'_>> {
    match &judged.verdict {
        Err(Refusal::Used(used)) => Some(AnswerUse {
            at: used.moment.at.into(),
            gate: &used.gate,
        }),
        _ => None,
    }
}
