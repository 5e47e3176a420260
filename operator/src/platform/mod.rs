//! The platform controller: Postgres, topics and migrations of a namespace, as its
//! `ConfigMap` says, before any sale asks for them.
//!
//! There is no client of Postgres or Kafka here: a Job that succeeded is the proof.

mod jobs;
mod quantity;
mod settings;
mod stores;
mod topics;

use std::{collections::BTreeMap, sync::Arc, time::Duration, time::Instant};

use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    batch::v1::Job,
    core::v1::{ConfigMap, Secret, Service as KubeService},
};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, ListParams, PostParams},
    core::{ApiResource, DynamicObject, GroupVersionKind},
    discovery,
    runtime::controller::Action,
};
use rand::distr::{Alphanumeric, SampleString};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tracing::{info, warn};
use urr_operator_api::{
    Phase, Service,
    names::{self, managers},
};
use urr_operator_plan::verdict::DataSeen;

use crate::{
    apply::apply,
    backoff,
    capacity::deployment_of,
    causes::chain,
    report::News,
    schedule::until,
    world::{Platform, World},
};
use jobs::{Purpose, State};
use settings::{Database, KafkaProvider, PostgresProvider, Settings};
use stores::Sizes;
use topics::Needs;

/// Name in metrics and logs.
pub(crate) const NAME: &str = "platform";
/// Between two looks while something that is not watched is not ready.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// Letters of a generated password: 62^40, more than a key of 200 bits.
const PASSWORD_LENGTH: usize = 40;

/// Something that is not there yet, or not right.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Gap {
    reason: &'static str,
    message: String,
}

impl Gap {
    fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }
}

/// One look at one platform.
struct View<'a> {
    config: &'a ConfigMap,
    settings: Settings,
    namespace: String,
    now: Timestamp,
    /// Whether stores may be changed: no sale is between Warming and Closed.
    is_quiet: bool,
    world: &'a World,
}

impl View<'_> {
    fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    {
        Api::namespaced(self.world.client.clone(), &self.namespace)
    }
}

/// Looks at one platform.
pub(crate) async fn reconcile(config: Arc<ConfigMap>, world: Arc<World>) -> Action {
    let start = Instant::now();
    let result = look(&config, &world).await;
    world.instruments.looked(NAME, start);
    result.unwrap_or_else(|error| on_error(&config, &error, &world))
}

/// What happens after a failure.
fn on_error(config: &ConfigMap, error: &kube::Error, world: &World) -> Action {
    world.instruments.failed(NAME, "Kubernetes");
    let namespace = config.namespace().unwrap_or_default();
    warn!(namespace, error = %chain(error), "a platform waits");
    Action::requeue(backoff::delay(5, rand::random()))
}

async fn look(config: &ConfigMap, world: &World) -> Result<Action, kube::Error> {
    let namespace = config.namespace().unwrap_or_default();
    let settings = match Settings::read(config) {
        Ok(settings) => settings,
        Err(sentence) => {
            let gap = Gap::new(
                "SettingsInvalid",
                format!("{}: {sentence}", names::PLATFORM),
            );
            tell(config, &namespace, &gap, world).await;
            let load = world.load(&namespace);
            let data = not_ready(&[gap]);
            world.note_platform(&namespace, Platform { data, load });
            return Ok(Action::await_change());
        }
    };
    let view = View {
        is_quiet: is_quiet(&namespace, world),
        now: world.clock.now(),
        config,
        settings,
        namespace,
        world,
    };
    let data = match missing_api(&view).await? {
        Some(message) => DataSeen::ApiMissing { message },
        None => not_ready(&gaps(&view).await?),
    };
    if let DataSeen::NotReady { reason, message } = &data {
        tell(config, &view.namespace, &Gap::new(reason, message), world).await;
    }
    let is_ready = data == DataSeen::Ready;
    let load = view.settings.load.clone();
    world.note_platform(&view.namespace, Platform { data, load });
    Ok(Action::requeue(if is_ready {
        until(None, view.now)
    } else {
        LOOK_AGAIN
    }))
}

