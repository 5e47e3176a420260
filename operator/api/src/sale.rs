//! When a sale opens and closes.

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When the sale opens and closes. Instants, not local times: a sale opens once, and clocks
/// that are put back do not touch it.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = ("self.closesAt > self.opensAt", "sale.closesAt must be after sale.opensAt"),
    validation = (
        "self.closesAt - self.opensAt <= duration('8784h')",
        "a sale lasts at most 366 days"
    ),
)]
#[serde(rename_all = "camelCase")]
pub struct Sale {
    /// Nobody enters before, for instance `2027-03-12T11:00:00Z`. Cannot be moved once the
    /// sale has opened.
    pub opens_at: Timestamp,
    /// Nobody enters from then on; who is inside may finish.
    pub closes_at: Timestamp,
    /// How long before opening people may join the line, in seconds. 0: there is no lobby.
    #[serde(default = "Sale::default_lobby_seconds")]
    #[schemars(range(min = 0, max = 86_400))]
    pub lobby_seconds: u32,
    /// In which order those who wait are called. `Fifo`: as they joined.
    #[serde(default)]
    pub order: Order,
    /// Stops letting people in at once. Who waits keeps the place, who is inside may finish.
    #[serde(default)]
    pub suspended: bool,
    /// What those who wait are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500))]
    pub message: Option<String>,
}

impl Sale {
    const fn default_lobby_seconds() -> u32 {
        1800
    }
}

/// In which order those who wait are called.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// As they joined.
    #[default]
    Fifo,
}
