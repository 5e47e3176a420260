//! `urr-operator release`: lets go of every sale before the operator is uninstalled, so that
//! no finalizer stays that nobody takes away.

use anyhow::{Context, ensure};
use kube::{
    Api, Client, ResourceExt,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::json;
use urr_operator_api::{DeletionPolicy, TicketingEvent, names};

use crate::run::ScopeArgs;

/// Refuses while a sale has `deletionPolicy: Delete`; takes our finalizer from the others.
pub(crate) async fn run(scope: &ScopeArgs) -> anyhow::Result<Vec<String>> {
    let client = Client::try_default().await.context("no cluster")?;
    let mut released = Vec::new();
    for scope in scope.scopes() {
        let api: Api<TicketingEvent> = scope.api(&client);
        let sales = api
            .list(&ListParams::default())
            .await
            .context("cannot list the sales")?;
        let named = |sale: &TicketingEvent| {
            format!(
                "{}/{}",
                sale.namespace().unwrap_or_default(),
                sale.name_any()
            )
        };
        let to_delete = sales
            .iter()
            .filter(|sale| sale.spec.data.deletion_policy == DeletionPolicy::Delete);
        let to_delete: Vec<_> = to_delete.map(named).collect();
        ensure!(
            to_delete.is_empty(),
            "these sales have deletionPolicy Delete, which needs the operator: delete them first, \
             or set them to Retain: {}",
            to_delete.join(", ")
        );
        for sale in &sales {
            if strip(&client, sale).await? {
                released.push(named(sale));
            }
        }
    }
    Ok(released)
}

/// Takes our finalizer; whether it was there.
async fn strip(client: &Client, sale: &TicketingEvent) -> anyhow::Result<bool> {
    let (name, namespace) = (sale.name_any(), sale.namespace().unwrap_or_default());
    let others: Vec<_> = sale
        .finalizers()
        .iter()
        .filter(|found| *found != names::FINALIZER)
        .collect();
    if others.len() == sale.finalizers().len() {
        return Ok(false);
    }
    let api: Api<TicketingEvent> = Api::namespaced(client.clone(), &namespace);
    // With the version that was read: a finalizer that came meanwhile is not lost.
    let patch = json!({"metadata": {
        "finalizers": others, "resourceVersion": sale.resource_version(), "uid": sale.uid()
    }});
    api.patch(&name, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .with_context(|| format!("cannot let go of {namespace}/{name}"))?;
    Ok(true)
}
