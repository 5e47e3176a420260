//! The gateway's settings.

use std::{fmt, num::NonZeroUsize, str::FromStr, time::Duration};

use secrecy::SecretString;
use urr_kit::config::{GatewayTokenArgs, HttpArgs, RedisArgs, parse_secret};

use crate::{
    client_stream::Patience,
    domain::{client::Network, cors::Origin, limits::Limits},
    upload::Allowed,
};

/// Settings of the gateway.
#[derive(clap::Args, Clone, Debug)]
pub struct Config {
    #[command(flatten)]
    #[expect(missing_docs, reason = "the group describes itself")]
    pub http: HttpArgs<3001>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the group describes itself")]
    pub redis: RedisArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the group describes itself")]
    pub gateway_token: GatewayTokenArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the group describes itself")]
    pub services: ServiceArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the group describes itself")]
    pub limits: LimitArgs,

    /// Key of session tokens: Base64, or else plain text; at least 32 bytes. `@/path` reads
    /// it from a file.
    #[arg(long, env = "JWT_SECRET", hide_env_values = true, value_parser = parse_secret)]
    pub jwt_secret: SecretString,
    /// Key of entry tokens, at least 32 bytes. `@/path` reads it from a file.
    #[arg(long, env = "QUEUE_ENTRY_TOKEN_SECRET", hide_env_values = true, value_parser = parse_secret)]
    pub queue_entry_token_secret: SecretString,
    /// What X-CloudFront-Verified must be for the edge's check of the entry token to count;
    /// empty: it never does.
    #[arg(
        long,
        env = "CLOUDFRONT_SECRET",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub cloudfront_secret: SecretString,
    /// Origins whose pages may call, separated by commas.
    #[arg(
        long,
        env = "CORS_ALLOWED_ORIGINS",
        value_delimiter = ',',
        default_value = "http://localhost:3000",
        hide_env_values = true
    )]
    pub cors_allowed_origins: Vec<Origin>,
    /// Proxies whose X-Forwarded-For is believed, as addresses or networks separated by
    /// commas; nobody's where empty.
    #[arg(
        long,
        env = "TRUSTED_PROXIES",
        default_value = "",
        hide_default_value = true,
        hide_env_values = true
    )]
    pub trusted_proxies: Networks,
    /// Threads that serve requests; one a core where not set.
    #[arg(long, env = "GATEWAY_THREADS", hide_env_values = true)]
    pub threads: Option<NonZeroUsize>,
    /// Requests in flight, over all threads, past which new ones are answered 503.
    #[arg(
        long,
        env = "GATEWAY_MAX_IN_FLIGHT",
        default_value = "8192",
        hide_env_values = true
    )]
    pub max_in_flight: NonZeroUsize,
    /// How long a client may pause in the middle of a request or of its answer, in
    /// milliseconds.
    #[arg(
        long,
        env = "GATEWAY_CLIENT_PAUSE_MS",
        default_value_t = 15_000,
        hide_env_values = true
    )]
    pub client_pause_ms: u64,
    /// How long a connection may be idle between two requests, in milliseconds; longer than
    /// a load balancer in front keeps its own.
    #[arg(
        long,
        env = "GATEWAY_CLIENT_IDLE_MS",
        default_value_t = 75_000,
        hide_env_values = true
    )]
    pub client_idle_ms: u64,
    /// How long a service may take to begin its answer, in milliseconds.
    #[arg(
        long,
        env = "GATEWAY_UPSTREAM_TIMEOUT_MS",
        default_value_t = 10_000,
        hide_env_values = true
    )]
    pub upstream_timeout_ms: u64,
}

impl Config {
    /// How long a client may keep us waiting.
    pub fn patience(&self) -> Patience {
        Patience {
            pause: Duration::from_millis(self.client_pause_ms),
            idle: Duration::from_millis(self.client_idle_ms),
        }
    }

