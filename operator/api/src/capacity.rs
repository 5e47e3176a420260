//! What must be running before a sale.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Service;

/// What must be running before the sale. Floors only ever raise what runs anyway; several
/// sales at one time add up.
// Not `KubeSchema`, which does not know of defaults for a whole struct.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Capacity {
    /// How many people are expected in the waiting room. From this and from what one replica
    /// was measured to serve follows a floor for every service; the sum is shown in
    /// `status.capacity.services`. Without it only `floors` count.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub expected_users: Option<u32>,
    /// Added to what was computed, in percent.
    #[schemars(range(min = 0, max = 300))]
    pub headroom_percent: u32,
    /// How long before they are needed floors take effect, in seconds: before the lobby for
    /// gateway, queue and web, before opening for the rest.
    #[schemars(range(min = 0, max = 86_400))]
    pub prescale_seconds: u32,
    /// How long floors stay after closing, or after everything is sold and nobody waits, in
    /// seconds. Then they fall by at most half every two minutes.
    #[schemars(range(min = 0, max = 86_400))]
    pub cooldown_seconds: u32,
    /// What happens when less is ready at opening than should be. `FollowReady`: people enter
    /// more slowly, in proportion to what is ready. `Fixed`: the rate stays as declared.
    pub admission: AdmissionMode,
    /// Floors by hand, one for each service. They replace what is computed.
    #[schemars(
        length(max = 9),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["service"])
    )]
    pub floors: Vec<Floor>,
}

impl Default for Capacity {
    fn default() -> Self {
        Self {
            expected_users: None,
            headroom_percent: 20,
            prescale_seconds: 900,
            cooldown_seconds: 900,
            admission: AdmissionMode::default(),
            floors: Vec::new(),
        }
    }
}

/// What happens when less is ready at opening than should be.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdmissionMode {
    /// People enter more slowly, in proportion to what is ready.
    #[default]
    FollowReady,
    /// The rate stays as declared.
    Fixed,
}

/// Least replicas of one service during the sale.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Floor {
    /// Which service.
    pub service: Service,
    /// How many replicas.
    #[schemars(range(min = 1, max = 1000))]
    pub replicas: u32,
}
