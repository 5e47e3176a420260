//! An open sale, what was sold and a protected namespace cannot be deleted by accident.

use serde_json::{Value, json};
use urr_e2e::{Account, apply, delete, eventually, exists, in_namespace, kubectl};

/// The resource and the policies, which come with the operator's account.
fn policies() -> anyhow::Result<()> {
    Account::shared().map(drop)
}

fn sale(name: &str, deletion: &str) -> String {
    json!({
        "apiVersion": "urr.internal/v1alpha1",
        "kind": "TicketingEvent",
        "metadata": {"name": name},
        "spec": {
            "eventId": "5c1a3b1e-6f0e-4f55-9d0c-2b8b1c7d9a10",
            "sale": {"opensAt": "2037-03-12T11:00:00Z", "closesAt": "2037-03-19T11:00:00Z"},
            "data": {"deletionPolicy": deletion},
        },
    })
    .to_string()
}

fn set_status(namespace: &str, name: &str, status: &Value) -> anyhow::Result<()> {
    let patch = json!({"status": status}).to_string();
    let sale = ["patch", "ticketingevent", name, "--namespace", namespace];
    let arguments = [
        &sale[..],
        &["--subresource=status", "--type=merge", "--patch", &patch],
    ]
    .concat();
    kubectl(&arguments, "")?.ok("kubectl patch").map(drop)
}

/// What is said when `resource` is to be deleted, as soon as the policy is in force, which takes
/// an API server a moment.
fn refusal(namespace: &str, resource: &str) -> anyhow::Result<String> {
    eventually("the deletion is refused", || {
        let arguments = [
            "delete",
            resource,
            "--namespace",
            namespace,
            "--dry-run=server",
        ];
        let answer = kubectl(&arguments, "")?;
        Ok((!answer.success).then_some(answer.errors))
    })
}

fn confirm(namespace: &str, resource: &str, name: &str) -> anyhow::Result<()> {
    let annotation = format!("urr.internal/confirm-delete={name}");
    let arguments = ["annotate", resource, &annotation, "--namespace", namespace];
    kubectl(&arguments, "")?.ok("kubectl annotate").map(drop)
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn an_open_sale_is_not_deleted_by_accident() -> anyhow::Result<()> {
    policies()?;
    in_namespace("open", |namespace| {
        let (namespace, resource) = (namespace.name(), "ticketingevent/aurora");
        apply(namespace, &sale("aurora", "Retain"))?;
        set_status(namespace, "aurora", &json!({"phase": "Open"}))?;
        let sentence = refusal(namespace, resource)?;
        assert!(
            sentence.contains("in phase Open: people are waiting or buying"),
            "{sentence}"
        );
        assert!(!delete(namespace, resource)?.success);
        confirm(namespace, resource, "aurora")?;
        delete(namespace, resource)?.ok("confirmed").map(drop)
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn what_was_sold_is_not_deleted_by_accident() -> anyhow::Result<()> {
    policies()?;
    in_namespace("sold", |namespace| {
        let namespace = namespace.name();
        let seats = json!({"total": 9, "held": 0, "sold": 3, "sampledAt": "2037-03-19T11:00:00Z"});
        for (name, policy) in [("kept", "Retain"), ("gone", "Delete")] {
            apply(namespace, &sale(name, policy))?;
            set_status(namespace, name, &json!({"phase": "Ended", "seats": seats}))?;
        }
        let sentence = refusal(namespace, "ticketingevent/gone")?;
        assert!(sentence.contains("sold 3 tickets"), "{sentence}");
        delete(namespace, "ticketingevent/kept")?
            .ok("its data stay")
            .map(drop)
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_protected_namespace_goes_only_when_confirmed() -> anyhow::Result<()> {
    policies()?;
    in_namespace("protected", |namespace| {
        let name = namespace.name();
        let resource = format!("namespace/{name}");
        kubectl(&["label", &resource, "urr.internal/protected=true"], "")?.ok("kubectl label")?;
        apply(name, &sale("aurora", "Retain"))?;
        set_status(name, "aurora", &json!({"phase": "Open"}))?;
        let sentence = refusal(name, &resource)?;
        assert!(
            sentence.contains("its databases would go with it"),
            "{sentence}"
        );
        confirm(name, &resource, name)?;
        // Who deletes a namespace was asked there: the sale inside, though open, goes along.
        delete(name, &resource)?.ok("confirmed")?;
        eventually("the namespace is gone", || {
            Ok((!exists(name, &resource)?).then_some(()))
        })
    })
}
