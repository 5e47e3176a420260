//! Counters of what happens to reservations, under the contract's names.

use std::time::Duration;

use prometheus_client::metrics::{counter::Counter, histogram::Histogram};
use urr_kit::Metrics;

use crate::{booking::confirm::Confirmed, door::scanning::Answered};

/// Counters of what happens to reservations.
#[derive(Clone, Debug)]
pub struct BookingMetrics {
    created: Counter,
    create_seconds: Histogram,
    /// Reservations that were sold.
    pub confirmed: Counter,
    /// Reservations that were cancelled.
    pub cancelled: Counter,
    /// Holds that ended by time.
    pub expired: Counter,
    /// Captured orders that could not be honoured.
    pub rejected: Counter,
    /// Tickets that changed hands.
    pub transferred: Counter,
    /// Memberships that were paid.
    pub activated: Counter,
    /// Tickets whose holder came in.
    pub checked_in: Counter,
    /// People who came in who should not have, or not a second time.
    pub check_in_conflicts: Counter,
}

impl BookingMetrics {
    /// Registers them.
    pub fn new(metrics: &Metrics) -> Self {
        let counter = |name, help| metrics.counter(name, help);
        Self {
            created: counter("business_reservation_created", "Holds taken"),
            create_seconds: metrics.histogram(
                "business_reservation_create_duration_seconds",
                "Time to take a hold",
            ),
            confirmed: counter("business_reservation_confirmed", "Reservations sold"),
            cancelled: counter("business_reservation_cancelled", "Reservations cancelled"),
            expired: counter("business_reservation_expired", "Holds ended by time"),
            rejected: counter(
                "business_reservation_rejected",
                "Captured orders that could not be honoured",
            ),
            transferred: counter("business_transfer_completed", "Tickets that changed hands"),
            activated: counter("business_membership_activated", "Memberships paid"),
            checked_in: counter("business_ticket_checked_in", "Tickets whose holder came in"),
            check_in_conflicts: counter(
                "business_ticket_check_in_conflict",
                "People who came in on a bad ticket or on one used before",
            ),
        }
    }

    /// Counts a hold that took so long.
    pub fn created(&self, took: Duration) {
        self.created.inc();
        self.create_seconds.observe(took.as_secs_f64());
    }

    /// Counts what became of scans at the door.
    pub fn scanned(&self, answered: &Answered) {
        let count = |scans: usize| u64::try_from(scans).unwrap_or(u64::MAX);
        self.checked_in.inc_by(count(answered.accepted));
        self.check_in_conflicts.inc_by(count(answered.conflicts));
    }

    /// Counts what became of a captured order.
    pub fn confirmation(&self, confirmed: Confirmed) {
        match confirmed {
            Confirmed::Sold => self.confirmed.inc(),
            Confirmed::Rejected => self.rejected.inc(),
            Confirmed::Before | Confirmed::Unknown => return,
        };
    }
}
