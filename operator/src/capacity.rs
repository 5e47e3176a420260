//! The capacity controller: the only writer of minimums and replicas.
//!
//! It looks at one labelled Deployment at a time, sums what all sales of its namespace ask
//! for now, and writes one field: the minimum of the autoscaler where there is one, the
//! replicas of the Deployment where there is none.

use std::{sync::Arc, time::Instant};

use k8s_openapi::api::{apps::v1::Deployment, autoscaling::v2::HorizontalPodAutoscaler};
use kube::{Api, ResourceExt, runtime::controller::Action};
use serde_json::json;
use tracing::{info, warn};
use urr_operator_api::{
    Service,
    names::{self, managers},
};
use urr_operator_plan::capacity::{self, Bounds};

use crate::{
    apply::apply,
    backoff,
    causes::chain,
    schedule::until,
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
    let autoscaler = autoscaler_of(deployment, &namespace, world);
    let bounds = bounds(deployment, autoscaler.as_deref());
    let sales = world.sales_of(&namespace);
    let sales = || sales.values().map(|asks| &asks.sale);
    let wanted = capacity::wanted(service, sales(), bounds, now).replicas;
    match autoscaler {
        Some(autoscaler) => write_minimum(&autoscaler, &namespace, wanted, world).await?,
        None => write_replicas(deployment, &namespace, wanted, world).await?,
    }
    let ready = ready_replicas(deployment);
    world
        .instruments
        .replicas(&namespace, service.name(), wanted, ready);
    world.note_warmth(&namespace, service, ready < wanted);
    Ok(Action::requeue(until(
        capacity::wakes_at(sales(), now),
        now,
    )))
}

/// The autoscaler of a Deployment, if it has one.
pub(crate) fn autoscaler_of(
    deployment: &Deployment,
    namespace: &str,
    world: &World,
) -> Option<Arc<HorizontalPodAutoscaler>> {
    let name = deployment.name_any();
    world.watched.autoscalers.find(|autoscaler| {
        let target = autoscaler.spec.as_ref().map(|spec| &spec.scale_target_ref);
        autoscaler.namespace().as_deref() == Some(namespace)
            && target.is_some_and(|target| target.kind == "Deployment" && target.name == name)
    })
}

/// How far a Deployment can go: the chart says its base, its autoscaler the most.
pub(crate) fn bounds(
    deployment: &Deployment,
    autoscaler: Option<&HorizontalPodAutoscaler>,
) -> Bounds {
    let annotation = |name: &str| deployment.annotations().get(name)?.parse().ok();
    let most = autoscaler.and_then(|autoscaler| autoscaler.spec.as_ref());
    let most = most.and_then(|spec| u32::try_from(spec.max_replicas).ok());
    Bounds {
        base: annotation(names::BASE_REPLICAS).unwrap_or(1),
        most: most
            .or_else(|| annotation(names::MAX_REPLICAS))
            .unwrap_or(MOST_REPLICAS),
    }
}

async fn write_minimum(
    autoscaler: &HorizontalPodAutoscaler,
    namespace: &str,
    replicas: u32,
    world: &World,
) -> Result<(), kube::Error> {
    let api: Api<HorizontalPodAutoscaler> = Api::namespaced(world.client.clone(), namespace);
    let built = json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": autoscaler.name_any()},
        // The API knows no autoscaler with less than one.
        "spec": {"minReplicas": replicas.max(1)}
    });
    if apply(&api, managers::CAPACITY, Some(autoscaler), &built)
        .await?
        .is_some()
    {
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
    let built = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": deployment.name_any()},
        "spec": {"replicas": replicas}
    });
    if apply(&api, managers::CAPACITY, Some(deployment), &built)
        .await?
        .is_some()
    {
        info!(
            deployment.name = deployment.name_any(),
            replicas, "set the replicas"
        );
    }
    Ok(())
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
