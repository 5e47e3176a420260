//! Where sales are played: a namespace with the chart, pods that are played, services that are
//! real, and the operator as a process.

use anyhow::Context;
use serde_json::Value;
use urr_e2e::{
    Account, Chart, Door, Kubelet, Log, Namespace, Operator, PATIENCE, Service, Services, apply,
    delete, events, eventually, exists, get, in_namespace, install_definition, kubectl, sale_says,
};
pub(crate) use urr_e2e::{condition, declared, merge, opens, sale, text};

/// Stores outside the cluster, one pod for each service.
const VALUES: [&str; 12] = [
    "postgres.provider=External",
    "postgres.external.host=db.example.com",
    "kafka.provider=Direct",
    "kafka.bootstrapServers=kafka.example.com:9092",
    "redis.host=redis.example.com",
    "images.provider=Volume",
    "images.storageClass=shared",
    "payment.provider=simulator",
    "payment.simulatorUrl=http://simulator.example.com",
    "defaults.replicas=1",
    "networkPolicy.enabled=false",
    "podDisruptionBudget.enabled=false",
];

/// See the module.
pub(crate) struct Stage<'a> {
    /// Its name.
    pub(crate) namespace: &'a str,
    /// Real ones, shared with other tests.
    pub(crate) services: &'static Services,
    /// Plays the pods.
    pub(crate) kubelet: Kubelet,
    /// At work.
    pub(crate) operator: Operator,
    /// The operator's way to queue.
    pub(crate) queue: Door,
    /// The operator's way to ticket.
    pub(crate) ticket: Door,
    /// What the operator asked of all three.
    pub(crate) log: Log,
    home: &'a Namespace,
    account: &'a Account,
}

/// An operator's ways to those whom it asks.
struct Doors {
    api: Door,
    queue: Door,
    ticket: Door,
    log: Log,
}

impl Doors {
    fn new(services: &Services, account: &Account) -> anyhow::Result<Self> {
        let log = Log::default();
        Ok(Self {
            api: Door::to(account.api_url()?, &log)?,
            queue: Door::to(services.url(Service::Queue), &log)?,
            ticket: Door::to(services.url(Service::Ticket), &log)?,
            log,
        })
    }

    /// An operator that takes these ways.
    fn operator(
        &self,
        home: &Namespace,
        account: &Account,
        arguments: &[&str],
    ) -> anyhow::Result<Operator> {
        let urls = [
            "--queue-url",
            self.queue.url(),
            "--ticket-url",
            self.ticket.url(),
        ];
        let arguments = [&urls[..], arguments].concat();
        Operator::start_with(home, account, &arguments, self.api.kubeconfig()?)
    }
}

/// How a stage is set.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Setting<'a> {
    /// Further values of the chart.
    pub(crate) values: &'a [&'a str],
    /// Further arguments of the operator.
    pub(crate) arguments: &'a [&'a str],
}

/// Runs `test` on a stage of its own.
pub(crate) fn on_stage(
    what: &str,
    setting: Setting<'_>,
    test: impl FnOnce(&mut Stage<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    in_namespace(what, |namespace| {
        let mut stage = Stage::set(namespace, Account::shared()?, setting)?;
        test(&mut stage)
    })
}

/// The same with an operator whose chart, in that very namespace, grants it nothing elsewhere.
pub(crate) fn on_stage_alone(
    what: &str,
    setting: Setting<'_>,
    test: impl FnOnce(&mut Stage<'_>, &Account) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    in_namespace(what, |namespace| {
        install_definition()?;
        let watched = format!("watchNamespaces={{{}}}", namespace.name());
        let settings = [
            "--set",
            &watched,
            "--set",
            "admissionPolicies.enabled=false",
        ];
        Chart::Operator.install(namespace.name(), &settings)?;
        let account = Account::of(namespace.name())?;
        let mut stage = Stage::set(namespace, &account, setting)?;
        test(&mut stage, &account)
    })
}