/// Says what is wrong, once for as long as it is the same.
async fn tell(config: &ConfigMap, namespace: &str, gap: &Gap, world: &World) {
    let before = world.platform(namespace).map(|platform| platform.data);
    let is_told = matches!(before, Some(DataSeen::NotReady { reason, .. }) if reason == gap.reason);
    let only_waits =
        ["DatabaseStarting", "MigrationRunning", "TopicNotReady"].contains(&gap.reason);
    if is_told {
        return;
    }
    let news = if only_waits {
        News::normal(gap.reason, gap.message.clone())
    } else {
        News::warning(gap.reason, gap.message.clone())
    };
    world.reporter.say(config, &news).await;
}

fn not_ready(gaps: &[Gap]) -> DataSeen {
    let Some(first) = gaps.first() else {
        return DataSeen::Ready;
    };
    let messages: Vec<_> = gaps.iter().map(|gap| gap.message.as_str()).collect();
    DataSeen::NotReady {
        reason: first.reason,
        message: messages.join("; "),
    }
}

/// Whether no sale of the namespace is between Warming and Closed.
fn is_quiet(namespace: &str, world: &World) -> bool {
    let now = world.clock.now();
    world.sales_of(namespace).values().all(|asks| {
        let phase = asks.sale.timetable.phase(now, false);
        matches!(phase, Phase::Planned | Phase::Cooling | Phase::Ended)
    })
}

fn cluster_kind() -> GroupVersionKind {
    GroupVersionKind::gvk("postgresql.cnpg.io", "v1", "Cluster")
}

fn topic_kind() -> GroupVersionKind {
    GroupVersionKind::gvk("kafka.strimzi.io", "v1", "KafkaTopic")
}

/// What the settings ask for and the cluster does not have.
async fn missing_api(view: &View<'_>) -> Result<Option<String>, kube::Error> {
    let settings = &view.settings;
    let needed = [
        (
            settings.postgres.provider == PostgresProvider::CloudNativePG,
            cluster_kind(),
            "postgres.provider is CloudNativePG",
        ),
        (
            settings.kafka.provider == KafkaProvider::Strimzi,
            topic_kind(),
            "kafka.provider is Strimzi",
        ),
    ];
    for (_, kind, why) in needed.into_iter().filter(|(is_needed, ..)| *is_needed) {
        match discovery::pinned_kind(&view.world.client, &kind).await {
            Ok(_) => {}
            Err(error) if is_missing(&error) => {
                let GroupVersionKind {
                    group,
                    version,
                    kind,
                } = kind;
                return Ok(Some(format!(
                    "the cluster has no {kind} of {group}/{version}, but {why}: install that \
                     operator, or choose another provider in the values of the chart urr"
                )));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Whether discovery says that there is no such kind.
fn is_missing(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => status.code == 404,
        kube::Error::Discovery(_) => true,
        _ => false,
    }
}

/// Brings everything as far as it goes now; returns what is still missing.
async fn gaps(view: &View<'_>) -> Result<Vec<Gap>, kube::Error> {
    if let Some(gap) = changed_provider(view).await? {
        return Ok(vec![gap]);
    }
    let mut gaps = Vec::new();
    for database in view.settings.postgres.databases.iter().copied() {
        match store(view, database).await? {
            None => gaps.extend(migration(view, database).await?),
            Some(gap) => gaps.push(gap),
        }
    }
    gaps.extend(match view.settings.kafka.provider {
        KafkaProvider::Direct => topics_by_job(view).await?,
        KafkaProvider::Strimzi => topics_of_strimzi(view).await?,
    });
    Ok(gaps)
}

// === providers ===

/// Refuses providers other than those that made the stores; notes them before the first.
async fn changed_provider(view: &View<'_>) -> Result<Option<Gap>, kube::Error> {
    let api: Api<ConfigMap> = view.api();
    let live = api.get_opt(names::PLATFORM_STATE).await?;
    let noted = live
        .as_ref()
        .and_then(|live| live.data.clone())
        .unwrap_or_default();
    let present = [
        ("postgres", view.settings.postgres.provider.name()),
        ("kafka", view.settings.kafka.provider.name()),
    ];
    for (what, name) in present {
        if let Some(before) = noted.get(what).filter(|before| *before != name) {
            return Ok(Some(Gap::new(
                "ProviderChanged",
                format!(
                    "{what}.provider is {name}, but the data is with {before}: nothing is \
                     written; set it back, or move the data and then delete the ConfigMap {}",
                    names::PLATFORM_STATE
                ),
            )));
        }
    }
    let built = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": names::PLATFORM_STATE,
            "labels": {
                "app.kubernetes.io/part-of": "urr",
                "app.kubernetes.io/managed-by": names::MANAGED_BY,
            }
        },
        "data": BTreeMap::from(present)
    });
    apply(&api, managers::DATA, live.as_ref(), &built).await?;
    Ok(None)
}

