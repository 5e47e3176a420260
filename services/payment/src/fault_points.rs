//! Named places between two steps where a test lets this process "die": nothing after the
//! place runs, as after `kill -9`. Never armed outside tests.

use std::collections::HashSet;

use parking_lot::Mutex;

/// A place between two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultPoint {
    /// The order is written down; ticket has not been asked.
    BeforePay,
    /// The order is `confirming`; the provider has not been asked.
    BeforeCapture,
    /// The provider has captured; nothing is written down.
    AfterCapture,
    /// The capture is written down; ticket has not been told.
    AfterRecord,
    /// The provider has given the money back; nothing is written down.
    AfterGivenBack,
}

/// The places that are armed.
#[derive(Debug, Default)]
pub struct FaultPoints(Mutex<HashSet<FaultPoint>>);

/// The process "died" here.
#[derive(Debug, thiserror::Error)]
#[error("interrupted at {0:?}")]
pub(crate) struct Interrupted(FaultPoint);

impl FaultPoints {
    /// The next time it is reached, `point` ends what is being done.
    pub fn arm(&self, point: FaultPoint) {
        self.0.lock().insert(point);
    }

    pub(crate) fn reach(&self, point: FaultPoint) -> Result<(), Interrupted> {
        if self.0.lock().remove(&point) {
            Err(Interrupted(point))
        } else {
            Ok(())
        }
    }
}
