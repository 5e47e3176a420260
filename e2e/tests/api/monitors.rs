//! What Prometheus is told: each `ServiceMonitor` finds one Service, and the port that it names.
//!
//! The Prometheus operator's own definition is to be had from no Go module that can be verified
//! without its checksum database, so the fields that the charts use are written down here.

use serde_json::{Value, json};
use urr_e2e::{Chart, established, kubectl};

/// The documented fields that the charts use, and no others.
fn definition() -> String {
    let text = json!({"type": "string"});
    let endpoint = json!({
        "type": "object",
        "properties": {"port": text, "path": text, "interval": {"type": "string", "pattern": "^[0-9]+s$"}},
    });
    let schema = json!({
        "type": "object",
        "required": ["spec"],
        "properties": {"spec": {
            "type": "object",
            "required": ["endpoints", "selector"],
            "properties": {
                "selector": {"type": "object", "properties": {
                    "matchLabels": {"type": "object", "additionalProperties": text}}},
                "endpoints": {"type": "array", "minItems": 1, "items": endpoint},
            },
        }},
    });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "servicemonitors.monitoring.coreos.com"},
        "spec": {
            "group": "monitoring.coreos.com",
            "scope": "Namespaced",
            "names": {"kind": "ServiceMonitor", "plural": "servicemonitors", "singular": "servicemonitor"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                          "schema": {"openAPIV3Schema": schema}}],
        },
    })
    .to_string()
}

fn is_selected(monitor: &Value, service: &Value) -> bool {
    let wanted = monitor["spec"]["selector"]["matchLabels"].as_object();
    wanted.is_some_and(|wanted| {
        wanted
            .iter()
            .all(|(name, value)| service["metadata"]["labels"][name] == *value)
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn every_service_monitor_finds_one_service_and_its_port() -> anyhow::Result<()> {
    kubectl(&["apply", "--server-side", "-f", "-"], &definition())?.ok("kubectl apply")?;
    established("servicemonitors.monitoring.coreos.com")?;
    for (chart, example, count) in [
        (Chart::Platform, "large", 8),
        (Chart::Operator, "cluster-wide", 1),
    ] {
        let values = chart.example(example)?;
        let objects = chart.objects("default", &["--values", &values])?;
        let of_kind =
            |kind: &'static str| objects.iter().filter(move |object| object["kind"] == kind);
        let monitors: Vec<_> = of_kind("ServiceMonitor").collect();
        assert_eq!(monitors.len(), count, "{}", chart.name());
        for monitor in monitors {
            let services: Vec<_> = of_kind("Service")
                .filter(|service| is_selected(monitor, service))
                .collect();
            assert_eq!(services.len(), 1, "{monitor}");
            assert_eq!(monitor["metadata"]["labels"]["release"], "prometheus");
            let port = &monitor["spec"]["endpoints"][0]["port"];
            let ports = services[0]["spec"]["ports"].as_array();
            assert!(
                ports.is_some_and(|ports| ports.iter().any(|found| found["name"] == *port)),
                "{monitor}"
            );
            let take = [
                "apply",
                "--server-side",
                "--dry-run=server",
                "--validate=strict",
                "-f",
                "-",
            ];
            kubectl(&take, &monitor.to_string())?.ok("kubectl apply")?;
        }
    }
    Ok(())
}
