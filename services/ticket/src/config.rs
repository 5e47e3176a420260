//! Settings of the ticket service.

use std::time::Duration;

use jiff::{SignedDuration, tz::TimeZone};
use urr_kit::{
    bus::BusArgs,
    config::{GatewayTokenArgs, HttpArgs, InternalArgs, RedisArgs, parse_secret},
    retention::DeadLetterArgs,
};

use crate::{
    domain::{
        credential::{Keyring, PublicKey, SigningKey},
        doors::DoorRules,
    },
    images::ImageArgs,
    jobs::Intervals,
    spotify::SpotifyArgs,
    state::HoldTerms,
};

urr_kit::database_args!(pub TicketDatabase, "TICKET_DB");

/// Settings of the ticket service.
#[derive(clap::Args, Clone, Debug)]
pub struct Config {
    /// Where it listens.
    #[command(flatten)]
    pub http: HttpArgs<3002>,
    /// The token of calls between services.
    #[command(flatten)]
    pub internal: InternalArgs,
    /// The token by which it knows the gateway.
    #[command(flatten)]
    pub gateway: GatewayTokenArgs,
    /// Its database.
    #[command(flatten)]
    pub database: TicketDatabase,
    /// Where seat locks are.
    #[command(flatten)]
    pub redis: RedisArgs,
    /// Where facts go.
    #[command(flatten)]
    pub bus: BusArgs,
    /// Where artists are looked up.
    #[command(flatten)]
    pub spotify: SpotifyArgs,
    /// Where uploaded pictures are kept.
    #[command(flatten)]
    pub images: ImageArgs,
    /// Base URL of the payment service.
    #[arg(
        long,
        env = "PAYMENT_SERVICE_URL",
        default_value = "http://localhost:3003",
        hide_env_values = true
    )]
    pub payment_service_url: String,
    /// Base URL of the auth service.
    #[arg(
        long,
        env = "AUTH_SERVICE_URL",
        default_value = "http://localhost:3005",
        hide_env_values = true
    )]
    pub auth_service_url: String,
    /// Life of an unpaid hold, in seconds.
    #[arg(long, env = "SEAT_HOLD_SECONDS", default_value_t = 300, hide_env_values = true,
          value_parser = clap::value_parser!(i32).range(1..=86_400))]
    pub seat_hold_seconds: i32,
    /// Life of a hold from the moment payment begins, in seconds.
    #[arg(long, env = "PAYMENT_SECONDS", default_value_t = 600, hide_env_values = true,
          value_parser = clap::value_parser!(i32).range(1..=86_400))]
    pub payment_seconds: i32,
    /// Life of a seat lock in Redis, in seconds; 15 more than the hold where it is not set.
    #[arg(long, env = "SEAT_LOCK_TTL_SECONDS", hide_env_values = true,
          value_parser = clap::value_parser!(i32).range(1..=90_000))]
    pub seat_lock_ttl_seconds: Option<i32>,
    /// How often holds whose time is over are released, in milliseconds.
    #[arg(
        long,
        env = "RESERVATION_CLEANUP_INTERVAL_MS",
        default_value_t = 1_000,
        hide_env_values = true
    )]
    pub reservation_cleanup_interval_ms: u64,
    /// How often captured payments that nobody told of are looked for, in milliseconds.
    #[arg(
        long,
        env = "RESERVATION_RECONCILIATION_INTERVAL_MS",
        default_value_t = 300_000,
        hide_env_values = true
    )]
    pub reservation_reconciliation_interval_ms: u64,
    /// How often the status of events is brought up to date, in milliseconds.
    #[arg(
        long,
        env = "EVENT_STATUS_INTERVAL_MS",
        default_value_t = 60_000,
        hide_env_values = true
    )]
    pub event_status_interval_ms: u64,
    /// Tickets and the door.
    #[command(flatten)]
    pub door: DoorArgs,
    /// How long things are kept.
    #[command(flatten)]
    pub retention: RetentionArgs,
}

