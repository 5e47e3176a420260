//! What every handler and job shares.

use jiff::SignedDuration;
use parking_lot::Mutex;
use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use secrecy::ExposeSecret;
use sqlx::PgPool;
use urr_contract::tokens::TokenKey;
use urr_kit::{
    Clock, Runtime,
    internal::{HasInternalToken, InternalToken},
    retention::Retention,
};

use crate::{
    config::Config,
    domain::{attempts::Attempts, session::Lifetimes},
    google::Google,
    hashing::Hashing,
    holders::Holders,
};

/// The parts of a running auth service.
#[derive(Debug)]
pub struct State {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) tokens: TokenKey,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) cookie_secure: bool,
    pub(crate) hashing: Hashing,
    pub(crate) attempts: Mutex<Attempts>,
    pub(crate) google: Option<Google>,
    pub(crate) holders: Holders,
    pub(crate) retention: Retention,
    pub(crate) erasures_kept: SignedDuration,
    pub(crate) internal_token: InternalToken,
    pub(crate) metrics: AuthMetrics,
}

/// What is counted beside requests.
#[derive(Clone, Debug)]
pub(crate) struct AuthMetrics {
    pub(crate) logins: Counter,
    pub(crate) failed_logins: Counter,
    pub(crate) slowed_logins: Counter,
    pub(crate) reused_tokens: Counter,
    pub(crate) erased_accounts: Counter,
    pub(crate) open_erasures: Gauge,
}

impl State {
    /// Connects the settings with the runtime. Refuses a weak key.
    pub fn new(config: &Config, pool: PgPool, runtime: &Runtime) -> anyhow::Result<Self> {
        let count = |name, help| runtime.metrics.counter(name, help);
        Ok(Self {
            pool,
            clock: runtime.clock.clone(),
            tokens: TokenKey::session(config.sessions.jwt_secret.expose_secret())
                .map_err(|error| anyhow::anyhow!("JWT_SECRET: {error}"))?,
            lifetimes: config.sessions.lifetimes(),
            cookie_secure: config.sessions.cookie_secure,
            hashing: Hashing::start(config.hashing.bcrypt_threads, config.hashing.bcrypt_queue)?,
            attempts: Mutex::default(),
            google: Google::new(&config.google)?,
            holders: Holders::new(&config.holders, &config.internal.token()),
            retention: Retention::new(&runtime.metrics),
            erasures_kept: SignedDuration::from_hours(
                i64::from(config.retention_erasures_days) * 24,
            ),
            internal_token: config.internal.token(),
            metrics: AuthMetrics {
                logins: count("urr_auth_logins", "Logins with a password that succeeded"),
                failed_logins: count(
                    "urr_auth_failed_logins",
                    "Logins with a wrong e-mail or password",
                ),
                slowed_logins: count(
                    "urr_auth_slowed_logins",
                    "Logins refused because of earlier failures",
                ),
                reused_tokens: count(
                    "urr_auth_reused_tokens",
                    "Refresh tokens presented after their rotation",
                ),
                erased_accounts: count("urr_auth_erased_accounts", "Accounts erased everywhere"),
                open_erasures: runtime.metrics.gauge(
                    "urr_auth_open_erasures",
                    "Erasures that some service has not carried out yet",
                ),
            },
        })
    }
}

impl HasInternalToken for State {
    fn internal_token(&self) -> &InternalToken {
        &self.internal_token
    }
}
