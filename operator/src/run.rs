//! `urr-operator run`: the Lease, then the controllers, until either ends.

use std::{fmt::Debug, pin::pin, sync::Arc, time::Duration};

use anyhow::Context;
use futures::{StreamExt, TryStreamExt};
use jiff::SignedDuration;
use k8s_openapi::api::{apps::v1::Deployment, core::v1::ConfigMap};
use kube::{
    Api, Client, Resource, ResourceExt,
    core::NamespaceResourceScope,
    runtime::{
        Controller, WatchStreamExt,
        controller::Config,
        reflector::{self, Store, store::Writer},
        watcher,
    },
};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use tracing::{info, warn};
use urr_kit::{
    Runtime, Tasks,
    config::{HttpArgs, parse_secret},
    health::Health,
};
use urr_operator_api::{TicketingEvent, names};

use crate::{
    capacity,
    causes::chain,
    clients::{PeerUrls, Peers},
    lease::{Lease, LeaseArgs},
    platform, sale, startup,
    telemetry::Instruments,
    world::{Watched, World},
};

/// Objects that one controller looks at at a time.
const AT_A_TIME: u16 = 16;
/// How long sales wait at the start for a first look at their platforms.
const FIRST_LOOK: Duration = Duration::from_secs(10);

/// Where the operator acts.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct ScopeArgs {
    /// Namespaces to act in, separated by commas; the whole cluster where empty.
    #[arg(
        long,
        env = "WATCH_NAMESPACES",
        value_delimiter = ',',
        hide_env_values = true
    )]
    watch_namespaces: Vec<String>,
}

impl ScopeArgs {
    /// One scope for each namespace, or one for all.
    pub(crate) fn scopes(&self) -> Vec<Scope> {
        let named = self.watch_namespaces.iter().map(|name| name.trim());
        let named: Vec<_> = named
            .filter(|name| !name.is_empty())
            .map(|name| Scope(Some(name.to_owned())))
            .collect();
        if named.is_empty() {
            vec![Scope(None)]
        } else {
            named
        }
    }
}

/// A namespace, or all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope(Option<String>);

impl Scope {
    /// The objects of one kind in it.
    pub(crate) fn api<K>(&self, client: &Client) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match &self.0 {
            Some(namespace) => Api::namespaced(client.clone(), namespace),
            None => Api::all(client.clone()),
        }
    }
}

/// Settings of `urr-operator run`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    lease: LeaseArgs,
    #[command(flatten)]
    http: HttpArgs<8080>,
    /// Address of queue, for an operator outside the cluster; found by label where empty.
    #[arg(long, env = "QUEUE_SERVICE_URL", hide_env_values = true)]
    queue_url: Option<String>,
    /// Address of ticket, for an operator outside the cluster; found by label where empty.
    #[arg(long, env = "TICKET_SERVICE_URL", hide_env_values = true)]
    ticket_url: Option<String>,
    /// After so many seconds the policies that queue and ticket hold are looked at again, for
    /// what somebody else may have changed.
    #[arg(long, env = "READ_BACK_SECONDS", default_value_t = 300, hide_env_values = true,
          value_parser = clap::value_parser!(u16).range(1..=3600))]
    read_back_seconds: u16,
    /// Token of calls to them; the Secret `urr-internal` of the sale's namespace where empty.
    /// `@/path` reads it from a file.
    #[arg(long, env = "INTERNAL_API_TOKEN", hide_env_values = true, value_parser = parse_secret)]
    internal_api_token: Option<SecretString>,
}

/// Runs until SIGTERM or SIGINT, or until the Lease is lost.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let runtime = Runtime::new("operator");
    runtime.tasks.cancel_on_signal()?;
    let client = Client::try_default()
        .await
        .context("no cluster: there is neither a KUBECONFIG nor a service account")?;
    startup::check_crd(&client).await?;
    let health = Health::new(&runtime).dependency("kubernetes", {
        let client = client.clone();
        move || {
            let client = client.clone();
            async move {
                client.apiserver_version().await?;
                Ok(())
            }
        }
    });
    let (failed, mut failure) = tokio::sync::watch::channel(None);
    runtime.tasks.spawn("operator", {
        let (runtime, args) = (runtime.clone(), args.clone());
        async move {
            if let Err(error) = act(client, &runtime, &args).await {
                failed.send_replace(Some(error));
            }
            runtime.tasks.cancel();
        }
    });
    let router = axum::Router::new();
    urr_kit::serve::serve(&runtime, &args.http.listen(), router, health, None).await?;
    match failure.borrow_and_update().as_ref() {
        Some(error) => anyhow::bail!(chain(&**error)),
        None => Ok(()),
    }
}

