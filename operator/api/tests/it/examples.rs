//! The examples that the documentation points to.

use std::path::Path;

use kube_cel::Validator;
use serde_json::Value;
use urr_operator_api::TicketingEvent;

use crate::schema::schema;

fn examples() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crds/examples");
    let files = std::fs::read_dir(folder).expect("the folder of examples");
    let mut examples: Vec<_> = files
        .map(|file| {
            let path = file.expect("a file").path();
            let text = std::fs::read_to_string(&path).expect("a readable file");
            let name = path.file_name().expect("a name").to_string_lossy();
            (
                name.into_owned(),
                serde_saphyr::from_str(&text).expect("YAML"),
            )
        })
        .collect();
    examples.sort_by(|one, other| one.0.cmp(&other.0));
    examples
}

#[test]
fn every_example_is_accepted() {
    let examples = examples();
    let names: Vec<_> = examples.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "declared-event.yaml",
            "full.yaml",
            "minimal.yaml",
            "standing.yaml"
        ]
    );
    for (name, object) in examples {
        let valid = Validator::new().validate(&schema(), &object, None);
        assert!(valid.is_ok(), "{name}: {valid:?}");
        let sale: TicketingEvent =
            serde_json::from_value(object.clone()).expect("a TicketingEvent");
        // Nothing in an example is a field that does not exist.
        let known = serde_json::to_value(&sale.spec).expect("JSON");
        assert_contains(&name, &known, &object["spec"]);
    }
}

fn assert_contains(path: &str, known: &Value, written: &Value) {
    match written {
        Value::Object(fields) => {
            for (field, value) in fields {
                let path = format!("{path}.{field}");
                assert!(known.get(field).is_some(), "{path} is no field");
                assert_contains(&path, &known[field], value);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                assert_contains(&format!("{path}[{index}]"), &known[index], item);
            }
        }
        _ => assert_eq!(known, written, "{path}"),
    }
}
