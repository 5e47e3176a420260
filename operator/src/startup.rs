//! What must be there before the operator begins.

use std::time::Duration;

use anyhow::{Context, bail};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client, Resource, ResourceExt,
    runtime::{conditions::is_crd_established, wait::await_condition},
};
use urr_operator_api::{TicketingEvent, names, schema::crd};

/// How long a CRD may take to be served after it was installed.
const ESTABLISHED_WITHIN: Duration = Duration::from_secs(30);
/// What to do about it.
const INSTALL: &str = "install the one of this version with `helm upgrade --install urr-crds \
                       charts/urr-crds`, or `urr-operator crd | kubectl apply --server-side -f -`";

/// Checks that the cluster has the resource as this program knows it.
pub(crate) async fn check_crd(client: &Client) -> anyhow::Result<()> {
    let name = format!(
        "{}.{}",
        TicketingEvent::plural(&()),
        TicketingEvent::group(&())
    );
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let installed = api
        .get_opt(&name)
        .await
        .with_context(|| format!("the API server does not say whether {name} is installed"))?;
    let Some(installed) = installed else {
        bail!("the CustomResourceDefinition {name} is not installed: {INSTALL}");
    };
    check_schema(&installed)?;
    let established = await_condition(api, &name, is_crd_established());
    match tokio::time::timeout(ESTABLISHED_WITHIN, established).await {
        Ok(result) => drop(result.context("cannot wait for the CRD")?),
        Err(_) => bail!("{name} is installed but not served: see its conditions"),
    }
    Ok(())
}

fn check_schema(installed: &CustomResourceDefinition) -> anyhow::Result<()> {
    let ours = crd();
    let hash = |crd: &CustomResourceDefinition| crd.annotations().get(names::SCHEMA_HASH).cloned();
    if hash(installed) != hash(&ours) {
        bail!(
            "the CustomResourceDefinition {} is of another version: {INSTALL}",
            installed.name_any()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_schema_is_refused_with_what_to_do() {
        check_schema(&crd()).expect("our own");
        let mut other = crd();
        other.metadata.annotations = None;
        let refusal = check_schema(&other).expect_err("not ours").to_string();
        assert!(
            refusal.contains("helm upgrade --install urr-crds"),
            "{refusal}"
        );
    }
}
