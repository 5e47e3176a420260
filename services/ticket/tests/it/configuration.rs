//! Settings: names, defaults and what follows from them.

use std::time::Duration;

use crate::app::config;

#[test]
fn a_seat_lock_lives_a_little_longer_than_its_hold() {
    let terms = config(&[]).terms();
    assert_eq!(
        (terms.hold_seconds, terms.paying_seconds, terms.lock_seconds),
        (300, 600, 315)
    );
    assert_eq!(terms.lock_life(), Duration::from_secs(315));
    assert_eq!(terms.paying_lock_life(), Duration::from_secs(615));
    let terms = config(&["--seat-hold-seconds", "60"]).terms();
    assert_eq!(terms.lock_seconds, 75);
    let terms = config(&["--seat-lock-ttl-seconds", "400"]).terms();
    assert_eq!(terms.lock_seconds, 400);
}

#[test]
fn jobs_run_as_often_as_the_settings_say() {
    let intervals = config(&[]).intervals();
    assert_eq!(intervals.expiry, Duration::from_secs(1));
    assert_eq!(intervals.event_status, Duration::from_mins(1));
    let intervals = config(&["--reservation-cleanup-interval-ms", "250"]).intervals();
    assert_eq!(intervals.expiry, Duration::from_millis(250));
}
