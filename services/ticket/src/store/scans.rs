//! Scans at the door, with what came of each.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::{PgConnection, PgExecutor, PgPool, types::Json};
use urr_contract::{CheckInDeviceId, EventId, ScanId, TicketId, UserId};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::stamp::Stamp;

/// Who scans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scanner {
    /// A device at the door.
    Device(CheckInDeviceId),
    /// An administrator.
    Admin(UserId),
}

impl Scanner {
    /// The id of either; they never meet.
    pub fn id(self) -> Uuid {
        match self {
            Self::Device(id) => id.0,
            Self::Admin(id) => id.0,
        }
    }

    fn columns(self) -> (Option<CheckInDeviceId>, Option<UserId>) {
        match self {
            Self::Device(id) => (Some(id), None),
            Self::Admin(id) => (None, Some(id)),
        }
    }
}

/// Lets the transactions of one scanner go one after the other, so that a repetition finds the
/// answer of what it repeats.
pub async fn one_at_a_time(connection: &mut PgConnection, scanner: Scanner) -> sqlx::Result<()> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('scanner ' || $1::text, 0))",
        scanner.id().to_string(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A scan that was answered before.
#[derive(Debug)]
pub struct Known {
    /// Of what was scanned.
    pub credential_hash: Vec<u8>,
    /// The answer.
    pub answer: Box<RawValue>,
}

/// Which of these scans were answered before.
pub async fn known(
    connection: &mut PgConnection,
    scanner: Scanner,
    scans: &[ScanId],
) -> sqlx::Result<HashMap<ScanId, Known>> {
    let rows = sqlx::query!(
        r#"select scan_id as "scan_id!: ScanId", credential_hash, answer as "answer!: Json<Box<RawValue>>"
           from ticket_scans where scanner = $1 and scan_id = any($2)"#,
        scanner.id(),
        scans as &[ScanId],
    )
    .fetch_all(connection)
    .await?;
    let known = rows.into_iter().map(|row| {
        let known = Known {
            credential_hash: row.credential_hash,
            answer: row.answer.0,
        };
        (row.scan_id, known)
    });
    Ok(known.collect())
}

/// Takes the word from scans that counted until now.
pub async fn displace(
    connection: &mut PgConnection,
    displaced: &[(Uuid, ScanId)],
) -> sqlx::Result<()> {
    let (scanners, scans): (Vec<Uuid>, Vec<ScanId>) = displaced.iter().copied().unzip();
    sqlx::query!(
        r"update ticket_scans s set counts = false
          from unnest($1::uuid[], $2::uuid[]) as old(scanner, scan_id)
          where s.scanner = old.scanner and s.scan_id = old.scan_id",
        &scanners,
        &scans as &[ScanId],
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A scan to be written down.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "columns of a row")]
pub struct NewScan {
    /// The scanner's name for it.
    pub id: ScanId,
    /// The ticket, if it is one of ours.
    pub ticket: Option<TicketId>,
    /// Of what was scanned.
    pub credential_hash: Vec<u8>,
    /// Where.
    pub gate: String,
    /// Whether the door decided by itself.
    pub offline: bool,
    /// What was answered, for programs.
    pub code: &'static str,
    /// The whole answer.
    pub answer: Box<RawValue>,
    /// Somebody came in.
    pub admitted: bool,
    /// By a good credential.
    pub eligible: bool,
    /// It is the one that counts.
    pub counts: bool,
    /// The scanner's word.
    pub scanned_at: Timestamp,
    /// That word within bounds.
    pub happened_at: Timestamp,
}

/// Writes scans down.
pub async fn insert(
    connection: &mut PgConnection,
    event: EventId,
    scanner: Scanner,
    received_at: Timestamp,
    scans: &[NewScan],
) -> sqlx::Result<()> {
    let (device, admin) = scanner.columns();
    let texts = |text: fn(&NewScan) -> &str| -> Vec<String> {
        scans.iter().map(|scan| text(scan).to_owned()).collect()
    };
    let flags = |flag: fn(&NewScan) -> bool| -> Vec<bool> { scans.iter().map(flag).collect() };
    let times = |time: fn(&NewScan) -> Timestamp| -> Vec<Stamp> {
        scans.iter().map(|scan| Stamp::from(time(scan))).collect()
    };
    let ids: Vec<ScanId> = scans.iter().map(|scan| scan.id).collect();
    let tickets: Vec<Option<TicketId>> = scans.iter().map(|scan| scan.ticket).collect();
    let hashes: Vec<Vec<u8>> = scans
        .iter()
        .map(|scan| scan.credential_hash.clone())
        .collect();
    sqlx::query!(
        r"insert into ticket_scans (event_id, device_id, admin_id, received_at, scan_id, ticket_id, credential_hash,
                                    gate, offline, code, answer, admitted, eligible, counts, scanned_at, happened_at)
          select $1, $2, $3, $4, s.*
          from unnest($5::uuid[], $6::uuid[], $7::bytea[], $8::text[], $9::bool[], $10::text[], $11::json[],
                      $12::bool[], $13::bool[], $14::bool[], $15::timestamptz[], $16::timestamptz[]) as s",
        event as EventId,
        device as Option<CheckInDeviceId>,
        admin as Option<UserId>,
        received_at.to_sqlx() as _,
        &ids as &[ScanId],
        &tickets as &[Option<TicketId>],
        &hashes,
        &texts(|scan| &scan.gate),
        &flags(|scan| scan.offline),
        &texts(|scan| scan.code),
        &texts(|scan| scan.answer.get()) as &[String],
        &flags(|scan| scan.admitted),
        &flags(|scan| scan.eligible),
        &flags(|scan| scan.counts),
        &times(|scan| scan.scanned_at) as &[Stamp],
        &times(|scan| scan.happened_at) as &[Stamp],
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A scan that is to be undone.
#[derive(Clone, Copy, Debug)]
pub struct Undoable {
    /// Whose ticket it was.
    pub ticket: TicketId,
    /// Whether it was undone before.
    pub undone: bool,
}

/// A scan of an event by which somebody came in; `None` where there is none.
pub async fn admission(
    connection: &mut PgConnection,
    event: EventId,
    row: Uuid,
) -> sqlx::Result<Option<Undoable>> {
    sqlx::query_as!(
        Undoable,
        r#"select ticket_id as "ticket!: TicketId", undone_at is not null as "undone!"
           from ticket_scans where id = $1 and event_id = $2 and eligible"#,
        row,
        event as EventId,
    )
    .fetch_optional(connection)
    .await
}

/// Undoes a scan.
pub async fn undo(
    connection: &mut PgConnection,
    row: Uuid,
    admin: UserId,
    reason: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        r"update ticket_scans set counts = false, undone_at = now(), undone_by = $2, undo_reason = $3
          where id = $1",
        row,
        admin as UserId,
        reason,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets the earliest scan that is left of a ticket count.
pub async fn count_earliest(connection: &mut PgConnection, ticket: TicketId) -> sqlx::Result<()> {
    sqlx::query!(
        r"update ticket_scans set counts = true
          where id = (select id from ticket_scans
                      where ticket_id = $1 and eligible and undone_at is null
                      order by happened_at, scanner, scan_id limit 1)",
        ticket as TicketId,
    )
    .execute(connection)
    .await?;
    Ok(())
}

// === what administrators see ===

/// How the door of an event stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DoorFigures {
    /// Tickets that are not void.
    pub tickets: i64,
    /// Of them, those whose holder came in.
    pub checked_in: i64,
    /// Scans that were refused.
    pub refused: i64,
    /// People who came in although they should not have, or not a second time.
    pub conflicts: i64,
}

/// How the door of an event stands.
pub async fn figures(pool: &PgPool, event: EventId) -> sqlx::Result<DoorFigures> {
    sqlx::query_as!(
        DoorFigures,
        r#"select (select count(*) from tickets where event_id = $1 and voided_at is null) as "tickets!",
                  count(*) filter (where counts) as "checked_in!",
                  count(*) filter (where not admitted) as "refused!",
                  count(*) filter (where admitted and not counts and undone_at is null) as "conflicts!"
           from ticket_scans where event_id = $1"#,
        event as EventId,
    )
    .fetch_one(pool)
    .await
}

/// How one gate stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateFigures {
    /// Its name.
    pub gate: String,
    /// Tickets whose holder came in there.
    pub checked_in: i64,
    /// Scans that were refused.
    pub refused: i64,
}

/// How the gates of an event stand, by name.
pub async fn gates(pool: &PgPool, event: EventId) -> sqlx::Result<Vec<GateFigures>> {
    sqlx::query_as!(
        GateFigures,
        r#"select gate, count(*) filter (where counts) as "checked_in!",
                  count(*) filter (where not admitted) as "refused!"
           from ticket_scans where event_id = $1 group by gate order by gate"#,
        event as EventId,
    )
    .fetch_all(pool)
    .await
}

/// Which scans are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Those that count.
    CheckedIn,
    /// Those that were refused.
    Refused,
    /// Those by which somebody came in who should not have, or not a second time.
    Conflict,
    /// Those that were undone.
    Undone,
}

