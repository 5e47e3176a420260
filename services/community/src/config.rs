//! Settings of community.

use clap::{ArgAction, value_parser};
use urr_kit::{
    config::{BusArgs, GatewayTokenArgs, HttpArgs, InternalArgs},
    retention::DeadLetterArgs,
};

use crate::mail::MailArgs;

urr_kit::database_args!(pub CommunityDatabase, "COMMUNITY_DB");

/// Everything that can be set.
#[derive(clap::Args, Clone, Debug)]
pub struct Config {
    /// Where to listen.
    #[command(flatten)]
    pub http: HttpArgs<3008>,
    /// The database.
    #[command(flatten)]
    pub database: CommunityDatabase,
    /// The bus that facts come from.
    #[command(flatten)]
    pub bus: BusArgs,
    /// The token of calls between services.
    #[command(flatten)]
    pub internal: InternalArgs,
    /// The token of the gateway.
    #[command(flatten)]
    pub gateway: GatewayTokenArgs,
    /// Where auth is, which knows people's names, addresses and languages.
    #[arg(
        long,
        env = "AUTH_SERVICE_URL",
        default_value = "http://localhost:3005",
        hide_env_values = true
    )]
    pub auth_service_url: String,
    /// Where ticket is, which knows the artists and the reservations, and keeps the points.
    #[arg(
        long,
        env = "TICKET_SERVICE_URL",
        default_value = "http://localhost:3002",
        hide_env_values = true
    )]
    pub ticket_service_url: String,
    /// Points that writing may earn one person a day; what is written beyond earns none.
    #[arg(long, env = "COMMUNITY_DAILY_POINTS", default_value_t = 300, hide_env_values = true,
          value_parser = value_parser!(i32).range(0..=1_000_000))]
    pub community_daily_points: i32,
    /// How mails go out.
    #[command(flatten)]
    pub mail: MailArgs,
    /// Whether webhooks may lead to private addresses and over plain HTTP. For one machine only:
    /// whoever may name a webhook could reach our own network through it.
    #[arg(long, env = "WEBHOOK_ALLOW_PRIVATE", default_value_t = false, action = ArgAction::Set,
          hide_env_values = true)]
    pub webhook_allow_private: bool,
    /// Days that mails and deliveries, with what they said and to whom, are kept.
    #[arg(long, env = "RETENTION_NOTICES_DAYS", default_value_t = 30, hide_env_values = true,
          value_parser = value_parser!(u16).range(4..=3_650))]
    pub retention_notices_days: u16,
    /// How long facts are kept that could not be applied.
    #[command(flatten)]
    pub dead_letters: DeadLetterArgs,
}
