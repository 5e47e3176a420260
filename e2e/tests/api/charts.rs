//! Charts as text: what they refuse, what they render, and that an API server takes it.

use urr_e2e::{Chart, kubectl};

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

/// A choice that is wrong, and words of the sentence that says so.
const WRONG: [(&str, &str); 24] = [
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
