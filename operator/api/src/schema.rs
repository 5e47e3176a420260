//! What the derived schema cannot say: rules of the whole object, and the text of the CRD.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
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
    let text = serde_json::to_string(&crd.spec).expect("a CRD is JSON");
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}