// === stores ===

/// Brings one database up; returns what it still lacks.
async fn store(view: &View<'_>, database: Database) -> Result<Option<Gap>, kube::Error> {
    match view.settings.postgres.provider {
        PostgresProvider::External => Ok(None),
        PostgresProvider::BuiltIn => built_in(view, database).await,
        PostgresProvider::CloudNativePG => cloud_native(view, database).await,
    }
}

fn starting(database: Database) -> Gap {
    Gap::new(
        "DatabaseStarting",
        format!("the database {} does not answer yet", database.name()),
    )
}

async fn built_in(view: &View<'_>, database: Database) -> Result<Option<Gap>, kube::Error> {
    let postgres = &view.settings.postgres;
    let live = find(
        &view.world.watched.stateful_sets,
        &view.namespace,
        &database.server(),
    );
    if live.is_none() {
        make_secret(view, database).await?;
    }
    let services: Api<KubeService> = view.api();
    let service = find(
        &view.world.watched.database_services,
        &view.namespace,
        &database.server(),
    );
    apply(
        &services,
        managers::DATA,
        service.as_deref(),
        &stores::service(database),
    )
    .await?;
    let present = live.as_deref().and_then(stores::sizes_of);
    let storage = present.as_ref().map(|present| present.storage.clone());
    let mut sizes = Sizes::granted(postgres, present, view.is_quiet);
    if let Some(storage) = storage {
        // The claim of a StatefulSet cannot be changed.
        if let Some(sentence) = stores::volume_stays(database, postgres, &storage) {
            say_volume_stays(view, database, sentence).await;
        }
        sizes.storage = storage;
    }
    let api: Api<StatefulSet> = view.api();
    let built = stores::stateful_set(database, postgres, &sizes);
    let applied = apply(&api, managers::DATA, live.as_deref(), &built).await?;
    if applied.is_some() {
        info!(
            namespace = view.namespace,
            database = database.name(),
            "applied a database"
        );
    }
    let status = live.as_deref().and_then(|live| live.status.as_ref());
    let is_ready = status.is_some_and(|status| status.ready_replicas.unwrap_or(0) >= 1);
    Ok((!is_ready).then(|| starting(database)))
}

/// Says it to whoever looks at the platform, once for as long as it is the same.
async fn say_volume_stays(view: &View<'_>, database: Database, sentence: String) {
    let world = view.world;
    if world.is_news(&view.namespace, &database.server(), &sentence) {
        let news = News::warning("VolumeStays", sentence);
        world.reporter.say(view.config, &news).await;
    }
}

