//! A bus of one test's own.

use std::time::Duration;

use urr_kit::{
    Runtime,
    bus::{Bus, embedded},
};

use crate::engines::database;

/// Longer than any test.
const RETENTION: Duration = Duration::from_hours(24);

/// A bus on a database of its own. It works until the test ends.
pub async fn bus() -> Bus {
    let database = database(&embedded::MIGRATIONS, "bus").await;
    Bus::embedded(&Runtime::new("bus"), database.pool, RETENTION)
}
