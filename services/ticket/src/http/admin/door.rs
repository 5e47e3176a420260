//! The door, for administrators: its hours, the devices that scan there, and what they scanned.

use std::sync::Arc;

use axum::{
    extract::State as Shared,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use urr_contract::{CheckInDeviceId, EventId};
use urr_kit::{
    ApiError, ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    identity::Admin,
    openapi::{OpenApiRouter, routes},
    page::{Page, PageQuery, Pagination},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::audit::{Act, audited};
use crate::{
    State,
    domain::stamp::Stamp,
    door::{
        devices::{hash, new_token},
        undo::undo,
    },
    refusal,
    store::{
        devices,
        devices::{DeviceRow, NewDevice},
        scans,
        scans::{DoorFigures, GateFigures, Outcome, ScanRow},
        tickets,
        tickets::DoorEvent,
    },
};

const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 200;
const MAX_NAME_CHARS: usize = 100;
const MAX_GATE_CHARS: usize = 50;
const MAX_REASON_CHARS: usize = 500;
/// Doors open no earlier before the end of the event's day.
const EARLIEST_DOORS: SignedDuration = SignedDuration::from_hours(366 * 24);

pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    let act = |action| Act {
        action,
        resource_type: "event",
    };
    OpenApiRouter::default()
        .routes(routes!(doors))
        .routes(audited(act("SET_DOORS"), routes!(set_doors)))
        .routes(routes!(list_devices))
        .routes(audited(act("CREATE_CHECK_IN_DEVICE"), routes!(add_device)))
        .routes(audited(
            act("REVOKE_CHECK_IN_DEVICE"),
            routes!(revoke_device),
        ))
        .routes(routes!(log))
        .routes(audited(act("UNDO_CHECK_IN"), routes!(undo_scan)))
}

// === hours ===

/// When the doors are open.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "names of the wire")]
#[schema(as = Doors)]
struct DoorsAnswer {
    /// As it was set; null from the beginning of the event's day.
    doors_open_at: Option<Stamp>,
    /// When the doors open.
    opens_at: Stamp,
    /// When the doors close.
    closes_at: Stamp,
}

fn hours(state: &State, event: &DoorEvent) -> DoorsAnswer {
    let doors = state.door_rules.doors(event.event_at, event.doors_open_at);
    DoorsAnswer {
        doors_open_at: event.doors_open_at.map(Stamp::from),
        opens_at: doors.opens.into(),
        closes_at: doors.closes.into(),
    }
}

async fn door_event(state: &State, id: EventId) -> ApiResult<DoorEvent> {
    let mut connection = state.pool.acquire().await?;
    let (mut events, _) = tickets::events(&mut connection, &[id]).await?;
    events.remove(&id).ok_or_else(refusal::event_not_found)
}

/// When the doors of an event are open.
#[utoipa::path(
    get,
    path = "/api/admin/events/{event}/doors",
    operation_id = "getDoors",
    tag = "Door",
    params(("event" = EventId, Path)),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The hours.", body = DoorsAnswer),
        (status = 404, description = "`EVENT_NOT_FOUND`: there is no such event."),
    )
)]
async fn doors(
    _: Admin,
    Shared(state): Shared<Arc<State>>,
    AppPath(id): AppPath<EventId>,
) -> ApiResult<AppJson<DoorsAnswer>> {
    let event = door_event(&state, id).await?;
    Ok(AppJson(hours(&state, &event)))
}

/// When the doors are to open.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SetDoors)]
struct DoorsBody {
    /// When; null for some time before the event.
    doors_open_at: Option<Timestamp>,
}

/// Sets when the doors of an event open.
#[utoipa::path(
    put,
    path = "/api/admin/events/{event}/doors",
    operation_id = "setDoors",
    tag = "Door",
    params(("event" = EventId, Path)),
    request_body = DoorsBody,
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The hours.", body = DoorsAnswer),
        (status = 400, description = "`INVALID_DOORS`: not before they close, or too long before that."),
        (status = 404, description = "`EVENT_NOT_FOUND`: there is no such event."),
    )
)]
async fn set_doors(
    _: Admin,
    Shared(state): Shared<Arc<State>>,
    AppPath(id): AppPath<EventId>,
    AppJson(body): AppJson<DoorsBody>,
) -> ApiResult<AppJson<DoorsAnswer>> {
    let mut event = door_event(&state, id).await?;
    event.doors_open_at = body.doors_open_at;
    let doors = state.door_rules.doors(event.event_at, event.doors_open_at);
    let open = doors.closes.duration_since(doors.opens);
    if !open.is_positive() || open > EARLIEST_DOORS {
        return Err(ApiError::bad_request(
            "INVALID_DOORS",
            "doorsOpenAt must be before the doors close and at most 366 days before that",
        ));
    }
    if !tickets::set_doors(&state.pool, id, body.doors_open_at).await? {
        return Err(refusal::event_not_found());
    }
    Ok(AppJson(hours(&state, &event)))
}

