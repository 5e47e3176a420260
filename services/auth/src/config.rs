//! Settings of auth.

use clap::{ArgAction, value_parser};
use jiff::SignedDuration;
use secrecy::SecretString;
use urr_kit::config::{GatewayTokenArgs, HttpArgs, InternalArgs, parse_secret};

use crate::domain::session::Lifetimes;

urr_kit::database_args!(pub AuthDatabase, "AUTH_DB");

/// Everything that can be set.
#[derive(clap::Args, Clone, Debug)]
pub struct Config {
    /// Where to listen.
    #[command(flatten)]
    pub http: HttpArgs<3005>,
    /// The database.
    #[command(flatten)]
    pub database: AuthDatabase,
    /// The token of calls between services.
    #[command(flatten)]
    pub internal: InternalArgs,
    /// The token of the gateway.
    #[command(flatten)]
    pub gateway: GatewayTokenArgs,
    /// The tokens that people carry.
    #[command(flatten)]
    pub sessions: SessionArgs,
    /// How passwords are hashed.
    #[command(flatten)]
    pub hashing: HashingArgs,
    /// Sign-in with Google.
    #[command(flatten)]
    pub google: GoogleArgs,
    /// Services that know people.
    #[command(flatten)]
    pub holders: HolderArgs,
    /// Days for which the record of a completed erasure is kept: proof that it was done.
    #[arg(long, env = "RETENTION_ERASURES_DAYS", default_value_t = 1095, hide_env_values = true,
          value_parser = value_parser!(u16).range(1..=3650))]
    pub retention_erasures_days: u16,
}

/// The tokens that people carry, and their cookies.
#[derive(clap::Args, Clone, Debug)]
pub struct SessionArgs {
    /// Key of access and refresh tokens, at least 32 bytes; Base64 is decoded. `@/path`
    /// reads it from a file.
    #[arg(long, env = "JWT_SECRET", hide_env_values = true, value_parser = parse_secret)]
    pub jwt_secret: SecretString,
    /// Life of an access token and its cookie.
    #[arg(long, env = "JWT_EXPIRATION_SECONDS", default_value_t = 1800, hide_env_values = true,
          value_parser = value_parser!(i64).range(1..=86_400))]
    pub jwt_expiration_seconds: i64,
    /// Life of a refresh token and its cookie.
    #[arg(long, env = "JWT_REFRESH_EXPIRATION_SECONDS", default_value_t = 604_800, hide_env_values = true,
          value_parser = value_parser!(i64).range(1..=31_536_000))]
    pub jwt_refresh_expiration_seconds: i64,
    /// Whether cookies travel over HTTPS only.
    #[arg(long, env = "COOKIE_SECURE", default_value_t = false, action = ArgAction::Set, hide_env_values = true)]
    pub cookie_secure: bool,
}

impl SessionArgs {
    /// How long tokens live.
    pub fn lifetimes(&self) -> Lifetimes {
        Lifetimes {
            access: SignedDuration::from_secs(self.jwt_expiration_seconds),
            refresh: SignedDuration::from_secs(self.jwt_refresh_expiration_seconds),
        }
    }
}

/// The pool of threads that hashes passwords.
#[derive(clap::Args, Clone, Debug)]
pub struct HashingArgs {
    /// Most threads that hash passwords; never more than there are cores.
    #[arg(long, env = "BCRYPT_THREADS", default_value_t = 4, hide_env_values = true,
          value_parser = value_parser!(u32).range(1..=256))]
    pub bcrypt_threads: u32,
    /// Hashes of cost 12 that may wait for each thread; further logins and registrations are
    /// answered 503. Sixteen take up to 5 s, half of what the gateway allows.
    #[arg(long, env = "BCRYPT_QUEUE", default_value_t = 16, hide_env_values = true,
          value_parser = value_parser!(u32).range(0..=1000))]
    pub bcrypt_queue: u32,
}

/// Whose ID tokens are believed.
#[derive(clap::Args, Clone, Debug)]
pub struct GoogleArgs {
    /// Audience of Google's ID tokens; sign-in with Google is off where empty.
    #[arg(
        long,
        env = "GOOGLE_CLIENT_ID",
        default_value = "",
        hide_env_values = true
    )]
    pub google_client_id: String,
    /// Issuer of the ID tokens, also accepted without its scheme.
    #[arg(
        long,
        env = "GOOGLE_ISSUER",
        default_value = "https://accounts.google.com",
        hide_env_values = true
    )]
    pub google_issuer: String,
    /// Where the issuer publishes its keys, as a JWK set.
    #[arg(
        long,
        env = "GOOGLE_KEYS_URL",
        default_value = "https://www.googleapis.com/oauth2/v3/certs",
        hide_env_values = true
    )]
    pub google_keys_url: String,
}

/// The services that know people: asked when somebody wants to see or to erase what is held.
#[derive(clap::Args, Clone, Debug)]
pub struct HolderArgs {
    /// Base URL of the ticket service.
    #[arg(
        long,
        env = "TICKET_SERVICE_URL",
        default_value = "http://localhost:3002",
        hide_env_values = true
    )]
    pub ticket_service_url: String,
    /// Base URL of the payment service.
    #[arg(
        long,
        env = "PAYMENT_SERVICE_URL",
        default_value = "http://localhost:3003",
        hide_env_values = true
    )]
    pub payment_service_url: String,
    /// Base URL of the community service.
    #[arg(
        long,
        env = "COMMUNITY_SERVICE_URL",
        default_value = "http://localhost:3008",
        hide_env_values = true
    )]
    pub community_service_url: String,
    /// Base URL of the queue service.
    #[arg(
        long,
        env = "QUEUE_SERVICE_URL",
        default_value = "http://localhost:3007",
        hide_env_values = true
    )]
    pub queue_service_url: String,
}
