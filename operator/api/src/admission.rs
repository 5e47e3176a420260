//! Who gets in from the waiting room.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who gets in from the waiting room, how fast, and for how long.
// Not `KubeSchema`, which does not know of defaults for a whole struct.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "self.admitPerSecond <= self.maxActive",
        "message": "admission.admitPerSecond must not be more than admission.maxActive",
    },
    {
        "rule": "self.maxStaySeconds >= self.activeSeconds",
        "message": "admission.maxStaySeconds must not be less than admission.activeSeconds",
    },
]))]
#[serde(rename_all = "camelCase", default)]
pub struct Admission {
    /// Most people inside at a time.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_active: u32,
    /// People who enter in a second.
    #[schemars(range(min = 1, max = 100_000))]
    pub admit_per_second: u32,
    /// Stay inside since the last sign of life, in seconds.
    #[schemars(range(min = 60, max = 3600))]
    pub active_seconds: u32,
    /// Without a sign of life for so long, a person loses the place in line, in seconds.
    #[schemars(range(min = 120, max = 3600))]
    pub absent_seconds: u32,
    /// Time to appear after being called, in seconds.
    #[schemars(range(min = 15, max = 600))]
    pub claim_seconds: u32,
    /// Longest stay inside whatever happens, in seconds.
    #[schemars(range(min = 60, max = 86_400))]
    pub max_stay_seconds: u32,
}

impl Default for Admission {
    fn default() -> Self {
        Self {
            max_active: 1000,
            admit_per_second: 100,
            active_seconds: 600,
            absent_seconds: 600,
            claim_seconds: 60,
            max_stay_seconds: 1800,
        }
    }
}