// === devices ===

/// A new device.
#[derive(Deserialize, ToSchema)]
#[schema(as = AddCheckInDevice)]
struct DeviceBody {
    /// Its name for people.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// The gate where it stands.
    #[schema(min_length = 1, max_length = 50)]
    gate: String,
}

/// A device and its token.
#[derive(Serialize, ToSchema)]
#[schema(as = CheckInDeviceAdded)]
struct DeviceAnswer {
    /// The device.
    device: DeviceRow,
    /// Shown this once.
    token: String,
}

/// Lets a device scan at the door of an event. Its token is shown this once.
#[utoipa::path(
    post,
    path = "/api/admin/events/{event}/check-in-devices",
    operation_id = "addCheckInDevice",
    tag = "Door",
    params(("event" = EventId, Path)),
    request_body = DeviceBody,
    security(("bearer" = ["admin"])),
    responses(
        (status = 201, description = "Added.", body = DeviceAnswer),
        (status = 404, description = "`EVENT_NOT_FOUND`: there is no such event."),
    )
)]
async fn add_device(
    Admin(admin): Admin,
    Shared(state): Shared<Arc<State>>,
    AppPath(event): AppPath<EventId>,
    AppJson(body): AppJson<DeviceBody>,
) -> ApiResult<Response> {
    let name = text("name", &body.name, MAX_NAME_CHARS)?;
    let gate = text("gate", &body.gate, MAX_GATE_CHARS)?;
    let token = new_token(&mut rand::rng());
    let device = NewDevice {
        event,
        name,
        gate,
        token_hash: &hash(token.expose_secret()),
        admin: admin.id,
    };
    let device = devices::insert(&state.pool, device)
        .await?
        .ok_or_else(refusal::event_not_found)?;
    let answer = DeviceAnswer {
        device,
        token: token.expose_secret().to_owned(),
    };
    Ok((StatusCode::CREATED, AppJson(answer)).into_response())
}

/// A trimmed text of 1 to `most` characters that can be shown.
fn text<'a>(field: &str, given: &'a str, most: usize) -> ApiResult<&'a str> {
    let text = given.trim();
    let fits = (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    fits.then_some(text).ok_or_else(|| {
        let detail = format!("{field}: must be a text of 1 to {most} characters");
        ApiError::bad_request("INVALID_FIELD", detail)
    })
}

/// Devices of an event.
#[derive(Serialize, ToSchema)]
#[schema(as = CheckInDevices)]
struct DevicesAnswer {
    /// The devices.
    devices: Vec<DeviceRow>,
    /// Which part of all this is.
    pagination: Pagination,
}

/// Devices that scan at the door of an event.
#[utoipa::path(
    get,
    path = "/api/admin/events/{event}/check-in-devices",
    operation_id = "listCheckInDevices",
    tag = "Door",
    params(("event" = EventId, Path), PageQuery),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The devices.", body = DevicesAnswer),
    )
)]
async fn list_devices(
    _: Admin,
    Shared(state): Shared<Arc<State>>,
    AppPath(event): AppPath<EventId>,
    AppQuery(query): AppQuery<PageQuery>,
) -> ApiResult<AppJson<DevicesAnswer>> {
    let page = Page::new(query, DEFAULT_LIMIT, MAX_LIMIT);
    let (devices, total) =
        devices::of_event(&state.pool, event, page.limit(), page.offset()).await?;
    Ok(AppJson(DevicesAnswer {
        devices,
        pagination: page.of(total),
    }))
}

/// The answer to a revocation.
#[derive(Serialize, ToSchema)]
#[schema(as = CheckInDeviceRevoked)]
struct RevokedAnswer {
    /// What was done, for people.
    message: &'static str,
}

