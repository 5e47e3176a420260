//! What is watched: each kind once, in a store that all controllers read.
//!
//! A change is told to the [`World`] when it is in its store, and the world wakes those whom it
//! concerns. `kube::runtime::Controller` would watch its kind a second time, beside these
//! stores; its streams for sharing a watch are marked unstable, and one that is told of an
//! object which is gone by then (kube 5.0) sleeps for ever and holds up all the others.

use std::{fmt::Debug, pin::pin, sync::Arc};

use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, try_join_all},
};
use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    autoscaling::v2::HorizontalPodAutoscaler,
    batch::v1::Job,
    core::v1::{ConfigMap, Service},
};
use kube::{
    Api, Client, Resource, ResourceExt,
    core::NamespaceResourceScope,
    runtime::{
        WatchStreamExt,
        reflector::{
            self, Store,
            store::{Writer, WriterDropped},
        },
        watcher::{self, Config, Event},
    },
};
use serde::de::DeserializeOwned;
use tracing::warn;
use urr_kit::Tasks;
use urr_operator_api::{TicketingEvent, names};

use crate::{causes::chain, scope::Scope, world::World};

/// Everything that is watched.
pub(crate) struct Watched {
    pub(crate) sales: Store<TicketingEvent>,
    pub(crate) platforms: Store<ConfigMap>,
    /// Of our services.
    pub(crate) deployments: Store<Deployment>,
    /// All: which of them scales a service of ours says its target.
    pub(crate) autoscalers: Store<HorizontalPodAutoscaler>,
    /// Of our services.
    pub(crate) services: Store<Service>,
    /// Made by us.
    pub(crate) database_services: Store<Service>,
    /// Made by us.
    pub(crate) stateful_sets: Store<StatefulSet>,
    /// Made by us.
    pub(crate) jobs: Store<Job>,
}

impl Watched {
    /// All of it, through `watches`, which says who is woken by what.
    pub(crate) fn through(watches: &mut Watches) -> Self {
        let everything = Config::default;
        let platforms = || named(names::PLATFORM);
        let of_services = || labelled(names::SERVICE_LABEL);
        let made_by_us = || {
            labelled(&format!(
                "app.kubernetes.io/managed-by={}",
                names::MANAGED_BY
            ))
        };
        Self {
            sales: watches.add(everything(), |world, change| match change {
                Change::Made(sale) => world.saw_sale(sale),
                Change::Gone(sale) => world.lost_sale(sale),
                Change::All => world.saw_all_sales(),
            }),
            platforms: watches.add(platforms(), |world, change| match change {
                Change::Made(platform) | Change::Gone(platform) => world.saw_platform(platform),
                Change::All => world.bells.ring(),
            }),
            deployments: watches.add(of_services(), |world, change| match change {
                Change::Made(deployment) => world.saw_deployment(deployment),
                Change::Gone(deployment) => world.lost_deployment(deployment),
                Change::All => world.bells.ring(),
            }),
            autoscalers: watches.add(everything(), |world, change| match change {
                Change::Made(found) | Change::Gone(found) => world.saw_autoscaler(found),
                Change::All => world.bells.ring(),
            }),
            services: watches.add(of_services(), |world, _| world.bells.sale.ring()),
            database_services: watches.add(made_by_us(), |world, _| world.bells.platform.ring()),
            stateful_sets: watches.add(made_by_us(), |world, _| world.bells.platform.ring()),
            jobs: watches.add(made_by_us(), |world, _| world.bells.platform.ring()),
        }
    }
}

fn named(name: &str) -> Config {
    Config::default().fields(&format!("metadata.name={name}"))
}

fn labelled(selector: &str) -> Config {
    Config::default().labels(selector)
}

/// What a watch saw.
pub(crate) enum Change<'a, K> {
    /// This object is there, or is another now.
    Made(&'a K),
    /// This object is gone.
    Gone(&'a K),
    /// Everything was listed anew.
    All,
}

/// Begins one watch, which tells a world of what it sees.
type Begin = Box<dyn FnOnce(Arc<World>, Tasks) -> BoxFuture<'static, ()> + Send>;

/// Watches of one scope, to be started.
pub(crate) struct Watches {
    scope: Scope,
    client: Client,
    all: Vec<Begin>,
    listed: Vec<BoxFuture<'static, Result<(), WriterDropped>>>,
}

impl Watches {
    /// None yet.
    pub(crate) fn new(scope: Scope, client: Client) -> Self {
        Self {
            scope,
            client,
            all: Vec::new(),
            listed: Vec::new(),
        }
    }

    /// Will keep the returned store as the cluster is, and tell `saw` what changed.
    fn add<K>(
        &mut self,
        config: Config,
        saw: impl Fn(&World, Change<'_, K>) + Send + 'static,
    ) -> Store<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + Sync
            + 'static,
    {
        let (store, writer) = reflector::store();
        let api = self.scope.api(&self.client);
        self.all.push(Box::new(move |world, tasks| {
            keep(api, config, writer, tasks, move |change| {
                saw(&world, change);
            })
            .boxed()
        }));
        let listed = store.clone();
        self.listed
            .push(async move { listed.wait_until_ready().await }.boxed());
        store
    }

    /// Begins, and waits until everything was listed once; false when shutdown comes first.
    pub(crate) async fn start(self, world: &Arc<World>, tasks: &Tasks) -> bool {
        for begin in self.all {
            tasks.spawn("watch", begin(Arc::clone(world), tasks.clone()));
        }
        tokio::select! {
            listed = try_join_all(self.listed) => listed.is_ok(),
            () = tasks.cancelled() => false,
        }
    }
}

/// Keeps one store current until shutdown.
async fn keep<K>(
    api: Api<K>,
    config: Config,
    writer: Writer<K>,
    tasks: Tasks,
    saw: impl Fn(Change<'_, K>),
) where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let objects = watcher::watcher(api, config).modify(forget_other_managers);
    let events = reflector::reflector(writer, objects)
        .default_backoff()
        .take_until(tasks.cancelled());
    let mut events = pin!(events);
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Apply(object)) => saw(Change::Made(&object)),
            Ok(Event::Delete(object)) => saw(Change::Gone(&object)),
            Ok(Event::InitDone) => saw(Change::All),
            Ok(Event::Init | Event::InitApply(_)) => {}
            Err(error) => {
                let kind = K::kind(&());
                warn!(kind = %kind, error = %chain(&error), "a watch broke and begins anew");
            }
        }
    }
}

/// Who else manages which fields is much text, and none of our business.
fn forget_other_managers(object: &mut impl Resource) {
    let is_ours = |manager: &str| manager.starts_with("urr-operator/");
    let entries = object.managed_fields_mut();
    entries.retain(|entry| entry.manager.as_deref().is_some_and(is_ours));
}