async fn cloud_native(view: &View<'_>, database: Database) -> Result<Option<Gap>, kube::Error> {
    let api = dynamic(view, &cluster_kind());
    let live = api.get_opt(&database.server()).await?;
    if live.is_none() {
        make_secret(view, database).await?;
    }
    let present = live
        .as_ref()
        .and_then(|live| serde_json::to_value(live).ok());
    let sizes = present.as_ref().and_then(stores::sizes_of_cluster);
    let sizes = Sizes::granted(&view.settings.postgres, sizes, view.is_quiet);
    let built = stores::cluster(database, &view.settings.postgres, &sizes);
    apply_dynamic(&api, live.as_ref(), &built).await?;
    let is_ready = present.as_ref().is_some_and(stores::is_cluster_ready);
    Ok((!is_ready).then(|| starting(database)))
}

/// Makes the Secret of a database, unless there is one: it is never read and never changed.
async fn make_secret(view: &View<'_>, database: Database) -> Result<(), kube::Error> {
    let password = Alphanumeric.sample_string(&mut rand::rng(), PASSWORD_LENGTH);
    create(&view.api::<Secret>(), stores::secret(database, &password)).await
}

// === migrations ===

/// Brings one database to the schema of its service's image.
async fn migration(view: &View<'_>, database: Database) -> Result<Option<Gap>, kube::Error> {
    let arguments = ["migrate", database.name(), "--wait"].map(str::to_owned);
    let purpose = Purpose::Migrate(database);
    let state = job(view, purpose, database.service(), &arguments).await?;
    let name = database.name();
    Ok(match state {
        Ok(State::Done) => None,
        Ok(State::Running) => Some(Gap::new(
            "MigrationRunning",
            format!("{name} is being migrated"),
        )),
        Ok(State::Failed { message, .. }) => Some(Gap::new(
            "MigrationFailed",
            format!(
                "the Job that migrates {name} failed ({message}): see its log; it is made anew \
                 every five minutes"
            ),
        )),
        Err(gap) => Some(gap),
    })
}

/// How the Job stands that does this with the image of `service`; made where it is missing,
/// made anew some time after it failed. Those of other images go once this one is done.
async fn job(
    view: &View<'_>,
    purpose: Purpose,
    service: Service,
    arguments: &[String],
) -> Result<Result<State, Gap>, kube::Error> {
    let missing = |what: &str| {
        let label = names::SERVICE_LABEL;
        Gap::new(
            "ServiceMissing",
            format!("there is no {what} labelled {label}={service}: install the chart urr"),
        )
    };
    let Some(deployment) = deployment_of(&view.namespace, service, view.world) else {
        return Ok(Err(missing("Deployment")));
    };
    let Some(image) = crate::capacity::image_of(&deployment) else {
        return Ok(Err(missing("Deployment with an image")));
    };
    // Migrations are named by their image alone: their arguments never change.
    let named_by: &[String] = match purpose {
        Purpose::Migrate(_) => &[],
        Purpose::Topics => arguments,
    };
    let name = jobs::name(purpose, &image, named_by);
    let api: Api<Job> = view.api();
    let Some(live) = find(&view.world.watched.jobs, &view.namespace, &name) else {
        let jobs = &view.settings.jobs;
        let built = jobs::build(purpose, &name, arguments, &deployment, view.config, jobs);
        if let Some(built) = built {
            create(&api, built).await?;
            info!(namespace = view.namespace, job.name = name, "started a job");
        }
        return Ok(Ok(State::Running));
    };
    let state = jobs::state(&live);
    match &state {
        State::Done => prune(view, &api, purpose, &name).await?,
        State::Failed { at, .. } => {
            let is_old = |at: Timestamp| view.now.duration_since(at) >= jobs::TRIED_AGAIN_AFTER;
            if at.is_some_and(is_old) {
                delete(&api, &name).await?;
            }
        }
        State::Running => {}
    }
    Ok(Ok(state))
}

/// Removes Jobs of the same purpose with another name.
async fn prune(
    view: &View<'_>,
    api: &Api<Job>,
    purpose: Purpose,
    current: &str,
) -> Result<(), kube::Error> {
    let wanted = purpose.labels();
    let others = view.world.watched.jobs.state().into_iter().filter(|job| {
        let labels = serde_json::to_value(job.labels()).unwrap_or_default();
        job.namespace().as_deref() == Some(&view.namespace)
            && job.name_any() != current
            && labels == wanted
            && job.meta().deletion_timestamp.is_none()
    });
    for other in others {
        delete(api, &other.name_any()).await?;
    }
    Ok(())
}

