//! The bodies and cookies of answers about a place. Fields beyond the contract's are
//! additions that its clients ignore.

use std::time::Duration;

use axum::{
    Json,
    response::{AppendHeaders, IntoResponse, Response},
};
use http::header::SET_COOKIE;
use jiff::Timestamp;
use serde::Serialize;
use urr_contract::{
    EventId, UserId,
    headers::{COOKIE_ENTRY, COOKIE_VISITOR},
    internal::QueueInfo,
    polling::IDLE_SECONDS,
    tokens::{Claims, TokenError, TokenKey, VisitorClaims},
};
use urr_kit::{ApiError, ApiResult};
use utoipa::{
    ToSchema,
    openapi::schema::{Object, ObjectBuilder, Type},
};

use super::caller::{Caller, receipt_cookie};
use crate::{
    State,
    admission_messages::Admitted,
    domain::{
        entry::{entry_claims, is_worn, receipt_claims},
        poll::{estimate, next_poll, presence},
        rules::Sale,
        snapshot::Slot,
    },
    lines::{Line, View},
};

/// Life of the visitor cookie, in seconds.
const VISITOR_SECONDS: i64 = 7 * 86_400;

/// A place as it is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// Inside.
    Inside {
        /// The number.
        number: u64,
        /// The stay.
        slot: Slot,
    },
    /// In the line.
    Waiting {
        /// The number.
        number: u64,
        /// Waiting people with a lower number.
        ahead: u64,
        /// Waiting people with a higher number.
        behind: u64,
    },
    /// Neither.
    Nowhere,
}

/// Everything an answer is made of.
pub(super) struct Telling<'a> {
    pub(super) state: &'a State,
    pub(super) line: &'a Line,
    pub(super) view: View,
    pub(super) caller: &'a Caller,
    pub(super) info: Option<&'a QueueInfo>,
    /// Whether a check is answered, by which people enter.
    pub(super) is_check: bool,
}

/// Where somebody stands.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = QueueStatus)]
pub(super) enum Status {
    Queued,
    Active,
    NotInQueue,
}

/// What an answer says of the event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QueueEventInfo)]
struct EventInfo<'a> {
    /// The title.
    title: &'a str,
    /// Who plays; null for nobody in particular, and left out while that is not known.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[expect(
        clippy::option_option,
        reason = "absent, null and a name are three answers"
    )]
    artist: Option<Option<&'a str>>,
}

fn always_queued() -> Object {
    always("queued")
}

fn always_active() -> Object {
    always("active")
}

fn always_not_in_queue() -> Object {
    always("not_in_queue")
}

/// The status of a body by which that body is told from the others.
fn always(status: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some([status]))
        .build()
}

/// A place in the line, inside, or neither: `status` says which.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = QueuePlace)]
pub(super) enum PlaceBody<'a> {
    Waiting(Queued<'a>),
    Inside(Active<'a>),
    Nowhere(Nowhere),
}

/// The body for somebody in the line.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = QueuePlaceWaiting)]
#[expect(clippy::struct_field_names, reason = "the wire has a field `queued`")]
pub(super) struct Queued<'a> {
    /// Always true.
    queued: bool,
    /// Always `queued`.
    #[schema(schema_with = always_queued)]
    status: Status,
    /// The number. It never changes.
    number: u64,
    /// Place among those who wait, from 1.
    position: u64,
    /// How many are called before.
    people_ahead: u64,
    /// How many wait behind.
    people_behind: u64,
    /// How many wait.
    queue_size: u64,
    /// Seconds until being called, as far as can be told.
    estimated_wait: Option<u64>,
    /// Seconds that it will take at least.
    estimated_wait_min: Option<u64>,
    /// Seconds that it will take at most.
    estimated_wait_max: Option<u64>,
    /// Seconds after which to ask again.
    next_poll: u64,
    /// How many may be inside at a time.
    threshold: u64,
    /// How many are inside.
    current_users: u64,
    /// Whether nobody is called at the moment.
    paused: bool,
    /// Where the sale stands: `open`; `held`, while nothing is free but may come back;
    /// `sold_out`, `ended`, `cancelled`.
    sale_status: &'static str,
    /// What the organiser has to say, or why nobody enters.
    message: Option<&'a str>,
    /// When the sale opens, if that is to come.
    opens_at: Option<Timestamp>,
    /// Whether one must sign in to be called.
    sign_in_required: bool,
    /// The event.
    event_info: EventInfo<'a>,
    /// Proof of the number, where the shown one is not good any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<String>,
}

