//! Charts as text: what they refuse, what they render, and that an API server takes it.

use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::{Value, json};
use urr_e2e::{Chart, kubectl, program};

/// Namespaces that the examples name.
const NAMESPACES: [&str; 3] = ["ticketing", "ticketing-staging", "urr-system"];

/// Drawn secrets, 48 characters in Base64, differ each time.
fn without_drawn(rendered: &str) -> String {
    let is_drawn = |word: &str| {
        let hash = word.bytes().all(|byte| byte.is_ascii_hexdigit());
        word.len() == 64 && !hash && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let mask = |line: &str| match line.rsplit_once(' ') {
        Some((before, word)) if is_drawn(word) => format!("{before} <drawn>"),
        _ => line.to_owned(),
    };
    rendered.lines().map(mask).collect::<Vec<_>>().join("\n")
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn the_linter_has_nothing_to_say() -> anyhow::Result<()> {
    for chart in Chart::ALL {
        let examples = chart.examples()?;
        if examples.is_empty() {
            chart.lint(&[])?.ok("helm lint")?;
        }
        for (_, values) in examples {
            chart.lint(&["--values", &values])?.ok("helm lint")?;
        }
    }
    Ok(())
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn what_is_rendered_is_reviewed() -> anyhow::Result<()> {
    for chart in [Chart::Operator, Chart::Platform] {
        for (name, values) in chart.examples()? {
            let rendered = chart.template("ticketing", &["--values", &values])?;
            let rendered = without_drawn(&rendered.ok("helm template")?);
            insta::assert_snapshot!(format!("{}-{name}", chart.name()), rendered);
        }
    }
    Ok(())
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn an_api_server_takes_every_field() -> anyhow::Result<()> {
    for namespace in NAMESPACES {
        // Another test may have made it.
        kubectl(&["create", "namespace", namespace], "")?;
    }
    // The Prometheus operator's kinds are not known here.
    for (chart, namespace, known) in [
        (
            Chart::Operator,
            "urr-system",
            "monitoring.serviceMonitor=false",
        ),
        (
            Chart::Platform,
            "ticketing",
            "monitoring.serviceMonitors=false",
        ),
    ] {
        for (name, values) in chart.examples()? {
            let arguments = ["--values", &values, "--set", known];
            let rendered = chart.template(namespace, &arguments)?.ok("helm template")?;
            let try_out =
                "apply --server-side --force-conflicts --dry-run=server --validate=strict -f -";
            let arguments: Vec<_> = try_out.split(' ').collect();
            kubectl(&arguments, &rendered)?.ok(&format!("{} with {name}", chart.name()))?;
        }
    }
    Ok(())
}

/// Whoever begins begins with it.
#[test]
#[ignore = "needs a cluster: make e2e"]
fn the_example_of_the_readme_is_rendered() -> anyhow::Result<()> {
    let folder = Chart::Platform.folder();
    let readme = std::fs::read_to_string(folder.join("../README.md"))?;
    let example = readme.split("```yaml\n").nth(1).context("it has values")?;
    let example = example.split("```").next().unwrap_or_default();
    let file = program("urr")?.with_file_name("readme.yaml");
    std::fs::write(&file, example)?;
    let values = file.to_string_lossy();
    Chart::Platform
        .template("ticketing", &["--values", &values])?
        .ok("helm template")
        .map(drop)
}

/// A choice that is wrong, and words of the sentence that says so.
const WRONG: [(&str, &str); 43] = [
    (
        "postgres.provider=Oracle",
        "'CloudNativePG', 'BuiltIn', 'External'",
    ),
    ("postgres.provider=null", "missing property 'provider'"),
    ("kafka.provider=null", "missing property 'provider'"),
    ("payment.provider=null", "missing property 'provider'"),
    ("images.provider=null", "missing property 'provider'"),
    ("postgres.instances=2", "postgres.instances must be 1"),
    ("postgres.image=", "needs postgres.image"),
    (
        "services.ticket.env.TICKET_DB_POOL_MAX=30",
        "ticket has TICKET_DB_POOL_MAX among its variables",
    ),
    ("postgres.storage=10 GB", "does not match pattern"),
    (
        "kafka.partitons=3",
        "additional properties 'partitons' not allowed",
    ),
    (
        "kafka.builtin.enabled=false",
        "where the brokers are is not said",
    ),
    ("kafka.replicationFactor=3", "kafka.builtin is one broker"),
    ("kafka.provider=Strimzi", "needs kafka.strimziCluster"),
    ("redis.builtin.enabled=false", "where Redis is is not said"),
    (
        "tossSimulator.enabled=false",
        "needs tossSimulator.enabled or payment.simulatorUrl",
    ),
    ("images.provider=Bucket", "needs images.bucket"),
    ("images.bucket=pictures", "images.bucket is not used"),
    ("mail.transport=smtp", "needs mail.smtp.host"),
    ("mail.smtp.username=tickets", "needs secrets.smtpPassword"),
    ("secrets.awsAccessKeyId=AKIA", "belong together"),
    ("spotify.clientId=abc", "needs secrets.spotifyClientSecret"),
    (
        "admissionMessages.enabled=true",
        "needs admissionMessages.queueUrl",
    ),
    ("payment.provider=toss", "needs secrets.tossSecretKey"),
    ("secrets.jwtSecret=short", "minLength: got 5, want 32"),
    (
        "services.tickets.replicas=3",
        "additional properties 'tickets' not allowed",
    ),
    // Networks: where something is used, a way leads there.
    ("redis.host=redis.example.com", "no way leads to Redis"),
    (
        "redis.clusterNodes={redis-0:6379}",
        "networkPolicy.storePeers to the pods",
    ),
    (
        "kafka.bootstrapServers=kafka.example.com:9092",
        "no way leads to Kafka",
    ),
    ("postgres.provider=External", "no way leads to Postgres"),
    (
        "networkPolicy.dnsPeers=null",
        "nobody may be asked for names",
    ),
    (
        "networkPolicy.externalCIDR=10.1.0.0/16",
        "networkPolicy.externalExcept 10.0.0.0/8 leaves nothing",
    ),
    (
        "networkPolicy.externalCIDR=10.0.0.0/8",
        "networkPolicy.externalExcept 10.0.0.0/8 leaves nothing",
    ),
    (
        "networkPolicy.externalCIDR=999.1.1.1/99",
        "does not match pattern",
    ),
    (
        "networkPolicy.storeCIDRs={192.0.2.0/33}",
        "does not match pattern",
    ),
    // Pods, and the connections that they ask for.
    (
        "defaults.replicas=21",
        "has 21 replicas at rest and 20 at most",
    ),
    (
        "services.ticket.maxReplicas=27",
        "ticket may ask the database ticket for 204 connections",
    ),
    (
        "services.queue-admission.maxReplicas=6",
        "queue and queue-admission may ask the database queue for 198 connections",
    ),
    (
        "postgres.maxConnections=162",
        "postgres.maxConnections is 162: raise it, or lower maxReplicas",
    ),
    (
        "podDisruptionBudget.maxUnavailable=500%",
        "does not match pattern",
    ),
    // What only the chart may say.
    (
        "commonLabels.app\\.kubernetes\\.io/part-of=shop",
        "commonLabels: app.kubernetes.io/part-of is the chart's own",
    ),
    (
        "commonLabels.urr\\.internal/service=shop",
        "commonLabels: urr.internal/service is the chart's own",
    ),
    (
        "commonLabels.helm\\.sh/chart=shop",
        "commonLabels: helm.sh/chart is the chart's own",
    ),
    // All pods of ticket share the folder.
    (
        "images.accessMode=ReadWriteOncePod",
        "must be one of 'ReadWriteMany', 'ReadWriteOnce'",
    ),
];

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_wrong_value_is_refused_with_a_sentence() -> anyhow::Result<()> {
    let small = Chart::Platform.example("small")?;
    for (value, sentence) in WRONG {
        let arguments = ["--values", &small, "--set", value];
        let answer = Chart::Platform.template("ticketing", &arguments)?;
        assert!(!answer.success, "{value} was accepted");
        assert!(
            answer.errors.contains(sentence),
            "{value}: {}",
            answer.errors
        );
    }
    Ok(())
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_forgotten_choice_never_means_a_default() -> anyhow::Result<()> {
    let answer = Chart::Platform.template("ticketing", &[])?;
    assert!(!answer.success);
    for part in ["postgres", "kafka", "payment", "images"] {
        let sentence = format!("at '/{part}': missing property 'provider'");
        assert!(answer.errors.contains(&sentence), "{}", answer.errors);
    }
    Ok(())
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn the_operator_keeps_its_own_labels() -> anyhow::Result<()> {
    let label = "commonLabels.app\\.kubernetes\\.io/name=shop";
    let answer = Chart::Operator.template("urr-system", &["--set", label])?;
    assert!(!answer.success);
    let sentence = "commonLabels: app.kubernetes.io/name is the chart's own";
    assert!(answer.errors.contains(sentence), "{}", answer.errors);
    Ok(())
}

/// The pods that workloads ask for, by kind and name of the workload.
fn pods(objects: &[Value]) -> BTreeMap<String, &Value> {
    let pods = objects.iter().filter_map(|object| {
        let pod = object["spec"]["template"].as_object()?;
        let name = object["metadata"]["name"].as_str()?;
        pod.contains_key("spec").then(|| {
            let kind = object["kind"].as_str().unwrap_or_default();
            (format!("{kind}/{name}"), &object["spec"]["template"])
        })
    });
    pods.collect()
}

/// Arguments that bring a chart to these settings, beside the values in a file.
fn arguments<'a>(values: &'a str, settings: &[&'a str]) -> Vec<&'a str> {
    let settings = settings.iter().flat_map(|setting| ["--set", setting]);
    ["--values", values].into_iter().chain(settings).collect()
}

/// A new version of the chart alone starts nothing anew, no store above all.
#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_later_chart_asks_for_the_same_pods() -> anyhow::Result<()> {
    let small = Chart::Platform.example("small")?;
    let now = Chart::Platform.objects("ticketing", &["--values", &small])?;
    let source = Chart::Platform.later()?;
    let later = Chart::Platform.objects_of(&source, "ticketing", &["--values", &small])?;
    let chart = |objects: &[Value]| objects[0]["metadata"]["labels"]["helm.sh/chart"].clone();
    assert_ne!(chart(&now), chart(&later), "objects themselves name it");
    assert_eq!(pods(&now), pods(&later));
    Ok(())
}

/// Nodes may be set apart for the platform: then all of its pods are there.
#[test]
#[ignore = "needs a cluster: make e2e"]
fn every_pod_heeds_where_pods_may_be() -> anyhow::Result<()> {
    let settings = [
        "nodeSelector.pool=sales",
        "tolerations[0].key=sales",
        "tolerations[0].operator=Exists",
    ];
    for (chart, example, at) in [
        (Chart::Platform, "small", "defaults."),
        (Chart::Operator, "namespaced", ""),
    ] {
        let values = chart.example(example)?;
        let settings = settings.map(|setting| format!("{at}{setting}"));
        let mut arguments = arguments(&values, &settings.each_ref().map(String::as_str));
        // Names that look like numbers stay names.
        let class = format!("{at}priorityClassName=123");
        arguments.extend(["--set-string", &class]);
        let objects = chart.objects("ticketing", &arguments)?;
        let pods = pods(&objects);
        assert!(!pods.is_empty());
        for (name, pod) in pods {
            let spec = &pod["spec"];
            assert_eq!(spec["nodeSelector"], json!({"pool": "sales"}), "{name}");
            let tolerations = json!([{"key": "sales", "operator": "Exists"}]);
            assert_eq!(spec["tolerations"], tolerations, "{name}");
            assert_eq!(spec["priorityClassName"], "123", "{name}");
        }
    }
    Ok(())
}

/// The network policies of the small example with these settings, by name.
fn policies(settings: &[&str]) -> anyhow::Result<BTreeMap<String, Value>> {
    let small = Chart::Platform.example("small")?;
    let objects = Chart::Platform.objects("ticketing", &arguments(&small, settings))?;
    let policies = objects.into_iter().filter_map(|object| {
        let name = object["metadata"]["name"].as_str()?.to_owned();
        (object["kind"] == "NetworkPolicy").then_some((name, object["spec"].clone()))
    });
    Ok(policies.collect())
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn only_what_is_inside_is_left_out_of_the_outside() -> anyhow::Result<()> {
    for (all, except, left_out) in [
        // What is left out where nobody says is private.
        ("203.0.113.0/24", None, json!([])),
        (
            "198.51.0.0/16",
            Some("198.51.100.0/24,198.52.0.0/16,198.50.255.0/24"),
            json!(["198.51.100.0/24"]),
        ),
        // An address within the block stands for it.
        ("10.1.2.3/8", Some("10.0.0.0/16"), json!(["10.0.0.0/16"])),
        (
            "2001:db8::/32",
            Some("10.0.0.0/8,2001:db8:1::/48"),
            json!(["2001:db8:1::/48"]),
        ),
    ] {
        let all = format!("networkPolicy.externalCIDR={all}");
        let except = except.map(|blocks| format!("networkPolicy.externalExcept={{{blocks}}}"));
        let settings: Vec<_> = [Some(&all), except.as_ref()]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        let community = &policies(&settings)?["urr-community"];
        let rules = community["egress"].as_array().cloned().unwrap_or_default();
        let blocks: Vec<_> = rules
            .iter()
            .map(|rule| &rule["to"][0]["ipBlock"])
            .filter(|block| block.is_object())
            .collect();
        assert_eq!(blocks.len(), 1, "{all}: {community}");
        let found = blocks[0]
            .get("except")
            .cloned()
            .unwrap_or_else(|| json!([]));
        assert_eq!(found, left_out, "{all}");
    }
    Ok(())
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn whom_a_policy_lets_in_is_what_was_said() -> anyhow::Result<()> {
    let reads = |policy: &Value| policy["ingress"][1]["from"][0]["namespaceSelector"].clone();
    let names = |policy: &Value| policy["egress"][0].clone();
    let usual = policies(&[])?;
    let monitoring = json!({"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}});
    assert_eq!(reads(&usual["urr-ticket"]), monitoring);
    let system = json!({"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}});
    assert_eq!(
        names(&usual["urr-names"])["to"],
        json!([{"namespaceSelector": system}])
    );

    // What is said replaces what holds where nothing is said.
    let other = policies(&[
        "networkPolicy.monitoringNamespaceSelector.team=obs",
        "networkPolicy.dnsPeers=null",
        "networkPolicy.dnsCIDRs={169.254.20.10/32}",
        "networkPolicy.dnsPort=5353",
    ])?;
    assert_eq!(
        reads(&other["urr-ticket"]),
        json!({"matchLabels": {"team": "obs"}})
    );
    let cache = json!({
        "to": [{"ipBlock": {"cidr": "169.254.20.10/32"}}],
        "ports": [{"protocol": "UDP", "port": 5353}, {"protocol": "TCP", "port": 5353}],
    });
    assert_eq!(names(&other["urr-names"]), cache);
    Ok(())
}
