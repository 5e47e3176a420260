//! The OpenAPI document of the whole platform, put together from what each service says of
//! its handlers. Checked in as `services/gateway/openapi.json`, which the gateway carries.

use anyhow::{Context, ensure};
use serde_json::Value;
use urr_kit::openapi::complete;
use utoipa::openapi::OpenApi;

/// The document as text, as it is checked in.
pub fn document() -> anyhow::Result<String> {
    let document = whole()?;
    let text = serde_json::to_string_pretty(&document).context("cannot write the document")?;
    Ok(text + "\n")
}

fn whole() -> anyhow::Result<Value> {
    let mut whole = urr_gateway::openapi::frame();
    for mut part in parts() {
        ensure_apart(&whole, &part)?;
        if let Some(messages) = part.webhooks.take() {
            whole.webhooks.get_or_insert_default().merge(messages);
        }
        whole.merge(part);
    }
    complete(&whole, &urr_gateway::openapi::everywhere())
}

fn parts() -> [OpenApi; 6] {
    [
        urr_auth::openapi(),
        urr_community::openapi(),
        urr_payment::openapi(),
        urr_queue::openapi(),
        urr_stats::openapi(),
        urr_ticket::openapi(),
    ]
}

/// Merging keeps the first of two things of one name, silently.
fn ensure_apart(whole: &OpenApi, part: &OpenApi) -> anyhow::Result<()> {
    for path in part.paths.paths.keys() {
        ensure!(
            !whole.paths.paths.contains_key(path),
            "two services describe {path}"
        );
    }
    let (Some(whole), Some(part)) = (&whole.components, &part.components) else {
        return Ok(());
    };
    for (name, schema) in &part.schemas {
        let is_apart = whole.schemas.get(name).is_none_or(|other| other == schema);
        ensure!(is_apart, "two services call different schemas {name}");
    }
    Ok(())
}
