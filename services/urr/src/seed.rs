//! `urr seed`: what a platform begins with. What exists already stays as it is.

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgPool;
use urr_kit::{Clock, config::parse_secret, database::wait_until_current};
use urr_ticket::seed::SeedReport;

use crate::databases::{Databases, Name};

/// Settings of `urr seed`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    /// E-mail of the administrator.
    #[arg(
        long,
        env = "ADMIN_EMAIL",
        default_value = "admin@urr.com",
        hide_env_values = true
    )]
    admin_email: String,
    /// Password of the administrator; none is made where empty. `@/path` reads it from a file.
    #[arg(long, env = "ADMIN_PASSWORD", hide_env_values = true, value_parser = parse_secret)]
    admin_password: Option<SecretString>,
    /// Makes layouts, artists, events with their seats, and standing events.
    #[arg(long)]
    demo: bool,
    /// Makes so many accounts of demo fans, which all have one, cheaply hashed password.
    #[arg(
        long,
        env = "DEMO_FANS",
        default_value_t = 0,
        hide_env_values = true,
        requires = "demo_fan_password"
    )]
    demo_fans: u32,
    /// Password of the demo fans. `@/path` reads it from a file.
    #[arg(long, env = "DEMO_FAN_PASSWORD", hide_env_values = true, value_parser = parse_secret)]
    demo_fan_password: Option<SecretString>,
    /// Waits as long as it takes for the databases and their schemas, instead of giving up.
    #[arg(long)]
    wait_for_schema: bool,
    #[command(flatten)]
    databases: Databases,
}

impl Args {
    /// A database, once it can be sown into.
    async fn pool(&self, name: Name) -> anyhow::Result<PgPool> {
        let pool = self.databases.pool(name)?;
        if self.wait_for_schema {
            wait_until_current(&pool, name.migrations(), |_| ()).await;
        }
        Ok(pool)
    }
}

/// Carries out the command; `say` is told what was done.
pub(crate) async fn run(args: &Args, say: impl Fn(&str)) -> anyhow::Result<()> {
    anyhow::ensure!(
        args.admin_password.is_some() || args.demo || args.demo_fans > 0,
        "nothing to do: give ADMIN_PASSWORD, --demo or --demo-fans"
    );
    if let Some(password) = &args.admin_password {
        let auth = args.pool(Name::Auth).await?;
        say(&admin(&auth, &args.admin_email, password.expose_secret()).await?);
    }
    if let (1.., Some(password)) = (args.demo_fans, &args.demo_fan_password) {
        let auth = args.pool(Name::Auth).await?;
        say(&fans(&auth, args.demo_fans, password.expose_secret()).await?);
    }
    if args.demo {
        say(&events(&args.pool(Name::Ticket).await?).await?);
    }
    Ok(())
}

/// What `urr up` seeds.
pub(crate) struct Demo {
    pub(crate) admin_email: String,
    pub(crate) admin_password: String,
    pub(crate) fans: u32,
    pub(crate) fan_password: String,
}

impl Demo {
    /// Seeds both databases; returns what was done, in sentences.
    pub(crate) async fn sow(&self, auth: &PgPool, ticket: &PgPool) -> anyhow::Result<[String; 3]> {
        let (admin, fans, events) = tokio::try_join!(
            admin(auth, &self.admin_email, &self.admin_password),
            fans(auth, self.fans, &self.fan_password),
            events(ticket),
        )?;
        Ok([admin, fans, events])
    }
}

async fn admin(pool: &PgPool, email: &str, password: &str) -> anyhow::Result<String> {
    let made = urr_auth::seed::admin(pool, email, password)
        .await
        .context("cannot make the administrator")?;
    Ok(if made {
        format!("administrator {email}: made")
    } else {
        format!("administrator {email}: was there")
    })
}

async fn fans(pool: &PgPool, count: u32, password: &str) -> anyhow::Result<String> {
    let made = urr_auth::seed::demo_fans(pool, count, password)
        .await
        .context("cannot make the demo fans")?;
    Ok(format!(
        "demo fans: {made} made, {} were there",
        u64::from(count) - made
    ))
}

async fn events(pool: &PgPool) -> anyhow::Result<String> {
    let report = urr_ticket::seed::demo(pool, Clock::system().now())
        .await
        .context("cannot make the demo events")?;
    if report == SeedReport::default() {
        return Ok("demo events: all were there".to_owned());
    }
    let SeedReport {
        layouts,
        artists,
        events,
        ticket_types,
        seats,
    } = report;
    Ok(format!(
        "demo events: made {events} events with {seats} seats and {ticket_types} ticket types, \
         {layouts} layouts, {artists} artists"
    ))
}
