//! What every handler and job shares.

use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgPool;
use tokio::sync::Semaphore;
use urr_contract::tokens::TokenKey;
use urr_kit::{
    Clock, Runtime,
    client::InternalClient,
    config::Listen,
    internal::{HasInternalToken, InternalToken},
    redis::Redis,
};

use crate::{
    admission_messages::AdmissionMessages,
    config::{LineArgs, Settings},
    events::Events,
    lines::Lines,
    presale::Windows,
    redis::Rooms,
};

/// The parts of a running queue service or admission worker.
#[derive(Debug)]
pub struct State {
    /// The lines this process knows.
    pub lines: Lines,
    /// The rules it runs by.
    pub settings: Settings,
    pub(crate) events: Events,
    pub(crate) windows: Windows,
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) tokens: Tokens,
    pub(crate) joins: Semaphore,
    pub(crate) metrics: QueueMetrics,
    pub(crate) messages: AdmissionMessages,
    internal_token: InternalToken,
}

/// The keys of the three tokens that the queue signs.
#[derive(Debug)]
pub(crate) struct Tokens {
    pub(crate) entry: TokenKey,
    pub(crate) receipt: TokenKey,
    pub(crate) visitor: TokenKey,
}

/// What is counted beside requests.
#[derive(Clone, Debug)]
pub(crate) struct QueueMetrics {
    pub(crate) joined: Counter,
    pub(crate) admitted: Counter,
    pub(crate) left: Counter,
    pub(crate) gone: Counter,
    pub(crate) slots_ended: Counter,
    pub(crate) refused: Counter,
    pub(crate) waiting: Gauge,
    pub(crate) inside: Gauge,
}

impl QueueMetrics {
    fn new(runtime: &Runtime) -> Self {
        let count = |name, help| runtime.metrics.counter(name, help);
        let gauge = |name, help| runtime.metrics.gauge(name, help);
        Self {
            joined: count("business_queue_joined", "Numbers given out"),
            admitted: count("business_queue_admitted", "People let in"),
            left: count("business_queue_left", "People who left of their own accord"),
            gone: count(
                "business_queue_gone",
                "People taken out of a line for being away too long",
            ),
            slots_ended: count(
                "business_queue_slots_ended",
                "Stays inside whose time was over",
            ),
            refused: count(
                "business_queue_joins_refused",
                "Joins turned away because too many came at once",
            ),
            waiting: gauge(
                "business_queue_waiting",
                "People waiting in the lines this worker serves",
            ),
            inside: gauge(
                "business_queue_inside",
                "People inside the events this worker serves",
            ),
        }
    }
}

impl State {
    /// Connects the parts. Refuses a weak key.
    pub fn new(
        secret: &SecretString,
        settings: Settings,
        ticket_url: &str,
        internal_token: InternalToken,
        pool: PgPool,
        redis: Redis,
        runtime: &Runtime,
    ) -> anyhow::Result<Self> {
        let secret = secret.expose_secret();
        let weak = |error| anyhow::anyhow!("QUEUE_ENTRY_TOKEN_SECRET: {error}");
        let tokens = Tokens {
            entry: TokenKey::entry(secret).map_err(weak)?,
            receipt: TokenKey::receipt(secret).map_err(weak)?,
            visitor: TokenKey::visitor(secret).map_err(weak)?,
        };
        let width_ms = u64::try_from(settings.bitmap_width.as_millis())?;
        let rooms = Rooms::new(redis, width_ms);
        let ticket = InternalClient::new("ticket", ticket_url, internal_token.clone());
        Ok(Self {
            lines: Lines::new(rooms, pool.clone(), settings.clone(), runtime.clock.clone()),
            events: Events::new(ticket.clone(), settings.event_info_fresh),
            windows: Windows::new(ticket),
            pool,
            clock: runtime.clock.clone(),
            tokens,
            joins: Semaphore::new(settings.joins_at_once),
            metrics: QueueMetrics::new(runtime),
            messages: AdmissionMessages::default(),
            internal_token,
            settings,
        })
    }

    /// The same, which also tells of everybody who is let in.
    #[must_use]
    pub fn telling(self, messages: AdmissionMessages) -> Self {
        Self { messages, ..self }
    }

    /// Connects the stores and then the parts.
    pub(crate) async fn connect(
        args: &LineArgs,
        runtime: &Runtime,
        listen: &Listen,
    ) -> anyhow::Result<Self> {
        let database = &args.database;
        let pool = database
            .connect(&crate::MIGRATIONS, runtime, listen)
            .await?;
        let redis = args.redis.connect().await?;
        let state = Self::new(
            &args.queue_entry_token_secret,
            args.rules.settings(),
            &args.ticket_service_url,
            args.internal.token(),
            pool,
            redis,
            runtime,
        )?;
        state.lines.rooms().refuse_eviction().await?;
        Ok(state)
    }
}

impl HasInternalToken for State {
    fn internal_token(&self) -> &InternalToken {
        &self.internal_token
    }
}
