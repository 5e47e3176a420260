//! The chart urr over its life: installed, upgraded, uninstalled, installed again.

use anyhow::Context;
use serde_json::Value;
use urr_e2e::{Chart, Release, eventually, exists, get, in_namespace, items, kubectl};

fn install(namespace: &str, settings: &[&str]) -> anyhow::Result<Release> {
    let small = Chart::Platform.example("small")?;
    let settings = settings.iter().flat_map(|setting| ["--set", setting]);
    let arguments: Vec<_> = ["--values", &small].into_iter().chain(settings).collect();
    Chart::Platform.install(namespace, &arguments)
}

fn secrets(namespace: &str) -> anyhow::Result<Vec<Value>> {
    ["urr-internal", "urr-secrets", "urr-admin"]
        .iter()
        .map(|name| {
            let secret = get(namespace, &format!("secret/{name}"))?.context("no such secret")?;
            Ok(secret["data"].clone())
        })
        .collect()
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn drawn_secrets_outlive_upgrade_and_uninstall() -> anyhow::Result<()> {
    in_namespace("secrets", |namespace| {
        let release = install(namespace.name(), &[])?;
        let drawn = secrets(namespace.name())?;
        install(namespace.name(), &["image.tag=next"])?;
        assert_eq!(secrets(namespace.name())?, drawn, "an upgrade keeps them");
        release.uninstall()?.ok("helm uninstall")?;
        assert_eq!(secrets(namespace.name())?, drawn, "an uninstall keeps them");
        install(namespace.name(), &[])?;
        assert_eq!(
            secrets(namespace.name())?,
            drawn,
            "another install finds them"
        );
        let given = "secrets.internalToken=a-token-that-somebody-has-given-12345";
        install(namespace.name(), &[given])?;
        let after = secrets(namespace.name())?;
        assert_ne!(
            after[0], drawn[0],
            "what is given stands above what was drawn"
        );
        assert_eq!(after[1..], drawn[1..]);
        Ok(())
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn nothing_else_is_left_after_an_uninstall() -> anyhow::Result<()> {
    in_namespace("uninstall", |namespace| {
        install(namespace.name(), &[])?
            .uninstall()?
            .ok("helm uninstall")?;
        let kinds =
            "deployments statefulsets services networkpolicies poddisruptionbudgets roles jobs";
        for kind in kinds.split(' ') {
            eventually(&format!("no {kind}"), || {
                Ok(items(namespace.name(), kind)?.is_empty().then_some(()))
            })?;
        }
        assert!(!exists(namespace.name(), "configmap/urr-platform")?);
        Ok(())
    })
}

/// The number of pods belongs to the operator: an upgrade in the middle of a sale must not
/// take back what it has set.
#[test]
#[ignore = "needs a cluster: make e2e"]
fn an_upgrade_leaves_the_number_of_pods_alone() -> anyhow::Result<()> {
    in_namespace("replicas", |namespace| {
        install(namespace.name(), &["image.tag=first"])?;
        let floor = r#"{"apiVersion": "apps/v1", "kind": "Deployment",
                        "metadata": {"name": "urr-ticket"}, "spec": {"replicas": 7}}"#;
        // Forced, as the operator does: helm's first write owns the default, too.
        let arguments = [
            "apply",
            "--server-side",
            "--force-conflicts",
            "--field-manager=urr-operator/capacity",
            "--namespace",
            namespace.name(),
            "-f",
            "-",
        ];
        kubectl(&arguments, floor)?.ok("kubectl apply")?;
        install(namespace.name(), &["image.tag=second"])?;
        let ticket = get(namespace.name(), "deployment/urr-ticket")?.context("it is there")?;
        assert_eq!(ticket["spec"]["replicas"], 7);
        let image = ticket["spec"]["template"]["spec"]["containers"][0]["image"].as_str();
        assert_eq!(image, Some("localhost/urr:second"));
        Ok(())
    })
}
