//! Settings of the two processes: the one that answers people, the one that lets them in.

use std::time::Duration;

use clap::{ArgAction, Args};
use secrecy::SecretString;
use urr_kit::config::{GatewayTokenArgs, HttpArgs, InternalArgs, RedisArgs, parse_secret};

use crate::{admission_messages::SqsArgs, domain::policy::Defaults};

urr_kit::database_args!(pub QueueDatabase, "QUEUE_DB");

/// A year: people may line up as long before a sale as they like.
const LOBBY_SECONDS: u32 = 366 * 86_400;

/// Settings of `urr queue`.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// Where it listens.
    #[command(flatten)]
    pub http: HttpArgs<3007>,
    /// The gateway's word.
    #[command(flatten)]
    pub gateway: GatewayTokenArgs,
    /// Who is told of admissions.
    #[command(flatten)]
    pub sqs: SqsArgs,
    /// What it shares with the admission worker.
    #[command(flatten)]
    pub line: LineArgs,
}

/// Settings of `urr queue-admission`.
#[derive(Args, Clone, Debug)]
pub struct AdmissionConfig {
    /// Where its operations endpoints listen.
    #[command(flatten)]
    pub http: HttpArgs<3011>,
    /// The bus that tells of purchases.
    #[command(flatten)]
    pub bus: urr_kit::bus::BusArgs,
    /// How long facts are kept that could not be applied.
    #[command(flatten)]
    pub dead_letters: urr_kit::retention::DeadLetterArgs,
    /// What it shares with the service.
    #[command(flatten)]
    pub line: LineArgs,
}

/// Settings that both processes need, and that must be the same in both.
#[derive(Args, Clone, Debug)]
pub struct LineArgs {
    /// Token of calls between services.
    #[command(flatten)]
    pub internal: InternalArgs,
    /// What must survive the loss of Redis.
    #[command(flatten)]
    pub database: QueueDatabase,
    /// The line itself.
    #[command(flatten)]
    pub redis: RedisArgs,
    /// Where ticket is, which knows the events.
    #[arg(
        long,
        env = "TICKET_SERVICE_URL",
        default_value = "http://localhost:3002",
        hide_env_values = true
    )]
    pub ticket_service_url: String,
    /// Key of entry tokens, at least 32 bytes. `@/path` reads it from a file.
    #[arg(long, env = "QUEUE_ENTRY_TOKEN_SECRET", hide_env_values = true, value_parser = parse_secret)]
    pub queue_entry_token_secret: SecretString,
    /// Rules of events that have no policy of their own.
    #[command(flatten)]
    pub rules: RuleArgs,
}

/// Rules of events that have no policy of their own, and how the processes run.
#[derive(Args, Clone, Debug)]
pub struct RuleArgs {
    /// Most people inside an event at a time.
    #[arg(
        long,
        env = "QUEUE_THRESHOLD",
        default_value_t = 1000,
        hide_env_values = true
    )]
    pub queue_threshold: u32,
    /// How long before its sale people may line up for an event, in seconds. By default a
    /// year: whenever they come.
    #[arg(
        long,
        env = "QUEUE_LOBBY_SECONDS",
        default_value_t = LOBBY_SECONDS,
        hide_env_values = true
    )]
    pub queue_lobby_seconds: u32,
    /// Stay inside since the last sign of life, in seconds.
    #[arg(
        long,
        env = "QUEUE_ACTIVE_TTL_SECONDS",
        default_value_t = 600,
        hide_env_values = true
    )]
    pub queue_active_ttl_seconds: u32,
    /// Without a poll for so long, somebody loses the place in the line; in seconds.
    #[arg(
        long,
        env = "QUEUE_SEEN_TTL_SECONDS",
        default_value_t = 600,
        hide_env_values = true
    )]
    pub queue_seen_ttl_seconds: u32,
    /// The time in which `QUEUE_ADMISSION_BATCH_SIZE` people may enter, in milliseconds.
    #[arg(long, env = "QUEUE_ADMISSION_INTERVAL_MS", default_value_t = 1000, hide_env_values = true,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub queue_admission_interval_ms: u32,
    /// People who may enter an event in each interval.
    #[arg(
        long,
        env = "QUEUE_ADMISSION_BATCH_SIZE",
        default_value_t = 100,
        hide_env_values = true
    )]
    pub queue_admission_batch_size: u32,
    /// How often those who are gone are taken out of the line, in milliseconds.
    #[arg(
        long,
        env = "QUEUE_STALE_CLEANUP_INTERVAL_MS",
        default_value_t = 30_000,
        hide_env_values = true
    )]
    pub queue_stale_cleanup_interval_ms: u64,
    /// Life of an entry token and its cookie, in seconds.
    #[arg(
        long,
        env = "QUEUE_ENTRY_TOKEN_TTL_SECONDS",
        default_value_t = 600,
        hide_env_values = true
    )]
    pub queue_entry_token_ttl_seconds: u32,
    /// Time to appear after being called, in seconds.
    #[arg(
        long,
        env = "QUEUE_CLAIM_SECONDS",
        default_value_t = 60,
        hide_env_values = true
    )]
    pub queue_claim_seconds: u32,
    /// Longest stay inside whatever happens, in seconds. By default three times the active
    /// time: enough to choose a seat, hold it and pay, twice.
    #[arg(
        long,
        env = "QUEUE_MAX_STAY_SECONDS",
        default_value_t = 1800,
        hide_env_values = true
    )]
    pub queue_max_stay_seconds: u32,
    /// Whether people may wait who have not signed in.
    #[arg(long, env = "QUEUE_VISITORS", default_value_t = true, action = ArgAction::Set, hide_env_values = true)]
    pub queue_visitors: bool,
    /// Whether cookies carry `Secure`.
    #[arg(long, env = "COOKIE_SECURE", default_value_t = false, action = ArgAction::Set, hide_env_values = true)]
    pub cookie_secure: bool,
}

