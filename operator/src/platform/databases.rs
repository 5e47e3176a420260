//! Bringing one database up, and leaving it alone while people depend on it.

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{Secret, Service},
};
use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams},
};
use rand::distr::{Alphanumeric, SampleString};
use serde::Serialize;
use serde_json::{Value, json};
use tracing::info;
use urr_operator_api::names::managers;

use super::{
    Gap, View, apply_dynamic, cluster_kind, create, dynamic, find,
    settings::{Database, PostgresProvider},
    stores::{self, Sizes, Volume},
};
use crate::{
    apply::{apply, holds},
    report::News,
};

/// Letters of a generated password: 62^40, more than a key of 200 bits.
const PASSWORD_LENGTH: usize = 40;

/// Brings one database up; returns what it still lacks.
pub(super) async fn store(view: &View<'_>, database: Database) -> Result<Option<Gap>, kube::Error> {
    match view.settings.postgres.provider {
        PostgresProvider::External => Ok(None),
        PostgresProvider::BuiltIn => built_in(view, database).await,
        PostgresProvider::CloudNativePG => cloud_native(view, database).await,
    }
}

/// A database that does not answer; `object` tells why.
fn starting(view: &View<'_>, database: Database, object: &str) -> Gap {
    Gap::new(
        "DatabaseStarting",
        format!(
            "the database {} does not answer yet (kubectl describe {object} -n {})",
            database.name(),
            view.namespace
        ),
    )
}

async fn built_in(view: &View<'_>, database: Database) -> Result<Option<Gap>, kube::Error> {
    let live = find(
        &view.world.watched.stateful_sets,
        &view.namespace,
        &database.server(),
    );
    if live.is_none() {
        make_secret(view, database).await?;
    }
    let services: Api<Service> = view.api();
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
    let built = built_in_wanted(view, database, live.as_deref()).await;
    let api: Api<StatefulSet> = view.api();
    if may_write(view, database, live.as_deref(), &built).await {
        let applied = apply(&api, managers::DATA, live.as_deref(), &built).await?;
        if applied.is_some() {
            let database = database.name();
            info!(namespace = view.namespace, database, "applied a database");
        }
    } else {
        keep_running(&api, live.as_deref()).await?;
    }
    let status = live.as_deref().and_then(|live| live.status.as_ref());
    let is_ready = status.is_some_and(|status| status.ready_replicas.unwrap_or(0) >= 1);
    let pod = format!("pod {}-0", database.server());
    Ok((!is_ready).then(|| starting(view, database, &pod)))
}

/// The server as the settings want it, as far as what is there can become so.
async fn built_in_wanted(view: &View<'_>, database: Database, live: Option<&StatefulSet>) -> Value {
    let postgres = &view.settings.postgres;
    let volume = live.and_then(stores::volume_of);
    let sizes = Sizes::granted(postgres, live.and_then(stores::sizes_of));
    let Some(volume) = volume else {
        return stores::stateful_set(database, postgres, &sizes, &Volume::asked(postgres));
    };
    if let Some(sentence) = volume.stays(database, postgres) {
        say_once(view, database, "VolumeStays", sentence).await;
    }
    stores::stateful_set(database, postgres, &sizes, &volume)
}

/// Whether a store may become what is `built`: where it is new, or no sale is on. A database
/// that begins anew while people buy is worse than one with the settings of last week.
async fn may_write<K>(view: &View<'_>, database: Database, live: Option<&K>, built: &Value) -> bool
where
    K: Resource + Serialize,
{
    const WAITS: &str = "StoreWaits";
    let waits = live.is_some_and(|live| !view.is_quiet && !holds(live, managers::DATA, built));
    if waits {
        let sentence = format!(
            "the settings of the database {} have changed; that waits until no sale is on, \
             because the server may begin anew for it",
            database.name()
        );
        say_once(view, database, WAITS, sentence).await;
    } else {
        view.world.is_over(&view.namespace, &said(database, WAITS));
    }
    !waits
}

/// Sees to it, and to nothing else, that somebody who turned a server off did not during a sale.
async fn keep_running(api: &Api<StatefulSet>, live: Option<&StatefulSet>) -> kube::Result<()> {
    let Some(off) = live.filter(|live| !stores::is_on(live)) else {
        return Ok(());
    };
    let params = PatchParams {
        field_manager: Some(managers::DATA.to_owned()),
        ..PatchParams::default()
    };
    let on = Patch::Merge(json!({"spec": {"replicas": 1}}));
    api.patch(&off.name_any(), &params, &on).await.map(drop)
}

/// Says it to whoever looks at the platform, once for as long as it is the same.
async fn say_once(view: &View<'_>, database: Database, reason: &'static str, sentence: String) {
    let world = view.world;
    if world.is_news(&view.namespace, &said(database, reason), &sentence) {
        let news = News::warning(reason, sentence);
        world.reporter.say(view.config, &news).await;
    }
}

/// What is spoken of.
fn said(database: Database, reason: &str) -> String {
    format!("{reason} {}", database.server())
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
    let postgres = &view.settings.postgres;
    let sizes = Sizes::granted(
        postgres,
        present.as_ref().and_then(stores::sizes_of_cluster),
    );
    let volume = present.as_ref().and_then(stores::volume_of_cluster);
    let volume = Volume::granted(postgres, volume);
    let built = stores::cluster(database, postgres, &sizes, &volume);
    if may_write(view, database, live.as_ref(), &built).await {
        apply_dynamic(&api, live.as_ref(), &built).await?;
    }
    let is_ready = present.as_ref().is_some_and(stores::is_cluster_ready);
    let cluster = format!("clusters.postgresql.cnpg.io {}", database.server());
    Ok((!is_ready).then(|| starting(view, database, &cluster)))
}

/// Makes the Secret of a database, unless there is one: it is never read and never changed.
async fn make_secret(view: &View<'_>, database: Database) -> Result<(), kube::Error> {
    let password = Alphanumeric.sample_string(&mut rand::rng(), PASSWORD_LENGTH);
    create(&view.api::<Secret>(), stores::secret(database, &password)).await
}
