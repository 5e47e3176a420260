//! The OpenAPI document: what is checked in is what the handlers say, and it hangs together.

use std::collections::BTreeSet;

use serde_json::Value;

const CHECKED_IN: &str = include_str!("../../../gateway/openapi.json");
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn document() -> Value {
    serde_json::from_str(CHECKED_IN).expect("the document is JSON")
}

/// Every operation with its path and method.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    paths
        .iter()
        .flat_map(|(path, item)| {
            METHODS
                .iter()
                .filter_map(move |method| Some((format!("{method} {path}"), item.get(method)?)))
        })
        .collect()
}

#[test]
fn the_document_that_the_gateway_carries_is_what_the_handlers_say() {
    let generated = urr_urr::openapi::document().expect("a document");
    assert!(
        generated == CHECKED_IN,
        "the handlers say something else than services/gateway/openapi.json; run `make openapi`"
    );
}

#[test]
fn every_operation_has_a_name_of_its_own_and_says_what_it_does() {
    let document = document();
    let mut names = BTreeSet::new();
    for (operation, description) in operations(&document) {
        let name = description["operationId"].as_str().expect("an operationId");
        assert!(
            names.insert(name),
            "{operation}: two operations are called {name}"
        );
        let summary = description["summary"].as_str().unwrap_or_default();
        assert!(
            summary.ends_with('.'),
            "{operation}: no sentence: {summary:?}"
        );
        assert!(description["tags"][0].is_string(), "{operation} has no tag");
    }
}

#[test]
fn every_tag_is_explained() {
    let document = document();
    let explained: BTreeSet<&str> = document["tags"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|tag| tag["name"].as_str())
        .collect();
    let used: BTreeSet<&str> = operations(&document)
        .into_iter()
        .filter_map(|(_, operation)| operation["tags"][0].as_str())
        .collect();
    assert_eq!(explained, used);
}

#[test]
fn every_success_and_every_refusal_is_described() {
    let document = document();
    for (operation, description) in operations(&document) {
        let responses = description["responses"].as_object().expect("responses");
        for (status, response) in responses {
            let shared = response["$ref"].as_str();
            let response = shared.map_or(response, |path| {
                document
                    .pointer(path.trim_start_matches('#'))
                    .expect("a shared response")
            });
            let text = response["description"].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{operation}: {status} says nothing");
            let codes = &response["content"]["application/json"]["schema"]["allOf"][1]["properties"]
                ["code"]["enum"];
            let is_refusal = status.as_str() >= "400";
            let is_named = codes.as_array().is_some_and(|codes| !codes.is_empty());
            assert!(is_named || !is_refusal, "{operation}: {status} has no code");
        }
    }
}

/// Whether a part says what it is, itself or by its type. The one word that something can be
/// says enough.
fn is_explained(part: &Value) -> bool {
    let choices = ["oneOf", "allOf"]
        .iter()
        .filter_map(|word| part[word].as_array());
    part["description"].is_string()
        || part["$ref"].is_string()
        || part["enum"].is_array()
        || part.get("items").is_some_and(is_explained)
        || choices.flatten().any(is_explained)
}

#[test]
fn every_schema_and_every_field_of_it_is_explained() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object();
    for (name, schema) in schemas.into_iter().flatten() {
        assert!(is_explained(schema), "{name} says nothing");
        let fields = schema["properties"].as_object();
        for (field, part) in fields.into_iter().flatten() {
            assert!(is_explained(part), "{name}.{field} says nothing");
        }
    }
}

#[test]
fn every_parameter_is_explained() {
    let document = document();
    for (operation, description) in operations(&document) {
        for parameter in description["parameters"].as_array().into_iter().flatten() {
            let name = &parameter["name"];
            let is_explained = parameter["description"].is_string();
            assert!(is_explained, "{operation}: {name} says nothing");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn check(document: &Value, value: &Value) {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            let target = document.pointer(reference.trim_start_matches('#'));
            assert!(target.is_some(), "{reference} leads nowhere");
        }
        let children: Box<dyn Iterator<Item = &Value>> = match value {
            Value::Array(values) => Box::new(values.iter()),
            Value::Object(fields) => Box::new(fields.values()),
            _ => return,
        };
        children.for_each(|child| check(document, child));
    }
    let document = document();
    check(&document, &document);
}