impl RuleArgs {
    /// The settings in the form that the service works with.
    pub fn settings(&self) -> Settings {
        let per_second = u64::from(self.queue_admission_batch_size) * 1000;
        let per_second = per_second.div_ceil(u64::from(self.queue_admission_interval_ms));
        Settings {
            defaults: Defaults {
                lobby_seconds: self.queue_lobby_seconds,
                max_active: self.queue_threshold,
                admit_per_second: u32::try_from(per_second).unwrap_or(u32::MAX),
                active_seconds: self.queue_active_ttl_seconds,
                absent_seconds: self.queue_seen_ttl_seconds,
                claim_seconds: self.queue_claim_seconds,
                max_stay_seconds: self.queue_max_stay_seconds,
            },
            token_ttl_seconds: self.queue_entry_token_ttl_seconds.into(),
            sweep_every: Duration::from_millis(self.queue_stale_cleanup_interval_ms),
            visitors: self.queue_visitors,
            cookie_secure: self.cookie_secure,
            ..Settings::default()
        }
    }
}

/// How the service works. Tests make their own.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Rules of events that have no policy of their own.
    pub defaults: Defaults,
    /// Life of an entry token, in seconds.
    pub token_ttl_seconds: u64,
    /// How often the gone are taken out of the line.
    pub sweep_every: Duration,
    /// Whether people may wait who have not signed in.
    pub visitors: bool,
    /// Whether cookies carry `Secure`.
    pub cookie_secure: bool,
    /// Numbers reserved at a time.
    pub number_block: u32,
    /// How long nobody enters after a line was lost, so that those inside and those waiting
    /// can be known again first.
    pub hold_after_loss: Duration,
    /// Steps in which presence is remembered.
    pub bitmap_width: Duration,
    /// A snapshot older than this is renewed before it answers.
    pub stale_after: Duration,
    /// Joins that may be on their way at a time; more are told to come back.
    pub joins_at_once: usize,
    /// How often ticket is asked about the event of a line in use: how late a sold-out sale
    /// stops the line.
    pub event_info_fresh: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            defaults: Defaults {
                lobby_seconds: LOBBY_SECONDS,
                max_active: 1000,
                admit_per_second: 100,
                active_seconds: 600,
                absent_seconds: 600,
                claim_seconds: 60,
                max_stay_seconds: 1800,
            },
            token_ttl_seconds: 600,
            sweep_every: Duration::from_secs(30),
            visitors: true,
            cookie_secure: false,
            number_block: 10_000,
            hold_after_loss: Duration::from_secs(3),
            bitmap_width: Duration::from_secs(10),
            stale_after: Duration::from_secs(2),
            joins_at_once: 2_000,
            event_info_fresh: Duration::from_secs(5),
        }
    }
}
