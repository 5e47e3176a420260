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
    LoadTable, Timetable, Wanted,
    capacity::{self, Bounds, Sale},
    demands,
    verdict::DataSeen,
};

use crate::{
    bells::Bells, capacity as scaling, clients::Peers, report::Reporter, sale::Memory,
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
pub(crate) struct Warmup {
    /// Since when less is ready than wanted.
    pub(crate) since: Option<Timestamp>,
    /// How long it took last time, in seconds.
    pub(crate) seconds: Option<u32>,
}

/// The platform of a namespace, as its controller last saw it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Platform {
    pub(crate) data: DataSeen,
    pub(crate) load: LoadTable,
}

/// What one sale asks of what it shares with others.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asks {
    pub(crate) sale: Sale,
    pub(crate) topics: Vec<Topic>,
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
    platforms: RwLock<BTreeMap<String, Platform>>,
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

    /// The platform of a namespace, where there is one and it was looked at.
    pub(crate) fn platform(&self, namespace: &str) -> Option<Platform> {
        self.watched
            .platforms
            .find(|found| found.namespace().as_deref() == Some(namespace))?;
        self.found.platforms.read().get(namespace).cloned()
    }

    /// A platform's settings changed, or are gone.
    pub(crate) fn saw_platform(&self, platform: &ConfigMap) {
        self.bells.platform.ring_for(platform);
        self.bells.sale.ring();
    }

    /// Whether every platform was looked at since the start.
    pub(crate) fn has_seen_platforms(&self) -> bool {
        let seen = self.found.platforms.read();
        let platforms = self.watched.platforms.state();
        platforms
            .iter()
            .all(|found| seen.contains_key(&found.namespace().unwrap_or_default()))
    }

    /// Whether this sentence about `store` is news. From now on it is not.
    pub(crate) fn is_news(&self, namespace: &str, store: &str, sentence: &str) -> bool {
        let key = (namespace.to_owned(), store.to_owned());
        let before = self.found.said.lock().insert(key, sentence.to_owned());
        before.as_deref() != Some(sentence)
    }

    /// What was said about `what` is no longer so: said again, it is news.
    pub(crate) fn is_over(&self, namespace: &str, what: &str) {
        let key = (namespace.to_owned(), what.to_owned());
        self.found.said.lock().remove(&key);
    }

    /// Notes how a platform is.
    pub(crate) fn note_platform(&self, namespace: &str, platform: Platform) {
        let load = platform.load.clone();
        let before = self
            .found
            .platforms
            .write()
            .insert(namespace.to_owned(), platform.clone());
        if before.as_ref().map(|before| &before.load) != Some(&load) {
            self.saw_all_sales();
        }
        if before != Some(platform) {
            self.bells.sale.ring();
        }
    }

    /// What services are asked and can serve in a namespace.
    pub(crate) fn load(&self, namespace: &str) -> LoadTable {
        let platforms = self.found.platforms.read();
        platforms
            .get(namespace)
            .map_or_else(LoadTable::default, |platform| platform.load.clone())
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

    /// A Deployment changed, or is gone.
    pub(crate) fn saw_deployment(&self, deployment: &Deployment) {
        let key = (
            deployment.namespace().unwrap_or_default(),
            deployment.name_any(),
        );
        let image = scaling::image_of(deployment);
        let before = self.found.images.lock().insert(key, image.clone());
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

    /// Notes whether less of a service is ready than wanted, and how long that took.
    pub(crate) fn note_warmth(&self, namespace: &str, service: Service, is_short: bool) {
        let now = self.clock.now();
        let mut warmups = self.found.warmups.lock();
        let warmup = warmups.entry((namespace.to_owned(), service)).or_default();
        match (is_short, warmup.since) {
            (true, None) => warmup.since = Some(now),
            (false, Some(since)) => {
                warmup.since = None;
                warmup.seconds = u32::try_from(now.duration_since(since).as_secs()).ok();
            }
            _ => {}
        }
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

    /// A sale changed, or is gone.
    pub(crate) fn saw_sale(&self, sale: &TicketingEvent) {
        let (uid, namespace) = (
            sale.uid().unwrap_or_default(),
            sale.namespace().unwrap_or_default(),
        );
        let is_there = self
            .watched
            .sales
            .find(|found| found.uid().as_ref() == Some(&uid))
            .is_some();
        let asks = (is_there && self.counts(sale)).then(|| Arc::new(self.asks(sale)));
        let mut all = self.found.asks.write();
        let here = all.entry(namespace).or_default();
        let before = match asks.clone() {
            Some(asks) => here.insert(uid, asks),
            None => here.remove(&uid),
        };
        drop(all);
        self.bells.sale.ring_for(sale);
        if before != asks {
            self.bells.sale.ring();
            self.bells.capacity.ring();
        }
        let topics = |asks: &Option<Arc<Asks>>| asks.as_ref().map(|asks| asks.topics.clone());
        if topics(&before) != topics(&asks) {
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
            sale: sale_of(sale, &self.load(&sale.namespace().unwrap_or_default())),
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
        let mut released = self.found.released.write();
        // Those that are gone need no mark any more.
        released.retain(|uid| {
            let found = self
                .watched
                .sales
                .find(|sale| sale.uid().as_ref() == Some(uid));
            found.is_some()
        });
        released.insert(uid.clone());
        drop(released);
        self.found.memories.lock().remove(&uid);
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

/// What a sale asks of services, and when.
fn sale_of(sale: &TicketingEvent, load: &LoadTable) -> Sale {
    let demands = demands(&sale.spec, load);
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