/// The body for somebody inside.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = QueuePlaceInside)]
pub(super) struct Active<'a> {
    /// Always false.
    queued: bool,
    /// Always `active`.
    #[schema(schema_with = always_active)]
    status: Status,
    /// How many are inside.
    current_users: u64,
    /// How many may be inside at a time.
    threshold: u64,
    /// Seconds after which to ask again.
    next_poll: u64,
    /// For people.
    message: &'static str,
    /// The number. It never changes.
    number: u64,
    /// The event.
    event_info: EventInfo<'a>,
    /// Shows that one may book in this event.
    entry_token: String,
    /// Proof of the number, where the shown one is not good any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<String>,
}

/// The body for somebody with no place.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = QueuePlaceNone)]
pub(super) struct Nowhere {
    /// Always `not_in_queue`.
    #[schema(schema_with = always_not_in_queue)]
    status: Status,
    /// Always false.
    queued: bool,
    /// How many are inside.
    current_users: u64,
    /// Seconds after which to ask again.
    next_poll: u64,
    /// For people.
    message: &'static str,
}

/// The answer to a sign of life.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QueueHeartbeat)]
pub(super) struct HeartbeatBody {
    /// Where somebody stands.
    status: Status,
    /// Whether that is in the line.
    queued: bool,
}

/// The answer to whoever leaves.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QueueLeft)]
pub(super) struct LeftBody {
    /// What was done, for people.
    message: &'static str,
}

const LEFT: LeftBody = LeftBody {
    message: "Left queue",
};

/// A line as administrators see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Queue)]
pub(super) struct LineBody {
    /// The event.
    event_id: EventId,
    /// How many wait.
    queue_size: u64,
    /// How many are inside.
    current_users: u64,
    /// How many may be inside at a time.
    threshold: u64,
    /// How many more may be let in now.
    available: u64,
    /// The highest number given.
    last_number: u64,
    /// The highest number called.
    serving: u64,
    /// Whether nobody is called at the moment.
    paused: bool,
    /// What those who wait are told meanwhile.
    message: Option<String>,
}

