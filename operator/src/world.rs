//! What the controllers of one scope share: what they watch, what they found out, and how
//! they wake each other.
//!
//! A controller writes only its own part, and then wakes those who read it. So nobody acts
//! on a trigger that came before the news.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::{
    apps::v1::Deployment, autoscaling::v2::HorizontalPodAutoscaler, core::v1::ConfigMap,
};
use kube::{Client, Resource, ResourceExt};
use parking_lot::{Mutex, RwLock};
use urr_kit::Clock;
use urr_operator_api::{Phase, Service, TicketingEvent, Topic, conditions::ConditionType, names};
use urr_operator_plan::{
    Demand, LoadTable, Timetable, Wanted,
    capacity::{self, Bounds, Sale},
    demands, demands_as_before,
    verdict::DataSeen,
};

use crate::{
    bells::Bells, capacity as scaling, clients::Peers, platform, report::Reporter, sale::Memory,
    telemetry::Instruments, watches::Watched,
};

/// One service of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Workload {
    pub(crate) bounds: Bounds,
    pub(crate) wanted: Wanted,
    pub(crate) ready: u32,
}

/// How long a service takes from a floor to readiness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Warmup {
    /// Replicas wanted last.
    wanted: Option<u32>,
    /// Since when more is wanted than was, and not all ready.
    since: Option<Timestamp>,
    /// How long it took last time, in seconds.
    seconds: Option<u32>,
}

impl Warmup {
    /// Only what a rise takes counts: pods are missing for other reasons, too.
    fn note(&mut self, wanted: u32, ready: u32, now: Timestamp) {
        let before = self.wanted.replace(wanted);
        if before.is_some_and(|before| before < wanted) {
            self.since.get_or_insert(now);
        }
        if ready >= wanted
            && let Some(since) = self.since.take()
        {
            self.seconds = u32::try_from(now.duration_since(since).as_secs()).ok();
        }
    }
}

/// What one sale asks of what it shares with others.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asks {
    pub(crate) sale: Sale,
    pub(crate) topics: Vec<Topic>,
    /// Whether it could take place once, so that people may depend on it.
    pub(crate) was_accepted: bool,
}

/// See the module.
pub(crate) struct World {
    pub(crate) client: Client,
    pub(crate) clock: Clock,
    pub(crate) reporter: Reporter,
    pub(crate) instruments: Instruments,
    pub(crate) peers: Peers,
    pub(crate) bells: Bells,
    /// How long what queue and ticket stored is believed.
    pub(crate) believed_for: SignedDuration,
    pub(crate) watched: Watched,
    found: Found,
}

/// What was found out.
#[derive(Default)]
struct Found {
    /// The data plane of each namespace, as its controller last saw it.
    data: RwLock<BTreeMap<String, DataSeen>>,
    /// By namespace, then by uid.
    asks: RwLock<BTreeMap<String, BTreeMap<String, Arc<Asks>>>>,
    warmups: Mutex<BTreeMap<(String, Service), Warmup>>,
    images: Mutex<BTreeMap<(String, String), Option<String>>>,
    memories: Mutex<BTreeMap<String, Memory>>,
    /// What was said last of stores that stay as they are, by namespace and name.
    said: Mutex<BTreeMap<(String, String), String>>,
    /// Uids of deleted sales that ask for nothing any more.
    released: RwLock<BTreeSet<String>>,
}

impl World {
    pub(crate) fn new(
        client: Client,
        clock: Clock,
        instruments: Instruments,
        peers: Peers,
        believed_for: SignedDuration,
        watched: Watched,
    ) -> Self {
        Self {
            reporter: Reporter::new(client.clone()),
            client,
            clock,
            instruments,
            peers,
            bells: Bells::default(),
            believed_for,
            watched,
            found: Found::default(),
        }
    }

    // === platforms ===

    /// The settings of a namespace, where the chart was installed.
    fn settings(&self, namespace: &str) -> Option<Arc<ConfigMap>> {
        self.watched
            .platforms
            .find(|found| found.namespace().as_deref() == Some(namespace))
    }

    /// The data plane of a namespace as its controller last saw it; `None` where there are no
    /// settings to look at.
    pub(crate) fn data(&self, namespace: &str) -> Option<DataSeen> {
        self.settings(namespace)?;
        let seen = self.found.data.read().get(namespace).cloned();
        Some(seen.unwrap_or(DataSeen::Unknown))
    }

