//! What a sale asks of topics, and what becomes of its rows.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the sale asks of topics, and what happens to its rows when the resource is deleted.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Data {
    /// What happens in the ticket service when this resource is deleted. `Retain`: the rows
    /// stay, nobody loses a place, and the admin console has the event again. `Delete`: nobody
    /// enters any more, and the event is removed once nobody is inside and no payment is
    /// unsettled; the books and the facts stay. Databases and topics are never touched.
    /// `Delete` can be chosen only before the sale warms up or after it has ended. `Retain`
    /// does not outlive the databases: who deletes the namespace deletes them.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// Least partitions and retention of topics. They are shared by all sales and only grow.
    #[serde(default)]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    #[schemars(length(max = 4))]
    pub topics: Vec<Topic>,
}

/// What happens to an event's rows when its resource is deleted.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeletionPolicy {
    /// They stay.
    #[default]
    Retain,
    /// They are removed once no payment is unsettled.
    Delete,
}

/// What a sale asks of one topic.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Topic {
    /// Which topic.
    pub name: TopicName,
    /// Least partitions. Can only be raised.
    #[schemars(range(min = 1, max = 96))]
    #[x_kube(validation = ("self >= oldSelf", "partitions of a topic can only be raised"))]
    pub partitions: i32,
    /// Least time that messages stay, in hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 8784))]
    pub retention_hours: Option<u32>,
}

/// A topic of the bus.
#[derive(
    JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum TopicName {
    /// Memberships.
    MembershipEvents,
    /// Money that moved.
    PaymentEvents,
    /// Life of reservations.
    ReservationEvents,
    /// Resales.
    TransferEvents,
}

impl TopicName {
    /// The topic on the bus.
    pub const fn topic(self) -> urr_contract::topics::Topic {
        use urr_contract::topics::Topic;
        match self {
            Self::MembershipEvents => Topic::Membership,
            Self::PaymentEvents => Topic::Payment,
            Self::ReservationEvents => Topic::Reservation,
            Self::TransferEvents => Topic::Transfer,
        }
    }
}
