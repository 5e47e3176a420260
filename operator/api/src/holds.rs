//! How long seats are held.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long seats are held for somebody.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Holds {
    /// Life of an unpaid hold, in seconds.
    #[schemars(range(min = 60, max = 1800))]
    pub seat_seconds: u32,
    /// Life of a hold from the moment payment begins, in seconds.
    #[schemars(range(min = 60, max = 3600))]
    pub payment_seconds: u32,
}

impl Default for Holds {
    fn default() -> Self {
        Self {
            seat_seconds: 300,
            payment_seconds: 600,
        }
    }
}