    /// A platform's settings changed, or are gone. What sales ask for is computed by them.
    pub(crate) fn saw_platform(&self, platform: &ConfigMap) {
        self.bells.platform.ring_for(platform);
        self.saw_all_sales();
    }

    /// Whether every platform was looked at since the start.
    pub(crate) fn has_seen_platforms(&self) -> bool {
        let seen = self.found.data.read();
        let platforms = self.watched.platforms.state();
        platforms
            .iter()
            .all(|found| seen.contains_key(&found.namespace().unwrap_or_default()))
    }

    /// Whether this sentence is news: the last one about `what` of a namespace was another.
    pub(crate) fn is_news(&self, namespace: &str, what: &str, sentence: &str) -> bool {
        let key = (namespace.to_owned(), what.to_owned());
        let before = self.found.said.lock().insert(key, sentence.to_owned());
        before.as_deref() != Some(sentence)
    }

    /// What was said about `what` is no longer so: said again, it is news.
    pub(crate) fn is_over(&self, namespace: &str, what: &str) {
        let key = (namespace.to_owned(), what.to_owned());
        self.found.said.lock().remove(&key);
    }

    /// Notes how a data plane is; how it was before.
    pub(crate) fn note_data(&self, namespace: &str, data: &DataSeen) -> Option<DataSeen> {
        let mut all = self.found.data.write();
        let before = all.insert(namespace.to_owned(), data.clone());
        drop(all);
        if before.as_ref() != Some(data) {
            self.bells.sale.ring();
        }
        before
    }

    /// What services are asked and can serve in a namespace; `None` while its settings are not
    /// there or cannot be read. Read from the settings themselves: no floor waits for a look at
    /// the platform, and after a restart none is computed by another table first.
    fn load(&self, namespace: &str) -> Option<LoadTable> {
        platform::load(&*self.settings(namespace)?)
    }

    // === workloads ===

    /// One service of a namespace, where it has a Deployment.
    pub(crate) fn workload(&self, namespace: &str, service: Service) -> Option<Workload> {
        let deployment = scaling::deployment_of(namespace, service, self)?;
        let autoscaler = scaling::autoscaler_of(&deployment, self);
        let bounds = scaling::bounds(&deployment, autoscaler.as_deref());
        let sales = self.sales_of(namespace);
        let sales = sales.values().map(|asks| &asks.sale);
        Some(Workload {
            bounds,
            wanted: capacity::wanted(service, sales, bounds, self.clock.now()),
            ready: scaling::ready_replicas(&deployment),
        })
    }

    /// A Deployment is there, or changed.
    pub(crate) fn saw_deployment(&self, deployment: &Deployment) {
        let image = scaling::image_of(deployment);
        let mut images = self.found.images.lock();
        let before = images.insert(key_of(deployment), image.clone());
        drop(images);
        if before != Some(image) {
            self.bells.platform.ring();
        }
        self.bells.capacity.ring_for(deployment);
        self.bells.sale.ring();
    }

    /// An autoscaler changed, or is gone.
    pub(crate) fn saw_autoscaler(&self, autoscaler: &HorizontalPodAutoscaler) {
        let deployments = &self.watched.deployments;
        if let Some(deployment) = deployments.find(|found| scaling::scales(autoscaler, found)) {
            self.bells.capacity.ring_for(&deployment);
            self.bells.sale.ring();
        }
    }

    /// A Deployment is gone, and what was found out about it.
    pub(crate) fn lost_deployment(&self, deployment: &Deployment) {
        let key = key_of(deployment);
        self.found.images.lock().remove(&key);
        if let Some(service) = service_of(deployment) {
            self.instruments.forget_service(&key.0, service.name());
            self.found.warmups.lock().remove(&(key.0, service));
        }
        self.bells.platform.ring();
        self.bells.sale.ring();
    }

    /// Notes how many replicas of a service are wanted and ready.
    pub(crate) fn note_warmth(&self, namespace: &str, service: Service, wanted: u32, ready: u32) {
        let now = self.clock.now();
        let mut warmups = self.found.warmups.lock();
        let warmup = warmups.entry((namespace.to_owned(), service)).or_default();
        warmup.note(wanted, ready, now);
    }

    /// How long a service took from a floor to readiness last time, in seconds.
    pub(crate) fn warmup_seconds(&self, namespace: &str, service: Service) -> Option<u32> {
        let key = (namespace.to_owned(), service);
        self.found.warmups.lock().get(&key)?.seconds
    }

