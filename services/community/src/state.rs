//! What every handler and job shares.

use jiff::SignedDuration;
use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use sqlx::PgPool;
use urr_kit::{
    Clock, Metrics, Runtime, Tasks,
    client::InternalClient,
    internal::InternalToken,
    outbound::{Reach, Strangers},
    retention::{DeadLetterArgs, Retention},
};

use crate::{
    artists::Artists, authors::Authors, config::Config, domain::views::Views, facts::NoteNotices,
    mail::Mailer, readers::Readers,
};

/// The parts of a running community service.
#[derive(Debug)]
pub struct State {
    pub(crate) pool: PgPool,
    pub(crate) internal_token: InternalToken,
    pub(crate) clock: Clock,
    pub(crate) authors: Authors,
    pub(crate) artists: Artists,
    pub(crate) ticket: InternalClient,
    pub(crate) views: Views,
    pub(crate) daily_points: i32,
    pub(crate) tasks: Tasks,
    pub(crate) strangers: Strangers,
    pub(crate) readers: Readers,
    pub(crate) mailer: Mailer,
    /// Where links in mails lead.
    pub(crate) public_url: String,
    pub(crate) notices_kept: SignedDuration,
    pub(crate) retention: Retention,
    pub(crate) dead_letters: DeadLetterArgs,
    pub(crate) metrics: CommunityMetrics,
}

/// What is counted beside requests.
#[derive(Clone, Debug)]
pub(crate) struct CommunityMetrics {
    pub(crate) delivered_awards: Counter,
    pub(crate) given_up_awards: Counter,
    pub(crate) waiting_notices: Gauge,
    pub(crate) waiting_mails: Gauge,
    pub(crate) sent_mails: Counter,
    pub(crate) failed_mails: Counter,
    pub(crate) waiting_deliveries: Gauge,
    pub(crate) delivered_webhooks: Counter,
    pub(crate) failed_webhooks: Counter,
    pub(crate) failed_webhook_attempts: Counter,
}

impl State {
    /// Connects the settings with the runtime. Fails on settings that cannot work.
    pub fn new(config: &Config, pool: PgPool, runtime: &Runtime) -> anyhow::Result<Self> {
        let token = config.internal.token();
        let auth = InternalClient::new("auth", &config.auth_service_url, token.clone());
        let ticket = InternalClient::new("ticket", &config.ticket_service_url, token.clone());
        let reach = if config.webhook_allow_private {
            Reach::Anywhere
        } else {
            Reach::Public
        };
        let days = i64::from(config.retention_notices_days);
        Ok(Self {
            pool,
            internal_token: token,
            clock: runtime.clock.clone(),
            authors: Authors::new(auth.clone()),
            artists: Artists::new(ticket.clone()),
            ticket,
            views: Views::default(),
            daily_points: config.community_daily_points,
            tasks: runtime.tasks.clone(),
            strangers: Strangers::new(reach)?,
            readers: Readers::new(auth),
            mailer: Mailer::new(&config.mail)?,
            public_url: config.mail.public_url.clone(),
            notices_kept: SignedDuration::from_hours(24 * days),
            retention: Retention::new(&runtime.metrics),
            dead_letters: config.dead_letters,
            metrics: CommunityMetrics::new(&runtime.metrics),
        })
    }

    /// What community does about facts.
    pub fn note_notices(&self) -> NoteNotices {
        NoteNotices {
            clock: self.clock.clone(),
        }
    }
}

impl CommunityMetrics {
    fn new(metrics: &Metrics) -> Self {
        let count = |name, help| metrics.counter(name, help);
        let measure = |name, help| metrics.gauge(name, help);
        Self {
            delivered_awards: count(
                "urr_community_delivered_awards",
                "Awards of points handed to ticket",
            ),
            given_up_awards: count(
                "urr_community_given_up_awards",
                "Awards of points that ticket did not take",
            ),
            waiting_notices: measure(
                "urr_notices_waiting",
                "Facts of which somebody is to be told and is not yet",
            ),
            waiting_mails: measure("urr_mails_waiting", "Mails that are not out yet"),
            sent_mails: count("urr_mails_sent", "Mails that went out"),
            failed_mails: count("urr_mails_failed", "Mails that were given up"),
            waiting_deliveries: measure(
                "urr_webhook_deliveries_waiting",
                "Deliveries to webhooks that wait for a try",
            ),
            delivered_webhooks: count(
                "urr_webhook_deliveries_delivered",
                "Deliveries that webhooks took",
            ),
            failed_webhooks: count(
                "urr_webhook_deliveries_failed",
                "Deliveries to webhooks that were given up",
            ),
            failed_webhook_attempts: count(
                "urr_webhook_attempts_failed",
                "Tries of deliveries to webhooks that failed",
            ),
        }
    }
}
