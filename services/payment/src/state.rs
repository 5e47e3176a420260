//! What handlers, consumers and jobs share.

use std::time::Duration;

use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use sqlx::PgPool;
use tokio::sync::Notify;
use urr_kit::{
    Runtime,
    internal::{HasInternalToken, InternalToken},
};

use crate::{Config, fault_points::FaultPoints, provider::Toss, ticket::Ticket};

/// Longest time before a client is answered: less than the gateway waits for us.
const ANSWER_WITHIN: Duration = Duration::from_secs(9);
/// Longest time in which an order is opened: half of it, so that a method of the demonstration
/// hands over in time what it paid for.
const OPEN_WITHIN: Duration = Duration::from_millis(4_500);

/// State of the service.
#[derive(Debug)]
pub struct State {
    pub(crate) runtime: Runtime,
    pub(crate) pool: PgPool,
    pub(crate) internal_token: InternalToken,
    pub(crate) provider: Toss,
    pub(crate) ticket: Ticket,
    pub(crate) client_key: String,
    pub(crate) checkout_url: Option<String>,
    pub(crate) demo_methods: bool,
    pub(crate) metrics: Counts,
    /// Rings when there is work for the jobs.
    pub(crate) work: Notify,
    /// Longest time before a client is answered, though the work goes on. Shorter in tests.
    pub answer_within: Duration,
    /// Longest time in which an order is opened. Shorter in tests.
    pub open_within: Duration,
    /// Where tests let the process die.
    pub fault_points: FaultPoints,
}

/// What is counted.
#[derive(Debug)]
pub(crate) struct Counts {
    pub(crate) processed: Counter,
    pub(crate) failed: Counter,
    pub(crate) refunded: Counter,
    pub(crate) refund_refusals: Counter,
    pub(crate) double_captures: Counter,
    pub(crate) lost_refunds: Counter,
    pub(crate) in_doubt: Gauge,
}

impl State {
    /// State on the database of `pool`.
    pub fn new(config: &Config, runtime: Runtime, pool: PgPool) -> anyhow::Result<Self> {
        let provider = &config.provider;
        let internal_token = config.internal.token();
        let metrics = &runtime.metrics;
        Ok(Self {
            pool,
            provider: Toss::new(
                &provider.base_url()?,
                &provider.toss_secret_key,
                provider.timeout(),
            )?,
            ticket: Ticket::new(&config.ticket_service_url, internal_token.clone()),
            internal_token,
            client_key: provider.toss_client_key.clone(),
            checkout_url: provider.checkout(),
            demo_methods: provider.demo_methods,
            metrics: Counts {
                processed: metrics.counter("business_payment_processed", "Payments captured"),
                failed: metrics.counter("business_payment_failed", "Payments declined"),
                refunded: metrics.counter("business_payment_refunded", "Payments given back"),
                refund_refusals: metrics.counter(
                    "urr_refund_refusals",
                    "Refunds that the provider refused; somebody should look",
                ),
                lost_refunds: metrics.counter(
                    "urr_payment_lost_refunds",
                    "Refunds of which the fact was lost; somebody should look why",
                ),
                double_captures: metrics.counter(
                    "urr_payment_double_captures",
                    "Captures under an order's id beside the one it is paid with; each goes back",
                ),
                in_doubt: metrics.gauge(
                    "urr_payments_in_doubt",
                    "Orders whose outcome the provider has not told",
                ),
            },
            work: Notify::new(),
            answer_within: ANSWER_WITHIN,
            open_within: OPEN_WITHIN,
            fault_points: FaultPoints::default(),
            runtime,
        })
    }
}

impl HasInternalToken for State {
    fn internal_token(&self) -> &InternalToken {
        &self.internal_token
    }
}