impl<'a> Stage<'a> {
    fn set(
        home: &'a Namespace,
        account: &'a Account,
        setting: Setting<'_>,
    ) -> anyhow::Result<Self> {
        let services = Services::shared()?;
        let operators = format!("operator.namespace={}", account.namespace());
        let values = [setting.values, &[operators.as_str()]].concat();
        install(home.name(), services, &values)?;
        let doors = Doors::new(services, account)?;
        Ok(Self {
            namespace: home.name(),
            services,
            kubelet: Kubelet::of(home.name()),
            operator: doors.operator(home, account, setting.arguments)?,
            queue: doors.queue,
            ticket: doors.ticket,
            log: doors.log,
            home,
            account,
        })
    }

    /// Another operator for the same sales, and what it asks.
    pub(crate) fn another(&self, setting: Setting<'_>) -> anyhow::Result<(Operator, Log)> {
        let doors = Doors::new(self.services, self.account)?;
        let operator = doors.operator(self.home, self.account, setting.arguments)?;
        Ok((operator, doors.log))
    }

    /// Applies a sale of the event `event` (an id), with `changes` merged into its spec.
    pub(crate) fn apply(&self, name: &str, event: &str, changes: &Value) -> anyhow::Result<()> {
        apply(self.namespace, &sale(name, event, changes).to_string())
    }

    /// Makes an event in ticket, and applies a sale of it; returns its id.
    pub(crate) fn sell(&self, name: &str, changes: &Value) -> anyhow::Result<String> {
        let event = self.services.make_event(&declared(name))?;
        self.apply(name, &event, changes)?;
        Ok(event)
    }

    /// The sale as the API server has it.
    pub(crate) fn sale(&self, name: &str) -> anyhow::Result<Value> {
        get(self.namespace, &format!("ticketingevent/{name}"))?.context("no such sale")
    }

    /// Waits until the condition `kind` of a sale has this status and reason; its message.
    pub(crate) fn says(
        &self,
        name: &str,
        kind: &str,
        status: &str,
        reason: &str,
    ) -> anyhow::Result<String> {
        let sale = sale_says(self.namespace, name, (kind, status, reason), PATIENCE)?;
        Ok(text(&condition(&sale, kind)["message"]))
    }

    /// Waits until a sale is ready.
    pub(crate) fn ready(&self, name: &str) -> anyhow::Result<Value> {
        sale_says(self.namespace, name, ("Ready", "True", "Ready"), PATIENCE)
    }

    /// Deletes a sale, whether it is open or not, and does not wait.
    pub(crate) fn delete(&self, name: &str) -> anyhow::Result<()> {
        let resource = format!("ticketingevent/{name}");
        let confirmation = format!("urr.internal/confirm-delete={name}");
        let annotate = [
            "annotate",
            &resource,
            &confirmation,
            "--namespace",
            self.namespace,
        ];
        kubectl(&annotate, "")?.ok("kubectl annotate")?;
        let answer = delete(self.namespace, &resource)?;
        answer.ok("kubectl delete").map(drop)
    }

    /// Waits until a sale is gone.
    pub(crate) fn gone(&self, name: &str) -> anyhow::Result<()> {
        eventually(&format!("{name} is gone"), || {
            Ok((!exists(self.namespace, &format!("ticketingevent/{name}"))?).then_some(()))
        })
    }

    /// Waits for an event with this reason about a sale; its note.
    pub(crate) fn event(&self, name: &str, reason: &str) -> anyhow::Result<String> {
        eventually(&format!("an event {reason} about {name}"), || {
            let all = events(self.namespace, name)?;
            let found = all.into_iter().find(|(found, _)| found == reason);
            Ok(found.map(|(_, note)| note))
        })
    }

    /// Waits until the policy that `service` holds of an event is as `is_right` wants it.
    pub(crate) fn policy(
        &self,
        service: Service,
        event: &str,
        what: &str,
        is_right: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Value> {
        eventually(&format!("{what} in {service:?}"), || {
            let held = self.services.policy(service, event)?;
            anyhow::ensure!(is_right(&held.body), "{}", held.body);
            Ok(Some(held.body))
        })
    }
}

/// Installs the chart with what sales need of it.
pub(crate) fn install(namespace: &str, services: &Services, values: &[&str]) -> anyhow::Result<()> {
    let token = format!("secrets.internalToken={}", services.internal_token());
    let all = [&VALUES[..], values, &[token.as_str()]].concat();
    let arguments: Vec<_> = all.into_iter().flat_map(|value| ["--set", value]).collect();
    Chart::Platform.install(namespace, &arguments).map(drop)
}
