//! `urr-operator run`: the Lease, then the controllers, until either ends.

use std::{convert::Infallible, sync::Arc, time::Duration};

use anyhow::Context;
use futures::{FutureExt, StreamExt};
use jiff::SignedDuration;
use kube::{
    Client, Resource,
    runtime::{
        applier,
        controller::{Action, Config},
        reflector::Store,
    },
};
use secrecy::SecretString;
use tracing::{info, warn};
use urr_kit::{
    Runtime, Tasks,
    config::{HttpArgs, parse_secret},
    health::Health,
};

use crate::{
    bells::Bell,
    capacity,
    causes::chain,
    clients::{PeerUrls, Peers},
    lease::{Lease, LeaseArgs, Tenure},
    platform, sale,
    scope::{Scope, ScopeArgs},
    startup,
    telemetry::Instruments,
    watches::{Watched, Watches},
    world::World,
};

/// Objects that one controller looks at at a time.
const AT_A_TIME: u16 = 16;
/// How long sales wait at the start for a first look at their platforms.
const FIRST_LOOK: Duration = Duration::from_secs(10);

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

impl Args {
    /// What need not be found in the cluster.
    fn fixed_peers(&self) -> PeerUrls {
        PeerUrls {
            queue: self.queue_url.clone(),
            ticket: self.ticket_url.clone(),
            token: self.internal_api_token.clone(),
        }
    }
}

/// Runs until SIGTERM or SIGINT, or until the Lease is lost.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let runtime = Runtime::new("operator");
    runtime.tasks.cancel_on_signal()?;
    let config = kube::Config::infer()
        .await
        .context("no cluster: there is neither a KUBECONFIG nor a service account")?;
    let client = Client::try_from(config.clone())?;
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
            if let Err(error) = act(config, &runtime, &args).await {
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
async fn act(config: kube::Config, runtime: &Runtime, args: &Args) -> anyhow::Result<()> {
    let client = Client::try_from(config.clone())?;
    let mut lease = Lease::new(client, runtime.clock.clone(), &args.lease);
    if let Err(error) = lease.acquire(&runtime.tasks).await {
        return if runtime.tasks.is_cancelled() {
            Ok(())
        } else {
            Err(error)
        };
    }
    let instruments = Instruments::new(&runtime.metrics);
    let tenure = lease.tenure().clone();
    let client = tenure.client(config)?;
    let all = args.scope.scopes().into_iter().map(|scope| {
        let (client, tenure, instruments) = (client.clone(), tenure.clone(), instruments.clone());
        control(scope, client, tenure, runtime, args, instruments)
    });
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
    tenure: Tenure,
    runtime: &Runtime,
    args: &Args,
    instruments: Instruments,
) {
    let tasks = &runtime.tasks;
    let mut watches = Watches::new(scope.clone(), client.clone());
    let kinds = Watched::through(&mut watches);
    let peers = Peers::new(
        client.clone(),
        tenure,
        args.fixed_peers(),
        kinds.services.clone(),
    );
    let world = Arc::new(World::new(
        client,
        runtime.clock.clone(),
        instruments,
        peers,
        SignedDuration::from_secs(args.read_back_seconds.into()),
        kinds,
    ));
    if !watches.start(&world, tasks).await {
        return;
    }
    world.saw_all_sales();
    info!(scope = ?scope, "begins to act");
    let (kinds, bells) = (&world.watched, &world.bells);
    let platforms = attend(
        &kinds.platforms,
        &bells.platform,
        platform::reconcile,
        &world,
        tasks,
    );
    let workloads = attend(
        &kinds.deployments,
        &bells.capacity,
        capacity::reconcile,
        &world,
        tasks,
    );
    let sales = async {
        first_look(&world, tasks).await;
        attend(&kinds.sales, &bells.sale, sale::reconcile, &world, tasks).await;
    };
    futures::join!(platforms, workloads, sales);
}

/// One controller: looks at each object for which its bell rings, and again when that look
/// said, until shutdown.
async fn attend<K, L>(
    store: &Store<K>,
    bell: &Bell<K>,
    look: impl Fn(Arc<K>, Arc<World>) -> L,
    world: &Arc<World>,
    tasks: &Tasks,
) where
    K: Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
    L: Future<Output = Action>,
{
    let due = bell.rings(store.clone()).take_until(tasks.cancelled());
    let looks = applier(
        |object, world| Box::pin(look(object, world).map(Ok)),
        |_, never: &Infallible, _| match *never {},
        Arc::clone(world),
        store.clone(),
        due.map(Ok::<_, Infallible>),
        // At the start all are due, and queue and ticket have better things to do.
        Config::default().concurrency(AT_A_TIME),
    );
    looks.for_each(async |_| ()).await;
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
