//! Delivers messages to webhooks, many at a time and few to each, so that an endpoint that hangs
//! holds nobody else up. In which order messages arrive is not promised.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{StreamExt, stream::FuturesUnordered};
use http::{
    Request, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT},
};
use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};
use urr_kit::{outbound, telemetry::chain};

use crate::{
    State,
    domain::webhook::{
        schedule::{Answer, Outcome, disabled_reason, outcome, rest},
        signature::signature,
    },
    store::{
        notice_log::{self, Act},
        webhook_deliveries::{self, Claimed, Tried},
        webhook_endpoints,
    },
};

/// Deliveries at a time.
const PARALLEL: usize = 64;
/// Deliveries at a time to one endpoint that works; one that fails gets one.
const PER_ENDPOINT: i64 = 4;
/// How long an endpoint may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a delivery is nobody else's; longer than one can take.
const LEASE: SignedDuration = SignedDuration::from_mins(1);
/// How often it is looked for more while some are under way.
const CLAIM_PERIOD: Duration = Duration::from_millis(500);
/// As much of an answer or an error as is kept, in characters.
const EXCERPT: usize = 1_000;
/// Who calls.
const AGENT: &str = concat!("URR-Webhooks/", env!("CARGO_PKG_VERSION"));

/// Delivers all that is due.
pub async fn run(state: &State) -> anyhow::Result<()> {
    let mut under_way = FuturesUnordered::new();
    loop {
        let free = PARALLEL - under_way.len();
        if free > 0 && !state.tasks.is_cancelled() {
            let free = i64::try_from(free)?;
            let now = state.clock.now();
            let claimed =
                webhook_deliveries::claim(&state.pool, now, LEASE, free, PER_ENDPOINT).await?;
            under_way.extend(claimed.into_iter().map(|claimed| deliver(state, claimed)));
        }
        match tokio::time::timeout(CLAIM_PERIOD, under_way.next()).await {
            Ok(None) => return Ok(()),
            Ok(Some(Ok(()))) | Err(_) => {}
            // Its lease ends, and it is delivered again.
            Ok(Some(Err(error))) => {
                warn!(error = %chain(&*error), "the outcome of a delivery could not be written down");
            }
        }
    }
}

async fn deliver(state: &State, claimed: Claimed) -> anyhow::Result<()> {
    let begun = Instant::now();
    let sent = send(state, &claimed).await;
    let duration_ms = i32::try_from(begun.elapsed().as_millis()).unwrap_or(i32::MAX);
    let (answer, tried) = judge(sent);
    let tried = Tried {
        duration_ms,
        ..tried
    };
    settle(state, &claimed, &answer, &tried).await
}

async fn send(state: &State, claimed: &Claimed) -> anyhow::Result<outbound::Answer> {
    let now = state.clock.now();
    let signature = signature(&claimed.secrets, &claimed.message_id, now, &claimed.body);
    let request = Request::post(&claimed.url)
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, AGENT)
        .header("webhook-id", &claimed.message_id)
        .header("webhook-timestamp", now.as_second())
        .header("webhook-signature", signature)
        .body(Bytes::from(claimed.body.clone()))?;
    Ok(state.strangers.send(request, TIMEOUT).await?)
}

/// What an endpoint's answer means, and what of it is kept.
fn judge(sent: anyhow::Result<outbound::Answer>) -> (Answer, Tried) {
    match sent {
        Ok(answer) => {
            let judged = match answer.status {
                status if status.is_success() => Answer::Taken,
                StatusCode::GONE => Answer::Gone,
                status => Answer::Failed {
                    error: format!("status {}", status.as_u16()),
                    asked: asked_pause(&answer),
                },
            };
            let excerpt = shown(&String::from_utf8_lossy(&answer.excerpt));
            let tried = Tried {
                response_status: Some(i32::from(answer.status.as_u16())),
                response_excerpt: Some(excerpt).filter(|text| !text.is_empty()),
                error: error_of(&judged),
                ..Tried::default()
            };
            (judged, tried)
        }
        Err(error) => {
            let judged = Answer::Failed {
                error: shown(&chain(&*error)),
                asked: None,
            };
            let tried = Tried {
                error: error_of(&judged),
                ..Tried::default()
            };
            (judged, tried)
        }
    }
}

fn error_of(answer: &Answer) -> Option<String> {
    match answer {
        Answer::Taken => None,
        Answer::Gone => Some("status 410".to_owned()),
        Answer::Failed { error, .. } => Some(error.clone()),
    }
}

/// How long the endpoint asks us to wait, where it says so in seconds.
fn asked_pause(answer: &outbound::Answer) -> Option<SignedDuration> {
    let asks = matches!(
        answer.status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    );
    let seconds: u32 = answer
        .headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    asks.then(|| SignedDuration::from_secs(seconds.into()))
}

/// The beginning of a text, without what Postgres text cannot hold.
fn shown(text: &str) -> String {
    text.chars()
        .filter(|character| *character != '\0')
        .take(EXCERPT)
        .collect()
}

async fn settle(
    state: &State,
    claimed: &Claimed,
    answer: &Answer,
    tried: &Tried,
) -> anyhow::Result<()> {
    let now = state.clock.now();
    let outcome = outcome(claimed.tries, answer, now, rand::random());
    let mut transaction = state.pool.begin().await?;
    let endpoint = claimed.endpoint;
    if webhook_endpoints::lock(&mut *transaction, endpoint)
        .await?
        .is_none()
    {
        return Ok(());
    }
    webhook_deliveries::settle(&mut transaction, claimed, tried, &outcome, now).await?;
    if *answer == Answer::Taken {
        webhook_endpoints::note_success(&mut *transaction, endpoint).await?;
    } else {
        let (failures, since) =
            webhook_endpoints::note_failure(&mut *transaction, endpoint, now).await?;
        webhook_endpoints::pause(&mut *transaction, endpoint, now + rest(failures)).await?;
        if let Some(reason) = disabled_reason(answer, &outcome, Some(since), now) {
            switch_off(&mut transaction, claimed, &reason, now).await?;
        }
    }
    transaction.commit().await?;
    tell(state, claimed, &outcome);
    Ok(())
}

async fn switch_off(
    connection: &mut sqlx::PgConnection,
    claimed: &Claimed,
    reason: &str,
    now: Timestamp,
) -> sqlx::Result<()> {
    let endpoint = claimed.endpoint;
    if !webhook_endpoints::disable(&mut *connection, endpoint, reason, now).await? {
        return Ok(());
    }
    let skipped = webhook_deliveries::skip_pending(&mut *connection, endpoint, now).await?;
    let act = Act {
        admin: None,
        ip_address: None,
        action: "DISABLE_WEBHOOK",
        resource_type: "webhook",
        resource: endpoint.0,
        detail: reason,
    };
    notice_log::append(connection, &act, now).await?;
    warn!(webhook.id = %endpoint, skipped, reason, "a webhook is switched off");
    Ok(())
}

fn tell(state: &State, claimed: &Claimed, outcome: &Outcome) {
    let (delivery, attempts) = (claimed.id, claimed.attempt);
    match outcome {
        Outcome::Delivered => {
            state.metrics.delivered_webhooks.inc();
        }
        Outcome::Retry(_, error) => {
            state.metrics.failed_webhook_attempts.inc();
            info!(delivery.id = %delivery, attempts, error, "a delivery waits");
        }
        Outcome::GiveUp(error) => {
            state.metrics.failed_webhook_attempts.inc();
            state.metrics.failed_webhooks.inc();
            warn!(delivery.id = %delivery, attempts, error, "a delivery is given up");
        }
    }
}
