//! The capacity controller: the only writer of minimums and replicas.
//!
//! It looks at one labelled Deployment at a time, sums what all sales of its namespace ask
//! for now, and writes one field: the minimum of the autoscaler where there is one, the
//! replicas of the Deployment where there is none.

use std::{sync::Arc, time::Instant};

use k8s_openapi::api::{apps::v1::Deployment, autoscaling::v2::HorizontalPodAutoscaler};
use kube::{
    Api, Client, Resource, ResourceExt, api::ListParams, core::NamespaceResourceScope,
    runtime::controller::Action,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tracing::{info, warn};
use urr_operator_api::{
    Service,
    names::{self, managers},
};
use urr_operator_plan::capacity::{self, Bounds};

use crate::{
    apply::amend,
    backoff,
    causes::chain,
    report::News,
    schedule::until,
    scope::Scope,
    world::{World, service_of},
};

/// Name in metrics and logs.
pub(crate) const NAME: &str = "capacity";
/// Most replicas where neither an autoscaler nor an annotation says.
const MOST_REPLICAS: u32 = 100;

/// Looks at one Deployment.
pub(crate) async fn reconcile(deployment: Arc<Deployment>, world: Arc<World>) -> Action {
    let start = Instant::now();
    let result = look(&deployment, &world).await;
    world.instruments.looked(NAME, start);
    result.unwrap_or_else(|error| on_error(&deployment, &error, &world))
}

/// What happens after a failure. The field is one of a shared object that others write too,
/// so trying again soon is right; the jitter keeps nine services apart.
fn on_error(deployment: &Deployment, error: &kube::Error, world: &World) -> Action {
    world.instruments.failed(NAME, "Kubernetes");
    warn!(
        deployment.name = deployment.name_any(),
        error = %chain(error),
        "replicas could not be written"
    );
    Action::requeue(backoff::delay(4, rand::random()))
}

async fn look(deployment: &Deployment, world: &World) -> Result<Action, kube::Error> {
    let (Some(service), Some(namespace)) = (service_of(deployment), deployment.namespace()) else {
        return Ok(Action::await_change());
    };
    let now = world.clock.now();
    let autoscaler = autoscaler_of(deployment, world);
    let bounds = bounds(deployment, autoscaler.as_deref());
    let sales = world.sales_of(&namespace);
    let sales = || sales.values().map(|asks| &asks.sale);
    let wanted = capacity::wanted(service, sales(), bounds, now).replicas;
    say_base_is_capped(deployment, &namespace, bounds, world).await;
    match autoscaler {
        Some(autoscaler) => write_minimum(&autoscaler, &namespace, wanted, world).await?,
        None => write_replicas(deployment, &namespace, wanted, world).await?,
    }
    let ready = ready_replicas(deployment);
    world
        .instruments
        .replicas(&namespace, service.name(), wanted, ready);
    world.note_warmth(&namespace, service, wanted, ready);
    Ok(Action::requeue(until(
        capacity::wakes_at(sales(), now),
        now,
    )))
}

/// The autoscaler of a Deployment, if it has one.
pub(crate) fn autoscaler_of(
    deployment: &Deployment,
    world: &World,
) -> Option<Arc<HorizontalPodAutoscaler>> {
    let autoscalers = &world.watched.autoscalers;
    autoscalers.find(|autoscaler| scales(autoscaler, deployment))
}

/// Whether an autoscaler is that of a Deployment: by its target, whoever made it and whatever
/// its labels.
pub(crate) fn scales(autoscaler: &HorizontalPodAutoscaler, deployment: &Deployment) -> bool {
    let target = autoscaler.spec.as_ref().map(|spec| &spec.scale_target_ref);
    let name = deployment.metadata.name.as_deref();
    autoscaler.namespace() == deployment.namespace()
        && target
            .is_some_and(|target| target.kind == "Deployment" && Some(target.name.as_str()) == name)
}

/// Says once that there can never be as many as the chart wants always: no sale would.
async fn say_base_is_capped(
    deployment: &Deployment,
    namespace: &str,
    bounds: Bounds,
    world: &World,
) {
    let name = deployment.name_any();
    let Bounds { base, most } = bounds;
    if base <= most {
        return world.is_over(namespace, &name);
    }
    let sentence = format!(
        "{} of {name} is {base}, but its autoscaler allows {most}: raise its maximum, or lower \
         the replicas",
        names::BASE_REPLICAS
    );
    if world.is_news(namespace, &name, &sentence) {
        let news = News::warning("CappedByMaxReplicas", sentence);
        world.reporter.say(deployment, &news).await;
    }
}

/// How far a Deployment can go: the chart says its base, its autoscaler the most.
pub(crate) fn bounds(
    deployment: &Deployment,
    autoscaler: Option<&HorizontalPodAutoscaler>,
) -> Bounds {
    let annotation = |name: &str| deployment.annotations().get(name)?.parse().ok();
    let most = autoscaler.and_then(|autoscaler| autoscaler.spec.as_ref());
    let most = most.and_then(|spec| u32::try_from(spec.max_replicas).ok());
    let base = annotation(names::BASE_REPLICAS).unwrap_or(1);
    // Without an autoscaler nothing is refused, and nobody is turned off for a low annotation.
    let annotated = || annotation(names::MAX_REPLICAS).unwrap_or(MOST_REPLICAS);
    Bounds {
        base,
        most: most.unwrap_or_else(|| annotated().max(base)),
    }
}

async fn write_minimum(
    autoscaler: &HorizontalPodAutoscaler,
    namespace: &str,
    replicas: u32,
    world: &World,
) -> Result<(), kube::Error> {
    let api: Api<HorizontalPodAutoscaler> = Api::namespaced(world.client.clone(), namespace);
    // The API knows no autoscaler with less than one.
    let built = minimum(&autoscaler.name_any(), Some(replicas.max(1)));
    let written = amend(&api, managers::CAPACITY, autoscaler, &built).await?;
    if written.is_some() {
        info!(
            autoscaler.name = autoscaler.name_any(),
            replicas, "set the minimum"
        );
    }
    Ok(())
}

async fn write_replicas(
    deployment: &Deployment,
    namespace: &str,
    replicas: u32,
    world: &World,
) -> Result<(), kube::Error> {
    let api: Api<Deployment> = Api::namespaced(world.client.clone(), namespace);
    let built = replicas_of(&deployment.name_any(), replicas);
    let written = amend(&api, managers::CAPACITY, deployment, &built).await?;
    if written.is_some() {
        info!(
            deployment.name = deployment.name_any(),
            replicas, "set the replicas"
        );
    }
    Ok(())
}

/// What is ours of an autoscaler.
fn minimum(name: &str, replicas: Option<u32>) -> Value {
    let mut built = json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name}
    });
    if let Some(replicas) = replicas {
        built["spec"] = json!({"minReplicas": replicas});
    }
    built
}

