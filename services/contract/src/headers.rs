//! Names of the headers and cookies that parts exchange. All lower case, as `http` wants them.

/// Identity of the signed-in person, set by the gateway alone.
pub const USER_ID: &str = "x-user-id";
/// E-mail of the signed-in person.
pub const USER_EMAIL: &str = "x-user-email";
/// Role of the signed-in person: `user` or `admin`.
pub const USER_ROLE: &str = "x-user-role";
/// The gateway's shared secret. Without it `x-user-*` and `x-entry-*` are not believed.
pub const GATEWAY_TOKEN: &str = "x-gateway-token";
/// Event that the verified entry token opens.
pub const ENTRY_EVENT: &str = "x-entry-event";
/// Person that the verified entry token was issued to.
pub const ENTRY_USER: &str = "x-entry-user";
/// Admission (`jti`) of the verified entry token.
pub const ENTRY_ADMISSION: &str = "x-entry-admission";
/// Address of the client as the gateway determined it.
pub const CLIENT_ADDRESS: &str = "x-client-address";

/// Entry token, from the client.
pub const QUEUE_ENTRY_TOKEN: &str = "x-queue-entry-token";
/// Receipt of a place in line, from a client that keeps no cookies.
pub const QUEUE_RECEIPT: &str = "x-queue-receipt";
/// Token of a device that scans tickets at the door.
pub const CHECK_IN_TOKEN: &str = "x-check-in-token";
/// The edge's proof that it has checked the entry token already.
pub const CLOUDFRONT_VERIFIED: &str = "x-cloudfront-verified";
/// Internal token in the form that only auth accepts beside `Authorization`.
pub const INTERNAL_TOKEN: &str = "x-internal-token";

/// Cookie with the access token.
pub const COOKIE_ACCESS: &str = "access_token";
/// Cookie with the refresh token.
pub const COOKIE_REFRESH: &str = "refresh_token";
/// Cookie with the entry token; readable by script because the web client replaces it.
pub const COOKIE_ENTRY: &str = "tiketi-entry-token";
/// Cookie that names a visitor who has not signed in.
pub const COOKIE_VISITOR: &str = "urr-visitor";
/// Prefix of the receipt cookie; the event id follows.
pub const COOKIE_RECEIPT_PREFIX: &str = "urr-receipt-";

/// Kafka header with the fact's unique id.
pub const FACT_ID: &str = "fact-id";