impl Outcome {
    /// The outcome of that word; `None` for words that are not ours.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "checked_in" => Some(Self::CheckedIn),
            "refused" => Some(Self::Refused),
            "conflict" => Some(Self::Conflict),
            "undone" => Some(Self::Undone),
            _ => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::CheckedIn => "checked_in",
            Self::Refused => "refused",
            Self::Conflict => "conflict",
            Self::Undone => "undone",
        }
    }
}

/// A scan in the log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LoggedScan)]
pub struct ScanRow {
    /// Its row, by which it is undone.
    pub id: Uuid,
    /// The scanner's name for it.
    pub scan_id: ScanId,
    /// The ticket; null where the code was none of ours.
    pub ticket_id: Option<TicketId>,
    /// Name of the seat, or of the ticket type.
    pub place: Option<String>,
    /// Number of the reservation.
    pub reservation_number: Option<String>,
    /// Name of the device; null where an administrator scanned.
    pub device: Option<String>,
    /// The administrator who scanned.
    pub admin_id: Option<UserId>,
    /// Where.
    pub gate: String,
    /// What was answered.
    pub code: String,
    /// `checked_in`, `refused`, `conflict` or `undone`.
    pub outcome: String,
    /// Whether the door decided by itself.
    pub offline: bool,
    /// The scanner's word of when it was.
    pub scanned_at: Stamp,
    /// That word within bounds.
    pub happened_at: Stamp,
    /// When we heard of it.
    pub received_at: Stamp,
    /// When it was undone.
    pub undone_at: Option<Stamp>,
    /// By whom.
    pub undone_by: Option<UserId>,
    /// Why.
    pub undo_reason: Option<String>,
}

