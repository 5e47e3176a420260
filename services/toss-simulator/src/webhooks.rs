//! Sends webhooks until the merchant answers 200: again after 1, 4, 16 … units, seven times.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use urr_kit::telemetry::chain;

use crate::{State, domain::book::Webhook};

/// How often the ones that are due are looked for.
const PERIOD: Duration = Duration::from_millis(50);
/// How long a merchant may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Tries after the first.
const RETRIES: u32 = 7;

/// Sends webhooks in the background until shutdown.
pub fn spawn(state: &Arc<State>) {
    let Some(url) = state.webhook_url.clone() else {
        return;
    };
    let told = (Arc::clone(state), url);
    let tasks = &state.runtime.tasks;
    tasks.every("webhooks", PERIOD, &told, |(state, url)| async move {
        for webhook in in_order(state.due_webhooks()) {
            deliver(&state, &url, webhook).await?;
        }
        Ok(())
    });
}

/// Newest first within an order where an older one had been held back, else as written.
fn in_order(mut webhooks: Vec<Webhook>) -> Vec<Webhook> {
    webhooks.sort_by_key(|webhook| (webhook.due_at, std::cmp::Reverse(webhook.id)));
    webhooks
}

async fn deliver(state: &State, url: &str, webhook: Webhook) -> anyhow::Result<()> {
    let answer = state
        .http
        .post(url)
        .timeout(TIMEOUT)
        .json(&webhook.body)
        .send()
        .await;
    let delivered = match answer {
        Ok(answer) => answer.status().is_success(),
        Err(error) => {
            tracing::debug!(error = %chain(&error), "a webhook was not taken");
            false
        }
    };
    let again = (!delivered).then(|| later(state, &webhook)).flatten();
    state.webhook_sent(webhook.id, again).await
}

/// The webhook at its next time; `None` after the last.
fn later(state: &State, webhook: &Webhook) -> Option<Webhook> {
    if webhook.attempt >= RETRIES {
        tracing::warn!(order.id = webhook.order_id, "a webhook was given up");
        return None;
    }
    let wait = state.webhook_retry * 4_u32.pow(webhook.attempt);
    Some(Webhook {
        attempt: webhook.attempt + 1,
        due_at: state.now() + SignedDuration::try_from(wait).ok()?,
        ..webhook.clone()
    })
}
