//! The seven databases: their names, their variables, their migrations.

use anyhow::Context;
use secrecy::SecretString;
use sqlx::{PgPool, migrate::Migrator};
use urr_kit::{config::parse_secret, database::Database};

/// A database of the platform.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name {
    /// Accounts.
    Auth,
    /// Events, seats, reservations.
    Ticket,
    /// Payments and their ledger.
    Payment,
    /// Counters.
    Stats,
    /// News and posts.
    Community,
    /// Lines.
    Queue,
    /// The embedded bus.
    Bus,
}

impl Name {
    /// All of them.
    pub(crate) const ALL: [Self; 7] = [
        Self::Auth,
        Self::Ticket,
        Self::Payment,
        Self::Stats,
        Self::Community,
        Self::Queue,
        Self::Bus,
    ];

    /// Name of the database inside a cluster of `urr up`.
    pub(crate) const fn database(self) -> &'static str {
        match self {
            Self::Auth => "auth_db",
            Self::Ticket => "ticket_db",
            Self::Payment => "payment_db",
            Self::Stats => "stats_db",
            Self::Community => "community_db",
            Self::Queue => "queue_db",
            Self::Bus => "bus_db",
        }
    }

    /// The variable with its URL.
    pub(crate) const fn variable(self) -> &'static str {
        match self {
            Self::Auth => "AUTH_DB_URL",
            Self::Ticket => "TICKET_DB_URL",
            Self::Payment => "PAYMENT_DB_URL",
            Self::Stats => "STATS_DB_URL",
            Self::Community => "COMMUNITY_DB_URL",
            Self::Queue => "QUEUE_DB_URL",
            Self::Bus => "BUS_DB_URL",
        }
    }

    /// Its schema, step by step.
    pub(crate) fn migrations(self) -> &'static Migrator {
        match self {
            Self::Auth => &urr_auth::MIGRATIONS,
            Self::Ticket => &urr_ticket::MIGRATIONS,
            Self::Payment => &urr_payment::MIGRATIONS,
            Self::Stats => &urr_stats::MIGRATIONS,
            Self::Community => &urr_community::MIGRATIONS,
            Self::Queue => &urr_queue::MIGRATIONS,
            Self::Bus => &urr_kit::bus::embedded::MIGRATIONS,
        }
    }
}

/// Declares the options and variables of one database, all optional.
macro_rules! place {
    ($name:ident, $option:literal, $variable:literal) => {
        #[derive(clap::Args, Clone, Debug)]
        struct $name {
            #[arg(id = concat!($option, "-url"), long = concat!($option, "-url"),
                  env = concat!($variable, "_URL"), hide_env_values = true,
                  help = concat!("Where ", stringify!($name), " is, as `postgres://…` or `jdbc:postgresql://…`"))]
            url: Option<String>,
            #[arg(id = concat!($option, "-username"), long = concat!($option, "-username"),
                  env = concat!($variable, "_USERNAME"), hide_env_values = true,
                  help = "User name, where the URL has none")]
            username: Option<String>,
            #[arg(id = concat!($option, "-password"), long = concat!($option, "-password"),
                  env = concat!($variable, "_PASSWORD"), hide_env_values = true, value_parser = parse_secret,
                  help = "Password, where the URL has none. `@/path` reads it from a file")]
            password: Option<SecretString>,
        }

        impl $name {
            fn place(&self) -> Option<Place<'_>> {
                Some(Place {
                    url: self.url.as_deref().filter(|url| !url.is_empty())?,
                    username: self.username.as_deref(),
                    password: self.password.as_ref(),
                })
            }
        }
    };
}

place!(Auth, "auth-db", "AUTH_DB");
place!(Ticket, "ticket-db", "TICKET_DB");
place!(Payment, "payment-db", "PAYMENT_DB");
place!(Stats, "stats-db", "STATS_DB");
place!(Community, "community-db", "COMMUNITY_DB");
place!(Queue, "queue-db", "QUEUE_DB");
place!(Bus, "bus-db", "BUS_DB");

/// Where a database is.
struct Place<'a> {
    url: &'a str,
    username: Option<&'a str>,
    password: Option<&'a SecretString>,
}

/// Where the databases are, for commands that work on several.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Databases")]
pub(crate) struct Databases {
    #[command(flatten)]
    auth: Auth,
    #[command(flatten)]
    ticket: Ticket,
    #[command(flatten)]
    payment: Payment,
    #[command(flatten)]
    stats: Stats,
    #[command(flatten)]
    community: Community,
    #[command(flatten)]
    queue: Queue,
    #[command(flatten)]
    bus: Bus,
}

impl Databases {
    /// Whether it was said where that database is.
    pub(crate) fn has(&self, name: Name) -> bool {
        self.place(name).is_some()
    }

    /// Connections to that database, made when first used.
    pub(crate) fn pool(&self, name: Name) -> anyhow::Result<PgPool> {
        let place = self
            .place(name)
            .with_context(|| format!("{} is not set", name.variable()))?;
        let database = Database::new(place.url, place.username, place.password, 2)
            .with_context(|| name.variable().to_owned())?;
        Ok(database.lazy_pool())
    }

    fn place(&self, name: Name) -> Option<Place<'_>> {
        match name {
            Name::Auth => self.auth.place(),
            Name::Ticket => self.ticket.place(),
            Name::Payment => self.payment.place(),
            Name::Stats => self.stats.place(),
            Name::Community => self.community.place(),
            Name::Queue => self.queue.place(),
            Name::Bus => self.bus.place(),
        }
    }
}
