//! Hot path: no blocking IO, no allocation per waiting user, no info logs.
//!
//! The public endpoints of a line. A poll of somebody who has a place is answered from
//! memory; Redis is asked only to join, to leave, or where memory cannot say.

use std::{sync::Arc, time::Duration};

use axum::{extract, response::Response};
use http::HeaderMap;
use jiff::Timestamp;
use serde_json::json;
use urr_contract::{EventId, internal::QueueInfo};
use urr_kit::{ApiError, ApiResult, extract::AppPath, identity::MaybeUser};
use utoipa::{IntoParams, IntoResponses};

use super::{
    answer::{HeartbeatBody, LeftBody, Place, PlaceBody, Telling, left_nothing},
    caller::Caller,
    line_unavailable, unknown_event,
};
use crate::{
    State,
    domain::{
        poll::{next_poll, presence},
        rules::Sale,
        snapshot::Standing,
    },
    events::NoInfo,
    lines::{Line, Seen, View},
    redis::{JoinRequest, Joined, ShownReceipt},
};

type AppState = extract::State<Arc<State>>;

/// What whoever has a place may show of it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its description is looked at")]
struct Receipt {
    /// Receipt of a place, from a client that keeps no cookies. Else the cookie `urr-receipt-{event}` is read.
    #[param(rename = "x-queue-receipt")]
    receipt: Option<String>,
}

/// Refusals that whoever asks about a line may meet.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is looked at")]
enum Refused {
    #[response(
        status = 401,
        description = "`AUTHENTICATION_REQUIRED`: the session has ended, or this line takes no visitors."
    )]
    Stranger,
    #[response(
        status = 503,
        description = "`QUEUE_UNAVAILABLE`: the line cannot be asked. `QUEUE_BUSY`: too many are joining."
    )]
    NotNow,
}

/// Joins the line of an event, or finds the place one has.
///
/// Everybody gets a number once and keeps it: over refreshes, on every device, through
/// crashes. Whoever is inside gets an entry token, in the answer and in the cookie
/// `tiketi-entry-token`. Visitors may wait and are not called before they sign in.
#[utoipa::path(
    post,
    path = "/api/queue/check/{event}",
    operation_id = "joinQueue",
    tag = "Waiting room",
    params(("event" = EventId, Path), Receipt),
    security((), ("bearer" = [])),
    responses(
        (status = 200, description = "The place. Sets the cookies of receipt and entry token.", body = PlaceBody<'_>),
        (status = 403, description = "`PRESALE_NOT_OPEN`: members of the artist buy first, and this \
            person's `tier` from `opensAt`. A visitor may be a member: `signInRequired`."),
        (status = 404, description = "`EVENT_NOT_FOUND`: there is no such event."),
        (status = 409, description = "`SALE_CLOSED`: the sale has ended. `SOLD_OUT`: nothing is left; \
            `saleStatus` tells more. `LOBBY_NOT_OPEN`: people line up from `lobbyOpensAt`, and the sale \
            opens at `opensAt`."),
        Refused,
    )
)]
pub(super) async fn check(
    extract::State(state): AppState,
    AppPath(event): AppPath<EventId>,
    MaybeUser(user): MaybeUser,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let caller = Caller::of(&state, event, user.as_ref(), &headers)?;
    let (line, info) = open(&state, event).await?;
    let place = match from_memory(&state, &line, &caller).await {
        Some(place) => place,
        None => join(&state, &line, &caller, info.as_deref()).await?,
    };
    let telling = telling(&state, &line, &caller, info.as_deref())?;
    let telling = Telling {
        is_check: true,
        ..telling
    };
    telling.place(place)
}

/// The place one has in the line of an event. Never joins.
///
/// Ask again after `nextPoll` seconds: whoever stays silent for long is passed over.
#[utoipa::path(
    get,
    path = "/api/queue/status/{event}",
    operation_id = "getQueuePlace",
    tag = "Waiting room",
    params(("event" = EventId, Path), Receipt),
    security((), ("bearer" = [])),
    responses(
        (status = 200, description = "The place. Sets the cookies of receipt and entry token.", body = PlaceBody<'_>),
        (status = 404, description = "`EVENT_NOT_FOUND`: there is no such event."),
        Refused,
    )
)]
pub(super) async fn status(
    extract::State(state): AppState,
    AppPath(event): AppPath<EventId>,
    MaybeUser(user): MaybeUser,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let caller = Caller::of(&state, event, user.as_ref(), &headers)?;
    let (line, info) = open(&state, event).await?;
    let place = look_up(&state, &line, &caller).await?;
    telling(&state, &line, &caller, info.as_deref())?.place(place)
}

