//! Where sales are played: a namespace with the chart, pods that are played, services that are
//! real, and the operator as a process.

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use urr_e2e::{
    Chart, Door, Kubelet, Log, Namespace, Operator, Service, Services, api_url, apply, delete,
    events, eventually, exists, get, in_namespace, kubectl,
};

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
        let mut stage = Stage::set(namespace, setting)?;
        test(&mut stage)
    })
}

impl<'a> Stage<'a> {
    fn set(namespace: &'a Namespace, setting: Setting<'_>) -> anyhow::Result<Self> {
        let services = Services::shared()?;
        install(namespace.name(), services, setting.values)?;
        let log = Log::default();
        let api = Door::to(api_url()?, &log)?;
        let queue = Door::to(services.url(Service::Queue), &log)?;
        let ticket = Door::to(services.url(Service::Ticket), &log)?;
        let ours = ["--queue-url", queue.url(), "--ticket-url", ticket.url()];
        let arguments = [&ours[..], setting.arguments].concat();
        let operator = Operator::start_with(namespace, &arguments, Some(api.kubeconfig()?))?;
        Ok(Self {
            namespace: namespace.name(),
            services,
            kubelet: Kubelet::of(namespace.name()),
            operator,
            queue,
            ticket,
            log,
        })
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
        let what = format!("{kind} of {name} is {status} with {reason}");
        eventually(&what, || {
            let sale = self.sale(name)?;
            let found = condition(&sale, kind);
            let is_there = found["status"] == status
                && found["reason"] == reason
                && found["observedGeneration"] == sale["metadata"]["generation"];
            anyhow::ensure!(is_there, "{}", sale["status"]["conditions"]);
            Ok(Some(text(&found["message"])))
        })
    }

    /// Waits until a sale is ready.
    pub(crate) fn ready(&self, name: &str) -> anyhow::Result<Value> {
        self.says(name, "Ready", "True", "Ready")?;
        self.sale(name)
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

/// A standing event as ticket is told of it, and as a sale may declare it.
pub(crate) fn declared(title: &str) -> Value {
    json!({
        "title": title,
        "venue": "Basement",
        "startsAt": "2037-04-02T13:00:00Z",
        "ticketTypes": [{"name": "floor", "price": 35_000, "totalQuantity": 400}],
    })
}

/// A sale that opens years from now, with `changes` merged into its spec.
pub(crate) fn sale(name: &str, event: &str, changes: &Value) -> Value {
    let mut spec = json!({
        "eventId": event,
        "sale": {"opensAt": "2037-03-20T03:00:00Z", "closesAt": "2037-04-02T12:00:00Z"},
    });
    merge(&mut spec, changes);
    json!({
        "apiVersion": "urr.internal/v1alpha1",
        "kind": "TicketingEvent",
        "metadata": {"name": name},
        "spec": spec,
    })
}

/// The part of a spec that opens a sale at that time, for a day.
pub(crate) fn opens(at: Timestamp) -> Value {
    json!({"opensAt": at, "closesAt": at + SignedDuration::from_hours(24)})
}

/// JSON merge patch (RFC 7386).
pub(crate) fn merge(into: &mut Value, changes: &Value) {
    let Value::Object(changes) = changes else {
        *into = changes.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (name, change) in changes {
        if change.is_null() {
            into.as_object_mut().map(|object| object.remove(name));
        } else {
            merge(&mut into[name], change);
        }
    }
}

/// A condition of an object; null where it has none of that type.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    let conditions = object["status"]["conditions"].as_array();
    let mut all = conditions.into_iter().flatten();
    all.find(|condition| condition["type"] == kind)
        .unwrap_or(&Value::Null)
}

/// A string, empty where it is none.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
