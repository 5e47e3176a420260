//! Which processes the platform consists of, on which ports, and with which variables.

use std::collections::BTreeMap;

use urr_kit::env_file::Variables;

use super::ports::Ports;
use crate::databases::Name;

/// What listens on a port of its own, with the variable that keeps the port in `run.env`.
pub(crate) const PORTS: [(&str, &str); 11] = [
    ("postgres", "POSTGRES_PORT"),
    ("redis", "REDIS_PORT"),
    ("ticket", "TICKET_PORT"),
    ("auth", "AUTH_PORT"),
    ("payment", "PAYMENT_PORT"),
    ("stats", "STATS_PORT"),
    ("community", "COMMUNITY_PORT"),
    ("queue", "QUEUE_PORT"),
    ("queue-admission", "QUEUE_ADMISSION_PORT"),
    ("toss-simulator", "TOSS_SIMULATOR_PORT"),
    ("gateway", "GATEWAY_PORT"),
];

/// Services in the order in which they are started. The gateway is the last, so that the
/// door opens when somebody is in.
pub(crate) const SERVICES: [&str; 9] = [
    "auth",
    "ticket",
    "payment",
    "stats",
    "community",
    "queue",
    "queue-admission",
    "toss-simulator",
    "gateway",
];

/// Limits of the gateway that are raised, to this many requests a minute: they count what
/// people do before they are signed in by address, and a crowd on one machine is one address.
pub(crate) const RAISED: [&str; 2] = ["RATE_LIMIT_AUTH_RPM", "RATE_LIMIT_GENERAL_RPM"];
const RAISED_RPM: &str = "100000";

/// Keeps Kafka's port in `run.env`.
pub(crate) const KAFKA_PORT: &str = "KAFKA_PORT";

/// Port of each process.
pub(crate) type PortTable = BTreeMap<&'static str, u16>;

/// Chooses a port for each process but the gateway, whose port `gateway` is given (0: any):
/// last time's where it is free.
pub(crate) fn choose_ports(
    ports: &mut Ports,
    last_time: &Variables,
    gateway: u16,
    kafka: bool,
) -> anyhow::Result<PortTable> {
    let before = |variable: &str| last_time.get(variable)?.parse().ok();
    let mut table = PortTable::new();
    for (name, variable) in PORTS {
        let port = match name {
            "gateway" if gateway != 0 => gateway,
            _ => ports.choose(before(variable))?,
        };
        table.insert(name, port);
    }
    if kafka {
        table.insert("kafka", ports.choose_pair(before(KAFKA_PORT))?);
    }
    Ok(table)
}

/// Limits that a crowd states in its report.
pub(crate) const RATE_LIMITS: [&str; 4] = [
    "RATE_LIMIT_AUTH_RPM",
    "RATE_LIMIT_QUEUE_RPM",
    "RATE_LIMIT_BOOKING_RPM",
    "RATE_LIMIT_GENERAL_RPM",
];

/// Which bus the services use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bus {
    /// The log in `bus_db`.
    Embedded,
    /// Kafka at these servers.
    Kafka(String),
}

/// The bus of a platform with these ports.
pub(crate) fn bus(ports: &PortTable) -> Bus {
    match ports.get("kafka") {
        Some(port) => Bus::Kafka(format!("127.0.0.1:{port}")),
        None => Bus::Embedded,
    }
}

/// Where the platform is entered.
pub(crate) fn gateway_url(ports: &PortTable) -> String {
    format!("http://127.0.0.1:{}", ports["gateway"])
}

/// The databases that are in use with that bus.
pub(crate) fn databases(bus: &Bus) -> impl Iterator<Item = Name> {
    let embedded = *bus == Bus::Embedded;
    Name::ALL
        .into_iter()
        .filter(move |name| embedded || *name != Name::Bus)
}

