//! Every rule of the resource is in force on a real API server, with its sentence. What else
//! holds and breaks each of them is tried without one, beside the types.

use anyhow::ensure;
use serde_json::{Value, json};
use urr_e2e::{apply, apply_refused, in_namespace, install_definition, kubectl, uuid};

use crate::stage::{declared, sale};

/// A change that breaks a rule of a new sale, and the rule's sentence.
fn broken() -> Vec<(Value, &'static str)> {
    let both = json!({"event": declared("Aurora")});
    let mut seated = declared("Aurora");
    seated["seatLayout"] = json!("arena");
    vec![
        (both, "give either eventId or event"),
        (json!({"eventId": null}), "give either eventId or event"),
        (
            json!({"eventId": null, "event": seated}),
            "give either event.seatLayout or event.ticketTypes",
        ),
        (
            json!({"admission": {"activeSeconds": 299}}),
            "holds.seatSeconds must not be longer than admission.activeSeconds: a hold must not \
             outlive the stay inside",
        ),
        (
            json!({"sale": {"closesAt": "2037-03-20T12:00:00+09:00"}}),
            "sale.closesAt must be after sale.opensAt",
        ),
        (
            json!({"sale": {"closesAt": "2038-03-22T03:00:00Z"}}),
            "a sale lasts at most 366 days",
        ),
        (
            json!({"admission": {"maxActive": 99}}),
            "admission.admitPerSecond must not be more than admission.maxActive",
        ),
        (
            json!({"admission": {"maxStaySeconds": 599}}),
            "admission.maxStaySeconds must not be less than admission.activeSeconds",
        ),
        (
            json!({"admission": {"maxActive": 0}}),
            "should be greater than or equal to 1",
        ),
        (json!({"sale": {"opensAt": "tomorrow"}}), "date-time"),
        (json!({"sale": {"order": "Random"}}), "Unsupported value"),
        (
            json!({"sale": {"opens": "2037-03-20T03:00:00Z"}}),
            "unknown field",
        ),
    ]
}

/// A phase, a change that may not be made in it, and the rule's sentence.
fn forbidden() -> Vec<(&'static str, Value, &'static str)> {
    let fewer = json!({"data": {"topics": [{"name": "reservation-events", "partitions": 5}]}});
    vec![
        (
            "Planned",
            json!({"eventId": uuid()}),
            "eventId cannot be changed",
        ),
        ("Planned", fewer, "partitions of a topic can only be raised"),
        (
            "Open",
            json!({"sale": {"opensAt": "2037-03-20T04:00:00Z"}}),
            "sale.opensAt cannot be moved once the sale has opened",
        ),
        (
            "Open",
            json!({"data": {"deletionPolicy": "Delete"}}),
            "data.deletionPolicy can be set to Delete only while the phase is Planned or Ended",
        ),
    ]
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_broken_rule_is_refused_with_its_sentence() -> anyhow::Result<()> {
    install_definition()?;
    in_namespace("rules", |namespace| {
        for (change, sentence) in broken() {
            let sale = sale("aurora", &uuid(), &change).to_string();
            let said = apply_refused(namespace.name(), &sale)?;
            ensure!(said.contains(sentence), "{change}: {said}");
        }
        Ok(())
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_forbidden_change_is_refused_with_its_sentence() -> anyhow::Result<()> {
    install_definition()?;
    in_namespace("changes", |namespace| {
        let event = uuid();
        let topics = json!({"data": {"topics": [{"name": "reservation-events", "partitions": 6}]}});
        let before = sale("aurora", &event, &topics).to_string();
        apply(namespace.name(), &before)?;
        for (phase, change, sentence) in forbidden() {
            let status = json!({"status": {"phase": phase}}).to_string();
            let patch = ["patch", "ticketingevent", "aurora", "--subresource=status"];
            let how = [
                "--type=merge",
                "--patch",
                &status,
                "--namespace",
                namespace.name(),
            ];
            kubectl(&[&patch[..], &how].concat(), "")?.ok("kubectl patch")?;
            let mut spec = topics.clone();
            crate::stage::merge(&mut spec, &change);
            let said = apply_refused(namespace.name(), &sale("aurora", &event, &spec).to_string())?;
            ensure!(said.contains(sentence), "{change}: {said}");
        }
        apply(namespace.name(), &before)
    })
}
