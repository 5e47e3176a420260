//! Settings of stats.

use jiff::tz::TimeZone;
use urr_kit::{
    config::{BusArgs, GatewayTokenArgs, HttpArgs, InternalArgs},
    retention::DeadLetterArgs,
};

urr_kit::database_args!(pub StatsDatabase, "STATS_DB");

/// Everything that can be set.
#[derive(clap::Args, Clone, Debug)]
pub struct Config {
    /// Where to listen.
    #[command(flatten)]
    pub http: HttpArgs<3004>,
    /// The database.
    #[command(flatten)]
    pub database: StatsDatabase,
    /// The bus that facts come from.
    #[command(flatten)]
    pub bus: BusArgs,
    /// The token of calls between services.
    #[command(flatten)]
    pub internal: InternalArgs,
    /// The token of the gateway.
    #[command(flatten)]
    pub gateway: GatewayTokenArgs,
    /// How long facts are kept that could not be applied.
    #[command(flatten)]
    pub dead_letters: DeadLetterArgs,
    /// Where auth is, which knows how many accounts there are.
    #[arg(
        long,
        env = "AUTH_SERVICE_URL",
        default_value = "http://localhost:3005",
        hide_env_values = true
    )]
    pub auth_service_url: String,
    /// Where ticket is, which knows events and their seats.
    #[arg(
        long,
        env = "TICKET_SERVICE_URL",
        default_value = "http://localhost:3002",
        hide_env_values = true
    )]
    pub ticket_service_url: String,
    /// Zone whose days and hours are counted in. Facts heard before a change keep the days
    /// they were given.
    #[arg(long, env = "STATS_TIME_ZONE", default_value = "Asia/Seoul", hide_env_values = true,
          value_parser = parse_time_zone)]
    pub stats_time_zone: TimeZone,
}

/// A zone by its name in the tz database.
fn parse_time_zone(name: &str) -> Result<TimeZone, jiff::Error> {
    TimeZone::get(name)
}
