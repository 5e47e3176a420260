//! Every rule of the schema, held and broken. The API server runs the same expressions.

use std::collections::BTreeSet;

use kube_cel::Validator;
use serde_json::{Value, json};

use crate::schema::schema;

fn sale() -> Value {
    json!({
        "metadata": {"name": "aurora", "namespace": "ticketing"},
        "spec": {
            "eventId": "5c1a3b1e-6f0e-4f55-9d0c-2b8b1c7d9a10",
            "sale": {"opensAt": "2027-03-12T11:00:00Z", "closesAt": "2027-03-19T11:00:00Z"}
        }
    })
}

/// The sale with some values replaced; `null` removes.
fn with(changes: &[(&str, Value)]) -> Value {
    let mut object = sale();
    for (path, value) in changes {
        let (parent, field) = path.rsplit_once('/').expect("a path");
        let mut place = &mut object;
        for step in parent.split('/').filter(|step| !step.is_empty()) {
            if place.get(step).is_none() {
                place[step] = json!({});
            }
            place = &mut place[step];
        }
        let map = place.as_object_mut().expect("an object");
        if value.is_null() {
            map.remove(field);
        } else {
            map.insert(field.to_owned(), value.clone());
        }
    }
    object
}

/// The sentences of the rules that are broken.
fn broken(object: &Value, old: Option<&Value>) -> Vec<String> {
    match Validator::new().validate(&schema(), object, old) {
        Ok(()) => Vec::new(),
        Err(errors) => errors
            .into_vec()
            .into_iter()
            .map(|error| error.message)
            .collect(),
    }
}

struct Case {
    rule: &'static str,
    old: Option<Value>,
    holds: Vec<Value>,
    breaks: Vec<Value>,
}

fn in_phase(phase: &str, changes: &[(&str, Value)]) -> Value {
    let mut object = with(changes);
    object["status"] = json!({"phase": phase, "conditions": []});
    object
}

fn standing_event() -> Value {
    json!({
        "title": "Aurora", "venue": "Hall", "startsAt": "2027-05-01T10:00:00Z",
        "ticketTypes": [{"name": "floor", "price": 99_000, "totalQuantity": 400}]
    })
}

fn seated_event() -> Value {
    json!({
        "title": "Aurora", "venue": "Hall", "startsAt": "2027-05-01T10:00:00Z",
        "seatLayout": "arena"
    })
}

fn topic(partitions: i32) -> Value {
    json!([{"name": "reservation-events", "partitions": partitions}])
}

