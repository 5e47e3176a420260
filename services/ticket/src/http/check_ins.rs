//! The door: scans, one by one or told afterwards, and the list that doors work from without a
//! connection.

use std::{str::FromStr, sync::Arc};

use axum::{
    extract::State as Shared,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use sha2::{Digest, Sha256};
use urr_contract::{EventId, ScanId, TicketId};
use urr_kit::{
    ApiError, ApiResult,
    extract::{AppJson, AppQuery},
    openapi::{OpenApiRouter, routes},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::doorkeeper::Doorkeeper;
use crate::{
    State,
    domain::{check_in::Way, credential::PublishedKey, stamp::Stamp},
    door::{
        scanning::{Answered, Batch, ScanAnswer, Told, answer},
        words,
    },
    refusal,
    store::{
        tickets,
        tickets::{ListPlace, ListedTicket},
    },
};

/// Most scans that are told at once.
const MAX_SCANS: usize = 1_000;
/// Longest text of a code that is looked at; ours are shorter.
const MAX_CREDENTIAL_CHARS: usize = 4_000;
/// Longest name of a gate.
const MAX_GATE_CHARS: usize = 50;
/// Tickets on a page of the list, where nobody says.
const LIST_LIMIT: i64 = 1_000;
const MAX_LIST_LIMIT: i64 = 5_000;

pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default()
        .routes(routes!(scan))
        .routes(routes!(merge))
        .routes(routes!(list))
        .routes(routes!(keys))
}

/// One scan.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScanTicket)]
struct ScanBody {
    /// The scanner's name for the scan; a repetition gets the first answer.
    scan_id: ScanId,
    /// What the code said.
    #[schema(max_length = 4_000)]
    credential: String,
    /// At which gate; a device's own where absent.
    #[schema(max_length = 50)]
    gate: Option<String>,
    /// When the code was read; now where absent.
    scanned_at: Option<Timestamp>,
    /// At whose door; a device's own where it is missing.
    event_id: Option<EventId>,
}

/// Lets the holder of a ticket in, or says why not.
///
/// Both are 200: the scan was carried out, and `code` and `text` say how it ended. The same
/// scan again gives the first answer.
#[utoipa::path(
    post,
    path = "/api/check-ins",
    operation_id = "scanTicket",
    tag = "Door",
    request_body = ScanBody,
    security(("device" = []), ("bearer" = ["admin"])),
    responses(
        (status = 200, description = "Carried out.", body = ScanAnswer<'_>),
        (status = 400, description = "`INVALID_CREDENTIAL`, `INVALID_GATE`: too long, or not printable. `EVENT_REQUIRED`: an administrator must say at which door."),
        (status = 401, description = "`INVALID_CHECK_IN_TOKEN`: the device is unknown, or was taken away. `AUTHENTICATION_REQUIRED`: neither a device nor somebody signed in."),
        (status = 403, description = "`DEVICE_OF_ANOTHER_EVENT`: the device stands at another door."),
        (status = 404, description = "`EVENT_NOT_FOUND`: there is no such event."),
        (status = 422, description = "`SCAN_ID_REUSED`: the scan's id was used for another ticket."),
        (status = 503, description = "`REQUEST_IN_PROGRESS`: the ticket is being scanned at this moment."),
    )
)]
async fn scan(
    keeper: Doorkeeper,
    Shared(state): Shared<Arc<State>>,
    AppJson(body): AppJson<ScanBody>,
) -> ApiResult<AppJson<Box<RawValue>>> {
    let told = Told {
        id: body.scan_id,
        credential: credential(body.credential)?,
        gate: keeper.gate(gate(body.gate)?),
        scanned_at: body.scanned_at,
        way: Way::Live,
    };
    let batch = Batch {
        scanner: keeper.scanner,
        event: keeper.event(body.event_id)?,
        sent_at: None,
        scans: vec![told],
    };
    let answered = answer(&state, batch).await?;
    state.metrics.scanned(&answered);
    let answer = answered.answers.into_iter().next().flatten();
    answer.map(AppJson).ok_or_else(refusal::scan_id_reused)
}

/// What was scanned without a connection.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MergeScans)]
struct MergeBody {
    /// At whose door; a device's own where absent.
    event_id: Option<EventId>,
    /// The scanner's clock when it sends this.
    sent_at: Option<Timestamp>,
    /// The scans.
    #[schema(min_items = 1, max_items = 1_000)]
    scans: Vec<OfflineScan>,
}

