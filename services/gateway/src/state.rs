//! What all cores share: the filters and what they know.

use std::sync::Arc;

use http::HeaderValue;
use secrecy::ExposeSecret;
use tracing::warn;
use urr_contract::tokens::TokenKey;
use urr_kit::{Runtime, health::Health, serve, telemetry::chain};

use crate::{
    config::Config,
    domain::{client::TrustedProxies, cors, routes::Service},
    http::{documentation, entry::EntryCheck},
    jobs,
    limiter::Limiter,
    redis::revocations::RevocationReader,
    revocations::Revocations,
};

/// What all cores share.
#[derive(Debug)]
pub struct State {
    /// Settings.
    pub config: Config,
    /// Clock and metrics.
    pub runtime: Runtime,
    /// Who may call from other origins.
    pub cors: cors::Policy,
    /// Whose word about the client's address is taken.
    pub proxies: TrustedProxies,
    /// Rate limits.
    pub limiter: Arc<Limiter>,
    /// The check of entry tokens.
    pub entry: EntryCheck,
    /// Verifies access tokens.
    pub session_key: TokenKey,
    /// Proves to services that the gateway asks.
    pub gateway_token: HeaderValue,
    /// The gateway's own pages.
    pub pages: axum::Router,
    /// The checks behind the pages.
    pub health: Health,
}

impl State {
    /// Builds everything and begins the periodic work.
    pub async fn start(config: Config, runtime: &Runtime) -> anyhow::Result<Arc<Self>> {
        let redis = config.redis.connect().await?;
        let limiter = Arc::new(Limiter::new(
            &config.limits,
            redis.clone(),
            runtime.clock.clone(),
        ));
        let ended = Arc::new(Revocations::default());
        jobs::exchange_counts::spawn(&runtime.tasks, Arc::clone(&limiter));
        jobs::sweep_counts::spawn(&runtime.tasks, &limiter);
        let mut reader = RevocationReader::new(redis.clone(), Arc::clone(&ended));
        // Before the first request. A lost Redis is no reason not to serve.
        if let Err(error) = reader.read(runtime.clock.now()).await {
            warn!(error = %chain(&error), "nothing is known of ended admissions yet");
        }
        jobs::read_revocations::spawn(&runtime.tasks, runtime.clock.clone(), reader);
        let health = Health::new(runtime).redis("redis", &redis);
        Ok(Arc::new(Self {
            cors: cors::Policy::new(config.cors_allowed_origins.clone()),
            proxies: TrustedProxies::new(config.trusted_proxies.0.clone()),
            limiter,
            entry: entry_check(&config, ended)?,
            session_key: TokenKey::session(config.jwt_secret.expose_secret())
                .map_err(|error| anyhow::anyhow!("JWT_SECRET: {error}"))?,
            gateway_token: gateway_token(&config)?,
            pages: pages(&health, &config, runtime),
            health,
            runtime: runtime.clone(),
            config,
        }))
    }

    /// Where `service` is.
    pub fn url(&self, service: Service) -> &crate::config::ServiceUrl {
        let urls = &self.config.services;
        match service {
            Service::Auth => &urls.auth_service_url,
            Service::Ticket => &urls.ticket_service_url,
            Service::Payment => &urls.payment_service_url,
            Service::Stats => &urls.stats_service_url,
            Service::Queue => &urls.queue_service_url,
            Service::Community => &urls.community_service_url,
        }
    }
}

fn entry_check(config: &Config, ended: Arc<Revocations>) -> anyhow::Result<EntryCheck> {
    let key = TokenKey::entry(config.queue_entry_token_secret.expose_secret())
        .map_err(|error| anyhow::anyhow!("QUEUE_ENTRY_TOKEN_SECRET: {error}"))?;
    Ok(EntryCheck::new(
        key,
        config.cloudfront_secret.clone(),
        ended,
    ))
}

fn gateway_token(config: &Config) -> anyhow::Result<HeaderValue> {
    let token = config.gateway_token.gateway_token.expose_secret();
    let mut value = HeaderValue::from_str(token)
        .map_err(|_| anyhow::anyhow!("GATEWAY_TOKEN: not every character fits into a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn pages(health: &Health, config: &Config, runtime: &Runtime) -> axum::Router {
    let pages = match config.http.management_port {
        None => health.router().merge(health.actuator()),
        Some(_) => health.router(),
    };
    serve::layers(pages.merge(documentation::router()), runtime, None)
}
