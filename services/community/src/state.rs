//! What every handler and job shares.

use prometheus_client::metrics::counter::Counter;
use sqlx::PgPool;
use urr_kit::{Clock, Runtime, client::InternalClient, internal::InternalToken};

use crate::{artists::Artists, authors::Authors, config::Config, domain::views::Views};

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
    pub(crate) metrics: CommunityMetrics,
}

/// What is counted beside requests.
#[derive(Clone, Debug)]
pub(crate) struct CommunityMetrics {
    pub(crate) delivered_awards: Counter,
    pub(crate) given_up_awards: Counter,
}

impl State {
    /// Connects the settings with the runtime.
    pub fn new(config: &Config, pool: PgPool, runtime: &Runtime) -> Self {
        let token = config.internal.token();
        let auth = InternalClient::new("auth", &config.auth_service_url, token.clone());
        let ticket = InternalClient::new("ticket", &config.ticket_service_url, token.clone());
        let count = |name, help| runtime.metrics.counter(name, help);
        Self {
            pool,
            internal_token: token,
            clock: runtime.clock.clone(),
            authors: Authors::new(auth),
            artists: Artists::new(ticket.clone()),
            ticket,
            views: Views::default(),
            daily_points: config.community_daily_points,
            metrics: CommunityMetrics {
                delivered_awards: count(
                    "urr_community_delivered_awards",
                    "Awards of points handed to ticket",
                ),
                given_up_awards: count(
                    "urr_community_given_up_awards",
                    "Awards of points that ticket did not take",
                ),
            },
        }
    }
}
