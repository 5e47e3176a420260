//! The running platform: engines, services and gateway, each a group that stops as one.

use std::{io::ErrorKind, os::unix::process::CommandExt, process::Command, time::Duration};

use futures::future::try_join_all;
use rustix::process::Signal;
use sqlx::{PgConnection, PgPool};
use tokio::sync::mpsc;
use urr_kit::{
    engines::Postgres,
    env_file::{self, Variables},
};

use super::{
    Options,
    announcement::announcement,
    child::{Crash, Group, Program, unless_crashed, within},
    console::Console,
    directory::Directory,
    engines::{Engines, Start},
    plan::{self, Bus, PortTable, SERVICES},
    ports::Ports,
    probe,
    settings::Settings,
};
use crate::{migrate, seed};

/// How long engines may take to be ready: a Postgres that was killed replays its log first,
/// and Kafka is fetched the first time.
const ENGINES_READY: Duration = Duration::from_mins(3);
/// How long services may take to be ready.
const SERVICES_READY: Duration = Duration::from_mins(1);
/// How long an engine may take to stop; then it is killed and recovers at the next start.
const ENGINE_GRACE: Duration = Duration::from_secs(20);
/// How long a service may take to stop: longer than it takes itself to finish requests and tasks.
const SERVICE_GRACE: Duration = Duration::from_secs(27);

const RUN_ENV_HEADING: &str = "Where this local platform runs, written by `urr up`.\n\
                               For a crowd: urr crowd --env-file <this file>";

/// Everything that runs, and what is needed to start it.
pub(crate) struct Platform {
    options: Options,
    directory: Directory,
    console: Console,
    gateway: Group,
    services: Group,
    engines: Group,
    crashes: mpsc::UnboundedReceiver<Crash>,
    ports: Ports,
}

impl Platform {
    /// Nothing runs yet.
    pub(crate) fn new(options: &Options, directory: Directory, console: Console) -> Self {
        let (sender, crashes) = mpsc::unbounded_channel();
        Self {
            options: options.clone(),
            directory,
            console,
            gateway: Group::new(sender.clone()),
            services: Group::new(sender.clone()),
            engines: Group::new(sender),
            crashes,
            ports: Ports::default(),
        }
    }

    /// Starts everything; returns when all of it is ready.
    pub(crate) async fn start(&mut self) -> anyhow::Result<()> {
        let settings = Settings::load(&self.directory)?;
        let ports = self.choose_ports()?;
        let bus = plan::bus(&ports);
        let postgres = Box::pin(self.start_engines(&ports, &settings)).await?;
        let addresses = plan::addresses(&ports, |name| postgres.url(name), &bus);
        self.write_run_env(&addresses, &settings)?;
        self.prepare_databases(&postgres, &bus, &settings).await?;
        let mut variables = settings.not_set_by_user();
        variables.extend(addresses);
        let here = [
            ("TOSS_SIMULATOR_STATE", self.directory.simulator_journal()),
            ("IMAGE_DIRECTORY", self.directory.images()),
            ("MAIL_DIRECTORY", self.directory.mails()),
        ];
        variables.extend(here.map(|(name, path)| (name.to_owned(), path.display().to_string())));
        let images = plan::gateway_url(&ports) + "/api/images";
        variables.insert("IMAGE_PUBLIC_URL".to_owned(), images);
        if settings.value("PUBLIC_URL").is_empty() {
            variables.insert("PUBLIC_URL".to_owned(), plan::gateway_url(&ports));
        }
        self.start_services(&ports, &bus, &variables).await?;
        for line in announcement(&self.options, &self.directory, &ports, &settings) {
            self.console.plain(&line);
        }
        let (url, seconds) = (plan::gateway_url(&ports), self.console.seconds());
        self.console
            .plain(&format!("URR is ready: {url} (after {seconds:.1} s)"));
        Ok(())
    }

    /// Whether there is anything to stop.
    pub(crate) fn has_started_something(&self) -> bool {
        !self.engines.is_empty()
    }

    /// Stops the gateway first, so that nobody comes in, and the engines last, so that the
    /// others can finish.
    pub(crate) async fn stop(&mut self) {
        self.gateway.stop().await;
        self.services.stop().await;
        self.engines.stop().await;
    }

    /// Kills everything when called; [`Platform::stop`] still has to wait for it.
    pub(crate) fn killer(&self) -> impl Fn() + use<> {
        let groups = [&self.gateway, &self.services, &self.engines].map(Group::killer);
        move || groups.iter().for_each(|kill| kill())
    }

    fn choose_ports(&mut self) -> anyhow::Result<PortTable> {
        let Options {
            port,
            bind_address,
            kafka,
            ..
        } = self.options;
        if port != 0 {
            self.ports.hold(bind_address, port).map_err(|error| {
                if error.kind() == ErrorKind::AddrInUse {
                    anyhow::anyhow!(
                        "port {port} is in use by another program: stop that, or choose \
                         another port with `urr up --port N` or `make up PORT=N`"
                    )
                } else {
                    anyhow::Error::new(error)
                        .context(format!("cannot listen on {bind_address}:{port}"))
                }
            })?;
        }
        let last_time = env_file::read_if_there(&self.directory.run_env())?;
        plan::choose_ports(&mut self.ports, &last_time, port, kafka)
    }

