//! What the chart urr tells the programs is what they take: nothing that they need is missing,
//! nothing is spelled as they do not know it, and what cannot be set by a value is said here.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use anyhow::{Context, ensure};
use serde_json::Value;
use urr_e2e::{Answer, Chart, program, run};

/// Stands for every secret: long enough for all of them.
const SECRET: &str = "a-secret-of-forty-characters-0123456789ab";

/// Variables without a value of their own in the chart: `services.<name>.env` sets them.
const LEFT_TO_ENV: [&str; 40] = [
    // Told as an argument, by the port or by the chart's nature.
    "BIND_ADDRESS",
    "WAIT_FOR_SCHEMA",
    "BUS_DB_URL",
    "BUS_DB_USERNAME",
    "BUS_DB_PASSWORD",
    // Given by the cluster to whoever has an identity outside.
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    // Where others are who have one address in the world.
    "GOOGLE_ISSUER",
    "GOOGLE_KEYS_URL",
    "SPOTIFY_ACCOUNTS_URL",
    "SPOTIFY_API_URL",
    // What is measured before it is changed.
    "TOKIO_WORKER_THREADS",
    "GATEWAY_THREADS",
    "GATEWAY_CLIENT_PAUSE_MS",
    "GATEWAY_CLIENT_IDLE_MS",
    "GATEWAY_UPSTREAM_TIMEOUT_MS",
    "RATE_LIMIT_MAX_CLIENTS",
    "REDIS_TIMEOUT_MS",
    "BCRYPT_THREADS",
    "BCRYPT_QUEUE",
    "SEAT_LOCK_TTL_SECONDS",
    "RESERVATION_CLEANUP_INTERVAL_MS",
    "RESERVATION_RECONCILIATION_INTERVAL_MS",
    "EVENT_STATUS_INTERVAL_MS",
    "QUEUE_STALE_CLEANUP_INTERVAL_MS",
    "PAYMENT_PROVIDER_TIMEOUT_MS",
    // What nobody has wanted to change yet.
    "JWT_EXPIRATION_SECONDS",
    "JWT_REFRESH_EXPIRATION_SECONDS",
    "DOORS_OPEN_AFTER_MIDNIGHT_HOURS",
    "COMMUNITY_DAILY_POINTS",
    // How the simulator misbehaves: tossSimulator.env.
    "TOSS_SIMULATOR_STATE",
    "TOSS_SIMULATOR_WEBHOOK_RETRY_MS",
    "TOSS_SIMULATOR_TIMEOUT_RATE",
    "TOSS_SIMULATOR_TIMEOUT_BEFORE_RATE",
    "TOSS_SIMULATOR_LATE_MS",
    "TOSS_SIMULATOR_WEBHOOK_REPEAT_RATE",
    "TOSS_SIMULATOR_SEED",
];

/// One container: how the program is called, and what it is told.
struct Told {
    arguments: Vec<String>,
    variables: BTreeMap<String, String>,
}

impl Told {
    fn of(container: &Value, secrets: &Secrets) -> anyhow::Result<Self> {
        let list = |name: &str| container[name].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut variables = BTreeMap::new();
        for variable in list("env") {
            let name = text(&variable["name"]);
            let value = match variable["valueFrom"]["secretKeyRef"].as_object() {
                None => Some(text(&variable["value"])),
                Some(_) => secrets.value(&variable["valueFrom"]["secretKeyRef"])?,
            };
            let Some(value) = value else { continue };
            let before = variables.insert(name.clone(), value);
            ensure!(before.is_none(), "{name} is told twice");
        }
        Ok(Self {
            arguments: list("args").iter().map(text).collect(),
            variables,
        })
    }

    fn command(&self) -> &str {
        self.arguments.first().map_or("", String::as_str)
    }

    /// The program's opinion of these settings.
    fn checked(&self) -> anyhow::Result<Answer> {
        let mut command = Command::new(program("urr")?);
        command
            .arg("check-config")
            .args(&self.arguments)
            .env_clear()
            .envs(&self.variables);
        run(command, "")
    }
}

/// The keys of the Secrets that the chart makes. All others are somebody's who knows what is
/// wanted.
struct Secrets(BTreeMap<String, BTreeSet<String>>);