/// What is ours of a Deployment.
fn replicas_of(name: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": replicas}
    })
}

/// Lets go of the floors in a scope, for good: autoscalers have no minimum of ours any more,
/// and Deployments that have none go back to their base. Returns their names.
pub(crate) async fn let_go(client: &Client, scope: &Scope) -> kube::Result<Vec<String>> {
    let autoscalers: Api<HorizontalPodAutoscaler> = scope.api(client);
    let autoscalers = autoscalers.list(&ListParams::default()).await?;
    let deployments: Api<Deployment> = scope.api(client);
    let ours = ListParams::default().labels(names::SERVICE_LABEL);
    let deployments = deployments.list(&ours).await?;
    let mut names = Vec::new();
    for autoscaler in &autoscalers {
        let built = minimum(&autoscaler.name_any(), None);
        names.extend(give_back(client, autoscaler, &built).await?);
    }
    let is_scaled =
        |deployment: &Deployment| autoscalers.iter().any(|found| scales(found, deployment));
    for deployment in deployments.iter().filter(|found| !is_scaled(found)) {
        let base = bounds(deployment, None).base;
        let built = replicas_of(&deployment.name_any(), base);
        names.extend(give_back(client, deployment, &built).await?);
    }
    Ok(names)
}

/// Applies what stays of ours, where there is anything of ours; the object's name then.
async fn give_back<K>(client: &Client, live: &K, built: &Value) -> kube::Result<Option<String>>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + Serialize
        + DeserializeOwned,
{
    let mut managers = live.managed_fields().iter();
    if !managers.any(|entry| entry.manager.as_deref() == Some(managers::CAPACITY)) {
        return Ok(None);
    }
    let namespace = live.namespace().unwrap_or_default();
    let api: Api<K> = Api::namespaced(client.clone(), &namespace);
    let written = amend(&api, managers::CAPACITY, live, built).await?;
    Ok(written.map(|written| format!("{namespace}/{}", written.name_any())))
}

/// Replicas of a Deployment that are ready.
pub(crate) fn ready_replicas(deployment: &Deployment) -> u32 {
    let status = deployment.status.as_ref();
    let ready = status.and_then(|status| status.ready_replicas);
    ready
        .and_then(|ready| u32::try_from(ready).ok())
        .unwrap_or(0)
}

/// Image of the first container, which is the service.
pub(crate) fn image_of(deployment: &Deployment) -> Option<String> {
    let pod = deployment.spec.as_ref()?.template.spec.as_ref()?;
    pod.containers.first()?.image.clone()
}

/// The Deployment of a service in a namespace.
pub(crate) fn deployment_of(
    namespace: &str,
    service: Service,
    world: &World,
) -> Option<Arc<Deployment>> {
    world.watched.deployments.find(|deployment| {
        deployment.namespace().as_deref() == Some(namespace)
            && service_of(deployment) == Some(service)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(annotations: &Value) -> Deployment {
        serde_json::from_value(json!({"metadata": {"name": "d", "annotations": annotations}}))
            .expect("a Deployment")
    }

    #[test]
    fn the_autoscaler_has_the_last_word_on_the_most() {
        let autoscaler = serde_json::from_value(json!({
            "metadata": {"name": "a"},
            "spec": {"maxReplicas": 5, "scaleTargetRef": {"kind": "Deployment", "name": "d"}}
        }))
        .expect("an autoscaler");
        let nine = deployment(&json!({names::BASE_REPLICAS: "9", names::MAX_REPLICAS: "7"}));
        let with = bounds(&nine, Some(&autoscaler));
        assert_eq!((with.base, with.most), (9, 5));
        let without = bounds(&nine, None);
        assert_eq!((without.base, without.most), (9, 9));
        let silent = bounds(&deployment(&json!({})), None);
        assert_eq!((silent.base, silent.most), (1, 100));
    }

    #[test]
    fn an_autoscaler_that_is_let_go_of_holds_nothing_of_ours() {
        assert_eq!(
            minimum("a", None),
            json!({
                "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
                "metadata": {"name": "a"}
            })
        );
    }
}