/// Acts while this process holds the Lease.
async fn act(client: Client, runtime: &Runtime, args: &Args) -> anyhow::Result<()> {
    let mut lease = Lease::new(client.clone(), runtime.clock.clone(), &args.lease);
    if let Err(error) = lease.acquire(&runtime.tasks).await {
        return if runtime.tasks.is_cancelled() {
            Ok(())
        } else {
            Err(error)
        };
    }
    let instruments = Instruments::new(&runtime.metrics);
    let scopes = args.scope.scopes().into_iter();
    let all =
        scopes.map(|scope| control(scope, client.clone(), runtime, args, instruments.clone()));
    let ended = tokio::select! {
        () = async { drop(futures::future::join_all(all).await) } => Ok(()),
        lost = lease.keep() => Err(lost),
    };
    if ended.is_ok() {
        lease.release().await?;
    }
    ended
}

/// The controllers of one scope, until shutdown.
async fn control(
    scope: Scope,
    client: Client,
    runtime: &Runtime,
    args: &Args,
    instruments: Instruments,
) {
    let labelled = |label: &str| watcher::Config::default().labels(label);
    let ours = format!("app.kubernetes.io/managed-by={}", names::MANAGED_BY);
    let platforms =
        watcher::Config::default().fields(&format!("metadata.name={}", names::PLATFORM));
    let (sales, sales_writer) = reflector::store();
    let (deployments, deployments_writer) = reflector::store();
    let (autoscalers, autoscalers_writer) = reflector::store();
    let (services, services_writer) = reflector::store();
    let (database_services, database_services_writer) = reflector::store();
    let (stateful_sets, stateful_sets_writer) = reflector::store();
    let (jobs, jobs_writer) = reflector::store();
    let (platform_store, platforms_writer) = reflector::store();
    let fixed = PeerUrls {
        queue: args.queue_url.clone(),
        ticket: args.ticket_url.clone(),
        token: args.internal_api_token.clone(),
    };
    let peers = Peers::new(client.clone(), fixed, services.clone());
    let watched = Watched {
        sales,
        deployments,
        autoscalers,
        services,
        database_services,
        stateful_sets,
        jobs,
        platforms: platform_store,
    };
    let world = World::new(
        client.clone(),
        runtime.clock.clone(),
        instruments,
        peers,
        SignedDuration::from_secs(args.read_back_seconds.into()),
        watched,
    );
    let world = Arc::new(world);
    let tasks = &runtime.tasks;

    let seen = |change: fn(&World)| {
        let world = Arc::clone(&world);
        move || change(&world)
    };
    reflect(
        tasks,
        scope.api(&client),
        watcher::Config::default(),
        sales_writer,
        {
            let world = Arc::clone(&world);
            move |change| match change {
                Change::One(sale) => world.saw_sale(sale),
                Change::All => world.saw_all_sales(),
            }
        },
    );
    reflect(
        tasks,
        scope.api(&client),
        labelled(names::SERVICE_LABEL),
        deployments_writer,
        {
            let world = Arc::clone(&world);
            move |change| match change {
                Change::One(deployment) => world.saw_deployment(deployment),
                Change::All => {
                    world.bells.sale.ring();
                    world.bells.platform.ring();
                }
            }
        },
    );
    let ring_capacity = seen(|world| {
        world.bells.capacity.ring();
        world.bells.sale.ring();
    });
    reflect(
        tasks,
        scope.api(&client),
        labelled(names::SERVICE_LABEL),
        autoscalers_writer,
        move |_| ring_capacity(),
    );
    let ring_sale = seen(|world| world.bells.sale.ring());
    reflect(
        tasks,
        scope.api(&client),
        labelled(names::SERVICE_LABEL),
        services_writer,
        move |_| ring_sale(),
    );
    let ring_platform = seen(|world| world.bells.platform.ring());
    reflect(
        tasks,
        scope.api(&client),
        labelled(&ours),
        database_services_writer,
        move |_| ring_platform(),
    );
    let ring_platform = seen(|world| world.bells.platform.ring());
    reflect(
        tasks,
        scope.api(&client),
        labelled(&ours),
        stateful_sets_writer,
        move |_| ring_platform(),
    );
    let ring_platform = seen(|world| world.bells.platform.ring());
    reflect(
        tasks,
        scope.api(&client),
        labelled(&ours),
        jobs_writer,
        move |_| ring_platform(),
    );
    let ring_sale = seen(|world| world.bells.sale.ring());
    reflect(
        tasks,
        scope.api(&client),
        platforms.clone(),
        platforms_writer,
        move |_| ring_sale(),
    );

    if !ready(&world, tasks).await {
        return;
    }
    world.saw_all_sales();
    info!(scope = ?scope, "begins to act");
    let platforms = controller(
        tasks,
        Controller::new(scope.api::<ConfigMap>(&client), platforms),
    )
    .reconcile_all_on(world.bells.platform.rings())
    .run(
        platform::reconcile,
        |config, error, world| platform::on_error(&config, error, &world),
        Arc::clone(&world),
    )
    .for_each(async |_| ());
    let workloads = Controller::new(
        scope.api::<Deployment>(&client),
        labelled(names::SERVICE_LABEL),
    );
    let workloads = controller(tasks, workloads)
        .reconcile_all_on(world.bells.capacity.rings())
        .run(
            capacity::reconcile,
            |deployment, error, world| capacity::on_error(&deployment, error, &world),
            Arc::clone(&world),
        )
        .for_each(async |_| ());
    let sales = async {
        first_look(&world, tasks).await;
        let sales = Controller::new(
            scope.api::<TicketingEvent>(&client),
            watcher::Config::default(),
        );
        controller(tasks, sales)
            .reconcile_all_on(world.bells.sale.rings())
            .run(
                sale::reconcile,
                |sale, error, world| sale::on_error(&sale, error, &world),
                Arc::clone(&world),
            )
            .for_each(async |_| ())
            .await;
    };
    futures::join!(platforms, workloads, sales);
}

