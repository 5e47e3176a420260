//! `urr-operator release`: lets go of every sale and every floor before the operator is
//! uninstalled, so that no finalizer and no minimum stays that nobody takes away.

use std::time::Duration;

use anyhow::{Context, ensure};
use kube::{
    Api, Client, ResourceExt,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::json;
use urr_operator_api::{DeletionPolicy, TicketingEvent, names};

use urr_kit::Clock;

use crate::{
    capacity,
    lease::{Lease, LeaseArgs},
    scope::ScopeArgs,
};

/// For so long no operator begins again: enough for its pods to go. Where the uninstall ends
/// half way, one goes on afterwards.
const PAUSE: Duration = Duration::from_mins(1);

/// Settings of `urr-operator release`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    lease: LeaseArgs,
}

/// What was let go of, by namespace and name.
pub(crate) struct Released {
    /// Sales without our finalizer.
    pub(crate) sales: Vec<String>,
    /// Autoscalers and Deployments that are back at their base.
    pub(crate) workloads: Vec<String>,
}

/// Refuses while a sale has `deletionPolicy: Delete`; takes our finalizer from the others, and
/// our floors from their services.
pub(crate) async fn run(args: &Args) -> anyhow::Result<Released> {
    let client = Client::try_default().await.context("no cluster")?;
    retained(&client, &args.scope).await?;
    // An operator that still runs would put back what is taken.
    let mut lease = Lease::new(client.clone(), Clock::system(), &args.lease);
    let seized = lease.seize(PAUSE).await;
    seized.context("the operator cannot be stopped by its Lease")?;
    let mut sales = Vec::new();
    for sale in retained(&client, &args.scope).await? {
        if strip(&client, &sale).await? {
            sales.push(named(&sale));
        }
    }
    let mut workloads = Vec::new();
    for scope in args.scope.scopes() {
        let released = capacity::let_go(&client, &scope).await;
        workloads.extend(released.context("cannot let go of the floors")?);
    }
    Ok(Released { sales, workloads })
}

fn named(sale: &TicketingEvent) -> String {
    let namespace = sale.namespace().unwrap_or_default();
    format!("{namespace}/{}", sale.name_any())
}

/// All sales; errs while one of them has a deletion to be carried out.
async fn retained(client: &Client, scope: &ScopeArgs) -> anyhow::Result<Vec<TicketingEvent>> {
    let mut all = Vec::new();
    for scope in scope.scopes() {
        let api: Api<TicketingEvent> = scope.api(client);
        let sales = api
            .list(&ListParams::default())
            .await
            .context("cannot list the sales")?;
        all.extend(sales.items);
    }
    let to_delete = all
        .iter()
        .filter(|sale| sale.spec.data.deletion_policy == DeletionPolicy::Delete);
    let to_delete: Vec<_> = to_delete.map(named).collect();
    ensure!(
        to_delete.is_empty(),
        "these sales have deletionPolicy Delete, which needs the operator: delete them first, \
         or set them to Retain: {}",
        to_delete.join(", ")
    );
    Ok(all)
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
