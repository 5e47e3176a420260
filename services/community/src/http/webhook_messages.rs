//! The description of what webhooks are sent: the other direction of the API.

use utoipa::{IntoParams, OpenApi, openapi::Paths};

use crate::domain::webhook::message::{Body, Data, Ended, HandedOver, Paid, TestData};

/// The messages, by the word in their `type`, with the schemas that they are made of.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    let mut described = Messages::openapi();
    let messages = std::mem::replace(&mut described.paths, Paths::new());
    described.webhooks = Some(messages);
    described
}

#[derive(OpenApi)]
#[openapi(paths(confirmed, cancelled, refunded, transferred, test))]
struct Messages;

/// The headers of a message, as [Standard Webhooks](https://www.standardwebhooks.com) has them.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its description is looked at")]
struct Signed {
    /// Id of the message: one that was seen before is to be passed over.
    #[param(
        rename = "webhook-id",
        example = "msg_0b6e2c3e6b6d4f0b8d3f6a3f1c2d4e5f"
    )]
    id: String,
    /// When this try was made, in seconds since 1970. An old one is to be refused.
    #[param(rename = "webhook-timestamp", example = 1_800_000_000)]
    timestamp: i64,
    /// Signatures over `id.timestamp.body`, parted by spaces: one for each secret that is valid.
    #[param(
        rename = "webhook-signature",
        example = "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="
    )]
    signature: String,
}

macro_rules! message {
    ($(#[$doc:meta])+ $name:ident, $type:literal, $operation:literal, $body:ty) => {
        $(#[$doc])+
        #[utoipa::path(
            post,
            path = $type,
            operation_id = $operation,
            tag = "Notices",
            params(Signed),
            request_body = $body,
            responses((status = "2XX", description = "Heard. Anything else is tried again."))
        )]
        #[expect(dead_code, reason = "only its description is looked at")]
        fn $name() {}
    };
}

message!(
    /// A reservation was paid.
    confirmed, "reservation.confirmed", "hearConfirmed", Body<'_, Data<'_, Paid>>
);
message!(
    /// A paid reservation has ended.
    cancelled, "reservation.cancelled", "hearCancelled", Body<'_, Data<'_, Ended<'_>>>
);
message!(
    /// Money of a reservation went back.
    refunded, "reservation.refunded", "hearRefunded", Body<'_, Data<'_, Paid>>
);
message!(
    /// A ticket changed hands.
    transferred, "reservation.transferred", "hearTransferred", Body<'_, Data<'_, HandedOver>>
);
message!(
    /// Somebody tries the webhook out.
    test, "webhook.test", "hearTest", Body<'_, TestData>
);
