//! Waiting for conditions.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::bail;
use jiff::{SignedDuration, Timestamp};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// Longest wait of [`eventually`]. What holds is seen at once; this only bounds how long a
/// broken test hangs.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// Looks until `look` finds something, and returns it. An error of `look` counts as not yet,
/// and is told when the patience ends.
pub fn eventually<T>(
    what: &str,
    look: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    eventually_within(PATIENCE, what, look)
}

/// The same with another patience, for what takes minutes.
pub fn eventually_within<T>(
    patience: Duration,
    what: &str,
    mut look: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let end = Instant::now() + patience;
    loop {
        let seen = look();
        if let Ok(Some(found)) = seen {
            return Ok(found);
        }
        if Instant::now() >= end {
            match seen {
                Err(error) => return Err(error.context(format!("waited in vain for: {what}"))),
                Ok(_) => bail!("waited in vain for: {what}"),
            }
        }
        thread::sleep(PAUSE);
    }
}

/// The time of this machine, which is that of everything the tests look at.
#[expect(
    clippy::disallowed_methods,
    reason = "what real programs do is compared with the clock that they have"
)]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// So many whole seconds from now, at a whole second.
pub fn in_seconds(seconds: i64) -> Timestamp {
    let now = now();
    let whole = now - SignedDuration::from_nanos(now.subsec_nanosecond().into());
    whole + SignedDuration::from_secs(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_returned_and_errors_are_not_yet() {
        let mut looks = 0;
        let found = eventually("the third look", || {
            looks += 1;
            match looks {
                1 => bail!("not there"),
                2 => Ok(None),
                _ => Ok(Some(looks)),
            }
        });
        assert_eq!(found.unwrap(), 3);
    }

    #[test]
    fn the_last_error_is_told() {
        let refused = || -> anyhow::Result<Option<()>> { bail!("connection refused") };
        let error = eventually_within(Duration::ZERO, "an answer", refused).unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "waited in vain for: an answer: connection refused"
        );
    }
}