impl Telling<'_> {
    /// The answer to a check or status request.
    pub(super) fn place(&self, place: Place) -> ApiResult<Response> {
        match place {
            Place::Inside { number, slot } => self.inside(number, slot),
            Place::Waiting {
                number,
                ahead,
                behind,
            } => self.waiting(number, ahead, behind),
            Place::Nowhere => Ok(self.nowhere()),
        }
    }

    /// The answer to a heartbeat.
    pub(super) fn heartbeat(&self, place: Place) -> Response {
        let (status, queued) = match place {
            Place::Inside { number, .. } => {
                self.heard_inside(number);
                (Status::Active, false)
            }
            Place::Waiting { number, ahead, .. } => {
                self.note_waiting(number, ahead + 1);
                (Status::Queued, true)
            }
            Place::Nowhere => (Status::NotInQueue, false),
        };
        Json(HeartbeatBody { status, queued }).into_response()
    }

    fn waiting(&self, number: u64, ahead: u64, behind: u64) -> ApiResult<Response> {
        let snapshot = &self.view.snapshot;
        let rules = snapshot.rules.as_ref();
        let told = self.note_waiting(number, ahead + 1);
        let wait = self.wait(number);
        let opens_at = rules.filter(|rules| rules.opens_at > self.view.now_ms);
        let (receipt, cookies) = self.receipt(number)?;
        let sale = rules.map_or(Sale::Open, |rules| rules.sale);
        let message = rules.and_then(|rules| rules.message.as_deref());
        let message = message.or_else(|| sale.message());
        let body = PlaceBody::Waiting(Queued {
            queued: true,
            status: Status::Queued,
            number,
            position: ahead + 1,
            people_ahead: ahead,
            people_behind: behind,
            queue_size: ahead + behind + 1,
            estimated_wait: wait.map(|wait| wait.seconds),
            estimated_wait_min: wait.map(|wait| wait.at_least),
            estimated_wait_max: wait.map(|wait| wait.at_most),
            next_poll: told,
            threshold: rules.map_or(0, |rules| rules.max_active),
            current_users: self.line.inside(&self.view),
            paused: self.view.redis_is_lost || rules.is_none_or(|rules| rules.suspended),
            sale_status: sale.as_str(),
            message,
            opens_at: opens_at.and_then(|rules| Timestamp::from_millisecond(rules.opens_at).ok()),
            sign_in_required: !self.caller.person.account,
            event_info: self.event_info(),
            receipt,
        });
        Ok((AppendHeaders(cookies.into_headers()), Json(body)).into_response())
    }

    fn inside(&self, number: u64, slot: Slot) -> ApiResult<Response> {
        self.heard_inside(number);
        let snapshot = &self.view.snapshot;
        let rules = snapshot.rules.as_ref();
        let (receipt, mut cookies) = self.receipt(number)?;
        let entry_token = self.entry_token(slot, &mut cookies)?;
        if self.is_check || !slot.appeared {
            self.tell_of_admission(&entry_token);
        }
        let body = PlaceBody::Inside(Active {
            queued: false,
            status: Status::Active,
            current_users: self.line.inside(&self.view),
            threshold: rules.map_or(0, |rules| rules.max_active),
            next_poll: IDLE_SECONDS,
            message: "Entry allowed",
            number,
            event_info: self.event_info(),
            entry_token,
            receipt,
        });
        Ok((AppendHeaders(cookies.into_headers()), Json(body)).into_response())
    }

    fn tell_of_admission(&self, entry_token: &str) {
        self.state.messages.tell(|| Admitted {
            event: self.line.event(),
            user: UserId(self.caller.person.id),
            entry_token: entry_token.to_owned(),
            at: self.state.clock.now(),
        });
    }

    fn nowhere(&self) -> Response {
        let mut cookies = Cookies::of(self.state);
        self.clear_receipt(&mut cookies);
        let body = PlaceBody::Nowhere(Nowhere {
            status: Status::NotInQueue,
            queued: false,
            current_users: self.line.inside(&self.view),
            next_poll: IDLE_SECONDS,
            message: "Not in queue",
        });
        (AppendHeaders(cookies.into_headers()), Json(body)).into_response()
    }

    /// The answer to a leave request.
    pub(super) fn left(&self) -> Response {
        let mut cookies = Cookies::of(self.state);
        self.clear_receipt(&mut cookies);
        cookies.clear(COOKIE_ENTRY, "Path=/; SameSite=Strict");
        (AppendHeaders(cookies.into_headers()), Json(LEFT)).into_response()
    }

    /// Remembers the sign of life, by which it also becomes known whose slot it is.
    fn heard_inside(&self, number: u64) {
        if self.caller.person.account {
            self.line
                .heard_inside(number, UserId(self.caller.person.id));
        }
    }

    /// Remembers the sign of life and returns the seconds until the next one is expected.
    fn note_waiting(&self, number: u64, position: u64) -> u64 {
        // After a loss a lower position may be told than there is.
        let position = position.max(self.view.snapshot.waiting.before(number) + 1);
        let wait = self.wait(number).map(|wait| wait.seconds);
        let told = next_poll(position, wait, number);
        // Visitors are never called, so they are not present.
        let presence = if self.caller.person.account {
            presence(told)
        } else {
            Duration::ZERO
        };
        self.line.heard_waiting(number, presence);
        told
    }

    fn wait(&self, number: u64) -> Option<crate::domain::poll::Estimate> {
        let View {
            snapshot,
            now_ms,
            redis_is_lost,
        } = &self.view;
        if *redis_is_lost || !snapshot.is_open(*now_ms) {
            return None;
        }
        estimate(
            snapshot.to_be_called_before(number),
            snapshot.measured_rate()?,
        )
    }

    /// A receipt where the person has none, or a worn one, with the cookies that go with it.
    fn receipt(&self, number: u64) -> ApiResult<(Option<String>, Cookies)> {
        let (state, caller) = (self.state, self.caller);
        let now = state.clock.now();
        let epoch = self.view.snapshot.epoch;
        let mut cookies = Cookies::of(state);
        if caller.is_new_visitor {
            let claims = VisitorClaims {
                sub: caller.person.id,
                iat: now.as_second(),
                exp: now.as_second() + VISITOR_SECONDS,
            };
            let token = sign(&state.tokens.visitor, &claims)?;
            cookies.set(
                COOKIE_VISITOR,
                &token,
                VISITOR_SECONDS,
                "Path=/api; HttpOnly; SameSite=Lax",
            );
        }
        if caller.was.is_some() && caller.has_visitor_cookie {
            cookies.clear(COOKIE_VISITOR, "Path=/api; HttpOnly; SameSite=Lax");
        }
        let is_good = caller.receipt.as_ref().is_some_and(|receipt| {
            receipt.num == number && receipt.epoch == epoch && !is_worn(receipt, now)
        });
        if is_good {
            return Ok((None, cookies));
        }
        let rules = self.view.snapshot.rules.as_ref();
        let absent = rules.map_or(600, |rules| rules.absent_seconds);
        let claims = receipt_claims(self.line.event(), caller.person, number, epoch, now, absent);
        let token = sign(&state.tokens.receipt, &claims)?;
        let life = claims.exp - claims.iat;
        let name = receipt_cookie(self.line.event());
        cookies.set(&name, &token, life, "Path=/api; HttpOnly; SameSite=Lax");
        Ok((Some(token), cookies))
    }

    fn entry_token(&self, slot: Slot, cookies: &mut Cookies) -> ApiResult<String> {
        let rules = self.view.snapshot.rules.as_ref();
        let max_stay_ms = rules.map_or(0, |rules| rules.max_stay_seconds.saturating_mul(1000));
        // Whoever has not appeared yet begins the stay with this answer.
        let since_ms = if slot.appeared {
            slot.since_ms
        } else {
            self.view.now_ms
        };
        let left_ms = since_ms.saturating_add_unsigned(max_stay_ms) - self.view.now_ms;
        let left = u64::try_from(left_ms / 1000).unwrap_or(0);
        let ttl = rules.map_or(self.state.settings.token_ttl_seconds, |rules| {
            rules.token_ttl_seconds
        });
        let user = UserId(self.caller.person.id);
        let now = self.state.clock.now();
        let claims = entry_claims(self.line.event(), user, slot.admission, now, ttl, left);
        let token = sign(&self.state.tokens.entry, &claims)?;
        cookies.set(
            COOKIE_ENTRY,
            &token,
            claims.exp - claims.iat,
            "Path=/; SameSite=Strict",
        );
        Ok(token)
    }

    fn clear_receipt(&self, cookies: &mut Cookies) {
        if self.caller.has_receipt_cookie {
            let name = receipt_cookie(self.line.event());
            cookies.clear(&name, "Path=/api; HttpOnly; SameSite=Lax");
        }
    }

    fn event_info(&self) -> EventInfo<'_> {
        match self.info {
            Some(info) => EventInfo {
                title: &info.title,
                artist: Some(info.artist.as_deref()),
            },
            None => EventInfo {
                title: "Unknown",
                artist: None,
            },
        }
    }
}

