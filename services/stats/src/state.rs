//! What every handler and job shares.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use sqlx::PgPool;
use urr_kit::{Clock, Runtime, client::InternalClient};

use crate::{
    accounts::Accounts, catalogue::Catalogue, config::Config, domain::days::day_of, events::Events,
    facts::Recorder,
};

/// The parts of a running stats service.
#[derive(Debug)]
pub struct State {
    pub(crate) pool: PgPool,
    pub(crate) accounts: Accounts,
    pub(crate) catalogue: Catalogue,
    pub(crate) events: Events,
    clock: Clock,
    zone: TimeZone,
}

impl State {
    /// Connects the settings with the runtime.
    pub fn new(config: &Config, pool: PgPool, runtime: &Runtime) -> Self {
        let token = config.internal.token();
        let auth = InternalClient::new("auth", &config.auth_service_url, token.clone());
        let ticket = InternalClient::new("ticket", &config.ticket_service_url, token);
        Self {
            pool,
            accounts: Accounts::new(auth),
            catalogue: Catalogue::new(ticket.clone()),
            events: Events::new(ticket, runtime.clock.clone()),
            clock: runtime.clock.clone(),
            zone: config.stats_time_zone.clone(),
        }
    }

    /// What makes facts take effect here.
    pub fn recorder(&self) -> Recorder {
        Recorder::new(self.zone.clone())
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn today(&self) -> Date {
        day_of(self.now(), &self.zone)
    }

    /// The zone's name, as Postgres knows it too.
    pub(crate) fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }
}