    // === sales ===

    /// What the sales of a namespace ask for, by uid.
    pub(crate) fn sales_of(&self, namespace: &str) -> BTreeMap<String, Arc<Asks>> {
        self.found
            .asks
            .read()
            .get(namespace)
            .cloned()
            .unwrap_or_default()
    }

    /// A sale is there, or changed.
    pub(crate) fn saw_sale(&self, sale: &TicketingEvent) {
        let asks = self.counts(sale).then(|| Arc::new(self.asks(sale)));
        self.note_asks(sale, asks.as_ref());
        self.bells.sale.ring_for(sale);
    }

    /// A sale is gone, and what was remembered of it.
    pub(crate) fn lost_sale(&self, sale: &TicketingEvent) {
        let uid = sale.uid().unwrap_or_default();
        self.note_asks(sale, None);
        self.found.released.write().remove(&uid);
        self.found.memories.lock().remove(&uid);
        let namespace = sale.namespace().unwrap_or_default();
        self.instruments.forget_sale(&namespace, &sale.name_any());
    }

    /// Notes what a sale asks for, and wakes those whom a change concerns.
    fn note_asks(&self, sale: &TicketingEvent, asks: Option<&Arc<Asks>>) {
        let uid = sale.uid().unwrap_or_default();
        let mut all = self.found.asks.write();
        let here = all.entry(sale.namespace().unwrap_or_default()).or_default();
        let before = match asks {
            Some(asks) => here.insert(uid, Arc::clone(asks)),
            None => here.remove(&uid),
        };
        drop(all);
        let before = before.as_ref();
        if before != asks {
            self.bells.sale.ring();
            self.bells.capacity.ring();
        }
        let topics = |asks: Option<&Arc<Asks>>| asks.map(|asks| asks.topics.clone());
        if topics(before) != topics(asks) {
            self.bells.platform.ring();
        }
    }

    /// All sales were listed anew.
    pub(crate) fn saw_all_sales(&self) {
        let sales = self.watched.sales.state();
        let mut all: BTreeMap<String, BTreeMap<String, Arc<Asks>>> = BTreeMap::new();
        for sale in sales.iter().filter(|sale| self.counts(sale)) {
            let here = all.entry(sale.namespace().unwrap_or_default()).or_default();
            here.insert(sale.uid().unwrap_or_default(), Arc::new(self.asks(sale)));
        }
        *self.found.asks.write() = all;
        self.bells.ring();
    }

    /// What one sale asks for.
    pub(crate) fn asks(&self, sale: &TicketingEvent) -> Asks {
        let is_over = sale.status.as_ref().and_then(|status| status.phase) == Some(Phase::Ended);
        Asks {
            sale: sale_of(
                sale,
                self.load(&sale.namespace().unwrap_or_default()).as_ref(),
            ),
            was_accepted: sale.was_accepted(),
            // What is over asks for no partitions any more.
            topics: if is_over {
                Vec::new()
            } else {
                sale.spec.data.topics.clone()
            },
        }
    }

    /// Whether a sale asks for anything: it is not refused and not let go.
    fn counts(&self, sale: &TicketingEvent) -> bool {
        let is_refused = condition(sale, ConditionType::Accepted) == Some("False");
        let uid = sale.uid().unwrap_or_default();
        !is_refused && !self.found.released.read().contains(&uid)
    }

    /// Lets go of what a deleted sale asked for.
    pub(crate) fn release(&self, sale: &TicketingEvent) {
        let uid = sale.uid().unwrap_or_default();
        self.found.released.write().insert(uid);
        self.saw_sale(sale);
    }

    /// What is remembered of a sale. It is not looked at twice at a time, so it is taken.
    pub(crate) fn recall(&self, uid: &str) -> Memory {
        self.found.memories.lock().remove(uid).unwrap_or_default()
    }

    /// Puts back what is remembered of a sale.
    pub(crate) fn remember(&self, uid: &str, memory: Memory) {
        self.found.memories.lock().insert(uid.to_owned(), memory);
    }
}

/// Namespace and name of an object.
fn key_of(object: &impl Resource) -> (String, String) {
    (object.namespace().unwrap_or_default(), object.name_any())
}