/// Takes a device's token away.
#[utoipa::path(
    delete,
    path = "/api/admin/events/{event}/check-in-devices/{device}",
    operation_id = "revokeCheckInDevice",
    tag = "Door",
    params(("event" = EventId, Path), ("device" = CheckInDeviceId, Path)),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "Taken away.", body = RevokedAnswer),
        (status = 404, description = "`DEVICE_NOT_FOUND`: unknown, or of another event."),
    )
)]
async fn revoke_device(
    _: Admin,
    Shared(state): Shared<Arc<State>>,
    AppPath((event, device)): AppPath<(EventId, CheckInDeviceId)>,
) -> ApiResult<AppJson<RevokedAnswer>> {
    if !devices::revoke(&state.pool, event, device).await? {
        return Err(refusal::device_not_found());
    }
    Ok(AppJson(RevokedAnswer {
        message: "Check-in device revoked",
    }))
}

// === scans ===

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct LogQuery {
    /// Only scans that ended so: `checked_in`, `refused`, `conflict` or `undone`.
    outcome: Option<String>,
    /// Page, from 1. What is out of range is pulled into it.
    page: Option<i64>,
    /// Rows a page, 50 where not said, 200 at most.
    limit: Option<i64>,
}

/// What happened at the door.
#[derive(Serialize, ToSchema)]
#[schema(as = CheckInLog)]
struct LogAnswer {
    /// All gates together.
    figures: DoorFigures,
    /// Gate by gate.
    gates: Vec<GateFigures>,
    /// The scans, the newest first.
    scans: Vec<ScanRow>,
    /// Which part of all this is.
    pagination: Pagination,
}

/// What was scanned at the door of an event, and how many came in.
#[utoipa::path(
    get,
    path = "/api/admin/events/{event}/check-ins",
    operation_id = "listCheckIns",
    tag = "Door",
    params(("event" = EventId, Path), LogQuery),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The scans.", body = LogAnswer),
        (status = 400, description = "`UNKNOWN_OUTCOME`: no such word."),
        (status = 404, description = "`EVENT_NOT_FOUND`: there is no such event."),
    )
)]
async fn log(
    _: Admin,
    Shared(state): Shared<Arc<State>>,
    AppPath(event): AppPath<EventId>,
    AppQuery(query): AppQuery<LogQuery>,
) -> ApiResult<AppJson<LogAnswer>> {
    let LogQuery {
        outcome,
        page,
        limit,
    } = query;
    let page = Page::new(PageQuery { page, limit }, DEFAULT_LIMIT, MAX_LIMIT);
    let outcome = super::filter(outcome)
        .map(|word| Outcome::parse(&word).ok_or_else(unknown_outcome))
        .transpose()?;
    door_event(&state, event).await?;
    let (scans, total) =
        scans::log(&state.pool, event, outcome, page.limit(), page.offset()).await?;
    Ok(AppJson(LogAnswer {
        figures: scans::figures(&state.pool, event).await?,
        gates: scans::gates(&state.pool, event).await?,
        scans,
        pagination: page.of(total),
    }))
}

fn unknown_outcome() -> ApiError {
    ApiError::bad_request(
        "UNKNOWN_OUTCOME",
        "outcome must be checked_in, refused, conflict or undone",
    )
}

/// Why a check-in is undone.
#[derive(Deserialize, ToSchema)]
#[schema(as = UndoCheckIn)]
struct UndoBody {
    /// The reason, for the log.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// The answer to an undoing.
#[derive(Serialize, ToSchema)]
#[schema(as = CheckInUndone)]
struct UndoneAnswer {
    /// What was done, for people.
    message: &'static str,
}

/// Takes a check-in back, so that the ticket lets in again.
#[utoipa::path(
    post,
    path = "/api/admin/events/{event}/check-ins/{scan}/undo",
    operation_id = "undoCheckIn",
    tag = "Door",
    params(("event" = EventId, Path), ("scan" = Uuid, Path, description = "The scan, by its `id` in the log.")),
    request_body = UndoBody,
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "Taken back.", body = UndoneAnswer),
        (status = 404, description = "`SCAN_NOT_FOUND`: unknown, or of another event."),
        (status = 409, description = "`ALREADY_UNDONE`: taken back before."),
        (status = 503, description = "`REQUEST_IN_PROGRESS`: the ticket is being scanned at this moment."),
    )
)]
async fn undo_scan(
    Admin(admin): Admin,
    Shared(state): Shared<Arc<State>>,
    AppPath((event, scan)): AppPath<(EventId, Uuid)>,
    AppJson(body): AppJson<UndoBody>,
) -> ApiResult<AppJson<UndoneAnswer>> {
    let reason = text("reason", &body.reason, MAX_REASON_CHARS)?;
    undo(&state, event, scan, admin.id, reason).await?;
    Ok(AppJson(UndoneAnswer {
        message: "Check-in undone",
    }))
}
