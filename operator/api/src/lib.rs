//! The `TicketingEvent` resource: one sale with a fixed opening, as Kubernetes stores it.
//!
//! Fields, their defaults and every rule that needs nothing but the object itself are here,
//! so that the API server refuses what cannot be meant and `kubectl explain` is the manual.
//! What a sale needs at a given time is `urr-operator-plan`'s to say.

#![expect(
    unreachable_pub,
    reason = "the schema derive makes a public copy of each struct inside a function"
)]

pub mod admission;
pub mod capacity;
pub mod conditions;
pub mod data;
pub mod declared_event;
pub mod holds;
pub mod names;
pub mod sale;
pub mod schema;
pub mod service;
pub mod status;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};
use urr_contract::EventId;

use conditions::{ConditionStatus, ConditionType};

pub use admission::Admission;
pub use capacity::{AdmissionMode, Capacity, Floor};
pub use data::{Data, DeletionPolicy, Topic, TopicName};
pub use declared_event::{DeclaredEvent, TicketType};
pub use holds::Holds;
pub use sale::{Order, Sale};
pub use service::Service;
pub use status::{Phase, TicketingEventStatus};

/// A ticket sale with a fixed opening: when it opens, how fast people enter, and what must
/// be ready before.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "urr.internal",
    version = "v1alpha1",
    kind = "TicketingEvent",
    namespaced,
    doc = "A ticket sale with a fixed opening: when it opens, how fast people enter, and what must be ready before.",
    status = "TicketingEventStatus",
    derive = "PartialEq",
    shortname = "tev",
    shortname = "tevent",
    category = "ticketing",
    selectable = ".spec.eventId",
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    // A string: of a date kubectl prints the age, and `<invalid>` where it is still to come.
    printcolumn(name = "Opens", type_ = "string", json_path = ".spec.sale.opensAt"),
    printcolumn(name = "Next", type_ = "string", json_path = ".status.nextTransition.summary"),
    printcolumn(name = "Capacity", type_ = "string", json_path = ".status.capacity.summary"),
    printcolumn(name = "Waiting", type_ = "integer", json_path = ".status.line.waiting"),
    printcolumn(name = "Active", type_ = "integer", json_path = ".status.line.active"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Closes", type_ = "string", json_path = ".spec.sale.closesAt", priority = "1"),
    printcolumn(name = "Sold", type_ = "integer", json_path = ".status.seats.sold", priority = "1"),
    printcolumn(name = "Admit/s", type_ = "integer", json_path = ".status.policy.admitPerSecond", priority = "1"),
    printcolumn(name = "Policy", type_ = "string", json_path = ".spec.data.deletionPolicy", priority = "1"),
    validation = schema::OPENING_IS_FIXED_ONCE_OPEN,
    validation = schema::DELETE_IS_CHOSEN_OUTSIDE_THE_SALE
)]
#[x_kube(
    validation = ("has(self.eventId) != has(self.event)", "give either eventId or event"),
    validation = (
        "has(self.eventId) == has(oldSelf.eventId) && (!has(self.eventId) || self.eventId == oldSelf.eventId)",
        "eventId cannot be changed"
    ),
    validation = (
        "self.admission.activeSeconds >= self.holds.seatSeconds",
        "holds.seatSeconds must not be longer than admission.activeSeconds: a hold must not outlive the stay inside"
    ),
)]
#[serde(rename_all = "camelCase")]
pub struct TicketingEventSpec {
    /// The event's id in the ticket service. Cannot be changed. Either this or `event`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<EventId>,
    /// The event itself, created once in the ticket service; its id is then in
    /// `status.eventId`. Afterwards the admin console owns the row, and changes here have no
    /// effect. A resource that is deleted and made anew creates another event: to go on with
    /// the same one, declare its id as `eventId` instead. Either this or `eventId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<DeclaredEvent>,
    /// When the sale opens and closes.
    pub sale: Sale,
    /// Who gets in from the waiting room, how fast, and for how long.
    #[serde(default)]
    pub admission: Admission,
    /// How long seats are held for somebody.
    #[serde(default)]
    pub holds: Holds,
    /// What must be running before the sale.
    #[serde(default)]
    pub capacity: Capacity,
    /// What the sale asks of topics, and what happens to its rows when the resource is deleted.
    #[serde(default)]
    pub data: Data,
    /// Stops everything the operator writes for this sale, inside the cluster and outside;
    /// the status stays current. The waiting room goes on by the policy it already has.
    #[serde(default)]
    pub paused: bool,
}

impl TicketingEvent {
    /// The event in the ticket service, as far as it is known.
    pub fn event_id(&self) -> Option<EventId> {
        let created = || self.status.as_ref().and_then(|status| status.event_id);
        self.spec.event_id.or_else(created)
    }

    /// Whether the sale could take place once. Derived from what lasts: a condition tells only
    /// how it is now.
    pub fn was_accepted(&self) -> bool {
        let Some(status) = &self.status else {
            return false;
        };
        let is_accepted = |found: &Condition| {
            found.type_ == ConditionType::Accepted.name()
                && found.status == ConditionStatus::True.name()
        };
        let was_created = self.spec.event_id.is_none() && status.event_id.is_some();
        was_created || status.policy.is_some() || status.conditions.iter().any(is_accepted)
    }
}