/// What a sale asks of services, and when. Without a table it asks for what the status says.
fn sale_of(sale: &TicketingEvent, load: Option<&LoadTable>) -> Sale {
    let demands = match load {
        Some(load) => demands(&sale.spec, load),
        None => demands_as_before(&sale.spec, &demands_in_status(sale)),
    };
    let seats = sale
        .status
        .as_ref()
        .and_then(|status| status.seats.as_ref());
    let quiet_since = seats.and_then(|seats| seats.quiet_since);
    let capacity = sale
        .status
        .as_ref()
        .and_then(|status| status.capacity.as_ref());
    let asked = || {
        let services = capacity.into_iter().flat_map(|capacity| &capacity.services);
        services
            .map(|service| (service.name, service.asked))
            .collect()
    };
    Sale {
        timetable: Timetable::new(&sale.spec, &demands, quiet_since),
        demands,
        frozen: sale.spec.paused.then(asked),
    }
}

/// What a sale asks of services, as it was written into its status.
fn demands_in_status(sale: &TicketingEvent) -> Vec<Demand> {
    let status = sale.status.as_ref();
    let capacity = status.and_then(|status| status.capacity.as_ref());
    let services = capacity.into_iter().flat_map(|capacity| &capacity.services);
    let demands = services.map(|service| Demand {
        service: service.name,
        floor: service.floor,
        sum: service.sum.clone(),
    });
    demands.collect()
}

/// The status of one condition, where it was written.
pub(crate) fn condition(sale: &TicketingEvent, type_: ConditionType) -> Option<&str> {
    let conditions = &sale.status.as_ref()?.conditions;
    let found = conditions
        .iter()
        .find(|found| found.type_ == type_.name())?;
    Some(found.status.as_str())
}

/// The service that an object belongs to, by its label.
pub(crate) fn service_of(object: &impl Resource) -> Option<Service> {
    object.labels().get(names::SERVICE_LABEL)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use urr_operator_plan::Load;

    use super::*;

    #[test]
    fn without_a_table_a_sale_asks_for_what_its_status_says() {
        let sale: TicketingEvent = serde_json::from_value(json!({
            "apiVersion": "urr.internal/v1alpha1", "kind": "TicketingEvent",
            "metadata": {"name": "aurora"},
            "spec": {
                "eventId": "5c1a3b1e-6f0e-4f55-9d0c-2b8b1c7d9a10",
                "sale": {"opensAt": "2027-03-12T11:00:00Z", "closesAt": "2027-03-19T11:00:00Z"},
                "capacity": {"expectedUsers": 60_000}
            },
            "status": {"capacity": {"summary": "40/40", "services": [{
                "name": "ticket", "floor": 40, "asked": 40, "wanted": 40, "ready": 40,
                "from": "2027-03-12T10:45:00Z", "sum": "much"
            }]}}
        }))
        .expect("a sale");
        let open = "2027-03-12T12:00:00Z".parse().expect("a time");
        let floor = |load: Option<&LoadTable>| sale_of(&sale, load).floor_at(Service::Ticket, open);
        assert_eq!(floor(None), 40);
        let mut table = LoadTable::default();
        let load = Load {
            per_poll: 0.0,
            per_admitted_user: 50.0,
            per_replica: 100.0,
        };
        table.services.insert(Service::Ticket, load);
        assert_eq!(floor(Some(&table)), 60);
    }

    /// What was measured after these looks: seconds, wanted, ready.
    fn measured(looks: &[(i64, u32, u32)]) -> Option<u32> {
        let mut warmup = Warmup::default();
        for (seconds, wanted, ready) in looks {
            let now = Timestamp::from_second(1_804_849_200 + seconds).expect("a time");
            warmup.note(*wanted, *ready, now);
        }
        warmup.seconds
    }

    #[test]
    fn a_warmup_is_from_the_first_rise_until_all_are_ready() {
        assert_eq!(measured(&[(0, 1, 1), (10, 4, 1), (30, 4, 3)]), None);
        assert_eq!(measured(&[(0, 1, 1), (10, 4, 1), (50, 4, 4)]), Some(40));
        let twice = [(0, 1, 1), (10, 4, 1), (20, 8, 4), (50, 8, 8)];
        assert_eq!(measured(&twice), Some(40));
    }

    #[test]
    fn pods_that_are_missing_otherwise_are_no_warmup() {
        assert_eq!(
            measured(&[(0, 4, 0), (3600, 4, 4)]),
            None,
            "nobody saw it rise"
        );
        assert_eq!(measured(&[(0, 4, 4), (10, 4, 1), (3600, 4, 4)]), None);
    }
}