    /// How long an answer may be missing.
    pub fn allowed(&self) -> Allowed {
        Allowed {
            client_pause: Duration::from_millis(self.client_pause_ms),
            service: Duration::from_millis(self.upstream_timeout_ms),
        }
    }
}

/// Where the services are.
#[derive(clap::Args, Clone, Debug)]
pub struct ServiceArgs {
    /// Where auth is.
    #[arg(
        long,
        env = "AUTH_SERVICE_URL",
        default_value = "http://localhost:3005",
        hide_env_values = true
    )]
    pub auth_service_url: ServiceUrl,
    /// Where ticket is.
    #[arg(
        long,
        env = "TICKET_SERVICE_URL",
        default_value = "http://localhost:3002",
        hide_env_values = true
    )]
    pub ticket_service_url: ServiceUrl,
    /// Where payment is.
    #[arg(
        long,
        env = "PAYMENT_SERVICE_URL",
        default_value = "http://localhost:3003",
        hide_env_values = true
    )]
    pub payment_service_url: ServiceUrl,
    /// Where stats is.
    #[arg(
        long,
        env = "STATS_SERVICE_URL",
        default_value = "http://localhost:3004",
        hide_env_values = true
    )]
    pub stats_service_url: ServiceUrl,
    /// Where queue is.
    #[arg(
        long,
        env = "QUEUE_SERVICE_URL",
        default_value = "http://localhost:3007",
        hide_env_values = true
    )]
    pub queue_service_url: ServiceUrl,
    /// Where community is.
    #[arg(
        long,
        env = "COMMUNITY_SERVICE_URL",
        default_value = "http://localhost:3008",
        hide_env_values = true
    )]
    pub community_service_url: ServiceUrl,
}

/// How much one client may ask for.
#[derive(clap::Args, Clone, Debug)]
pub struct LimitArgs {
    /// Requests a minute to /api/auth.
    #[arg(
        long,
        env = "RATE_LIMIT_AUTH_RPM",
        default_value_t = 20,
        hide_env_values = true
    )]
    pub rate_limit_auth_rpm: u32,
    /// Requests a minute to /api/queue.
    #[arg(
        long,
        env = "RATE_LIMIT_QUEUE_RPM",
        default_value_t = 120,
        hide_env_values = true
    )]
    pub rate_limit_queue_rpm: u32,
    /// Holds, reservations and cancellations a minute.
    #[arg(
        long,
        env = "RATE_LIMIT_BOOKING_RPM",
        default_value_t = 10,
        hide_env_values = true
    )]
    pub rate_limit_booking_rpm: u32,
    /// Scans of tickets a minute, of all devices behind one address.
    #[arg(
        long,
        env = "RATE_LIMIT_DOOR_RPM",
        default_value_t = 12_000,
        hide_env_values = true
    )]
    pub rate_limit_door_rpm: u32,
    /// Requests a minute to everything else.
    #[arg(
        long,
        env = "RATE_LIMIT_GENERAL_RPM",
        default_value_t = 100,
        hide_env_values = true
    )]
    pub rate_limit_general_rpm: u32,
    /// Pairs of client and limit that one gateway counts apart, at about 300 bytes each; past
    /// them strangers are counted as one.
    #[arg(
        long,
        env = "RATE_LIMIT_MAX_CLIENTS",
        default_value = "524288",
        hide_env_values = true
    )]
    pub rate_limit_max_clients: NonZeroUsize,
    /// What happens to limits while Redis is lost.
    #[arg(
        long,
        env = "RATE_LIMIT_ON_REDIS_FAILURE",
        default_value = "local",
        hide_env_values = true
    )]
    pub rate_limit_on_redis_failure: OnRedisFailure,
}

impl LimitArgs {
    /// The limits by category.
    pub fn limits(&self) -> Limits {
        Limits {
            auth: self.rate_limit_auth_rpm,
            queue: self.rate_limit_queue_rpm,
            booking: self.rate_limit_booking_rpm,
            door: self.rate_limit_door_rpm,
            general: self.rate_limit_general_rpm,
        }
    }
}

