//! What is counted against which limit.

use super::routes::{below, is_cancellation, is_own_page};

/// Length of the window in which requests are counted, in seconds. It is also what a client
/// over its limit is told to wait.
pub const WINDOW_SECONDS: u64 = 60;

/// A group of paths with a limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    /// Signing in and up.
    Auth,
    /// The waiting room.
    Queue,
    /// Holding, reserving, cancelling.
    Booking,
    /// Scanning tickets: many devices behind one address, and people waiting before each.
    Door,
    /// Everything else.
    General,
}

impl Category {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 5] = [
        Self::Auth,
        Self::Queue,
        Self::Booking,
        Self::Door,
        Self::General,
    ];

    /// The category of a normalised path without version, whatever the method.
    pub fn of(path: &str) -> Self {
        if below(path, "/api/auth") {
            Self::Auth
        } else if below(path, "/api/queue") {
            Self::Queue
        } else if is_booking(path) {
            Self::Booking
        } else if below(path, "/api/check-ins") {
            Self::Door
        } else {
            Self::General
        }
    }

    /// Its name in Redis keys and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Queue => "queue",
            Self::Booking => "booking",
            Self::Door => "door",
            Self::General => "general",
        }
    }
}

/// Exactly the three forms that the wire contract names.
fn is_booking(path: &str) -> bool {
    matches!(path, "/api/seats/reserve" | "/api/reservations") || is_cancellation(path)
}

/// Whether requests for this path are not counted at all.
pub fn is_exempt(path: &str) -> bool {
    path == "/api/auth/me" || is_own_page(path)
}

/// Requests a minute, by category.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of [`Category::Auth`].
    pub auth: u32,
    /// Of [`Category::Queue`].
    pub queue: u32,
    /// Of [`Category::Booking`].
    pub booking: u32,
    /// Of [`Category::Door`].
    pub door: u32,
    /// Of [`Category::General`].
    pub general: u32,
}

impl Limits {
    /// The limit of one category.
    pub fn of(&self, category: Category) -> u32 {
        match category {
            Category::Auth => self.auth,
            Category::Queue => self.queue,
            Category::Booking => self.booking,
            Category::Door => self.door,
            Category::General => self.general,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_category() {
        for (path, category) in [
            ("/api/auth", Category::Auth),
            ("/api/auth/login", Category::Auth),
            ("/api/authors", Category::General),
            ("/api/queue", Category::Queue),
            ("/api/queue/check/1", Category::Queue),
            ("/api/seats/reserve", Category::Booking),
            ("/api/seats/reserve/x", Category::General),
            ("/api/seats/events/1", Category::General),
            ("/api/reservations", Category::Booking),
            ("/api/reservations/1", Category::General),
            ("/api/reservations/1/cancel", Category::Booking),
            ("/api/reservations/1/2/cancel", Category::General),
            ("/api/check-ins", Category::Door),
            ("/api/check-ins/merge", Category::Door),
            ("/api/check-insx", Category::General),
            ("/api/events", Category::General),
            ("/nowhere", Category::General),
        ] {
            assert_eq!(Category::of(path), category, "{path}");
        }
    }

    #[test]
    fn only_the_session_check_and_own_pages_are_exempt() {
        for path in ["/api/auth/me", "/health", "/actuator/prometheus"] {
            assert!(is_exempt(path), "{path}");
        }
        for path in ["/api/auth/me/x", "/api/auth/login", "/api/events"] {
            assert!(!is_exempt(path), "{path}");
        }
    }
}
