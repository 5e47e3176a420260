//! The platform controller: Postgres, topics and migrations of a namespace, as its
//! `ConfigMap` says, before any sale asks for them.
//!
//! There is no client of Postgres or Kafka here: a Job that succeeded is the proof.

mod databases;
mod jobs;
mod quantity;
mod settings;
mod stores;
mod topics;

use std::{collections::BTreeMap, sync::Arc, time::Duration, time::Instant};

use jiff::Timestamp;
use k8s_openapi::api::{batch::v1::Job, core::v1::ConfigMap};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, ListParams, PostParams},
    core::{ApiResource, DynamicObject, GroupVersionKind},
    discovery,
    runtime::controller::Action,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tracing::{info, warn};
use urr_operator_api::{
    Phase, Service,
    names::{self, managers},
};
use urr_operator_plan::{LoadTable, verdict::DataSeen};

use crate::{
    apply::apply, backoff, capacity::deployment_of, causes::chain, report::News, schedule::until,
    world::World,
};
use jobs::{Purpose, State};
use settings::{Database, KafkaProvider, PostgresProvider, Settings};
use topics::Needs;

/// Name in metrics and logs.
pub(crate) const NAME: &str = "platform";
/// Between two looks while something that is not watched is not ready.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

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
    /// Whether stores may be changed: no accepted sale is between Warming and Closed.
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

/// By what floors are computed, as the settings say; `None` where they cannot be read.
pub(crate) fn load(config: &ConfigMap) -> Option<LoadTable> {
    Settings::read(config).ok().map(|settings| settings.load)
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
            note(config, &namespace, &not_ready(&[gap]), world).await;
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
    let data = match bring_up(&view).await {
        Err(error) => not_ready(&[refusal(error)?]),
        Ok(data) => data,
    };
    let is_ready = data == DataSeen::Ready;
    note(config, &view.namespace, &data, world).await;
    Ok(Action::requeue(if is_ready {
        until(None, view.now)
    } else {
        LOOK_AGAIN
    }))
}

/// Notes what was seen, and says what is wrong once for as long as it is the same.
async fn note(config: &ConfigMap, namespace: &str, data: &DataSeen, world: &World) {
    let before = world.note_data(namespace, data);
    let Some((reason, message)) = wrong(data) else {
        return;
    };
    let only_waits = ["DatabaseStarting", "MigrationRunning", "TopicNotReady"].contains(&reason);
    let is_told = before
        .as_ref()
        .and_then(wrong)
        .is_some_and(|before| before.0 == reason && (only_waits || before.1 == message));
    if is_told {
        return;
    }
    let news = if only_waits {
        News::normal(reason, message)
    } else {
        News::warning(reason, message)
    };
    world.reporter.say(config, &news).await;
}

/// Reason and sentence of what is wrong.
fn wrong(data: &DataSeen) -> Option<(&'static str, &str)> {
    match data {
        DataSeen::Ready | DataSeen::Unknown => None,
        DataSeen::NotReady { reason, message } => Some((reason, message)),
        DataSeen::ApiMissing { message } => Some(("ApiMissing", message)),
    }
}