async fn delete(api: &Api<Job>, name: &str) -> Result<(), kube::Error> {
    match api.delete(name, &DeleteParams::background()).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        result => result.map(drop),
    }
}

// === topics ===

/// What every topic needs, the sales of the namespace included.
fn topic_needs(view: &View<'_>) -> BTreeMap<&'static str, Needs> {
    let sales = view.world.sales_of(&view.namespace);
    let asked = sales.values().flat_map(|asks| &asks.topics);
    topics::needs(&view.settings.kafka, asked)
}

async fn topics_by_job(view: &View<'_>) -> Result<Vec<Gap>, kube::Error> {
    let arguments = topics::arguments(&view.settings.kafka, &topic_needs(view));
    let state = job(view, Purpose::Topics, Service::Ticket, &arguments).await?;
    let gap = match state {
        Ok(State::Done) => None,
        Ok(State::Running) => Some(Gap::new("TopicNotReady", "topics are being made")),
        Ok(State::Failed { message, .. }) => Some(Gap::new(
            "TopicsFailed",
            format!(
                "the Job that makes topics failed ({message}): see its log; it is made anew \
                 every five minutes"
            ),
        )),
        Err(gap) => Some(gap),
    };
    Ok(gap.into_iter().collect())
}

async fn topics_of_strimzi(view: &View<'_>) -> Result<Vec<Gap>, kube::Error> {
    let api = dynamic(view, &topic_kind());
    let present = api.list(&ListParams::default()).await?;
    let mut gaps = Vec::new();
    for (name, needs) in topic_needs(view) {
        let live = present.items.iter().find(|topic| topic.name_any() == name);
        let value = live.and_then(|live| serde_json::to_value(live).ok());
        let built = topics::kafka_topic(name, needs, &view.settings.kafka, value.as_ref());
        let applied = apply_dynamic(&api, live, &built).await?;
        let ready = match value {
            Some(value) if !applied => topics::is_topic_ready(&value),
            _ => Ok(false),
        };
        match ready {
            Ok(true) => {}
            Ok(false) => gaps.push(Gap::new(
                "TopicNotReady",
                format!("the topic {name} is not ready"),
            )),
            Err(why) => gaps.push(Gap::new(
                "TopicsFailed",
                format!("the topic {name} cannot be made: {why}"),
            )),
        }
    }
    Ok(gaps)
}

// === objects ===

fn find<K>(
    store: &kube::runtime::reflector::Store<K>,
    namespace: &str,
    name: &str,
) -> Option<Arc<K>>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    store.find(|found| found.namespace().as_deref() == Some(namespace) && found.name_any() == name)
}

/// Makes an object once; one that is there already stays as it is.
async fn create<K>(api: &Api<K>, built: Value) -> Result<(), kube::Error>
where
    K: Resource + Clone + Serialize + DeserializeOwned + std::fmt::Debug,
{
    let object = serde_json::from_value(built).map_err(kube::Error::SerdeError)?;
    let params = PostParams {
        field_manager: Some(managers::JOBS.to_owned()),
        ..PostParams::default()
    };
    match api.create(&params, &object).await {
        Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => Ok(()),
        result => result.map(drop),
    }
}

fn dynamic(view: &View<'_>, kind: &GroupVersionKind) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(kind);
    Api::namespaced_with(view.world.client.clone(), &view.namespace, &resource)
}

/// Whether it was written.
async fn apply_dynamic(
    api: &Api<DynamicObject>,
    live: Option<&DynamicObject>,
    built: &Value,
) -> Result<bool, kube::Error> {
    Ok(apply(api, managers::DATA, live, built).await?.is_some())
}
