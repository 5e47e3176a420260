//! `urr up`: the whole platform on this machine, as child processes of this one.
//!
//! Start: directory and secrets, engines, databases, schema, seed, services. Stop: gateway,
//! services, engines. Whatever crashes in between is started again. Everything ends with
//! this process, however it ends.

mod announcement;
mod backoff;
mod child;
mod console;
mod directory;
mod engines;
mod plan;
mod platform;
mod ports;
mod probe;
mod secrets;
mod settings;

use std::{net::IpAddr, path::PathBuf};

use clap::builder::FalseyValueParser;
use tokio::signal::unix::{Signal, SignalKind, signal};

use console::Console;
use directory::Directory;
use platform::Platform;

/// Settings of `urr up`. All other variables go on to the services.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Options {
    /// Directory for data, secrets and logs.
    #[arg(long, env = "URR_DIR", default_value = ".urr", hide_env_values = true)]
    dir: PathBuf,
    /// Port of the gateway; 0 picks a free one.
    #[arg(long, env = "PORT", default_value_t = 3001, hide_env_values = true)]
    port: u16,
    /// Address of the gateway; everything else stays on 127.0.0.1.
    #[arg(
        long,
        env = "BIND_ADDRESS",
        default_value = "127.0.0.1",
        hide_env_values = true
    )]
    bind_address: IpAddr,
    /// Carries facts over real Apache Kafka instead of the embedded bus.
    #[arg(long, env = "KAFKA", value_parser = FalseyValueParser::new(), hide_env_values = true)]
    kafka: bool,
    /// Keeps the services' lines out of the terminal; they are in the log files anyway.
    #[arg(long, short)]
    quiet: bool,
    /// E-mail of the administrator.
    #[arg(
        long,
        env = "ADMIN_EMAIL",
        default_value = "admin@urr.com",
        hide_env_values = true
    )]
    admin_email: String,
    /// Accounts of demo fans, for crowds that sign in without registering.
    #[arg(
        long,
        env = "DEMO_FANS",
        default_value_t = 2000,
        hide_env_values = true
    )]
    demo_fans: u32,
}

/// Runs until SIGINT, SIGTERM or SIGHUP; a second one kills what has not stopped yet.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let mut asked = Asked::listen()?;
    let directory = Directory::open(&options.dir)?;
    let console = Console::new(&directory.logs(), options.quiet);
    let mut platform = Platform::new(options, directory, console.clone());
    let started = tokio::select! {
        result = platform.start() => result.map(|()| true),
        name = asked.next() => {
            console.say(&format!("{name}: stopping although not everything was up"));
            Ok(false)
        }
    };
    if matches!(started, Ok(true)) {
        let name = asked.next().await;
        console.say(&format!("{name}: stopping"));
    }
    if platform.has_started_something() {
        stop(&mut platform, &mut asked, &console).await;
    }
    started.map(drop)
}

async fn stop(platform: &mut Platform, asked: &mut Asked, console: &Console) {
    let kill = platform.killer();
    let mut stopped = std::pin::pin!(platform.stop());
    loop {
        tokio::select! {
            () = &mut stopped => break,
            name = asked.next() => {
                console.say(&format!("{name} again: killing what is left"));
                kill();
            }
        }
    }
    console.say("everything has stopped");
}

/// The signals that ask for an end.
struct Asked {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Asked {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The name of the next one.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.hangup.recv() => "SIGHUP",
        }
    }
}
