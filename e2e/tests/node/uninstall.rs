//! The end of a platform, and of the operator.

use serde_json::json;
use urr_e2e::{Chart, apply, declared_sale, eventually, get, items, kubectl};

use crate::platform::{install, operator_release, ready, with_platform};

/// A sale far away with that deletion policy.
fn sale(deletion: &str) -> String {
    declared_sale("kept", &json!({"data": {"deletionPolicy": deletion}})).to_string()
}

#[test]
#[ignore = "needs a node: make e2e"]
fn databases_outlive_an_uninstall_and_serve_the_next_install() -> anyhow::Result<()> {
    with_platform("again", &[], |namespace, release| {
        release.uninstall()?.ok("helm uninstall")?;
        eventually("the services are gone", || {
            Ok(items(namespace.name(), "deployments")?
                .is_empty()
                .then_some(()))
        })?;
        let claims = items(namespace.name(), "persistentvolumeclaims")?;
        assert!(
            claims.len() >= 6,
            "a volume for each database: {}",
            claims.len()
        );
        install(namespace, &[])?;
        ready(namespace)
    })
}

#[test]
#[ignore = "needs a node: make e2e"]
fn an_operator_with_deletions_to_carry_out_stays() -> anyhow::Result<()> {
    with_platform("leaving", &[], |namespace, _| {
        let has_finalizer = || -> anyhow::Result<bool> {
            let sale = get(namespace.name(), "ticketingevent/kept")?;
            Ok(sale.is_some_and(|sale| sale["metadata"]["finalizers"].is_array()))
        };
        apply(namespace.name(), &sale("Delete"))?;
        eventually("the operator has the sale", || {
            Ok(has_finalizer()?.then_some(()))
        })?;
        let operator = operator_release();
        assert!(
            !operator.uninstall()?.success,
            "it would leave a deletion undone"
        );
        assert!(get("urr-system", "deployment/urr-operator")?.is_some());
        apply(namespace.name(), &sale("Retain"))?;
        operator.uninstall()?.ok("helm uninstall")?;
        assert!(!has_finalizer()?, "it lets go of what it retains");
        // Without an operator nothing is stuck.
        let delete = [
            "delete",
            "ticketingevent/kept",
            "--namespace",
            namespace.name(),
        ];
        kubectl(&delete, "")?.ok("kubectl delete")?;
        let images = Chart::Operator.images()?;
        Chart::Operator.install(
            "urr-system",
            &["--values", &images, "--wait", "--timeout", "3m"],
        )?;
        Ok(())
    })
}
