use k8s_openapi::api::core::v1::{Secret, Service};
use serde::{Serialize, de::DeserializeOwned};

use super::*;

fn postgres(more: &Value) -> Postgres {
    let mut settings = json!({
        "provider": "BuiltIn", "image": "urr/postgres:15", "imagePullPolicy": "IfNotPresent",
        "storage": "1Gi", "cpu": "250m", "memory": "512Mi"
    });
    let more = more.as_object().expect("fields").clone();
    settings.as_object_mut().expect("fields").extend(more);
    serde_json::from_value(settings).expect("settings")
}

fn granted(postgres: &Postgres) -> Sizes {
    Sizes::granted(postgres, None)
}

fn server(postgres: &Postgres) -> Value {
    stateful_set(
        Database::Ticket,
        postgres,
        &granted(postgres),
        &Volume::asked(postgres),
    )
}

/// What the API server would drop or refuse shows as a difference.
fn assert_known<K: Serialize + DeserializeOwned>(built: &Value) {
    let typed: K = serde_json::from_value(built.clone()).expect("its kind");
    assert_eq!(serde_json::to_value(typed).expect("JSON"), *built);
}

#[test]
fn a_built_in_server() {
    let postgres = postgres(&json!({}));
    let built = server(&postgres);
    assert_known::<StatefulSet>(&built);
    insta::assert_json_snapshot!(built);
    assert_known::<Service>(&service(Database::Ticket));
    insta::assert_json_snapshot!(service(Database::Ticket));
}

#[test]
fn a_built_in_server_on_a_host_path_from_a_private_registry() {
    let postgres = postgres(&json!({
        "volumeOwnershipInit": true, "imagePullSecrets": ["registry"], "storageClass": "fast"
    }));
    let built = server(&postgres);
    assert_known::<StatefulSet>(&built);
    let pod = &built["spec"]["template"]["spec"];
    insta::assert_json_snapshot!(pod["initContainers"]);
    assert_eq!(pod["imagePullSecrets"], json!([{"name": "registry"}]));
    let claim = &built["spec"]["volumeClaimTemplates"][0]["spec"];
    assert_eq!(claim["storageClassName"], "fast");
}

#[test]
fn a_cluster_of_cloud_native_pg() {
    let postgres = postgres(&json!({"provider": "CloudNativePG", "instances": 3}));
    let (sizes, volume) = (granted(&postgres), Volume::asked(&postgres));
    insta::assert_json_snapshot!(cluster(Database::Ticket, &postgres, &sizes, &volume));
}

#[test]
fn databases_are_on_the_nodes_that_are_said() {
    let scheduling = json!({
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "only", "operator": "Equal", "value": "urr", "effect": "NoSchedule"}],
        "priorityClassName": "first",
    });
    let postgres = postgres(&json!({"scheduling": scheduling}));
    let built = server(&postgres);
    assert_known::<StatefulSet>(&built);
    let pod = &built["spec"]["template"]["spec"];
    let cluster = cluster(
        Database::Ticket,
        &postgres,
        &granted(&postgres),
        &Volume::asked(&postgres),
    );
    for (nodes, priority) in [(pod, pod), (&cluster["spec"]["affinity"], &cluster["spec"])] {
        assert_eq!(nodes["nodeSelector"], scheduling["nodeSelector"]);
        assert_eq!(nodes["tolerations"], scheduling["tolerations"]);
        assert_eq!(priority["priorityClassName"], "first");
    }
}

#[test]
fn the_owner_and_the_password_are_in_one_secret() {
    let built = secret(Database::Ticket, "letters");
    assert_known::<Secret>(&built);
    assert_eq!(built["metadata"]["name"], "urr-ticket-db");
    assert_eq!(
        built["stringData"],
        json!({"username": "urr_ticket", "password": "letters"})
    );
}

#[test]
fn stores_grow_and_never_shrink() {
    let live = Sizes {
        image: Some("urr/postgres:14".to_owned()),
        cpu: "1".to_owned(),
        memory: "256Mi".to_owned(),
        instances: 2,
    };
    let postgres = postgres(&json!({}));
    let expected = Sizes {
        image: Some("urr/postgres:15".to_owned()),
        cpu: "1".to_owned(),
        memory: "512Mi".to_owned(),
        instances: 2,
    };
    assert_eq!(Sizes::granted(&postgres, Some(live)), expected);
    let volume = |storage: &str| {
        let live = Volume {
            storage: storage.to_owned(),
            class: None,
        };
        Volume::granted(&postgres, Some(live)).storage
    };
    assert_eq!(volume("2Gi"), "2Gi");
    assert_eq!(volume("512Mi"), "1Gi");
}

#[test]
fn sizes_are_read_from_what_is_there() {
    let postgres = postgres(&json!({"storageClass": "fast"}));
    let (asked, volume) = (granted(&postgres), Volume::asked(&postgres));
    let live: StatefulSet = serde_json::from_value(server(&postgres)).expect("its kind");
    assert_eq!(sizes_of(&live), Some(asked.clone()));
    assert_eq!(volume_of(&live), Some(volume.clone()));
    let cluster = cluster(Database::Ticket, &postgres, &asked, &volume);
    assert_eq!(sizes_of_cluster(&cluster), Some(asked));
    assert_eq!(volume_of_cluster(&cluster), Some(volume));
}

#[test]
fn a_server_is_on_unless_somebody_turned_it_off() {
    let mut set: StatefulSet =
        serde_json::from_value(server(&postgres(&json!({})))).expect("its kind");
    assert!(is_on(&set));
    set.spec.as_mut().expect("its spec").replicas = Some(0);
    assert!(!is_on(&set));
}

#[test]
fn a_cluster_is_ready_with_its_first_instance() {
    assert!(!is_cluster_ready(&json!({})));
    assert!(!is_cluster_ready(&json!({"status": {"readyInstances": 0}})));
    assert!(is_cluster_ready(&json!({"status": {"readyInstances": 1}})));
}

/// What is said of a volume that was made so, with such settings now.
fn stays(made: (&str, Option<&str>), settings: &Value) -> Option<String> {
    let made = Volume {
        storage: made.0.to_owned(),
        class: made.1.map(str::to_owned),
    };
    made.stays(Database::Ticket, &postgres(settings))
}

#[test]
fn a_volume_that_is_to_grow_is_spoken_of() {
    let sentence = |made: &str| stays((made, None), &json!({}));
    assert_eq!(sentence("1Gi"), None);
    assert_eq!(sentence("2Gi"), None, "it never shrinks");
    insta::assert_snapshot!(sentence("512Mi").expect("more is asked for"), @r#"the volume of ticket was made with 512Mi and postgres.storage is 1Gi: a BuiltIn volume does not grow by itself. Where its storage class allows it: kubectl patch pvc data-urr-postgres-ticket-0 --patch '{"spec":{"resources":{"requests":{"storage":"1Gi"}}}}'"#);
}

#[test]
fn a_volume_of_another_class_is_spoken_of() {
    let sentence =
        |made: Option<&str>, asked: &str| stays(("1Gi", made), &json!({"storageClass": asked}));
    assert_eq!(sentence(Some("fast"), "fast"), None);
    assert_eq!(sentence(None, ""), None, "both are the default");
    insta::assert_snapshot!(sentence(None, "fast").expect("another"), @"the volume of ticket was made with the cluster's default storage class and postgres.storageClass asks for the storage class fast: a BuiltIn volume does not move by itself. Set it back, or dump the database and restore it into one made anew");
    let back = sentence(Some("fast"), "").expect("another");
    assert!(
        back.contains("asks for the cluster's default storage class"),
        "{back}"
    );
}
