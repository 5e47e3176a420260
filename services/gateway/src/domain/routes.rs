//! Where a path goes. Everything outside `/api` is the gateway's own or nobody's;
//! `/internal` in particular is never routed.

use http::Method;

/// Where the page is that shows the document.
pub const DOCUMENTATION: &str = "/api/docs";

/// A service behind the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// Accounts and sessions.
    Auth,
    /// Events, seats, reservations and all that belongs to them.
    Ticket,
    /// Payments.
    Payment,
    /// Statistics.
    Stats,
    /// The waiting room.
    Queue,
    /// News, posts and comments.
    Community,
}

impl Service {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 6] = [
        Self::Auth,
        Self::Ticket,
        Self::Payment,
        Self::Stats,
        Self::Queue,
        Self::Community,
    ];

    /// Its name in logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Ticket => "ticket",
            Self::Payment => "payment",
            Self::Stats => "stats",
            Self::Queue => "queue",
            Self::Community => "community",
        }
    }
}

/// One line of the routing table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The pattern, as a label of metrics.
    pub pattern: &'static str,
    /// Who answers.
    pub service: Service,
}

/// The route of a normalised path without version: the table of the wire contract. A pattern
/// `X/**` also matches `X` itself.
pub fn route(path: &str) -> Option<Route> {
    let rest = path.strip_prefix("/api/")?;
    let mut segments = rest.split('/');
    let resource = segments.next().unwrap_or(rest);
    let (pattern, service) = match resource {
        "auth" => ("/api/auth/**", Service::Auth),
        "payments" => ("/api/payments/**", Service::Payment),
        "stats" => ("/api/stats/**", Service::Stats),
        "events" => ("/api/events/**", Service::Ticket),
        "tickets" => ("/api/tickets/**", Service::Ticket),
        "seats" => ("/api/seats/**", Service::Ticket),
        "reservations" => ("/api/reservations/**", Service::Ticket),
        "queue" => ("/api/queue/**", Service::Queue),
        "check-ins" => ("/api/check-ins/**", Service::Ticket),
        "admin" => match segments.next() {
            Some("mails") => ("/api/admin/mails/**", Service::Community),
            Some("users") => ("/api/admin/users/**", Service::Auth),
            Some("webhooks") => ("/api/admin/webhooks/**", Service::Community),
            _ => ("/api/admin/**", Service::Ticket),
        },
        "community" => ("/api/community/**", Service::Community),
        "news" => ("/api/news/**", Service::Community),
        "artists" => ("/api/artists/**", Service::Ticket),
        "memberships" => ("/api/memberships/**", Service::Ticket),
        "transfers" => ("/api/transfers/**", Service::Ticket),
        "image" => ("/api/image/**", Service::Ticket),
        "images" => ("/api/images/**", Service::Ticket),
        "time" => ("/api/time/**", Service::Ticket),
        _ => return None,
    };
    Some(Route { pattern, service })
}

/// Whether the gateway itself answers this path.
pub fn is_own_page(path: &str) -> bool {
    matches!(path, "/health" | "/livez" | "/readyz") || is_actuator(path)
}

/// Whether the gateway itself answers this path without version, as a part of the API: the
/// document and the page that shows it.
pub fn is_documentation(path: &str) -> bool {
    path == "/api/openapi.json" || below(path, DOCUMENTATION)
}

/// Whether this is one of the operations endpoints that may live on a port of their own.
pub fn is_actuator(path: &str) -> bool {
    below(path, "/actuator")
}

/// Whether the request needs an entry token: it changes seats or reservations. Cancelling
/// does not, because people cancel long after they have left the waiting room.
pub fn needs_entry(method: &Method, path: &str) -> bool {
    let changes = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
    changes
        && (below(path, "/api/seats") || below(path, "/api/reservations"))
        && !is_cancellation(path)
}

/// `/api/reservations/<one segment>/cancel`.
pub fn is_cancellation(path: &str) -> bool {
    path.strip_prefix("/api/reservations/")
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(id, action)| !id.is_empty() && action == "cancel")
}

/// Whether `path` is `base` or lies under it.
pub fn below(path: &str, base: &str) -> bool {
    path.strip_prefix(base)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_patterns_of_the_table_are_routed() {
        for (path, service) in [
            ("/api/auth/login", Service::Auth),
            ("/api/payments", Service::Payment),
            ("/api/stats/overview", Service::Stats),
            ("/api/events/1/x", Service::Ticket),
            ("/api/tickets/1", Service::Ticket),
            ("/api/seats/reserve", Service::Ticket),
            ("/api/reservations", Service::Ticket),
            ("/api/queue/check/1", Service::Queue),
            ("/api/check-ins/merge", Service::Ticket),
            ("/api/admin/dashboard", Service::Ticket),
            ("/api/admin/users/1", Service::Auth),
            ("/api/admin/usersx", Service::Ticket),
            ("/api/admin/mails", Service::Community),
            ("/api/admin/webhooks", Service::Community),
            ("/api/admin/webhooks/1/deliveries", Service::Community),
            ("/api/admin/webhooksx", Service::Ticket),
            ("/api/admin", Service::Ticket),
            ("/api/community/posts", Service::Community),
            ("/api/news", Service::Community),
            ("/api/artists", Service::Ticket),
            ("/api/memberships/my", Service::Ticket),
            ("/api/transfers", Service::Ticket),
            ("/api/image/upload", Service::Ticket),
            ("/api/images/files/1.png", Service::Ticket),
            ("/api/time", Service::Ticket),
        ] {
            assert_eq!(
                route(path).map(|route| route.service),
                Some(service),
                "{path}"
            );
        }
        for path in [
            "/",
            "/api",
            "/api/",
            "/api/v1",
            "/api/nope",
            "/api/seatsx",
            "/API/seats",
            "/internal/reservations/1/confirm",
            "/api/internal/x",
            "/seats/reserve",
        ] {
            assert_eq!(route(path), None, "{path}");
        }
    }

    #[test]
    fn changes_of_seats_and_reservations_need_entry_except_cancelling() {
        for (method, path, needed) in [
            (Method::POST, "/api/seats/reserve", true),
            (Method::PUT, "/api/seats/reserve", true),
            (Method::PATCH, "/api/seats/1", true),
            (Method::POST, "/api/reservations", true),
            (Method::POST, "/api/reservations/1/other", true),
            (Method::POST, "/api/reservations/1/cancel", false),
            (Method::POST, "/api/reservations/1/2/cancel", true),
            (Method::POST, "/api/reservations/cancel", true),
            (Method::POST, "/api/reservations/1/cancel/x", true),
            (Method::GET, "/api/seats/reserve", false),
            (Method::DELETE, "/api/reservations/1", false),
            (Method::OPTIONS, "/api/seats/reserve", false),
            (Method::POST, "/api/events", false),
        ] {
            assert_eq!(needs_entry(&method, path), needed, "{method} {path}");
        }
    }

    #[test]
    fn own_pages_are_recognised() {
        for path in [
            "/health",
            "/livez",
            "/readyz",
            "/actuator",
            "/actuator/info",
        ] {
            assert!(is_own_page(path), "{path}");
        }
        for path in ["/healthy", "/actuators", "/api/health", "/"] {
            assert!(!is_own_page(path), "{path}");
        }
    }
}
