use kube::core::Status;

use super::*;

fn settings(postgres: &str, kafka: &str) -> Settings {
    let settings = json!({
        "postgres": {"provider": postgres},
        "kafka": {"provider": kafka, "strimziCluster": "urr"}
    });
    serde_json::from_value(settings).expect("settings")
}

fn noted(postgres: &str, kafka: &str) -> ConfigMap {
    ConfigMap {
        data: Some(
            [("postgres", postgres), ("kafka", kafka)]
                .map(|(what, name)| (what.to_owned(), name.to_owned()))
                .into(),
        ),
        ..ConfigMap::default()
    }
}

#[test]
fn another_provider_than_the_one_with_the_data_is_refused() {
    let changed = |noted: Option<&ConfigMap>| {
        let gap = changed_provider(&settings("CloudNativePG", "Direct"), noted);
        gap.map(|gap| gap.message)
    };
    assert_eq!(changed(None), None, "there is no data yet");
    assert_eq!(changed(Some(&noted("CloudNativePG", "Direct"))), None);
    insta::assert_snapshot!(changed(Some(&noted("External", "Direct"))).expect("another"), @"postgres.provider is CloudNativePG, but the data is with External: nothing is written; set it back, or move the data and then delete the ConfigMap urr-platform-state");
    let kafka = changed(Some(&noted("CloudNativePG", "Strimzi"))).expect("another");
    assert!(kafka.starts_with("kafka.provider is Direct"), "{kafka}");
}

fn answered(code: u16) -> kube::Error {
    let status = Status::failure("jobs.batch is forbidden", "Forbidden").with_code(code);
    kube::Error::Api(Box::new(status))
}

#[test]
fn what_the_api_server_refuses_is_told_and_what_fails_is_tried_again() {
    for code in [400, 401, 403, 422] {
        let gap = refusal(answered(code)).expect("a refusal");
        assert_eq!(gap.reason, "Refused");
        assert!(
            gap.message.ends_with(": jobs.batch is forbidden"),
            "{gap:?}"
        );
    }
    for code in [404, 409, 429, 500, 503] {
        assert!(refusal(answered(code)).is_err(), "{code}");
    }
}

#[test]
fn a_missing_api_is_told_like_everything_else_that_is_wrong() {
    let missing = DataSeen::ApiMissing {
        message: "install it".to_owned(),
    };
    assert_eq!(wrong(&missing), Some(("ApiMissing", "install it")));
    assert_eq!(wrong(&not_ready(&[Gap::new("A", "a")])), Some(("A", "a")));
    assert_eq!(wrong(&not_ready(&[])), None);
    assert_eq!(wrong(&DataSeen::Unknown), None);
}
