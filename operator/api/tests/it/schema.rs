//! The schema itself: what it must have so that `kubectl` and other tools can work with it.

use serde_json::{Value, json};
use urr_operator_api::schema::crd;

/// The schema of the whole object.
pub(crate) fn schema() -> Value {
    let crd = serde_json::to_value(crd()).expect("JSON");
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// Calls `visit` with the path and schema of every field.
fn walk(path: &str, schema: &Value, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, schema);
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{path}.{name}"), field, visit);
    }
    if schema["items"].is_object() {
        walk(&format!("{path}[]"), &schema["items"], visit);
    }
}

#[test]
fn every_field_explains_itself() {
    let mut silent = Vec::new();
    walk("", &schema(), &mut |path, field| {
        let ours = !path.is_empty() && !path.contains(".metadata") && !path.ends_with("[]");
        if ours && field["description"].as_str().is_none_or(str::is_empty) {
            silent.push(path.to_owned());
        }
    });
    assert!(
        silent.is_empty(),
        "kubectl explain says nothing of {silent:?}"
    );
}

#[test]
fn every_list_of_objects_is_merged_by_key() {
    let mut whole = Vec::new();
    walk("", &schema(), &mut |path, field| {
        let objects = field["items"]["type"] == "object";
        if objects && field["x-kubernetes-list-type"] != "map" {
            whole.push(path.to_owned());
        }
    });
    assert!(whole.is_empty(), "replaced as a whole: {whole:?}");
}

#[test]
fn defaults_are_in_the_schema() {
    let spec = &schema()["properties"]["spec"]["properties"];
    assert_eq!(
        spec["admission"]["default"],
        json!({
            "maxActive": 1000, "admitPerSecond": 100, "activeSeconds": 600,
            "absentSeconds": 600, "claimSeconds": 60, "maxStaySeconds": 1800
        })
    );
    assert_eq!(
        spec["admission"]["properties"]["maxActive"]["default"],
        1000
    );
    assert_eq!(
        spec["holds"]["default"],
        json!({"seatSeconds": 300, "paymentSeconds": 600})
    );
    assert_eq!(
        spec["capacity"]["properties"]["admission"]["default"],
        "FollowReady"
    );
    assert_eq!(
        spec["data"]["properties"]["deletionPolicy"]["default"],
        "Retain"
    );
    assert_eq!(spec["sale"]["properties"]["lobbySeconds"]["default"], 1800);
    assert_eq!(spec["sale"]["properties"]["order"]["default"], "Fifo");
    assert_eq!(spec["paused"]["default"], false);
}

#[test]
fn instants_and_ids_have_their_formats() {
    let spec = &schema()["properties"]["spec"]["properties"];
    assert_eq!(spec["eventId"]["format"], "uuid");
    for instant in ["opensAt", "closesAt"] {
        assert_eq!(spec["sale"]["properties"][instant]["format"], "date-time");
    }
}

#[test]
fn nothing_in_the_schema_is_unknown_to_a_structural_schema() {
    // The API server refuses these, and schemars writes them for other readers.
    for word in [
        "$ref",
        "\"anyOf\"",
        "\"oneOf\"",
        "\"$schema\"",
        "\"definitions\"",
        "\"const\"",
    ] {
        assert!(!schema().to_string().contains(word), "{word}");
    }
}
