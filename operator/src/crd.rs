//! The CRD as text: what `urr-operator crd` prints and `crds/ticketingevents.yaml` holds.

use urr_operator_api::schema::crd;

/// First line of the text.
const GENERATED: &str = "# Made from operator/api by `make crds`.\n";

/// The CRD in YAML.
pub fn yaml() -> anyhow::Result<String> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let body = serde_saphyr::to_string_with_options(&crd(), options)?;
    Ok(format!("{GENERATED}{body}"))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

    use super::*;

    #[test]
    fn the_file_in_crds_is_what_the_types_say() {
        let file = std::fs::read_to_string("../crds/ticketingevents.yaml").expect("the file");
        assert_eq!(file, yaml().expect("YAML"), "run `make crds`");
    }

    #[test]
    fn the_text_reads_back_as_the_same_object() {
        let read: CustomResourceDefinition =
            serde_saphyr::from_str(&yaml().expect("YAML")).expect("a CRD");
        assert_eq!(read, crd());
    }
}
