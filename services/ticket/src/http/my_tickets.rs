//! Tickets, for their owners, with the code that opens the door. Nobody else sees them.

use std::sync::Arc;

use axum::{
    extract::State as Shared,
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use serde::{Deserialize, Serialize};
use urr_contract::{EventId, ReservationId, TicketId};
use urr_kit::{
    ApiError, ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    identity::User,
    openapi::{OpenApiRouter, routes},
    page::{Page, PageQuery, Pagination},
};
use utoipa::{IntoParams, ToSchema};

use crate::{
    State,
    domain::{
        credential::{Credential, Keyring},
        stamp::Stamp,
    },
    door::code,
    refusal,
    store::{
        reservations, tickets,
        tickets::{OwnTicket, Wanted},
    },
};

const DEFAULT_LIMIT: i64 = 20;
const MAX_LIMIT: i64 = 100;
/// Tickets of one reservation, at most: more than anybody can hold.
const ALL: i64 = 10_000;
/// Tickets are listed so long after their event began, in hours.
const LISTED_AFTER: f64 = 24.0;

pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default()
        .routes(routes!(my))
        .routes(routes!(of_reservation))
        .routes(routes!(svg))
        .routes(routes!(png))
}

/// A ticket, as its owner sees it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Ticket)]
struct TicketAnswer {
    /// The ticket.
    id: TicketId,
    /// The reservation.
    reservation_id: ReservationId,
    /// Its number for people.
    reservation_number: String,
    /// The event.
    event: TicketEvent,
    /// Name of the seat, or of the ticket type.
    place: Option<String>,
    /// The section of its seat; null for standing places.
    section: Option<String>,
    /// Number of the standing place among those of its kind in the reservation, from 1.
    unit: i32,
    /// What it is worth.
    state: TicketWord,
    /// When it was used; null while it was not.
    used_at: Option<Stamp>,
    /// Where it was used; null while it was not.
    used_gate: Option<String>,
    /// What the code says; null where the ticket opens no door, or is offered to others.
    qr: Option<String>,
}

/// The event of a ticket.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TicketEvent {
    /// The event.
    id: EventId,
    /// The title.
    title: String,
    /// Where the event is.
    venue: String,
    /// When the event is.
    event_date: Stamp,
    /// When the doors open; null where that follows from the event.
    doors_open_at: Option<Stamp>,
}

/// What a ticket is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TicketState)]
enum TicketWord {
    Valid,
    Used,
    ForSale,
    Cancelled,
    Refunded,
}

impl TicketWord {
    fn of(ticket: &OwnTicket) -> Self {
        match ticket {
            OwnTicket {
                void: true,
                refunded: true,
                ..
            } => Self::Refunded,
            OwnTicket { void: true, .. } => Self::Cancelled,
            OwnTicket {
                used_at: Some(_), ..
            } => Self::Used,
            OwnTicket { for_sale: true, .. } => Self::ForSale,
            _ => Self::Valid,
        }
    }
}

/// The text of a ticket's code. That of one for sale is not shown: whoever saw it could come in
/// before its buyer.
fn qr(keyring: &Keyring, ticket: &OwnTicket) -> ApiResult<String> {
    match TicketWord::of(ticket) {
        TicketWord::Valid | TicketWord::Used => Ok(keyring.sign(&Credential {
            event: ticket.event,
            ticket: ticket.id,
            rotation: ticket.rotation.unsigned_abs(),
        })),
        TicketWord::ForSale => Err(refusal::no_code("Ticket is for sale")),
        TicketWord::Cancelled | TicketWord::Refunded => {
            Err(refusal::no_code("Ticket was cancelled"))
        }
    }
}

fn shown(keyring: &Keyring, ticket: OwnTicket) -> TicketAnswer {
    TicketAnswer {
        qr: qr(keyring, &ticket).ok(),
        state: TicketWord::of(&ticket),
        id: ticket.id,
        reservation_id: ticket.reservation,
        reservation_number: ticket.reservation_number,
        event: TicketEvent {
            id: ticket.event,
            title: ticket.event_title,
            venue: ticket.venue,
            event_date: ticket.event_date,
            doors_open_at: ticket.doors_open_at,
        },
        place: ticket.place,
        section: ticket.section,
        unit: ticket.unit,
        used_at: ticket.used_at,
        used_gate: ticket.used_gate,
    }
}

