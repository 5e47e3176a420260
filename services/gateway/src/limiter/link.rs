//! Whether Redis can be asked, as far as known, and whether it lately could not.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::domain::window::SubWindow;

/// The state of the way to Redis.
#[derive(Debug)]
pub(super) struct Link {
    up: AtomicBool,
    restored_in: AtomicU64,
}

impl Link {
    /// Up until the contrary is known.
    pub(super) fn new() -> Self {
        Self {
            up: AtomicBool::new(true),
            restored_in: AtomicU64::new(0),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    /// Whether part of the last minute was counted without Redis.
    pub(super) fn was_down(&self, now: SubWindow) -> bool {
        now.oldest_counted().0 <= self.restored_in.load(Ordering::Relaxed)
    }

    /// Notes the loss; returns whether it is news.
    pub(super) fn lost(&self) -> bool {
        self.up.swap(false, Ordering::Relaxed)
    }

    /// Notes that Redis answers; returns whether it is news.
    pub(super) fn restored(&self, now: SubWindow) -> bool {
        if self.is_up() {
            return false;
        }
        self.restored_in.store(now.0, Ordering::Relaxed);
        !self.up.swap(true, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_remembered_for_a_minute_after_it_ends() {
        let link = Link::new();
        assert!(!link.was_down(SubWindow(1_000)));
        assert!(link.lost());
        assert!(!link.lost(), "no news");
        assert!(link.restored(SubWindow(1_000)));
        assert!(!link.restored(SubWindow(1_001)), "no news");
        assert!(link.was_down(SubWindow(1_015)));
        assert!(!link.was_down(SubWindow(1_016)));
    }
}