/// What the API server will not have, as something that is missing: trying again does not
/// help, somebody has to know. Any other error is handed back.
fn refusal(error: kube::Error) -> Result<Gap, kube::Error> {
    match error {
        kube::Error::Api(status) if [400, 401, 403, 405, 413, 422].contains(&status.code) => {
            Ok(Gap::new(
                "Refused",
                format!(
                    "the API server refuses what the operator writes: {}",
                    status.message
                ),
            ))
        }
        error => Err(error),
    }
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

/// Whether no sale of the namespace is between Warming and Closed. One that never could take
/// place, for want of a database perhaps, stands against nothing.
fn is_quiet(namespace: &str, world: &World) -> bool {
    let now = world.clock.now();
    world.sales_of(namespace).values().all(|asks| {
        let phase = asks.sale.timetable.phase(now, false);
        !asks.was_accepted || matches!(phase, Phase::Planned | Phase::Cooling | Phase::Ended)
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

/// Brings everything as far as it goes now.
async fn bring_up(view: &View<'_>) -> Result<DataSeen, kube::Error> {
    let api: Api<ConfigMap> = view.api();
    let state = api.get_opt(names::PLATFORM_STATE).await?;
    // First: what another provider lacks is of no interest to whom it was never the provider.
    if let Some(gap) = changed_provider(&view.settings, state.as_ref()) {
        return Ok(not_ready(&[gap]));
    }
    if let Some(message) = missing_api(view).await? {
        return Ok(DataSeen::ApiMissing { message });
    }
    note_providers(&view.settings, &api, state.as_ref()).await?;
    Ok(not_ready(&gaps(view).await?))
}

/// What is still missing. What is refused of one database does not keep the others waiting.
async fn gaps(view: &View<'_>) -> Result<Vec<Gap>, kube::Error> {
    let mut gaps = Vec::new();
    for database in view.settings.postgres.databases.iter().copied() {
        match ready_database(view, database).await {
            Ok(gap) => gaps.extend(gap),
            Err(error) => gaps.push(refusal(error)?),
        }
    }
    let topics = match view.settings.kafka.provider {
        KafkaProvider::Direct => topics_by_job(view).await,
        KafkaProvider::Strimzi => topics_of_strimzi(view).await,
    };
    match topics {
        Ok(topics) => gaps.extend(topics),
        Err(error) => gaps.push(refusal(error)?),
    }
    Ok(gaps)
}

/// A database that answers and has its schema, or what it lacks.
async fn ready_database(view: &View<'_>, database: Database) -> Result<Option<Gap>, kube::Error> {
    match databases::store(view, database).await? {
        None => migration(view, database).await,
        gap => Ok(gap),
    }
}

// === providers ===

/// What each part of the data is with, by the settings.
fn providers(settings: &Settings) -> [(&'static str, &'static str); 2] {
    [
        ("postgres", settings.postgres.provider.name()),
        ("kafka", settings.kafka.provider.name()),
    ]
}

/// Refuses providers other than those that were noted in `state` before the first store was
/// made.
fn changed_provider(settings: &Settings, state: Option<&ConfigMap>) -> Option<Gap> {
    let noted = state?.data.as_ref()?;
    let mut changed = providers(settings)
        .into_iter()
        .filter_map(|(what, name)| Some((what, name, noted.get(what)?)));
    let (what, name, before) = changed.find(|(_, name, before)| before != name)?;
    Some(Gap::new(
        "ProviderChanged",
        format!(
            "{what}.provider is {name}, but the data is with {before}: nothing is written; set \
             it back, or move the data and then delete the ConfigMap {}",
            names::PLATFORM_STATE
        ),
    ))
}

/// Notes who provides, before anything is made.
async fn note_providers(
    settings: &Settings,
    api: &Api<ConfigMap>,
    state: Option<&ConfigMap>,
) -> Result<(), kube::Error> {
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
        "data": BTreeMap::from(providers(settings))
    });
    apply(api, managers::DATA, state, &built).await.map(drop)
}

// === migrations ===

/// Brings one database to the schema of its service's image.
async fn migration(view: &View<'_>, database: Database) -> Result<Option<Gap>, kube::Error> {
    let arguments = ["migrate", database.name(), "--wait"].map(str::to_owned);
    let purpose = Purpose::Migrate(database);
    let database_name = database.name();
    Ok(
        match job(view, purpose, database.service(), &arguments).await? {
            Err(gap) => Some(gap),
            Ok((_, State::Done)) => None,
            Ok((name, State::Running)) => Some(Gap::new(
                "MigrationRunning",
                format!(
                    "{database_name} is being migrated ({})",
                    see_log(view, &name)
                ),
            )),
            Ok((name, State::Failed { message, .. })) => Some(Gap::new(
                "MigrationFailed",
                format!(
                    "the Job that migrates {database_name} failed ({message}): {}; it is made anew \
                 every five minutes, and at once where its settings change",
                    see_log(view, &name)
                ),
            )),
        },
    )
}

/// What to type to see how a Job does.
fn see_log(view: &View<'_>, job: &str) -> String {
    format!("kubectl logs job/{job} -n {}", view.namespace)
}

/// Name and state of the Job that does this with the image of `service`. It is made where it
/// is missing, and made anew some time after it failed, or as soon as it would be another.
/// Those of other images go once this one is done.
async fn job(
    view: &View<'_>,
    purpose: Purpose,
    service: Service,
    arguments: &[String],
) -> Result<Result<(String, State), Gap>, kube::Error> {
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
    let settings = &view.settings.jobs;
    let built = jobs::build(
        purpose,
        &name,
        arguments,
        &deployment,
        view.config,
        settings,
    );
    let Some(built) = built else {
        return Ok(Err(missing("Deployment with a container")));
    };
    let api: Api<Job> = view.api();
    let Some(live) = find(&view.world.watched.jobs, &view.namespace, &name) else {
        create(&api, built).await?;
        info!(namespace = view.namespace, job.name = name, "started a job");
        return Ok(Ok((name, State::Running)));
    };
    let state = jobs::state(&live);
    if state == State::Done {
        prune(view, &api, purpose, &name).await?;
    } else if jobs::is_to_be_made_anew(&live, &built, view.now) {
        delete(&api, &name).await?;
    }
    Ok(Ok((name, state)))
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
    let gap = match job(view, Purpose::Topics, Service::Ticket, &arguments).await? {
        Err(gap) => Some(gap),
        Ok((_, State::Done)) => None,
        Ok((name, State::Running)) => Some(Gap::new(
            "TopicNotReady",
            format!("topics are being made ({})", see_log(view, &name)),
        )),
        Ok((name, State::Failed { message, .. })) => Some(Gap::new(
            "TopicsFailed",
            format!(
                "the Job that makes topics failed ({message}): {}; it is made anew every five \
                 minutes, and at once where its settings change",
                see_log(view, &name)
            ),
        )),
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
                format!(
                    "the topic {name} is not ready (kubectl describe \
                     kafkatopics.kafka.strimzi.io {name} -n {})",
                    view.namespace
                ),
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

#[cfg(test)]
mod tests;