    async fn start_engines(
        &mut self,
        ports: &PortTable,
        settings: &Settings,
    ) -> anyhow::Result<Postgres> {
        let password = settings.ours("POSTGRES_PASSWORD");
        let Engines { postgres, .. } = {
            let engines = Engines::prepare(&self.directory, ports, password)?;
            for engine in engines.starts() {
                self.start_engine(engine, ports)?;
            }
            engines
        };
        let ready = Box::pin(within(
            ENGINES_READY,
            "the start of the engines",
            engines_ready(&self.console, ports, &postgres),
        ));
        let mut connection = unless_crashed(&mut self.crashes, async { ready.await? }).await?;
        // All seven, so that switching the bus needs no second thought.
        probe::create_databases(&mut connection).await?;
        Ok(postgres)
    }

    fn start_engine(&mut self, engine: Start, ports: &PortTable) -> anyhow::Result<()> {
        let port = ports[engine.name];
        self.ports.release(port);
        if engine.name == "kafka" {
            self.ports.release(port + 1);
        }
        self.engines.start(Program {
            name: engine.name,
            command: engine.command,
            stop: engine.stop,
            grace: ENGINE_GRACE,
            log: self.console.log_of(engine.name)?,
        });
        Ok(())
    }

    async fn prepare_databases(
        &self,
        postgres: &Postgres,
        bus: &Bus,
        settings: &Settings,
    ) -> anyhow::Result<()> {
        let pool = |name: &str| PgPool::connect_lazy(&postgres.url(name));
        let migrations = plan::databases(bus).map(async |name| {
            let report = migrate::migrate(name, &pool(name.database())?).await?;
            if report.did_something() {
                self.console.say(&report.to_string());
            }
            anyhow::Ok(())
        });
        try_join_all(migrations).await?;
        let seeds = seed::Demo {
            admin_email: self.options.admin_email.clone(),
            admin_password: settings.value("ADMIN_PASSWORD"),
            fans: self.options.demo_fans,
            fan_password: settings.value("DEMO_FAN_PASSWORD"),
        };
        for sentence in seeds.sow(&pool("auth_db")?, &pool("ticket_db")?).await? {
            self.console.say(&sentence);
        }
        Ok(())
    }

    async fn start_services(
        &mut self,
        ports: &PortTable,
        bus: &Bus,
        variables: &Variables,
    ) -> anyhow::Result<()> {
        for name in SERVICES {
            self.start_service(name, ports, bus, variables.clone())?;
        }
        let client = urr_kit::http_client();
        let console = &self.console;
        let ready = try_join_all(SERVICES.map(async |name| {
            probe::service(&client, ports[name]).await;
            console.ready(name);
            anyhow::Ok(())
        }));
        let ready = within(SERVICES_READY, "the start of all services", ready);
        unless_crashed(&mut self.crashes, async { ready.await? }).await?;
        Ok(())
    }

    fn start_service(
        &mut self,
        name: &'static str,
        ports: &PortTable,
        bus: &Bus,
        mut variables: Variables,
    ) -> anyhow::Result<()> {
        let (address, group) = match name {
            "gateway" => (self.options.bind_address.to_string(), &mut self.gateway),
            _ => ("127.0.0.1".to_owned(), &mut self.services),
        };
        variables.insert("BIND_ADDRESS".to_owned(), address);
        variables.insert("PORT".to_owned(), ports[name].to_string());
        self.ports.release(ports[name]);
        group.start(Program {
            name,
            command: service_command(name, plan::not_inherited(bus), variables),
            stop: Signal::TERM,
            grace: SERVICE_GRACE,
            log: self.console.log_of(name)?,
        });
        Ok(())
    }

    /// The file is for people and for other commands on this machine, so it also has what a
    /// crowd needs to sign in.
    fn write_run_env(&self, addresses: &Variables, settings: &Settings) -> anyhow::Result<()> {
        let mut variables = addresses.clone();
        let mut set = |name: &str, value: String| variables.insert(name.to_owned(), value);
        set("ADMIN_EMAIL", self.options.admin_email.clone());
        set("DEMO_FANS", self.options.demo_fans.to_string());
        for name in ["ADMIN_PASSWORD", "DEMO_FAN_PASSWORD"] {
            set(name, settings.value(name));
        }
        for name in plan::RATE_LIMITS {
            set(name, settings.rate_limit(name));
        }
        env_file::write(&self.directory.run_env(), RUN_ENV_HEADING, &variables)
    }
}

/// A session in Postgres, once all engines answer.
async fn engines_ready(
    console: &Console,
    ports: &PortTable,
    postgres: &Postgres,
) -> anyhow::Result<PgConnection> {
    let url = postgres.url("postgres");
    let postgres = async {
        let connection = probe::postgres(&url).await?;
        console.ready("postgres");
        anyhow::Ok(connection)
    };
    let redis = async {
        probe::redis(ports["redis"]).await;
        console.ready("redis");
        Ok(())
    };
    let kafka = async {
        if let Some(port) = ports.get("kafka") {
            probe::accepts(*port).await;
            console.ready("kafka");
        }
        Ok(())
    };
    let (connection, (), ()) = tokio::try_join!(postgres, redis, kafka)?;
    Ok(connection)
}

/// This same program as one service. It is the file that runs now, even when a newer one
/// was built meanwhile.
fn service_command(
    name: &'static str,
    not_inherited: Vec<&'static str>,
    variables: Variables,
) -> Box<dyn FnMut() -> Command + Send> {
    Box::new(move || {
        let mut command = Command::new("/proc/self/exe");
        command.arg0("urr").arg(name);
        for variable in &not_inherited {
            command.env_remove(variable);
        }
        command
            .envs(&variables)
            // Lines also go to files, where colours are noise.
            .env("NO_COLOR", "1")
            .env("URR_SUPERVISOR_PID", std::process::id().to_string());
        command
    })
}
