//! Settings of community.

use clap::value_parser;
use urr_kit::config::{GatewayTokenArgs, HttpArgs, InternalArgs};

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
    /// The token of calls between services.
    #[command(flatten)]
    pub internal: InternalArgs,
    /// The token of the gateway.
    #[command(flatten)]
    pub gateway: GatewayTokenArgs,
    /// Where auth is, which knows the authors' names.
    #[arg(
        long,
        env = "AUTH_SERVICE_URL",
        default_value = "http://localhost:3005",
        hide_env_values = true
    )]
    pub auth_service_url: String,
    /// Where ticket is, which knows the artists and keeps the points.
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
}
