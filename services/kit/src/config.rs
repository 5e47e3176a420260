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
    // Not `default_value_t`: clap keeps that text in a static, which all ports would share.
    #[arg(long, env = "PORT", default_value = Self::DEFAULT_TEXT, hide_env_values = true)]
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
    const DEFAULT_DIGITS: ([u8; 5], usize) = digits(DEFAULT_PORT);
    const DEFAULT_TEXT: &'static str = {
        let (_, text) = Self::DEFAULT_DIGITS.0.split_at(Self::DEFAULT_DIGITS.1);
        match std::str::from_utf8(text) {
            Ok(text) => text,
            Err(_) => "0",
        }
    };

    /// The same, whatever the default was.
    pub fn listen(&self) -> Listen {
        Listen {
            address: self.bind_address,
            port: self.port,
            management_port: self.management_port,
        }
    }
}

/// The decimal digits of a port, and where the first one is.
const fn digits(port: u16) -> ([u8; 5], usize) {
    let mut digits = [b'0'; 5];
    let (mut rest, mut first) = (port, digits.len());
    loop {
        first -= 1;
        let [digit, _] = (rest % 10).to_le_bytes();
        digits[first] += digit;
        rest /= 10;
        if rest == 0 {
            return (digits, first);
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

#[cfg(test)]
mod tests {
    use clap::{Args, Command};

    use super::HttpArgs;

    fn default_port<A: Args>() -> String {
        let command = A::augment_args(Command::new("service"));
        let port = command
            .get_arguments()
            .find(|argument| argument.get_id() == "port")
            .expect("there is a port");
        let defaults = port.get_default_values();
        defaults[0].to_str().expect("digits").to_owned()
    }

    #[test]
    fn each_service_has_its_own_default_port() {
        assert_eq!(default_port::<HttpArgs<3001>>(), "3001");
        assert_eq!(default_port::<HttpArgs<3002>>(), "3002");
        assert_eq!(default_port::<HttpArgs<0>>(), "0");
        assert_eq!(default_port::<HttpArgs<65535>>(), "65535");
    }
}
