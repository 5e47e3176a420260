//! The time, as a value that can be handed in.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use parking_lot::RwLock;

/// Where a service reads the time: the system's clock, or one that a test moves by hand.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<RwLock<Timestamp>>>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands at `now` until it is moved.
    pub fn manual(now: Timestamp) -> Self {
        Self(Some(Arc::new(RwLock::new(now))))
    }

    /// The time.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the system's clock is read"
    )]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Some(hand) => *hand.read(),
            None => Timestamp::now(),
        }
    }

    /// Moves a manual clock to `now`. A system clock stays as it is.
    pub fn set(&self, now: Timestamp) {
        if let Some(hand) = &self.0 {
            *hand.write() = now;
        }
    }

    /// Moves a manual clock by `duration`. A system clock stays as it is.
    pub fn advance(&self, duration: SignedDuration) {
        if let Some(hand) = &self.0 {
            let mut now = hand.write();
            *now += duration;
        }
    }
}