/// A sign of life and nothing else.
#[utoipa::path(
    post,
    path = "/api/queue/heartbeat/{event}",
    operation_id = "sendHeartbeat",
    tag = "Waiting room",
    params(("event" = EventId, Path), Receipt),
    security((), ("bearer" = [])),
    responses(
        (status = 200, description = "Heard.", body = HeartbeatBody),
        (status = 404, description = "`EVENT_NOT_FOUND`: there is no such event."),
        Refused,
    )
)]
pub(super) async fn heartbeat(
    extract::State(state): AppState,
    AppPath(event): AppPath<EventId>,
    MaybeUser(user): MaybeUser,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let caller = Caller::of(&state, event, user.as_ref(), &headers)?;
    let (line, info) = open(&state, event).await?;
    let place = look_up(&state, &line, &caller).await?;
    Ok(telling(&state, &line, &caller, info.as_deref())?.heartbeat(place))
}

/// Gives up the place in the line and the slot inside.
///
/// Succeeds also where there is nothing to give up.
#[utoipa::path(
    post,
    path = "/api/queue/leave/{event}",
    operation_id = "leaveQueue",
    tag = "Waiting room",
    params(("event" = EventId, Path), Receipt),
    security((), ("bearer" = [])),
    responses(
        (status = 200, description = "Left.", body = LeftBody),
        Refused,
    )
)]
pub(super) async fn leave(
    extract::State(state): AppState,
    AppPath(event): AppPath<EventId>,
    MaybeUser(user): MaybeUser,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let caller = Caller::of(&state, event, user.as_ref(), &headers)?;
    let (line, info) = match open(&state, event).await {
        Ok(opened) => opened,
        Err(error) if error.status() == http::StatusCode::NOT_FOUND => return Ok(left_nothing()),
        Err(error) => return Err(error),
    };
    if caller.was.is_some() {
        ask_redis(&state, &line, &caller, false).await?;
    }
    let leave = async || {
        state
            .lines
            .leave(&line, caller.person, own_number(&caller))
            .await
    };
    let mut ended = leave().await.map_err(line_unavailable)?;
    if !ended && caller.entry.is_some() {
        // After a loss the entry token may be all that shows which slot is theirs.
        ask_redis(&state, &line, &caller, false).await?;
        ended = leave().await.map_err(line_unavailable)?;
    }
    if ended {
        state.metrics.left.inc();
        state.lines.renew(&line).await.map_err(line_unavailable)?;
    }
    Ok(telling(&state, &line, &caller, info.as_deref())?.left())
}

/// The line of an event that exists.
pub(super) async fn open_line(state: &State, event: EventId) -> ApiResult<Arc<Line>> {
    open(state, event).await.map(|(line, _)| line)
}

/// The line of an event that exists, ready to answer from. Ticket and Postgres are asked
/// only where this replica does not know the line yet.
async fn open(state: &State, event: EventId) -> ApiResult<(Arc<Line>, Option<Arc<QueueInfo>>)> {
    let going_on = state.lines.open_going_on(event).await;
    if let Some(line) = going_on.map_err(line_unavailable)? {
        return Ok((line, state.events.last_known(event).await));
    }
    let info = match state.events.info(event).await {
        Ok(info) => Some(info),
        Err(NoInfo::Unknown) => return Err(unknown_event()),
        Err(NoInfo::Unreachable(error)) => {
            // Without ticket a line goes on that has its rules already.
            let line = state
                .lines
                .open_known(event)
                .await
                .map_err(line_unavailable)?;
            return line
                .map(|line| (line, None))
                .ok_or_else(|| line_unavailable(error));
        }
    };
    let line = state
        .lines
        .open(event, info.as_ref())
        .await
        .map_err(line_unavailable)?;
    Ok((line, info))
}

/// Whatever place the caller has.
async fn look_up(state: &State, line: &Line, caller: &Caller) -> ApiResult<Place> {
    if let Some(place) = from_memory(state, line, caller).await {
        return Ok(place);
    }
    // A stranger without any proof of a place cannot have one.
    if caller.is_new_visitor {
        return Ok(Place::Nowhere);
    }
    ask_redis(state, line, caller, false).await
}

/// The place that the caller's own receipt stands for, where memory can say.
async fn from_memory(state: &State, line: &Line, caller: &Caller) -> Option<Place> {
    let receipt = caller.receipt.as_ref()?;
    match state.lines.see(line, receipt.num, receipt.epoch).await {
        // A visitor never enters, whatever a number has become since somebody took it over.
        Seen::Place(Standing::Inside(_)) if !caller.person.account => None,
        Seen::Place(standing) => told(receipt.num, standing),
        Seen::Ended | Seen::AskRedis => None,
    }
}

fn told(number: u64, standing: Standing) -> Option<Place> {
    match standing {
        Standing::Inside(slot) => Some(Place::Inside { number, slot }),
        Standing::Waiting { ahead, behind } => Some(Place::Waiting {
            number,
            ahead,
            behind,
        }),
        Standing::Ended | Standing::Unknown => None,
    }
}

