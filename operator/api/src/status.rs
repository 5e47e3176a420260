//! What the operator says about a sale.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use urr_contract::EventId;

use crate::Service;

/// What the operator sees and does. For people and columns; programs read `conditions`.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TicketingEventStatus {
    /// The generation of the spec that everything here is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where the sale is on its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// What comes next, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_transition: Option<NextTransition>,
    /// The event in the ticket service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<EventId>,
    /// What queue and ticket were told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyStatus>,
    /// What should run for this sale, and what is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<CapacityStatus>,
    /// The waiting room, sampled at most every 30 seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<LineStatus>,
    /// Seats or standing places, sampled at most every 30 seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seats: Option<SeatsStatus>,
    /// What is true of the sale, since when, and why not. Wait for `Ready`.
    #[serde(default)]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// Where a sale is on its way.
#[derive(
    JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Phase {
    /// Nothing is needed yet.
    Planned,
    /// Floors rise.
    Warming,
    /// People join the line, nobody enters.
    Lobby,
    /// People enter.
    Open,
    /// Open, and nothing is left.
    SoldOut,
    /// Nobody enters any more; floors stay.
    Closed,
    /// Floors fall.
    Cooling,
    /// Nothing is needed any more.
    Ended,
}

impl Phase {
    /// Its name in the status.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Planned => "Planned",
            Self::Warming => "Warming",
            Self::Lobby => "Lobby",
            Self::Open => "Open",
            Self::SoldOut => "SoldOut",
            Self::Closed => "Closed",
            Self::Cooling => "Cooling",
            Self::Ended => "Ended",
        }
    }
}

/// What comes next, and when.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NextTransition {
    /// The next phase.
    pub phase: Phase,
    /// When it begins.
    pub at: Timestamp,
    /// Both in one line, for the column.
    pub summary: String,
}

/// What queue and ticket were told.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyStatus {
    /// Generation of the spec that both services hold.
    pub applied_generation: i64,
    /// When it was written, or found to be in force.
    pub applied_at: Timestamp,
    /// People a second who may enter now.
    pub admit_per_second: u32,
    /// Why so many: `Declared`, or `FollowingReady` while less is ready than should be.
    pub reason: String,
}

/// What should run for this sale, and what is ready.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CapacityStatus {
    /// Ready and wanted replicas over all services, for the column.
    pub summary: String,
    /// One entry for each service with a floor in this sale.
    #[serde(default)]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub services: Vec<ServiceCapacity>,
}

/// What should run of one service.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceCapacity {
    /// Which service.
    pub name: Service,
    /// Replicas that this sale asks for when its time has come.
    pub floor: u32,
    /// Replicas that this sale asks for now.
    pub asked: u32,
    /// Replicas that are wanted now: of all sales together, at least the base.
    pub wanted: u32,
    /// Replicas that are ready.
    pub ready: u32,
    /// From when on the floor counts.
    pub from: Timestamp,
    /// How the floor was computed, so that a person can redo the sum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sum: Option<String>,
    /// How long it took from the floor to readiness last time, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_seconds: Option<u32>,
}

/// The waiting room at one time.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LineStatus {
    /// People in line.
    pub waiting: i64,
    /// People inside.
    pub active: i64,
    /// People let in since the line began.
    pub admitted: i64,
    /// When this was read.
    pub sampled_at: Timestamp,
}

/// Seats or standing places at one time.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatsStatus {
    /// How many there are.
    pub total: i64,
    /// Held, not paid.
    pub held: i64,
    /// Sold.
    pub sold: i64,
    /// When this was read.
    pub sampled_at: Timestamp,
    /// Since when everything is sold and nobody waits; absent while that is not so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet_since: Option<Timestamp>,
}