/// One scan of a device without a connection.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OfflineScan {
    /// The scanner's name for the scan.
    scan_id: ScanId,
    /// What the code said.
    credential: String,
    /// When, by the device's clock.
    scanned_at: Timestamp,
    /// At which gate; the device's own where absent.
    gate: Option<String>,
    /// Whether the door let the holder in.
    #[serde(default = "yes")]
    let_in: bool,
}

fn yes() -> bool {
    true
}

/// How the scans ended.
#[derive(Serialize, ToSchema)]
#[schema(as = ScansMerged)]
struct MergeAnswer {
    /// Scan by scan, in the order of the request.
    #[schema(value_type = Vec<ScanAnswer<'static>>)]
    results: Vec<Box<RawValue>>,
    /// How many were let in.
    accepted: usize,
    /// How many were let in who should not have.
    conflicts: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reused {
    scan_id: ScanId,
    accepted: bool,
    code: &'static str,
    text: words::Text,
    conflict: bool,
}

/// Takes over what a door did without a connection.
///
/// Of all who came in on one ticket the earliest counts, in whatever order doors tell; the
/// others are conflicts.
#[utoipa::path(
    post,
    path = "/api/check-ins/merge",
    operation_id = "mergeScans",
    tag = "Door",
    request_body = MergeBody,
    security(("device" = []), ("bearer" = ["admin"])),
    responses(
        (status = 200, description = "Taken over.", body = MergeAnswer),
        (status = 400, description = "`INVALID_SCANS`: none, or more than 1,000. `INVALID_CREDENTIAL`, `INVALID_GATE`: too long, or not printable. `EVENT_REQUIRED`: an administrator must say at which door."),
        (status = 401, description = "`INVALID_CHECK_IN_TOKEN`: the device is unknown, or was taken away. `AUTHENTICATION_REQUIRED`: neither a device nor somebody signed in."),
        (status = 403, description = "`DEVICE_OF_ANOTHER_EVENT`: the device stands at another door."),
        (status = 404, description = "`EVENT_NOT_FOUND`: there is no such event."),
        (status = 503, description = "`REQUEST_IN_PROGRESS`: a ticket is being scanned at this moment."),
    )
)]
async fn merge(
    keeper: Doorkeeper,
    Shared(state): Shared<Arc<State>>,
    AppJson(body): AppJson<MergeBody>,
) -> ApiResult<AppJson<MergeAnswer>> {
    if !(1..=MAX_SCANS).contains(&body.scans.len()) {
        let detail = format!("scans: size must be between 1 and {MAX_SCANS}");
        return Err(ApiError::bad_request("INVALID_SCANS", detail));
    }
    let ids: Vec<ScanId> = body.scans.iter().map(|scan| scan.scan_id).collect();
    let batch = Batch {
        scanner: keeper.scanner,
        event: keeper.event(body.event_id)?,
        sent_at: body.sent_at,
        scans: body
            .scans
            .into_iter()
            .map(|scan| told(&keeper, scan))
            .collect::<ApiResult<_>>()?,
    };
    let answered = answer(&state, batch).await?;
    state.metrics.scanned(&answered);
    let Answered {
        answers,
        accepted,
        conflicts,
    } = answered;
    let results = ids
        .into_iter()
        .zip(answers)
        .map(|(id, answer)| answer.map_or_else(|| reused(id), Ok))
        .collect::<ApiResult<_>>()?;
    Ok(AppJson(MergeAnswer {
        results,
        accepted,
        conflicts,
    }))
}

fn told(keeper: &Doorkeeper, scan: OfflineScan) -> ApiResult<Told> {
    Ok(Told {
        id: scan.scan_id,
        credential: credential(scan.credential)?,
        gate: keeper.gate(gate(scan.gate)?),
        scanned_at: Some(scan.scanned_at),
        way: Way::Offline {
            let_in: scan.let_in,
        },
    })
}

/// One scan that cannot be taken over holds up none of the others.
fn reused(scan_id: ScanId) -> ApiResult<Box<RawValue>> {
    let answer = Reused {
        scan_id,
        accepted: false,
        code: "SCAN_ID_REUSED",
        text: words::scan_id_reused(),
        conflict: false,
    };
    to_raw_value(&answer).map_err(ApiError::internal)
}