/// The place that the caller has or gets. Members of an artist may line up before others.
async fn join(
    state: &State,
    line: &Line,
    caller: &Caller,
    info: Option<&QueueInfo>,
) -> ApiResult<Place> {
    if let Some(info) = info {
        let now = state.clock.now();
        let windows = &state.windows;
        windows
            .check(line.event(), caller.person, info, now)
            .await?;
    }
    ask_redis(state, line, caller, true).await
}

/// The place as Redis has it; a new one where `may_join`.
async fn ask_redis(
    state: &State,
    line: &Line,
    caller: &Caller,
    may_join: bool,
) -> ApiResult<Place> {
    let Ok(_permit) = state.joins.try_acquire() else {
        state.metrics.refused.inc();
        return Err(too_many());
    };
    let request = join_request(line, caller, may_join);
    let joined = state
        .lines
        .join(line, request)
        .await
        .map_err(line_unavailable)?;
    match joined {
        Joined::Inside(inside, new) => {
            if new {
                state.metrics.joined.inc();
                state.metrics.admitted.inc();
            }
            Ok(Place::Inside {
                number: inside.number,
                slot: inside.slot,
            })
        }
        Joined::Waiting { number, new, .. } => {
            if new {
                state.metrics.joined.inc();
            }
            let view = line.view().ok_or_else(no_view)?;
            told(number, line.waiting_at(&view, number)).ok_or_else(no_view)
        }
        Joined::Closed(sale) => Err(closed(sale)),
        Joined::Early(lobby_at) => Err(lobby_not_open(line, lobby_at)),
        Joined::Nowhere | Joined::Exhausted(_) | Joined::Lost(_) => Ok(Place::Nowhere),
    }
}

fn join_request(line: &Line, caller: &Caller, may_join: bool) -> JoinRequest {
    let own = caller.receipt.as_ref();
    let visitors = caller
        .was
        .as_ref()
        .and_then(|(_, receipt)| receipt.as_ref());
    JoinRequest {
        person: caller.person,
        may_join,
        adopts: caller.was.as_ref().map(|(visitor, _)| *visitor),
        receipt: own.or(visitors).map(|receipt| ShownReceipt {
            number: receipt.num,
            epoch: receipt.epoch,
            is_own: own.is_some(),
        }),
        token: caller.entry,
        presence: expected_presence(line, caller),
        seen: (0, 0),
    }
}

/// How long somebody counts as present who joins now, by the interval they will be told.
fn expected_presence(line: &Line, caller: &Caller) -> Duration {
    let position = line.view().map_or(1, |view| {
        let number = caller
            .receipt
            .as_ref()
            .map_or(u64::MAX, |receipt| receipt.num);
        view.snapshot.waiting.before(number) + 1
    });
    presence(next_poll(position, None, 0))
}

/// The number that the account's own receipt names. No other person ever gets that number.
fn own_number(caller: &Caller) -> Option<u64> {
    let receipt = caller.receipt.as_ref()?;
    receipt.acc.then_some(receipt.num)
}

fn telling<'a>(
    state: &'a State,
    line: &'a Line,
    caller: &'a Caller,
    info: Option<&'a QueueInfo>,
) -> ApiResult<Telling<'a>> {
    let view: View = line.view().ok_or_else(no_view)?;
    Ok(Telling {
        state,
        line,
        view,
        caller,
        info,
        is_check: false,
    })
}

fn no_view() -> ApiError {
    line_unavailable(anyhow::anyhow!("the line is not known yet"))
}

/// 409: nobody gets a number any more.
fn closed(sale: Sale) -> ApiError {
    let code = match sale {
        Sale::SoldOut => "SOLD_OUT",
        Sale::Open | Sale::Held | Sale::Ended | Sale::Cancelled => "SALE_CLOSED",
    };
    ApiError::conflict(code, sale.message().unwrap_or("Sale has ended"))
        .with("saleStatus", json!(sale.once_past().as_str()))
}

/// 409: it is too early to line up.
fn lobby_not_open(line: &Line, lobby_at: i64) -> ApiError {
    let time = |millis| Timestamp::from_millisecond(millis).ok();
    let rules = line.view().and_then(|view| view.snapshot.rules.clone());
    let lobby = time(lobby_at);
    let detail = match lobby {
        Some(at) => format!("The waiting room opens at {at}"),
        None => "The waiting room is not open yet".to_owned(),
    };
    ApiError::conflict("LOBBY_NOT_OPEN", detail)
        .with("lobbyOpensAt", json!(lobby))
        .with(
            "opensAt",
            json!(rules.and_then(|rules| time(rules.opens_at))),
        )
}

fn too_many() -> ApiError {
    ApiError::unavailable(
        "QUEUE_BUSY",
        "Queue service temporarily unavailable. Please retry.",
        1,
    )
}
