//! The harness itself: with pods played, the cluster's own controllers say the rest.

use anyhow::Context;
use urr_e2e::{Chart, Kubelet, completed, eventually, get, in_namespace, items, rolled_out};

#[test]
#[ignore = "needs a cluster: make e2e"]
fn deployments_roll_out_and_jobs_complete_unless_held() -> anyhow::Result<()> {
    in_namespace("played", |namespace| {
        let deployment = |name: &str| get(namespace.name(), &format!("deployment/{name}"));
        let kubelet = Kubelet::of(namespace.name());
        kubelet.hold("urr-payment-");
        let small = Chart::Platform.example("small")?;
        Chart::Platform.install(namespace.name(), &["--values", &small])?;
        eventually("ticket is ready", || {
            Ok(deployment("urr-ticket")?.filter(rolled_out))
        })?;
        eventually("the seed is sown", || {
            Ok(items(namespace.name(), "jobs")?.into_iter().find(completed))
        })?;
        let payment = deployment("urr-payment")?.context("it is there")?;
        assert!(!rolled_out(&payment), "it is held");
        kubelet.release("urr-payment-");
        eventually("payment is ready", || {
            Ok(deployment("urr-payment")?.filter(rolled_out))
        })?;
        Ok(())
    })
}