impl Secrets {
    fn of(objects: &[Value]) -> Self {
        let secrets = objects.iter().filter(|object| object["kind"] == "Secret");
        Self(
            secrets
                .map(|secret| {
                    let name = secret["metadata"]["name"].as_str().unwrap_or_default();
                    let data = secret["data"].as_object().cloned().unwrap_or_default();
                    (
                        name.to_owned(),
                        data.into_iter().map(|(key, _)| key).collect(),
                    )
                })
                .collect(),
        )
    }

    /// What a variable is that refers to a key; nothing where the key may be missing and is.
    fn value(&self, reference: &Value) -> anyhow::Result<Option<String>> {
        let name = reference["name"].as_str().context("a Secret has a name")?;
        let key = reference["key"].as_str().context("it has keys")?;
        if self.0.get(name).is_none_or(|keys| keys.contains(key)) {
            return Ok(Some(SECRET.to_owned()));
        }
        ensure!(
            reference["optional"] == true,
            "the chart's own Secret {name} lacks {key}"
        );
        Ok(None)
    }
}

/// What an example tells the containers of its workloads of that kind.
fn told(values: &str, kind: &str) -> anyhow::Result<Vec<Told>> {
    // The Prometheus operator's kinds are not known here.
    let arguments = [
        "--values",
        values,
        "--set",
        "monitoring.serviceMonitors=false",
    ];
    let objects = Chart::Platform.objects("ticketing", &arguments)?;
    let secrets = Secrets::of(&objects);
    let containers = objects
        .iter()
        .filter(|object| object["kind"] == kind)
        .filter_map(|object| object["spec"]["template"]["spec"]["containers"].get(0));
    containers
        .map(|container| Told::of(container, &secrets))
        .collect()
}

/// The variables that a command of the program knows.
fn known(command: &str) -> anyhow::Result<BTreeSet<String>> {
    let mut help = Command::new(program("urr")?);
    help.args([command, "--help"]);
    let help = run(help, "")?.ok("--help")?;
    Ok(help
        .split("[env: ")
        .skip(1)
        .filter_map(|rest| rest.split([']', '=']).next())
        .map(str::to_owned)
        .collect())
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn every_service_starts_with_what_it_is_told() -> anyhow::Result<()> {
    for (example, values) in Chart::Platform.examples()? {
        let services = told(&values, "Deployment")?;
        assert!(services.len() >= 8, "{example} has all services");
        for mut service in services {
            let name = service.command().to_owned();
            service
                .checked()?
                .ok(&format!("{example}: urr check-config {name}"))?;
            service.variables.clear();
            assert!(
                !service.checked()?.success,
                "{name} needs something, or this test sees nothing"
            );
        }
    }
    Ok(())
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn nothing_is_told_that_a_program_does_not_know() -> anyhow::Result<()> {
    for (example, values) in Chart::Platform.examples()? {
        for kind in ["Deployment", "Job"] {
            for told in told(&values, kind)? {
                let known = known(told.command())?;
                let unknown: Vec<_> = told
                    .variables
                    .keys()
                    .filter(|name| !known.contains(*name))
                    .collect();
                assert!(
                    unknown.is_empty(),
                    "{example}, {}: {unknown:?}",
                    told.command()
                );
            }
        }
    }
    Ok(())
}

/// A new setting gets a value in the chart, or a line above that says why not.
#[test]
#[ignore = "needs a cluster: make e2e"]
fn every_setting_has_a_value_or_a_reason() -> anyhow::Result<()> {
    let mut told_somewhere = BTreeMap::<String, BTreeSet<String>>::new();
    for (_, values) in Chart::Platform.examples()? {
        for told in told(&values, "Deployment")? {
            let of_service = told_somewhere.entry(told.command().to_owned()).or_default();
            of_service.extend(told.variables.into_keys());
        }
    }
    let left: BTreeSet<String> = LEFT_TO_ENV.map(str::to_owned).into();
    let mut all = BTreeSet::new();
    for (service, told) in &told_somewhere {
        let known = known(service)?;
        let forgotten: Vec<_> = known
            .iter()
            .filter(|name| !told.contains(*name) && !left.contains(*name))
            .collect();
        assert!(forgotten.is_empty(), "{service}: {forgotten:?}");
        all.extend(known.into_iter().filter(|name| !told.contains(name)));
    }
    let stale: Vec<_> = left.difference(&all).collect();
    assert!(
        stale.is_empty(),
        "these have values, or are no settings: {stale:?}"
    );
    Ok(())
}
