//! The end of a namespace in which tickets are sold.

use jiff::SignedDuration;
use serde_json::json;
use urr_e2e::{apply, declared_sale, eventually_within, exists, kubectl, now, opens, sale_says};

use crate::platform::{PATIENCE, with_platform};

/// Pods, volumes and services go while the operator lets go of the sale, in whatever order.
#[test]
#[ignore = "needs a node: make e2e"]
fn a_namespace_goes_with_its_open_sale() -> anyhow::Result<()> {
    with_platform("ending", &[], |namespace, _| {
        let open = json!({"sale": opens(now() - SignedDuration::from_mins(1))});
        apply(namespace.name(), &declared_sale("night", &open).to_string())?;
        sale_says(
            namespace.name(),
            "night",
            ("Selling", "True", "Open"),
            PATIENCE,
        )?;
        let resource = format!("namespace/{}", namespace.name());
        kubectl(&["delete", &resource, "--wait=false"], "")?.ok("kubectl delete")?;
        eventually_within(PATIENCE, "the namespace is gone", || {
            Ok((!exists("default", &resource)?).then_some(()))
        })
    })
}
