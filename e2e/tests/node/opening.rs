//! A sale that is declared, from its resource to its tickets.

use anyhow::Context;
use jiff::SignedDuration;
use serde_json::json;
use urr_e2e::{
    apply, declared_sale, eventually, get, items, kubectl, now, opens, rolled_out, sale_says, text,
};

use crate::platform::{PATIENCE, crowd, install, with_platform};

/// From the end of the preparations to the opening there must be time for a crowd to come.
const AHEAD: SignedDuration = SignedDuration::from_secs(90);

/// The operator with no pod, until dropped.
struct Absent;

impl Absent {
    fn send_away() -> anyhow::Result<Self> {
        let absent = Self;
        scale_operator(0)?;
        eventually("the operator is gone", || {
            Ok(items("urr-system", "pods")?.is_empty().then_some(()))
        })?;
        Ok(absent)
    }
}

impl Drop for Absent {
    fn drop(&mut self) {
        // Whoever needs it waits for it.
        drop(scale_operator(1));
    }
}

fn scale_operator(replicas: u32) -> anyhow::Result<()> {
    let replicas = format!("--replicas={replicas}");
    let operator = [
        "scale",
        "deployment/urr-operator",
        "--namespace",
        "urr-system",
    ];
    let arguments = [&operator[..], &[&replicas]].concat();
    kubectl(&arguments, "")?.ok("kubectl scale").map(drop)
}

/// Its pods are there before it opens, the line opens by its own clock while nobody operates,
/// and everybody who bought is accounted for.
#[test]
#[ignore = "needs a node: make e2e"]
fn a_declared_sale_opens_with_its_pods_and_without_an_operator() -> anyhow::Result<()> {
    with_platform("opening", &[], |namespace, _| {
        let name = namespace.name();
        let opens_at = now() + AHEAD;
        let changes = json!({
            "sale": opens(opens_at),
            "capacity": {"floors": [{"service": "ticket", "replicas": 2}]},
        });
        apply(name, &declared_sale("night", &changes).to_string())?;
        let sale = sale_says(name, "night", ("Ready", "True", "Ready"), PATIENCE)?;
        eventually("both pods of ticket are ready", || {
            let ticket = get(name, "deployment/urr-ticket")?.context("ticket is there")?;
            let is_floor = ticket["status"]["readyReplicas"] == 2;
            Ok((is_floor && rolled_out(&ticket)).then_some(()))
        })?;

        let absent = Absent::send_away()?;
        assert!(now() < opens_at, "the operator goes before the sale opens");
        let event = format!("crowd.event={}", text(&sale["status"]["eventId"]));
        let release = install(namespace, &[&event, "crowd.fans=30"])?;
        assert!(crowd(namespace, &release)? > 0);
        assert!(now() >= opens_at, "nobody is let in before");
        drop(absent);
        sale_says(name, "night", ("Selling", "True", "Open"), PATIENCE)?;
        Ok(())
    })
}