/// Scans of an event, newest first, with the number of all.
pub async fn log(
    pool: &PgPool,
    event: EventId,
    outcome: Option<Outcome>,
    limit: i64,
    offset: i64,
) -> sqlx::Result<(Vec<ScanRow>, i64)> {
    let outcome = outcome.map(Outcome::word);
    let rows = sqlx::query_as!(
        ScanRow,
        r#"select s.id, s.scan_id as "scan_id!: ScanId", s.ticket_id as "ticket_id: TicketId",
                  coalesce(p.seat_label, k.name) as place, r.reservation_number as "reservation_number?",
                  d.name as "device?", s.admin_id as "admin_id: UserId", s.gate, s.code, o.outcome as "outcome!",
                  s.offline, s.scanned_at as "scanned_at!: Stamp", s.happened_at as "happened_at!: Stamp",
                  s.received_at as "received_at!: Stamp", s.undone_at as "undone_at: Stamp",
                  s.undone_by as "undone_by: UserId", s.undo_reason
           from ticket_scans s
           cross join lateral (select case when s.undone_at is not null then 'undone' when s.counts then 'checked_in'
                                           when s.admitted then 'conflict' else 'refused' end as outcome) o
           left join check_in_devices d on d.id = s.device_id
           left join tickets t on t.id = s.ticket_id
           left join reservations r on r.id = t.reservation_id
           left join reservation_items i on i.id = t.item_id
           left join seats p on p.id = t.seat_id
           left join ticket_types k on k.id = i.ticket_type_id
           where s.event_id = $1 and ($2::text is null or o.outcome = $2)
           order by s.received_at desc, s.id limit $3 offset $4"#,
        event as EventId,
        outcome,
        limit,
        offset,
    )
    .fetch_all(pool)
    .await?;
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from ticket_scans s
           where s.event_id = $1
             and ($2::text is null
                  or case when s.undone_at is not null then 'undone' when s.counts then 'checked_in'
                          when s.admitted then 'conflict' else 'refused' end = $2)"#,
        event as EventId,
        outcome,
    )
    .fetch_one(pool)
    .await?;
    Ok((rows, total))
}

/// Deletes at most `batch` scans of shows that were longer ago than so many days; returns how many.
pub async fn purge(executor: impl PgExecutor<'_>, days: u16, batch: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "delete from ticket_scans where id = any(array(
             select s.id from ticket_scans s join events e on e.id = s.event_id
             where e.event_date < now() - make_interval(days => $1) limit $2 for update of s skip locked
         ))",
        i32::from(days),
        batch,
    )
    .execute(executor)
    .await?;
    Ok(done.rows_affected())
}