/// A controller that ends its looks at shutdown, and looks at so many objects at a time: at
/// the start all are due, and queue and ticket have better things to do.
fn controller<K>(tasks: &Tasks, controller: Controller<K>) -> Controller<K>
where
    K: Clone + Resource<DynamicType = ()> + DeserializeOwned + Debug + Send + Sync + 'static,
{
    let tasks = tasks.clone();
    controller
        .with_config(Config::default().concurrency(AT_A_TIME))
        .graceful_shutdown_on(async move { tasks.cancelled().await })
}

/// Waits until everything was listed once; false when shutdown comes first.
async fn ready(world: &World, tasks: &Tasks) -> bool {
    let watched = &world.watched;
    let listed = async {
        wait(&watched.sales).await;
        wait(&watched.deployments).await;
        wait(&watched.autoscalers).await;
        wait(&watched.services).await;
        wait(&watched.database_services).await;
        wait(&watched.stateful_sets).await;
        wait(&watched.jobs).await;
        wait(&watched.platforms).await;
    };
    tokio::select! {
        () = listed => true,
        () = tasks.cancelled() => false,
    }
}

async fn wait<K>(store: &Store<K>)
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    if store.wait_until_ready().await.is_err() {
        // Its watch has ended, and so has the process.
        std::future::pending::<()>().await;
    }
}

/// Waits for a first look at every platform, so that a restart takes back nothing that was
/// said before.
async fn first_look(world: &World, tasks: &Tasks) {
    let seen = async {
        while !world.has_seen_platforms() && !tasks.sleep(Duration::from_millis(50)).await {}
    };
    if tokio::time::timeout(FIRST_LOOK, seen).await.is_err() {
        warn!("not every platform could be looked at; sales are looked at without");
    }
}

/// What a watch saw.
enum Change<'a, K> {
    /// This object changed or is gone.
    One(&'a K),
    /// Everything was listed anew.
    All,
}

/// Whether a field manager is one of ours.
fn is_ours(manager: &str) -> bool {
    manager.starts_with("urr-operator/")
}

/// Keeps a store current in the background, and tells of changes once they are in it.
fn reflect<K>(
    tasks: &Tasks,
    api: Api<K>,
    config: watcher::Config,
    writer: Writer<K>,
    saw: impl Fn(Change<'_, K>) + Send + 'static,
) where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    let ended = tasks.clone();
    tasks.spawn("watch", async move {
        // Who else manages which fields is much text, and none of our business.
        let lean = watcher(api, config).modify(|object: &mut K| {
            let entries = object.managed_fields_mut();
            entries.retain(|entry| entry.manager.as_deref().is_some_and(is_ours));
        });
        let events = reflector::reflector(writer, lean).default_backoff();
        let mut events = pin!(events);
        loop {
            let event = tokio::select! {
                event = events.try_next() => event,
                () = ended.cancelled() => return,
            };
            match event {
                Ok(Some(watcher::Event::Apply(object) | watcher::Event::Delete(object))) => {
                    saw(Change::One(&object));
                }
                Ok(Some(watcher::Event::InitDone)) => saw(Change::All),
                Ok(Some(watcher::Event::Init | watcher::Event::InitApply(_))) => {}
                Ok(None) => return,
                Err(error) => {
                    let kind = K::kind(&());
                    warn!(kind = %kind, error = %chain(&error), "a watch broke and begins anew");
                }
            }
        }
    });
}