/// Where everything is: what `run.env` says.
pub(crate) fn addresses(
    ports: &PortTable,
    database_url: impl Fn(&str) -> String,
    bus: &Bus,
) -> Variables {
    let url = |name: &str| format!("http://127.0.0.1:{}", ports[name]);
    let mut variables = Variables::new();
    let mut set = |name: &str, value: String| variables.insert(name.to_owned(), value);
    for (name, variable) in PORTS {
        set(variable, ports[name].to_string());
    }
    for name in databases(bus) {
        set(name.variable(), database_url(name.database()));
    }
    if let Bus::Kafka(servers) = bus {
        set("KAFKA_BOOTSTRAP_SERVERS", servers.clone());
        set(KAFKA_PORT, ports["kafka"].to_string());
    }
    set("REDIS_HOST", "127.0.0.1".to_owned());
    set("AUTH_SERVICE_URL", url("auth"));
    set("TICKET_SERVICE_URL", url("ticket"));
    set("PAYMENT_SERVICE_URL", url("payment"));
    set("STATS_SERVICE_URL", url("stats"));
    set("QUEUE_SERVICE_URL", url("queue"));
    set("COMMUNITY_SERVICE_URL", url("community"));
    set("PAYMENT_PROVIDER_URL", url("toss-simulator"));
    set(
        "TOSS_SIMULATOR_WEBHOOK_URL",
        url("payment") + "/api/payments/webhooks/toss",
    );
    set("GATEWAY_URL", url("gateway"));
    variables
}

/// Settings of a local platform that the user's environment may override.
pub(crate) fn defaults() -> Variables {
    let settings = [
        ("PAYMENT_PROVIDER", "simulator"),
        ("PAYMENT_DEMO_METHODS", "true"),
        // An organiser's server may be tried out on this machine.
        ("WEBHOOK_ALLOW_PRIVATE", "true"),
    ];
    settings
        .into_iter()
        .chain(RAISED.map(|name| (name, RAISED_RPM)))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Variables of the user's that would be wrong for each single service: they name one port
/// or one address, or the other one of two buses.
pub(crate) fn not_inherited(bus: &Bus) -> Vec<&'static str> {
    let mut names = vec!["MANAGEMENT_PORT", "BIND_ADDRESS", "REDIS_CLUSTER_NODES"];
    names.push(match bus {
        Bus::Embedded => "KAFKA_BOOTSTRAP_SERVERS",
        Bus::Kafka(_) => "BUS_DB_URL",
    });
    names
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn choose(last_time: &Variables, kafka: bool) -> PortTable {
        choose_ports(&mut Ports::default(), last_time, 0, kafka).unwrap()
    }

    fn addresses_of(ports: &PortTable) -> Variables {
        addresses(ports, |name| format!("postgres://x/{name}"), &bus(ports))
    }

    #[test]
    fn nobody_shares_a_port() {
        let table = choose(&Variables::new(), true);
        let different: BTreeSet<_> = table.values().collect();
        assert_eq!(different.len(), PORTS.len() + 1);
        assert!(SERVICES.iter().all(|service| table.contains_key(service)));
    }

    #[test]
    fn ports_are_those_of_last_time() {
        for kafka in [false, true] {
            let first = choose(&Variables::new(), kafka);
            assert_eq!(choose(&addresses_of(&first), kafka), first);
        }
    }

    #[test]
    fn there_is_exactly_one_bus() {
        let embedded = addresses_of(&choose(&Variables::new(), false));
        assert!(embedded.contains_key("BUS_DB_URL"));
        assert!(!embedded.contains_key("KAFKA_BOOTSTRAP_SERVERS"));
        let table = choose(&Variables::new(), true);
        let kafka = addresses_of(&table);
        assert!(!kafka.contains_key("BUS_DB_URL"));
        let servers = format!("127.0.0.1:{}", table["kafka"]);
        assert_eq!(kafka["KAFKA_BOOTSTRAP_SERVERS"], servers);
    }

    #[test]
    fn the_other_bus_of_the_environment_reaches_no_service() {
        assert!(not_inherited(&Bus::Embedded).contains(&"KAFKA_BOOTSTRAP_SERVERS"));
        let kafka = Bus::Kafka("127.0.0.1:9092".to_owned());
        assert!(not_inherited(&kafka).contains(&"BUS_DB_URL"));
    }
}
