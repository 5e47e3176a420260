//! What the derived schema cannot say: rules of the whole object, and the text of the CRD.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionSpec,
};
use kube::{CustomResourceExt, core::Rule};

use serde_json::Value;

use crate::{TicketingEvent, names};

/// Once people may have entered, the opening is history.
pub(crate) const OPENING_IS_FIXED_ONCE_OPEN: OpeningIsFixed = OpeningIsFixed;
/// `Delete` is a decision for a quiet hour.
pub(crate) const DELETE_IS_CHOSEN_OUTSIDE_THE_SALE: DeleteOutsideSale = DeleteOutsideSale;

/// Rule of the whole object, see [`OPENING_IS_FIXED_ONCE_OPEN`].
pub(crate) struct OpeningIsFixed;
/// Rule of the whole object, see [`DELETE_IS_CHOSEN_OUTSIDE_THE_SALE`].
pub(crate) struct DeleteOutsideSale;

impl From<OpeningIsFixed> for Rule {
    fn from(_: OpeningIsFixed) -> Self {
        Self::new(
            "!has(oldSelf.status) || !has(oldSelf.status.phase) \
             || !(oldSelf.status.phase in ['Open', 'SoldOut', 'Closed', 'Cooling', 'Ended']) \
             || self.spec.sale.opensAt == oldSelf.spec.sale.opensAt",
        )
        .message("sale.opensAt cannot be moved once the sale has opened")
    }
}

impl From<DeleteOutsideSale> for Rule {
    fn from(_: DeleteOutsideSale) -> Self {
        Self::new(
            "self.spec.data.deletionPolicy != 'Delete' \
             || oldSelf.spec.data.deletionPolicy == 'Delete' \
             || !has(oldSelf.status) || !has(oldSelf.status.phase) \
             || oldSelf.status.phase in ['Planned', 'Ended']",
        )
        .message(
            "data.deletionPolicy can be set to Delete only while the phase is Planned or Ended",
        )
    }
}

/// The CRD as it is installed: with a hash of its schema, by which an operator sees whether
/// the cluster has the one it was built for.
pub fn crd() -> CustomResourceDefinition {
    let mut text = serde_json::to_value(TicketingEvent::crd()).expect("a CRD is JSON");
    for version in text["spec"]["versions"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        tidy(&mut version["schema"]["openAPIV3Schema"]);
    }
    let mut crd: CustomResourceDefinition =
        serde_json::from_value(text).expect("tidying keeps it a CRD");
    let hash = schema_hash(&crd);
    let annotations = crd.metadata.annotations.get_or_insert_default();
    annotations.insert(names::SCHEMA_HASH.to_owned(), hash);
    crd
}

/// Puts each paragraph of a description into one line, as `kubectl explain` wraps it itself,
/// and leaves out formats that the API server does not know and would warn of.
fn tidy(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else {
        return;
    };
    if let Some(Value::String(text)) = schema.get_mut("description") {
        let paragraphs = text.split("\n\n").map(|text| text.replace('\n', " "));
        *text = paragraphs.collect::<Vec<_>>().join("\n\n");
    }
    if matches!(schema.get("format"), Some(Value::String(format)) if format.starts_with("uint")) {
        schema.remove("format");
    }
    if let Some(Value::Object(fields)) = schema.get_mut("properties") {
        fields.values_mut().for_each(tidy);
    }
    if let Some(items) = schema.get_mut("items") {
        tidy(items);
    }
}

/// A short hash of everything that decides how objects are stored (FNV-1a, 16 hex digits).
fn schema_hash(crd: &CustomResourceDefinition) -> String {
    let mut spec = serde_json::to_value(&crd.spec).expect("a CRD is JSON");
    for version in spec["versions"].as_array_mut().into_iter().flatten() {
        silence(&mut version["schema"]["openAPIV3Schema"]);
        if let Some(version) = version.as_object_mut() {
            version.remove("additionalPrinterColumns");
        }
    }
    // Typed, so that fields are in one order however the program was built.
    let spec: CustomResourceDefinitionSpec =
        serde_json::from_value(spec).expect("silence keeps it a CRD");
    let text = serde_json::to_string(&spec).expect("a CRD is JSON");
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// Leaves out what is only said to people: in other words it is the same schema.
fn silence(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else {
        return;
    };
    schema.remove("description");
    schema.remove("title");
    let rules = schema.get_mut("x-kubernetes-validations");
    for rule in rules.and_then(Value::as_array_mut).into_iter().flatten() {
        rule.as_object_mut().map(|rule| rule.remove("message"));
    }
    if let Some(Value::Object(fields)) = schema.get_mut("properties") {
        fields.values_mut().for_each(silence);
    }
    for below in ["items", "additionalProperties"] {
        if let Some(below) = schema.get_mut(below) {
            silence(below);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hash of the CRD after a change of the schema of its spec.
    fn hash_with(change: impl FnOnce(&mut Value)) -> String {
        let mut text = serde_json::to_value(TicketingEvent::crd()).expect("JSON");
        change(&mut text["spec"]["versions"][0]);
        schema_hash(&serde_json::from_value(text).expect("a CRD"))
    }

    fn field<'a>(version: &'a mut Value, name: &str) -> &'a mut Value {
        let spec = "/schema/openAPIV3Schema/properties/spec/properties";
        let fields = version.pointer_mut(spec).expect("it has fields");
        &mut fields[name]
    }

    #[test]
    fn other_words_are_the_same_schema() {
        let ours = hash_with(|_| {});
        let others = [
            hash_with(|version| field(version, "paused")["description"] = "Stops it.".into()),
            hash_with(|version| {
                let title = &mut field(version, "event")["properties"]["title"];
                title["description"] = "Its name.".into();
                title["title"] = "Title".into();
            }),
            hash_with(|version| {
                let rules = "/schema/openAPIV3Schema/properties/spec/x-kubernetes-validations";
                version.pointer_mut(rules).expect("it has rules")[0]["message"] = "No.".into();
            }),
            hash_with(|version| {
                let columns = version["additionalPrinterColumns"].as_array_mut();
                columns.expect("it has columns").truncate(1);
            }),
        ];
        assert!(others.iter().all(|other| *other == ours), "{others:?}");
    }

    #[test]
    fn another_field_default_or_rule_is_another_schema() {
        let ours = hash_with(|_| {});
        let others = [
            hash_with(|version| field(version, "paused")["default"] = true.into()),
            // A field, though its name is that of words elsewhere.
            hash_with(|version| {
                let event = field(version, "event")["properties"].as_object_mut();
                event.expect("it has fields").remove("title");
            }),
            hash_with(|version| {
                let rules = "/schema/openAPIV3Schema/properties/spec/x-kubernetes-validations";
                version.pointer_mut(rules).expect("it has rules")[0]["rule"] = "true".into();
            }),
        ];
        assert!(others.iter().all(|other| *other != ours), "{others:?}");
    }
}