fn all_shown(state: &State, tickets: Vec<OwnTicket>) -> Vec<TicketAnswer> {
    tickets
        .into_iter()
        .map(|ticket| shown(&state.keyring, ticket))
        .collect()
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct MyQuery {
    /// Page, from 1. What is out of range is pulled into it.
    page: Option<i64>,
    /// Rows a page, 20 where not said, 100 at most.
    limit: Option<i64>,
}

/// One's tickets.
#[derive(Serialize, ToSchema)]
#[schema(as = MyTickets)]
struct MyAnswer {
    /// The tickets.
    tickets: Vec<TicketAnswer>,
    /// Which part of all this is.
    pagination: Pagination,
}

/// An answer that nothing on its way may keep: a code is as good as its ticket.
type Unkept<T> = ([(http::HeaderName, HeaderValue); 1], T);

fn unkept<T>(answer: T) -> Unkept<T> {
    let no_store = HeaderValue::from_static("private, no-store");
    ([(CACHE_CONTROL, no_store)], answer)
}

/// One's own tickets for shows to come, with the codes that open the door.
#[utoipa::path(
    get,
    path = "/api/tickets/my",
    operation_id = "listMyTickets",
    tag = "Tickets",
    params(MyQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The tickets.", body = MyAnswer),
    )
)]
async fn my(
    user: User,
    Shared(state): Shared<Arc<State>>,
    AppQuery(MyQuery { page, limit }): AppQuery<MyQuery>,
) -> ApiResult<Unkept<AppJson<MyAnswer>>> {
    let page = Page::new(PageQuery { page, limit }, DEFAULT_LIMIT, MAX_LIMIT);
    let wanted = Wanted::Coming {
        hours: LISTED_AFTER,
    };
    let (tickets, total) =
        tickets::of_person(&state.pool, user.id, wanted, page.limit(), page.offset()).await?;
    Ok(unkept(AppJson(MyAnswer {
        tickets: all_shown(&state, tickets),
        pagination: page.of(total),
    })))
}

/// The tickets of a reservation.
#[derive(Serialize, ToSchema)]
#[schema(as = TicketsOfReservation)]
struct ReservationAnswer {
    /// The tickets.
    tickets: Vec<TicketAnswer>,
}

/// Tickets of a reservation of one's own; none of one that is not paid.
#[utoipa::path(
    get,
    path = "/api/reservations/{reservation}/tickets",
    operation_id = "listTicketsOfReservation",
    tag = "Tickets",
    params(("reservation" = ReservationId, Path)),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The tickets.", body = ReservationAnswer),
        (status = 404, description = "`RESERVATION_NOT_FOUND`: unknown, or somebody else's."),
    )
)]
async fn of_reservation(
    user: User,
    Shared(state): Shared<Arc<State>>,
    AppPath(id): AppPath<ReservationId>,
) -> ApiResult<Unkept<AppJson<ReservationAnswer>>> {
    reservations::read(&state.pool, id)
        .await?
        .filter(|reservation| reservation.row.user == user.id)
        .ok_or_else(refusal::reservation_not_found)?;
    let wanted = Wanted::Of(id);
    let (tickets, _) = tickets::of_person(&state.pool, user.id, wanted, ALL, 0).await?;
    Ok(unkept(AppJson(ReservationAnswer {
        tickets: all_shown(&state, tickets),
    })))
}

type TicketPath = AppPath<(ReservationId, TicketId)>;

/// The code of a ticket as SVG.
#[utoipa::path(
    get,
    path = "/api/reservations/{reservation}/tickets/{ticket}/qr.svg",
    operation_id = "getTicketSvg",
    tag = "Tickets",
    params(("reservation" = ReservationId, Path), ("ticket" = TicketId, Path)),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The picture.", body = String, content_type = "image/svg+xml"),
        (status = 404, description = "`TICKET_NOT_FOUND`: unknown, or somebody else's."),
        (status = 409, description = "`TICKET_HAS_NO_CODE`: for sale, or cancelled."),
    )
)]
async fn svg(
    user: User,
    Shared(state): Shared<Arc<State>>,
    path: TicketPath,
) -> ApiResult<Unkept<Response>> {
    let svg = code::svg(&own_qr(&state, &user, path).await?)?;
    Ok(unkept(picture("image/svg+xml", svg)))
}

/// The code of a ticket as PNG.
#[utoipa::path(
    get,
    path = "/api/reservations/{reservation}/tickets/{ticket}/qr.png",
    operation_id = "getTicketPng",
    tag = "Tickets",
    params(("reservation" = ReservationId, Path), ("ticket" = TicketId, Path)),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The picture.", body = Vec<u8>, content_type = "image/png"),
        (status = 404, description = "`TICKET_NOT_FOUND`: unknown, or somebody else's."),
        (status = 409, description = "`TICKET_HAS_NO_CODE`: for sale, or cancelled."),
    )
)]
async fn png(
    user: User,
    Shared(state): Shared<Arc<State>>,
    path: TicketPath,
) -> ApiResult<Unkept<Response>> {
    let png = code::png(&own_qr(&state, &user, path).await?)?;
    Ok(unkept(picture("image/png", png)))
}

fn picture(kind: &'static str, body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

async fn own_qr(
    state: &State,
    user: &User,
    AppPath((reservation, ticket)): TicketPath,
) -> Result<String, ApiError> {
    let wanted = Wanted::One(reservation, ticket);
    let (tickets, _) = tickets::of_person(&state.pool, user.id, wanted, 1, 0).await?;
    let ticket = tickets
        .into_iter()
        .next()
        .ok_or_else(refusal::ticket_not_found)?;
    qr(&state.keyring, &ticket)
}