fn cases() -> Vec<Case> {
    let other_event = json!("00000000-0000-4000-8000-000000000001");
    let later = json!("2027-03-13T11:00:00Z");
    let both = |seated: Value| {
        let mut event = standing_event();
        event["seatLayout"] = seated;
        event
    };
    vec![
        Case {
            rule: "give either eventId or event",
            old: None,
            holds: vec![
                sale(),
                with(&[
                    ("/spec/eventId", Value::Null),
                    ("/spec/event", seated_event()),
                ]),
            ],
            breaks: vec![
                with(&[("/spec/eventId", Value::Null)]),
                with(&[("/spec/event", seated_event())]),
            ],
        },
        Case {
            rule: "eventId cannot be changed",
            old: Some(sale()),
            holds: vec![sale()],
            breaks: vec![
                with(&[("/spec/eventId", other_event)]),
                with(&[
                    ("/spec/eventId", Value::Null),
                    ("/spec/event", seated_event()),
                ]),
            ],
        },
        Case {
            rule: "holds.seatSeconds must not be longer than admission.activeSeconds: a hold must not outlive the stay inside",
            old: None,
            holds: vec![with(&[
                ("/spec/admission/activeSeconds", json!(300)),
                ("/spec/holds/seatSeconds", json!(300)),
            ])],
            breaks: vec![with(&[("/spec/admission/activeSeconds", json!(299))])],
        },
        Case {
            rule: "sale.closesAt must be after sale.opensAt",
            old: None,
            holds: vec![with(&[(
                "/spec/sale/closesAt",
                json!("2027-03-12T11:00:01Z"),
            )])],
            breaks: vec![
                with(&[("/spec/sale/closesAt", json!("2027-03-12T11:00:00Z"))]),
                // The same instant, written in Seoul.
                with(&[("/spec/sale/closesAt", json!("2027-03-12T20:00:00+09:00"))]),
            ],
        },
        Case {
            rule: "a sale lasts at most 366 days",
            old: None,
            holds: vec![with(&[(
                "/spec/sale/closesAt",
                json!("2028-03-12T11:00:00Z"),
            )])],
            breaks: vec![with(&[(
                "/spec/sale/closesAt",
                json!("2028-03-12T11:00:01Z"),
            )])],
        },
        Case {
            rule: "admission.admitPerSecond must not be more than admission.maxActive",
            old: None,
            holds: vec![with(&[("/spec/admission/maxActive", json!(100))])],
            breaks: vec![with(&[("/spec/admission/maxActive", json!(99))])],
        },
        Case {
            rule: "admission.maxStaySeconds must not be less than admission.activeSeconds",
            old: None,
            holds: vec![with(&[("/spec/admission/maxStaySeconds", json!(600))])],
            breaks: vec![with(&[("/spec/admission/maxStaySeconds", json!(599))])],
        },
        Case {
            rule: "give either event.seatLayout or event.ticketTypes",
            old: None,
            holds: vec![
                with(&[
                    ("/spec/eventId", Value::Null),
                    ("/spec/event", standing_event()),
                ]),
                with(&[
                    ("/spec/eventId", Value::Null),
                    ("/spec/event", seated_event()),
                ]),
            ],
            breaks: vec![
                with(&[
                    ("/spec/eventId", Value::Null),
                    ("/spec/event", both(json!("arena"))),
                ]),
                with(&[
                    ("/spec/eventId", Value::Null),
                    (
                        "/spec/event",
                        json!({"title": "A", "venue": "B", "startsAt": "2027-05-01T10:00:00Z"}),
                    ),
                ]),
            ],
        },
        Case {
            rule: "partitions of a topic can only be raised",
            old: Some(with(&[("/spec/data/topics", topic(6))])),
            holds: vec![
                with(&[("/spec/data/topics", topic(6))]),
                with(&[("/spec/data/topics", topic(12))]),
            ],
            breaks: vec![with(&[("/spec/data/topics", topic(5))])],
        },
        Case {
            rule: "sale.opensAt cannot be moved once the sale has opened",
            old: Some(in_phase("Open", &[])),
            holds: vec![
                sale(),
                with(&[("/spec/sale/closesAt", json!("2027-03-20T11:00:00Z"))]),
            ],
            breaks: vec![with(&[("/spec/sale/opensAt", later.clone())])],
        },
        Case {
            rule: "sale.opensAt cannot be moved once the sale has opened",
            old: Some(in_phase("Lobby", &[])),
            holds: vec![with(&[("/spec/sale/opensAt", later)])],
            breaks: vec![],
        },
        Case {
            rule: "data.deletionPolicy can be set to Delete only while the phase is Planned or Ended",
            old: Some(in_phase("Open", &[])),
            holds: vec![sale()],
            breaks: vec![with(&[("/spec/data/deletionPolicy", json!("Delete"))])],
        },
        Case {
            rule: "data.deletionPolicy can be set to Delete only while the phase is Planned or Ended",
            old: Some(in_phase(
                "Open",
                &[("/spec/data/deletionPolicy", json!("Delete"))],
            )),
            holds: vec![
                with(&[("/spec/data/deletionPolicy", json!("Delete"))]),
                sale(),
            ],
            breaks: vec![],
        },
        Case {
            rule: "data.deletionPolicy can be set to Delete only while the phase is Planned or Ended",
            old: Some(in_phase("Planned", &[])),
            holds: vec![with(&[("/spec/data/deletionPolicy", json!("Delete"))])],
            breaks: vec![],
        },
    ]
}

#[test]
fn each_rule_holds_and_breaks_as_its_sentence_says() {
    for Case {
        rule,
        old,
        holds,
        breaks,
    } in cases()
    {
        for object in holds {
            let sentences = broken(&object, old.as_ref());
            assert!(sentences.is_empty(), "{rule}: {sentences:?} of {object}");
        }
        for object in breaks {
            let sentences = broken(&object, old.as_ref());
            assert!(
                sentences.iter().any(|sentence| sentence == rule),
                "{rule}: {sentences:?} of {object}"
            );
        }
    }
}

#[test]
fn no_rule_is_without_a_case() {
    fn sentences(schema: &Value, found: &mut BTreeSet<String>) {
        let rules = schema["x-kubernetes-validations"].as_array();
        for rule in rules.into_iter().flatten() {
            found.insert(rule["message"].as_str().expect("a sentence").to_owned());
        }
        let children = schema
            .as_object()
            .into_iter()
            .flatten()
            .map(|(_, child)| child);
        for child in children.chain(schema.as_array().into_iter().flatten()) {
            sentences(child, found);
        }
    }
    let mut declared = BTreeSet::new();
    sentences(&schema(), &mut declared);
    let broken_somewhere: BTreeSet<String> = cases()
        .into_iter()
        .filter(|case| !case.breaks.is_empty())
        .map(|case| case.rule.to_owned())
        .collect();
    assert_eq!(declared, broken_somewhere);
}