/// How long things are kept that nobody needs for ever. Reservations, resale and payouts are
/// not among them: the law wants them for five years, and they name nobody but by an id.
#[derive(clap::Args, Clone, Debug)]
pub struct RetentionArgs {
    /// Days for which answers to requests with an idempotency key are kept.
    #[arg(long, env = "RETENTION_STORED_ANSWERS_DAYS", default_value_t = 1, hide_env_values = true,
          value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub retention_stored_answers_days: u16,
    /// Days for which the audit log knows from which address an administrator acted.
    #[arg(long, env = "RETENTION_AUDIT_ADDRESSES_DAYS", default_value_t = 90, hide_env_values = true,
          value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub retention_audit_addresses_days: u16,
    /// Days for which acts stay in the audit log.
    #[arg(long, env = "RETENTION_AUDIT_DAYS", default_value_t = 1095, hide_env_values = true,
          value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub retention_audit_days: u16,
    /// Days for which it is known who was scanned at which gate, after the day of the show.
    #[arg(long, env = "RETENTION_SCANS_DAYS", default_value_t = 365, hide_env_values = true,
          value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub retention_scans_days: u16,
    /// Facts that could not be applied.
    #[command(flatten)]
    pub dead_letters: DeadLetterArgs,
}

/// Settings of tickets and the door.
#[derive(clap::Args, Clone, Debug)]
pub struct DoorArgs {
    /// Secret of at least 32 bytes that the key which signs tickets is made of. `@/path` reads
    /// it from a file. Tickets that were shown before a change are believed only by a public
    /// key of before.
    #[arg(long, env = "TICKET_SIGNING_KEY", hide_env_values = true, value_parser = parse_signing_key)]
    pub ticket_signing_key: SigningKey,
    /// Public keys of before whose tickets are still believed, as `/api/check-ins/keys` showed
    /// them, separated by commas.
    #[arg(
        long,
        env = "TICKET_FORMER_PUBLIC_KEYS",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub ticket_former_public_keys: Vec<PublicKey>,
    /// Time zone of the venues, by which a show has its day.
    #[arg(long, env = "VENUE_TIME_ZONE", default_value = "Asia/Seoul", hide_env_values = true,
          value_parser = parse_time_zone)]
    pub venue_time_zone: TimeZone,
    /// How long after the day of a show its doors stay open, in hours.
    #[arg(long, env = "DOORS_OPEN_AFTER_MIDNIGHT_HOURS", default_value_t = 6, hide_env_values = true,
          value_parser = clap::value_parser!(i64).range(0..=48))]
    pub doors_open_after_midnight_hours: i64,
}

impl DoorArgs {
    /// The key that signs tickets, and those that are believed.
    pub fn keyring(&self) -> Keyring {
        Keyring::new(
            self.ticket_signing_key.clone(),
            self.ticket_former_public_keys.clone(),
        )
    }

    /// How the days of events are reckoned.
    pub fn rules(&self) -> DoorRules {
        DoorRules {
            zone: self.venue_time_zone.clone(),
            after_midnight: SignedDuration::from_hours(self.doors_open_after_midnight_hours),
        }
    }
}

fn parse_signing_key(text: &str) -> anyhow::Result<SigningKey> {
    Ok(SigningKey::derive(&parse_secret(text)?)?)
}

fn parse_time_zone(name: &str) -> Result<TimeZone, jiff::Error> {
    TimeZone::get(name)
}

/// How much longer a seat lock lives than its hold, where nobody says.
const LOCK_SLACK_SECONDS: i32 = 15;

impl Config {
    /// How long holds live. A lock that ends before its hold sends losers to the database.
    pub fn terms(&self) -> HoldTerms {
        let hold_seconds = self.seat_hold_seconds;
        let lock_seconds = self
            .seat_lock_ttl_seconds
            .unwrap_or_else(|| hold_seconds.saturating_add(LOCK_SLACK_SECONDS));
        if lock_seconds <= hold_seconds {
            tracing::warn!(
                lock_seconds,
                hold_seconds,
                "SEAT_LOCK_TTL_SECONDS should be more than SEAT_HOLD_SECONDS"
            );
        }
        HoldTerms {
            hold_seconds,
            paying_seconds: self.payment_seconds,
            lock_seconds,
        }
    }

    /// How often jobs run.
    pub fn intervals(&self) -> Intervals {
        Intervals {
            expiry: Duration::from_millis(self.reservation_cleanup_interval_ms.max(10)),
            reconciliation: Duration::from_millis(
                self.reservation_reconciliation_interval_ms.max(10),
            ),
            event_status: Duration::from_millis(self.event_status_interval_ms.max(10)),
        }
    }
}
