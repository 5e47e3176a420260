//! The services whose capacity a sale can ask for.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A service of the platform, by the value of the label `urr.internal/service`.
#[derive(
    JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// The way in.
    Gateway,
    /// Accounts and sessions.
    Auth,
    /// The waiting room.
    Queue,
    /// The worker that lets people in. Its pods lead different events.
    QueueAdmission,
    /// Events, seats, reservations.
    Ticket,
    /// Orders and captures.
    Payment,
    /// Figures for organisers.
    Stats,
    /// News and posts.
    Community,
    /// The web interface.
    Web,
}

impl Service {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 9] = [
        Self::Gateway,
        Self::Auth,
        Self::Queue,
        Self::QueueAdmission,
        Self::Ticket,
        Self::Payment,
        Self::Stats,
        Self::Community,
        Self::Web,
    ];

    /// Its name, as in the label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Auth => "auth",
            Self::Queue => "queue",
            Self::QueueAdmission => "queue-admission",
            Self::Ticket => "ticket",
            Self::Payment => "payment",
            Self::Stats => "stats",
            Self::Community => "community",
            Self::Web => "web",
        }
    }

    /// Whether everybody who waits uses it, so that it must be warm before the lobby.
    pub const fn serves_the_line(self) -> bool {
        matches!(self, Self::Gateway | Self::Queue | Self::Web)
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no service has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownService(String);

impl fmt::Display for UnknownService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no service is called {:?}", self.0)
    }
}

impl std::error::Error for UnknownService {}

impl FromStr for Service {
    type Err = UnknownService;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|service| service.name() == text)
            .ok_or_else(|| UnknownService(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_in_a_label_is_the_name_in_the_resource() {
        for service in Service::ALL {
            let json = serde_json::to_value(service).expect("a word");
            assert_eq!(json, service.name());
            assert_eq!(service.name().parse(), Ok(service));
        }
        assert!("gate".parse::<Service>().is_err());
    }
}
