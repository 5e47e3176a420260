//! Ids as types, so that a seat can never be passed where an event is meant.
//! Alphabetical; only ever added to.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])+ $name:ident;)+) => {$(
        $(#[$doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(transparent))]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new random id (UUID v4).
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )+};
}

ids! {
    /// One stay inside: from being called to purchase, leave or expiry. The `jti` of an entry token.
    AdmissionId;
    /// An artist.
    ArtistId;
    /// A device that scans tickets at the door of one event.
    CheckInDeviceId;
    /// A comment on a community post.
    CommentId;
    /// A show that is sold.
    EventId;
    /// A fact: one message on the bus.
    FactId;
    /// One login and every refresh token that descends from it.
    FamilyId;
    /// A mail to one person about one fact.
    MailId;
    /// A person's membership of one artist.
    MembershipId;
    /// A news article.
    NewsId;
    /// A payment.
    PaymentId;
    /// A community post.
    PostId;
    /// One line of a reservation.
    ReservationItemId;
    /// A reservation: a hold while unpaid, a purchase afterwards.
    ReservationId;
    /// One scan of a ticket at the door.
    ScanId;
    /// One seat of one event.
    SeatId;
    /// A seat layout from which an event's seats are generated.
    SeatLayoutId;
    /// One ticket: a seat or a standing place that was paid for.
    TicketId;
    /// A ticket type (class) of one event.
    TicketTypeId;
    /// A resale listing.
    TransferId;
    /// An account.
    UserId;
    /// One message to one webhook.
    WebhookDeliveryId;
    /// An address that an organiser wants to be told at.
    WebhookId;
}
