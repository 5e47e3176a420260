use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::*;

fn deployment() -> Deployment {
    serde_json::from_value(json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "urr-ticket"},
        "spec": {
            "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {
                "serviceAccountName": "urr-ticket",
                "imagePullSecrets": [{"name": "registry"}],
                "securityContext": {"runAsNonRoot": true},
                "nodeSelector": {"pool": "urr"},
                "tolerations": [{"key": "only", "operator": "Exists"}],
                "priorityClassName": "first",
                "containers": [{
                    "name": "ticket", "image": "urr/urr:abc", "imagePullPolicy": "IfNotPresent",
                    "args": ["ticket"],
                    "ports": [{"containerPort": 3002}],
                    "readinessProbe": {"httpGet": {"path": "/readyz", "port": 3002}},
                    "resources": {"requests": {"cpu": "1"}},
                    "env": [{"name": "TICKET_DB_URL", "value": "postgres://urr-postgres-ticket/ticket_db"}],
                    "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]
                }],
                "volumes": [{"name": "tmp", "emptyDir": {}}]
            }}
        }
    }))
    .expect("a Deployment")
}

fn owner() -> ConfigMap {
    serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "urr-platform", "namespace": "t", "uid": "u"}
    }))
    .expect("a ConfigMap")
}

fn arguments() -> Vec<String> {
    ["migrate", "ticket", "--wait"].map(str::to_owned).to_vec()
}

#[test]
fn a_migration_runs_as_its_service_does() {
    let purpose = Purpose::Migrate(Database::Ticket);
    let name = name(purpose, "urr/urr:abc", &[]);
    let jobs = Jobs {
        service_account_name: Some("urr-jobs".to_owned()),
        ..Jobs::default()
    };
    let built = build(purpose, &name, &arguments(), &deployment(), &owner(), &jobs);
    let built = built.expect("there is a container");
    let typed: Job = serde_json::from_value(built.clone()).expect("a Job");
    assert_eq!(serde_json::to_value(typed).expect("JSON"), built);
    insta::assert_json_snapshot!(built);
}

#[test]
fn another_image_or_other_arguments_are_another_job() {
    let topics = |image, arguments: &[String]| name(Purpose::Topics, image, arguments);
    let one = topics("urr/urr:abc", &arguments());
    assert_eq!(one, topics("urr/urr:abc", &arguments()));
    assert_ne!(one, topics("urr/urr:abd", &arguments()));
    assert_ne!(one, topics("urr/urr:abc", &arguments()[..2]));
    // Text that moves from one argument to the next is another text.
    let ab = ["a".to_owned(), "b".to_owned()];
    assert_ne!(topics("x", &ab), topics("x", &["ab".to_owned()]));
    assert_eq!(one.len(), "urr-topics-".len() + 8);
}

#[test]
fn a_job_without_a_container_to_copy_is_not_made() {
    let empty = Deployment::default();
    let jobs = Jobs::default();
    assert_eq!(
        build(Purpose::Topics, "x", &arguments(), &empty, &owner(), &jobs),
        None
    );
}

#[test]
fn a_job_has_ended_when_its_condition_says_so() {
    let job = |type_: &str, status: &str| -> Job {
        serde_json::from_value(json!({
            "metadata": {},
            "status": {"conditions": [{
                "type": type_, "status": status, "message": "why",
                "lastTransitionTime": "2027-03-12T11:00:00Z"
            }]}
        }))
        .expect("a Job")
    };
    assert_eq!(state(&Job::default()), State::Running);
    assert_eq!(state(&job("Suspended", "True")), State::Running);
    assert_eq!(state(&job("Complete", "True")), State::Done);
    assert_eq!(state(&job("Complete", "False")), State::Running);
    let failed = State::Failed {
        at: Some("2027-03-12T11:00:00Z".parse().expect("a time")),
        message: "why".to_owned(),
    };
    assert_eq!(state(&job("Failed", "True")), failed);
}

#[test]
fn a_job_that_would_be_another_is_made_anew() {
    let now: Timestamp = "2027-03-12T11:00:00Z".parse().expect("a time");
    let jobs = Jobs::default();
    let made = |deployment: &Deployment| {
        let purpose = Purpose::Migrate(Database::Ticket);
        build(purpose, "x", &arguments(), deployment, &owner(), &jobs).expect("a Job")
    };
    let before = made(&deployment());
    let live = |status: &Value| -> Job {
        let mut job = before.clone();
        job["status"] = status.clone();
        serde_json::from_value(job).expect("a Job")
    };
    let failed = |at: &str| {
        live(&json!({"conditions": [{
            "type": "Failed", "status": "True", "lastTransitionTime": at
        }]}))
    };
    assert!(!is_to_be_made_anew(&live(&json!({})), &before, now));
    assert!(!is_to_be_made_anew(
        &failed("2027-03-12T10:56:00Z"),
        &before,
        now
    ));
    assert!(is_to_be_made_anew(
        &failed("2027-03-12T10:55:00Z"),
        &before,
        now
    ));

    let mut put_right = deployment();
    let pod = put_right
        .spec
        .as_mut()
        .expect("its spec")
        .template
        .spec
        .as_mut();
    pod.expect("its pod").containers[0].env = None;
    let after = made(&put_right);
    assert!(is_to_be_made_anew(&live(&json!({})), &after, now));
    assert!(is_to_be_made_anew(
        &failed("2027-03-12T10:59:00Z"),
        &after,
        now
    ));
    let mut going = live(&json!({}));
    going.metadata.deletion_timestamp = Some(Time(now));
    assert!(!is_to_be_made_anew(&going, &after, now), "it goes already");
}