fn credential(text: String) -> ApiResult<String> {
    if text.chars().count() > MAX_CREDENTIAL_CHARS {
        let detail = format!("credential: size must be between 0 and {MAX_CREDENTIAL_CHARS}");
        return Err(ApiError::bad_request("INVALID_CREDENTIAL", detail));
    }
    Ok(text)
}

/// A gate, trimmed; blank is none.
fn gate(name: Option<String>) -> ApiResult<Option<String>> {
    let name = name.map(|name| name.trim().to_owned());
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    if name.chars().count() > MAX_GATE_CHARS || name.chars().any(char::is_control) {
        let detail = format!("gate: must be a name of 1 to {MAX_GATE_CHARS} characters");
        return Err(ApiError::bad_request("INVALID_GATE", detail));
    }
    Ok(Some(name))
}

// === the list ===

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// At whose door; a device's own where it is missing.
    event: Option<EventId>,
    /// The `cursor` of the page before.
    cursor: Option<String>,
    /// The `since` of the last time; only what has changed.
    since: Option<String>,
    /// Tickets a page, 1,000 where not said, 5,000 at most.
    limit: Option<i64>,
}

/// What a device needs to let people in without a connection.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DoorList)]
struct ListAnswer<'a> {
    #[serde(flatten)]
    page: &'a ListPage,
    /// What to ask for changes with, once there is no further page.
    since: String,
}

/// What of an answer is the same as long as nothing changes.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DoorListPage)]
struct ListPage {
    /// The event.
    event: ListEvent,
    /// Public keys of the tickets.
    keys: Vec<PublishedKey>,
    /// Whether what the device knows is to be forgotten: `since` was not ours.
    starts_over: bool,
    /// The tickets.
    tickets: Vec<TicketEntry>,
    /// The next page; null on the last.
    cursor: Option<String>,
}

/// An event, as the door sees it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DoorListEvent)]
struct ListEvent {
    /// Its id.
    id: EventId,
    /// The title.
    title: String,
    /// When the event is.
    event_date: Stamp,
    /// When the doors open.
    opens_at: Stamp,
    /// When the doors close.
    closes_at: Stamp,
}

/// A ticket, as the door knows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DoorListTicket)]
struct TicketEntry {
    /// The ticket.
    id: TicketId,
    /// The version of its code that opens the door.
    rotation: i32,
    /// The seat or standing place, for people.
    place: String,
    /// `valid`, `used` or `void`.
    state: &'static str,
    /// When it was used; null while it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    used_at: Option<Stamp>,
    /// Where it was used; null while it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    used_gate: Option<String>,
}

impl From<ListedTicket> for TicketEntry {
    fn from(ticket: ListedTicket) -> Self {
        Self {
            id: ticket.id,
            rotation: ticket.rotation,
            place: ticket.place,
            state: match (ticket.void, ticket.used_at) {
                (true, _) => "void",
                (false, Some(_)) => "used",
                (false, None) => "valid",
            },
            used_at: ticket.used_at,
            used_gate: ticket.used_gate,
        }
    }
}

/// Where a round through the list stands: what it saw at its beginning, and the last ticket.
#[derive(Clone, Copy, Debug)]
struct Cursor {
    watermark: i64,
    place: ListPlace,
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ListPlace { changed_in, ticket } = self.place;
        write!(f, "{}.{changed_in}.{ticket}", self.watermark)
    }
}

impl FromStr for Cursor {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (watermark, rest) = text.split_once('.')?;
            let (changed_in, ticket) = rest.split_once('.')?;
            Some(Self {
                watermark: watermark.parse().ok()?,
                place: ListPlace {
                    changed_in: changed_in.parse().ok()?,
                    ticket: ticket.parse().ok()?,
                },
            })
        };
        parse().ok_or_else(|| ApiError::bad_request("INVALID_CURSOR", "cursor is not one of ours"))
    }
}

