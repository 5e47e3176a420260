//! Groups of settings that services share. Names of environment variables are the same
//! everywhere; `--help` is the reference.

use std::path::Path;

use anyhow::Context;
use secrecy::SecretString;

use crate::{identity::GatewayToken, internal::InternalToken};

pub use crate::{bus::BusArgs, redis::RedisArgs, telemetry::TelemetryArgs};

/// Where a service listens. The parameter is the port of the wire contract.
#[derive(clap::Args, Clone, Debug)]
pub struct HttpArgs<const DEFAULT_PORT: u16> {
    /// Port to listen on; 0 picks a free one.
    #[arg(long, env = "PORT", default_value_t = DEFAULT_PORT, hide_env_values = true)]
    pub port: u16,
    /// Port for /actuator alone; the main port where empty.
    #[arg(long, env = "MANAGEMENT_PORT", hide_env_values = true)]
    pub management_port: Option<u16>,
    /// Address to listen on.
    #[arg(
        long,
        env = "BIND_ADDRESS",
        default_value = "0.0.0.0",
        hide_env_values = true
    )]
    pub bind_address: std::net::IpAddr,
}

impl<const DEFAULT_PORT: u16> HttpArgs<DEFAULT_PORT> {
    /// The same, whatever the default was.
    pub fn listen(&self) -> Listen {
        Listen {
            address: self.bind_address,
            port: self.port,
            management_port: self.management_port,
        }
    }
}

/// Where a server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Address of the interface.
    pub address: std::net::IpAddr,
    /// Main port.
    pub port: u16,
    /// Port of /actuator, where it has one of its own.
    pub management_port: Option<u16>,
}

/// The token of calls between services.
#[derive(clap::Args, Clone, Debug)]
pub struct InternalArgs {
    /// Shared secret of calls between services. `@/path` reads it from a file.
    #[arg(long, env = "INTERNAL_API_TOKEN", hide_env_values = true, value_parser = parse_secret)]
    pub internal_api_token: SecretString,
}

impl InternalArgs {
    /// The token.
    pub fn token(&self) -> InternalToken {
        InternalToken::new(self.internal_api_token.clone())
    }
}

/// The token by which services know the gateway.
#[derive(clap::Args, Clone, Debug)]
pub struct GatewayTokenArgs {
    /// Secret that the gateway sends to services, without which they believe no identity
    /// header. `@/path` reads it from a file.
    #[arg(long, env = "GATEWAY_TOKEN", hide_env_values = true, value_parser = parse_secret)]
    pub gateway_token: SecretString,
}

impl GatewayTokenArgs {
    /// The token.
    pub fn token(&self) -> GatewayToken {
        GatewayToken::new(self.gateway_token.clone())
    }
}

/// A secret from the command line or the environment: the text itself, or `@` and the
/// path of a file that holds it. An empty one is refused.
pub fn parse_secret(text: &str) -> anyhow::Result<SecretString> {
    let secret = match text.strip_prefix('@') {
        Some(path) => std::fs::read_to_string(Path::new(path))
            .with_context(|| format!("cannot read the secret in {path}"))?
            .trim_end()
            .to_owned(),
        None => text.to_owned(),
    };
    anyhow::ensure!(!secret.is_empty(), "is empty");
    Ok(secret.into())
}
