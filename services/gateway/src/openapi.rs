//! The frame of the OpenAPI document: what it says of the API as a whole, and what the
//! gateway may answer in place of any service.

use jiff::Timestamp;
use urr_contract::headers::{CHECK_IN_TOKEN, COOKIE_ACCESS, COOKIE_ENTRY, QUEUE_ENTRY_TOKEN};
use urr_kit::openapi::{
    BEARER, DEVICE, ENTRY, ENTRY_COOKIE, Everywhere, Refusal as RefusalBody, SESSION_COOKIE,
};
use utoipa::{
    OpenApi,
    openapi::{
        Components,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::{domain::path::PathError, http::refusal::Refusal};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "URR",
        version = "1",
        description = include_str!("openapi.txt"),
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers(
        (url = "/api/v1", description = "The form to write."),
        (url = "/api", description = "The same without version, as existing clients write it."),
    ),
    components(schemas(RefusalBody)),
    tags(
        (name = "Accounts", description = "Who somebody is: registration, sessions, the account."),
        (name = "Events", description = "What is sold, and what is left of it."),
        (name = "Waiting room", description = "A fair line in front of each event."),
        (name = "Seats", description = "Seat maps, and holds of seats."),
        (name = "Reservations", description = "Holds of standing places, and what somebody has."),
        (name = "Tickets", description = "What somebody comes in with."),
        (name = "Door", description = "Letting each ticket in once."),
        (name = "Payments", description = "Orders, captures, refunds."),
        (name = "Artists", description = "Who plays."),
        (name = "Memberships", description = "Tiers by points, and what they are worth."),
        (name = "Transfers", description = "Tickets that people sell on, at face value plus a fee."),
        (name = "News", description = "Written by administrators, read by everybody."),
        (name = "Community", description = "Boards of artists: posts and comments by fans."),
        (name = "Administration", description = "Planning, changing and calling off. Every act is written down."),
        (name = "Notices", description = "Mails to fans and webhooks of organisers: what went out, and what became of it."),
        (name = "Statistics", description = "Figures for organisers, counted from facts."),
        (name = "Documentation", description = "This document."),
    )
)]
struct Frame;

/// The document before any service has added to it.
pub fn frame() -> utoipa::openapi::OpenApi {
    let mut frame = Frame::openapi();
    let components = frame.components.get_or_insert_with(Components::new);
    for (name, scheme) in schemes() {
        components.add_security_scheme(name, scheme);
    }
    frame.merge(crate::http::documentation::openapi());
    frame
}

fn schemes() -> [(&'static str, SecurityScheme); 5] {
    let key = |name: &str, description: &str| ApiKeyValue::with_description(name, description);
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("The access token of a sign-in."))
        .build();
    [
        (BEARER, SecurityScheme::Http(bearer)),
        (
            SESSION_COOKIE,
            SecurityScheme::ApiKey(ApiKey::Cookie(key(
                COOKIE_ACCESS,
                "The same token, in the cookie that a sign-in sets.",
            ))),
        ),
        (
            ENTRY,
            SecurityScheme::ApiKey(ApiKey::Header(key(
                QUEUE_ENTRY_TOKEN,
                "The entry token of an event, from the waiting room.",
            ))),
        ),
        (
            ENTRY_COOKIE,
            SecurityScheme::ApiKey(ApiKey::Cookie(key(
                COOKIE_ENTRY,
                "The same token, in the cookie that the waiting room sets.",
            ))),
        ),
        (
            DEVICE,
            SecurityScheme::ApiKey(ApiKey::Header(key(
                CHECK_IN_TOKEN,
                "The token of a device that scans tickets at a door.",
            ))),
        ),
    ]
}

/// What the gateway may answer in place of a service, whatever is asked.
pub fn everywhere() -> Vec<Everywhere> {
    let nowhere = Refusal::NoRoute {
        path: String::new(),
        at: Timestamp::UNIX_EPOCH,
    };
    [
        Refusal::Origin,
        Refusal::Path(PathError::Ambiguous),
        Refusal::Path(PathError::TooLong),
        nowhere,
        Refusal::RateLimit,
        Refusal::RateLimitUnknown,
        Refusal::BodyTooLarge,
        Refusal::BodyBroken,
        Refusal::BodyTooSlow,
        Refusal::Overloaded,
        Refusal::Unreachable,
        Refusal::TooSlow,
    ]
    .iter()
    .map(|refusal| Everywhere {
        status: refusal.status().as_u16(),
        code: refusal.code(),
    })
    .collect()
}
