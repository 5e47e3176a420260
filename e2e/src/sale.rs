//! Sales as tests declare them, and what their status says.

use std::{fs, path::Path, time::Duration};

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    kubectl::get,
    wait::{eventually_within, now},
};

/// A standing event as ticket is told of it, and as a sale may declare it.
pub fn declared(title: &str) -> Value {
    json!({
        "title": title,
        "venue": "Basement",
        "startsAt": "2037-04-02T13:00:00Z",
        "ticketTypes": [{"name": "floor", "price": 35_000, "totalQuantity": 400}],
    })
}

/// A sale that opens years from now, with `changes` merged into its spec.
pub fn sale(name: &str, event: &str, changes: &Value) -> Value {
    let mut spec = json!({
        "eventId": event,
        "sale": {"opensAt": "2037-03-20T03:00:00Z", "closesAt": "2037-04-02T12:00:00Z"},
    });
    merge(&mut spec, changes);
    json!({
        "apiVersion": "urr.internal/v1alpha1",
        "kind": "TicketingEvent",
        "metadata": {"name": name},
        "spec": spec,
    })
}

/// The same of an event that the resource itself declares.
pub fn declared_sale(name: &str, changes: &Value) -> Value {
    let mut spec = json!({"eventId": null, "event": declared(name)});
    merge(&mut spec, changes);
    sale(name, "", &spec)
}

/// The part of a spec that opens a sale at that time, for a day.
pub fn opens(at: Timestamp) -> Value {
    json!({"opensAt": at, "closesAt": at + SignedDuration::from_hours(24)})
}

/// JSON merge patch (RFC 7386).
pub fn merge(into: &mut Value, changes: &Value) {
    let Value::Object(changes) = changes else {
        *into = changes.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (name, change) in changes {
        if change.is_null() {
            into.as_object_mut().map(|object| object.remove(name));
        } else {
            merge(&mut into[name], change);
        }
    }
}

/// A condition of an object; null where it has none of that type.
pub fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    let conditions = object["status"]["conditions"].as_array();
    let mut all = conditions.into_iter().flatten();
    all.find(|condition| condition["type"] == kind)
        .unwrap_or(&Value::Null)
}

/// A string, empty where it is none.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Waits until the condition `kind` of the sale has this status and reason, for what is
/// declared now; returns the sale.
pub fn sale_says(
    namespace: &str,
    name: &str,
    (kind, status, reason): (&str, &str, &str),
    patience: Duration,
) -> anyhow::Result<Value> {
    let what = format!("{kind} of {name} is {status} with {reason}");
    eventually_within(patience, &what, || {
        let sale = get(namespace, &format!("ticketingevent/{name}"))?.context("no such sale")?;
        let found = condition(&sale, kind);
        let is_there = found["status"] == status
            && found["reason"] == reason
            && found["observedGeneration"] == sale["metadata"]["generation"];
        anyhow::ensure!(is_there, "{}", sale["status"]["conditions"]);
        Ok(Some(sale))
    })
}

/// How long it is until `time`; nothing where it is past.
pub fn until(time: Timestamp) -> Duration {
    now().duration_until(time).try_into().unwrap_or_default()
}

/// The sales of `crds/examples`: name and file, in order of the files.
pub fn examples() -> anyhow::Result<Vec<(String, String)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds/examples");
    let mut examples = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let manifest = fs::read_to_string(&path)?;
        let mut lines = manifest.lines();
        let name = lines.find_map(|line| line.strip_prefix("  name: "));
        let name = name.with_context(|| format!("{} has no name", path.display()))?;
        examples.push((name.to_owned(), path.to_string_lossy().into_owned()));
    }
    examples.sort_by(|one, other| one.1.cmp(&other.1));
    Ok(examples)
}
