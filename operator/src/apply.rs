//! Server-side apply, left out where it would change nothing.

use kube::{
    Api, Resource,
    api::{Patch, PatchParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

/// Makes `built` so as `manager`, unless `live` shows that this manager holds exactly that.
/// Returns the object where it was written.
pub(crate) async fn apply<K>(
    api: &Api<K>,
    manager: &str,
    live: Option<&K>,
    built: &Value,
) -> kube::Result<Option<K>>
where
    K: Resource + Clone + Serialize + DeserializeOwned + std::fmt::Debug,
{
    if live.is_some_and(|live| holds(live, manager, built)) {
        return Ok(None);
    }
    let name = built["metadata"]["name"].as_str().unwrap_or_default();
    let params = PatchParams::apply(manager).force();
    api.patch(name, &params, &Patch::Apply(built))
        .await
        .map(Some)
}

/// The same for a part of `live`, which somebody else made: where that is gone by now, or
/// another object has its name, nothing is written.
pub(crate) async fn amend<K>(
    api: &Api<K>,
    manager: &str,
    live: &K,
    part: &Value,
) -> kube::Result<Option<K>>
where
    K: Resource + Clone + Serialize + DeserializeOwned + std::fmt::Debug,
{
    let mut part = part.clone();
    part["metadata"]["uid"] = json!(live.meta().uid);
    match apply(api, manager, Some(live), &part).await {
        Err(kube::Error::Api(refused)) if matches!(refused.code, 404 | 409) => Ok(None),
        written => written,
    }
}

/// Whether `manager` holds exactly `built` of `live`: nothing is missing, different, or left
/// over from an earlier apply.
pub(crate) fn holds<K: Resource + Serialize>(live: &K, manager: &str, built: &Value) -> bool {
    let entries = live.meta().managed_fields.as_deref().unwrap_or_default();
    let entry = entries.iter().find(|entry| {
        entry.manager.as_deref() == Some(manager)
            && entry.operation.as_deref() == Some("Apply")
            && entry.subresource.is_none()
    });
    let Some(fields) = entry.and_then(|entry| entry.fields_v1.as_ref()) else {
        return false;
    };
    let Ok(live) = serde_json::to_value(live) else {
        return false;
    };
    let held = owned(&live, &fields.0).unwrap_or_default();
    in_order(held) == in_order(without_identity(built))
}

/// The part of `value` that `fields` (a `fieldsV1` tree) speaks of.
fn owned(value: &Value, fields: &Value) -> Option<Value> {
    let fields = fields.as_object()?;
    let parts = || fields.iter().filter(|(part, _)| *part != ".");
    if parts().next().is_none() {
        return Some(value.clone());
    }
    match value {
        Value::Object(map) => {
            let children = parts().filter_map(|(part, below)| {
                let name = part.strip_prefix("f:")?;
                Some((name.to_owned(), owned(map.get(name)?, below)?))
            });
            Some(Value::Object(children.collect()))
        }
        Value::Array(items) => {
            let held = parts().filter_map(|(part, below)| {
                if let Some(key) = part.strip_prefix("k:") {
                    let key: Map<String, Value> = serde_json::from_str(key).ok()?;
                    return owned(item_of(items, &key)?, below);
                }
                serde_json::from_str(part.strip_prefix("v:")?).ok()
            });
            Some(Value::Array(held.collect()))
        }
        _ => Some(value.clone()),
    }
}

/// The item of a list that is merged by key.
fn item_of<'a>(items: &'a [Value], key: &Map<String, Value>) -> Option<&'a Value> {
    items.iter().find(|item| {
        key.iter()
            .all(|(name, value)| item.get(name) == Some(value))
    })
}

/// What says which object it is belongs to nobody.
fn without_identity(built: &Value) -> Value {
    let mut built = built.clone();
    if let Some(object) = built.as_object_mut() {
        object.remove("apiVersion");
        object.remove("kind");
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            for field in ["name", "namespace", "uid"] {
                metadata.remove(field);
            }
            if metadata.is_empty() {
                object.remove("metadata");
            }
        }
    }
    built
}