/// The answer about a line that cannot be known at all: a leave that had nothing to end.
pub(super) fn left_nothing() -> Response {
    Json(LEFT).into_response()
}

/// The cookies of one answer.
struct Cookies {
    secure: bool,
    values: Vec<String>,
}

impl Cookies {
    fn of(state: &State) -> Self {
        Self {
            secure: state.settings.cookie_secure,
            values: Vec::new(),
        }
    }

    fn set(&mut self, name: &str, value: &str, seconds: i64, attributes: &str) {
        let secure = if self.secure { "; Secure" } else { "" };
        self.values.push(format!(
            "{name}={value}; Max-Age={seconds}; {attributes}{secure}"
        ));
    }

    fn clear(&mut self, name: &str, attributes: &str) {
        self.set(name, "", 0, attributes);
    }

    fn into_headers(self) -> Vec<(http::HeaderName, String)> {
        self.values
            .into_iter()
            .map(|value| (SET_COOKIE, value))
            .collect()
    }
}

fn sign<C: Claims>(key: &TokenKey, claims: &C) -> ApiResult<String> {
    key.sign(claims)
        .map_err(|error: TokenError| ApiError::internal(error))
}

/// The admin's view of a line.
pub(super) fn admin_view(event: EventId, view: &View) -> LineBody {
    let inside = view.snapshot.inside(view.now_ms);
    let rules = view.snapshot.rules.as_ref();
    let threshold = rules.map_or(0, |rules| rules.max_active);
    LineBody {
        event_id: event,
        queue_size: view.snapshot.waiting.total(),
        current_users: inside,
        threshold,
        available: threshold.saturating_sub(inside),
        last_number: view.snapshot.last_number,
        serving: view.snapshot.serving,
        paused: view.redis_is_lost || rules.is_none_or(|rules| rules.suspended),
        message: rules.and_then(|rules| rules.message.clone()),
    }
}