/// What happens to limits while Redis is lost.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnRedisFailure {
    /// Each gateway enforces them from its own memory.
    Local,
    /// Counted requests are answered 503.
    Closed,
    /// Counted requests pass.
    Open,
}

/// Where a service listens, of a URL `http://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceUrl {
    /// Name or address of the host.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// Why a service's URL cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be http://host:port without path; the way to the services is plain HTTP")]
pub struct ServiceUrlError;

impl FromStr for ServiceUrl {
    type Err = ServiceUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url: http::Uri = text.parse().map_err(|_| ServiceUrlError)?;
        let authority = url.authority().ok_or(ServiceUrlError)?;
        let plain = url.scheme_str() == Some("http")
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && !authority.as_str().contains('@');
        if !plain || authority.host().is_empty() {
            return Err(ServiceUrlError);
        }
        Ok(Self {
            host: authority.host().to_owned(),
            port: authority.port_u16().unwrap_or(80),
        })
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// A list of networks, which may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(pub Vec<Network>);

impl FromStr for Networks {
    type Err = crate::domain::client::NetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',')
            .filter(|part| !part.trim().is_empty())
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        config: Config,
    }

    const SECRETS: [&str; 6] = [
        "--jwt-secret",
        "a",
        "--queue-entry-token-secret",
        "b",
        "--gateway-token",
        "c",
    ];

    fn parse(arguments: &[&str]) -> Result<Config, clap::Error> {
        let all = ["gateway"].iter().chain(&SECRETS).chain(arguments);
        Cli::try_parse_from(all).map(|cli| cli.config)
    }

    #[test]
    fn only_secrets_are_required() {
        Cli::command().debug_assert();
        let config = parse(&[]).expect("enough");
        assert_eq!(config.trusted_proxies, Networks::default());
        assert_eq!(config.cors_allowed_origins.len(), 1);
        for secret in [
            "--jwt-secret",
            "--queue-entry-token-secret",
            "--gateway-token",
        ] {
            let others = SECRETS.chunks(2).filter(|pair| pair[0] != secret);
            let arguments = ["gateway"].into_iter().chain(others.flatten().copied());
            let error = Cli::try_parse_from(arguments).expect_err("it is missing");
            assert_eq!(
                error.kind(),
                clap::error::ErrorKind::MissingRequiredArgument,
                "{secret}"
            );
        }
    }

    #[test]
    fn lists_and_choices_are_read() {
        let config = parse(&[
            "--cors-allowed-origins=http://a,https://b:8443",
            "--trusted-proxies=10.0.0.0/8, ::1",
            "--rate-limit-on-redis-failure=closed",
            "--payment-service-url=http://payment",
        ])
        .expect("valid");
        assert_eq!(config.cors_allowed_origins.len(), 2);
        assert_eq!(config.trusted_proxies.0.len(), 2);
        assert_eq!(
            config.limits.rate_limit_on_redis_failure,
            OnRedisFailure::Closed
        );
        for wrong in [
            "--cors-allowed-origins=*",
            "--trusted-proxies=everybody",
            "--ticket-service-url=https://ticket",
        ] {
            let error = parse(&[wrong]).expect_err("refused");
            assert_eq!(error.kind(), clap::error::ErrorKind::ValueValidation);
        }
    }

    #[test]
    fn a_service_url_is_plain_http_without_path() {
        let url = |host: &str, port| {
            Ok(ServiceUrl {
                host: host.to_owned(),
                port,
            })
        };
        assert_eq!("http://ticket:3002".parse(), url("ticket", 3002));
        assert_eq!("http://ticket/".parse(), url("ticket", 80));
        assert_eq!("http://[::1]:3002".parse(), url("[::1]", 3002));
        for text in [
            "https://ticket:3002",
            "ticket:3002",
            "http://ticket:3002/base",
            "http://a@ticket",
            "",
        ] {
            assert_eq!(text.parse::<ServiceUrl>(), Err(ServiceUrlError), "{text}");
        }
    }
}
