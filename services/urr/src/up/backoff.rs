//! How long to wait before a crashed process is started again.

use std::time::Duration;

/// Before the first restart.
const FIRST: Duration = Duration::from_millis(200);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(10);
/// After a run of this length the crash counts as the first one again.
const STEADY: Duration = Duration::from_secs(30);

/// Crashes in a row of one process.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    crashes: u32,
}

impl Backoff {
    /// The wait after a run that lasted `ran`.
    pub(crate) fn after(&mut self, ran: Duration) -> Duration {
        if ran >= STEADY {
            self.crashes = 0;
        }
        let wait = FIRST.saturating_mul(1 << self.crashes.min(16));
        self.crashes += 1;
        wait.min(LONGEST)
    }

    /// Crashes without a steady run between.
    pub(crate) fn crashes(&self) -> u32 {
        self.crashes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..40).map(|_| backoff.after(Duration::ZERO)).collect();
        assert_eq!(waits[0], FIRST);
        assert_eq!(waits[1], FIRST * 2);
        assert_eq!(waits[3], FIRST * 8);
        assert_eq!(waits[39], LONGEST);
    }

    #[test]
    fn a_steady_run_forgives() {
        let mut backoff = Backoff::default();
        for _ in 0..5 {
            backoff.after(Duration::ZERO);
        }
        assert_eq!(backoff.after(STEADY), FIRST);
        assert_eq!(backoff.after(Duration::ZERO), FIRST * 2);
    }
}