/// Tickets of an event, whole or what has changed, so that a door can work without a connection.
///
/// Devices keep what they have and ask again with `since`. With an entity tag.
#[utoipa::path(
    get,
    path = "/api/check-ins/list",
    operation_id = "getDoorList",
    tag = "Door",
    params(ListQuery, ("if-none-match" = Option<String>, Header, description = "Tag of the page that the device has.")),
    security(("device" = []), ("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The list.", body = ListAnswer<'_>),
        (status = 304, description = "Unchanged."),
        (status = 400, description = "`INVALID_CURSOR`, `INVALID_SINCE`: not one of ours. `EVENT_REQUIRED`: an administrator must say at which door."),
        (status = 401, description = "`INVALID_CHECK_IN_TOKEN`: the device is unknown, or was taken away. `AUTHENTICATION_REQUIRED`: neither a device nor somebody signed in."),
        (status = 403, description = "`DEVICE_OF_ANOTHER_EVENT`: the device stands at another door."),
        (status = 404, description = "`EVENT_NOT_FOUND`: there is no such event."),
    )
)]
async fn list(
    keeper: Doorkeeper,
    Shared(state): Shared<Arc<State>>,
    AppQuery(query): AppQuery<ListQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let event = keeper.event(query.event)?;
    let limit = query.limit.unwrap_or(LIST_LIMIT).clamp(1, MAX_LIST_LIMIT);
    let (cursor, starts_over) = begin(&state, &query).await?;
    let rows = tickets::list(&state.pool, event, cursor.place, limit).await?;
    let is_full = i64::try_from(rows.len()).is_ok_and(|rows| rows >= limit);
    let last = rows.last().filter(|_| is_full).map(|row| Cursor {
        place: ListPlace {
            changed_in: row.changed_in,
            ticket: row.id,
        },
        ..cursor
    });
    let page = ListPage {
        event: list_event(&state, event).await?,
        keys: state.keyring.published(),
        starts_over,
        tickets: rows.into_iter().map(TicketEntry::from).collect(),
        cursor: last.map(|cursor| cursor.to_string()),
    };
    tagged(&page, cursor.watermark, &headers)
}

/// Where this page begins, and whether a device must forget what it has.
async fn begin(state: &State, query: &ListQuery) -> ApiResult<(Cursor, bool)> {
    if let Some(cursor) = &query.cursor {
        return Ok((cursor.parse()?, false));
    }
    let watermark = tickets::watermark(&state.pool).await?;
    let since = query.since.as_deref().map(since).transpose()?;
    // Transactions that are still to come: the database is not the one of then.
    let known = since.filter(|since| *since <= watermark);
    let place = ListPlace {
        changed_in: known.unwrap_or_default(),
        ticket: TicketId(Uuid::nil()),
    };
    Ok((Cursor { watermark, place }, since != known))
}

fn since(text: &str) -> ApiResult<i64> {
    text.parse()
        .ok()
        .filter(|since| *since >= 0)
        .ok_or_else(|| ApiError::bad_request("INVALID_SINCE", "since is not one of ours"))
}

async fn list_event(state: &State, id: EventId) -> ApiResult<ListEvent> {
    let mut connection = state.pool.acquire().await?;
    let (mut events, _) = tickets::events(&mut connection, &[id]).await?;
    let event = events.remove(&id).ok_or_else(refusal::event_not_found)?;
    let doors = state.door_rules.doors(event.event_at, event.doors_open_at);
    Ok(ListEvent {
        id,
        title: event.title,
        event_date: event.event_at.into(),
        opens_at: doors.opens.into(),
        closes_at: doors.closes.into(),
    })
}

/// The page, or 304 where the device has it. The tag leaves `since` out: an older one is as
/// good.
fn tagged(page: &ListPage, watermark: i64, headers: &HeaderMap) -> ApiResult<Response> {
    let bytes = serde_json::to_vec(page).map_err(ApiError::internal)?;
    let tag = format!("W/\"{}\"", hex::encode(&Sha256::digest(bytes)[..16]));
    let is_known = headers
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|tags| tags.split(',').any(|known| known.trim() == tag));
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let since = watermark.to_string();
        AppJson(ListAnswer { page, since }).into_response()
    };
    let head = response.headers_mut();
    head.insert(
        ETAG,
        HeaderValue::from_str(&tag).map_err(ApiError::internal)?,
    );
    head.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

/// Public keys of tickets.
#[derive(Serialize, ToSchema)]
#[schema(as = TicketKeys)]
struct KeysAnswer {
    /// Public keys of the tickets.
    keys: Vec<PublishedKey>,
}

/// Public keys by which anybody tells a true ticket from a forged one.
#[utoipa::path(
    get,
    path = "/api/check-ins/keys",
    operation_id = "listTicketKeys",
    tag = "Door",
    responses(
        (status = 200, description = "The keys.", body = KeysAnswer),
    )
)]
async fn keys(Shared(state): Shared<Arc<State>>) -> AppJson<KeysAnswer> {
    AppJson(KeysAnswer {
        keys: state.keyring.published(),
    })
}
