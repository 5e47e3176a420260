//! An event that does not exist in the ticket service yet.

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An event that is created once in the ticket service, with seats of a layout or with
/// ticket types for standing places.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = (
        "has(self.seatLayout) != (has(self.ticketTypes) && size(self.ticketTypes) > 0)",
        "give either event.seatLayout or event.ticketTypes"
    ),
)]
#[serde(rename_all = "camelCase")]
pub struct DeclaredEvent {
    /// What is shown to people as its name.
    #[schemars(length(min = 1, max = 255))]
    pub title: String,
    /// Where it is.
    #[schemars(length(min = 1, max = 255))]
    pub venue: String,
    /// When it begins, for instance `2027-05-01T10:00:00Z`.
    pub starts_at: Timestamp,
    /// Name of the artist, if it is one that people can be members of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub artist: Option<String>,
    /// Name of the layout from which its seats are made. Either this or `ticketTypes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub seat_layout: Option<String>,
    /// Classes of standing places. Either these or `seatLayout`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    #[schemars(length(max = 20))]
    pub ticket_types: Vec<TicketType>,
}

/// A class of standing places.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TicketType {
    /// What it is called.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// Price of one place, in won.
    #[schemars(range(min = 0, max = 100_000_000))]
    pub price: i64,
    /// How many there are.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub total_quantity: i32,
}