/// The same with every list in one order: a tree of fields keeps none.
fn in_order(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .map(|(name, value)| (name, in_order(value)))
            .collect(),
        Value::Array(items) => {
            let mut items: Vec<_> = items.into_iter().map(in_order).collect();
            items.sort_by_cached_key(Value::to_string);
            Value::Array(items)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::{apps::v1::StatefulSet, autoscaling::v2::HorizontalPodAutoscaler};

    use super::*;

    fn autoscaler(fields: &Value) -> HorizontalPodAutoscaler {
        serde_json::from_value(json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {
                "name": "urr-gateway", "namespace": "t",
                "managedFields": [
                    {"manager": "helm", "operation": "Update", "fieldsV1": {"f:spec": {"f:maxReplicas": {}}}},
                    {"manager": "capacity", "operation": "Apply", "fieldsV1": fields}
                ]
            },
            "spec": {"maxReplicas": 40, "minReplicas": 10, "scaleTargetRef": {"kind": "Deployment", "name": "urr-gateway"}}
        }))
        .expect("an autoscaler")
    }

    fn minimum(replicas: i32) -> Value {
        json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "urr-gateway", "namespace": "t"},
            "spec": {"minReplicas": replicas}
        })
    }

    #[test]
    fn one_field_is_held_or_not() {
        let live = autoscaler(&json!({"f:spec": {"f:minReplicas": {}}}));
        assert!(holds(&live, "capacity", &minimum(10)));
        assert!(!holds(&live, "capacity", &minimum(11)));
        assert!(
            !holds(&live, "somebody", &minimum(10)),
            "the value alone is not enough"
        );
    }

    #[test]
    fn what_is_left_over_is_seen() {
        let live = autoscaler(&json!({"f:spec": {"f:minReplicas": {}, "f:maxReplicas": {}}}));
        assert!(!holds(&live, "capacity", &minimum(10)));
    }

    #[test]
    fn lists_are_compared_by_key_and_in_any_order() {
        let built = json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db", "labels": {"a": "b"}},
            "spec": {
                "serviceName": "db", "selector": {"matchLabels": {"a": "b"}},
                "template": {"spec": {"containers": [{
                    "name": "postgres", "image": "p", "args": ["-c", "x=1"],
                    "env": [{"name": "Z", "value": "1"}, {"name": "A", "value": "2"}],
                    "ports": [{"containerPort": 5432, "protocol": "TCP"}]
                }], "volumes": [{"name": "tmp", "emptyDir": {}}]}}
            }
        });
        let mut live = built.clone();
        live["spec"]["replicas"] = json!(1);
        live["spec"]["template"]["spec"]["restartPolicy"] = json!("Always");
        live["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = json!("Always");
        live["metadata"]["managedFields"] = json!([{
            "manager": "data", "operation": "Apply", "fieldsV1": {
                "f:metadata": {"f:labels": {"f:a": {}}},
                "f:spec": {
                    "f:serviceName": {}, "f:selector": {},
                    "f:template": {"f:spec": {
                        "f:containers": {"k:{\"name\":\"postgres\"}": {
                            ".": {}, "f:name": {}, "f:image": {}, "f:args": {},
                            "f:env": {
                                "k:{\"name\":\"A\"}": {".": {}, "f:name": {}, "f:value": {}},
                                "k:{\"name\":\"Z\"}": {".": {}, "f:name": {}, "f:value": {}}
                            },
                            "f:ports": {"k:{\"containerPort\":5432,\"protocol\":\"TCP\"}": {
                                ".": {}, "f:containerPort": {}, "f:protocol": {}
                            }}
                        }},
                        "f:volumes": {"k:{\"name\":\"tmp\"}": {".": {}, "f:name": {}, "f:emptyDir": {}}}
                    }}
                }
            }
        }]);
        let of =
            |live: &Value| -> StatefulSet { serde_json::from_value(live.clone()).expect("valid") };
        assert!(holds(&of(&live), "data", &built));
        live["spec"]["template"]["spec"]["containers"][0]["env"][1]["value"] = json!("drifted");
        assert!(!holds(&of(&live), "data", &built));
    }
}
