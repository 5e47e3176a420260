//! Messages to a queue of Amazon's about people who were let in, for whoever works on from
//! there. Off by default. Whatever becomes of them, nobody enters later or not at all: a
//! request only leaves its message here, and one task sends them on, in batches.

use std::time::Duration;

use anyhow::Context;
use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use http::{Request, StatusCode, Uri, header::CONTENT_TYPE};
use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tracing::warn;
use urr_contract::{EventId, UserId};
use urr_kit::{
    Runtime,
    aws::{AwsArgs, AwsClient},
    telemetry::chain,
};

/// Messages that may wait to be sent; what comes on top is lost.
const WAITING: usize = 10_000;
/// Messages in one request: Amazon's limit.
const BATCH: usize = 10;
/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Tries of one batch after the first.
const RETRIES: usize = 3;
/// Pause before the first of them; it doubles.
const PAUSE: Duration = Duration::from_millis(200);

/// Where people who were let in are told of.
#[derive(clap::Args, Clone, Debug)]
pub struct SqsArgs {
    /// Whether a message is sent about everybody who is let in.
    #[arg(long, env = "SQS_ENABLED", default_value_t = false, hide_env_values = true,
          action = clap::ArgAction::Set)]
    pub sqs_enabled: bool,
    /// URL of the FIFO queue that gets the messages.
    #[arg(
        long,
        env = "SQS_QUEUE_URL",
        default_value = "",
        hide_env_values = true
    )]
    pub sqs_queue_url: String,
    /// Whose credentials sign the requests.
    #[command(flatten)]
    pub aws: AwsArgs,
}

/// Somebody who was let in.
pub(crate) struct Admitted {
    pub(crate) event: EventId,
    pub(crate) user: UserId,
    pub(crate) entry_token: String,
    pub(crate) at: Timestamp,
}

impl Admitted {
    /// As an entry of a batch. A person who asks again within Amazon's five minutes is told of
    /// once; messages of one event keep their order.
    fn entry(&self, id: usize) -> Value {
        let Self {
            event,
            user,
            entry_token,
            at,
        } = self;
        let body = json!({
            "action": "admitted",
            "eventId": event,
            "userId": user,
            "entryToken": entry_token,
            "timestamp": at.as_millisecond(),
        });
        json!({
            "Id": id.to_string(),
            "MessageBody": body.to_string(),
            "MessageGroupId": event,
            "MessageDeduplicationId": format!("{user}:{event}"),
        })
    }
}

/// Takes messages, where they are wanted.
#[derive(Clone, Debug, Default)]
pub struct AdmissionMessages(Option<Wanted>);

#[derive(Clone, Debug)]
struct Wanted {
    sender: mpsc::Sender<Admitted>,
    lost: Counter,
}

impl AdmissionMessages {
    /// Starts the task that sends them, where they are wanted. Fails when the settings are wrong.
    pub fn start(settings: &SqsArgs, runtime: &Runtime) -> anyhow::Result<Self> {
        if !settings.sqs_enabled {
            return Ok(Self::default());
        }
        let count = |name, help| runtime.metrics.counter(name, help);
        let lost = count(
            "urr_admission_messages_lost",
            "Messages about admissions that could not be sent",
        );
        let sent = count(
            "urr_admission_messages_sent",
            "Messages about admissions that were sent",
        );
        let (sender, waiting) = mpsc::channel(WAITING);
        let outgoing = Outgoing {
            queue: Queue::new(settings)?,
            waiting,
            sent,
            lost: lost.clone(),
        };
        let tasks = runtime.tasks.clone();
        runtime.tasks.spawn("admission-messages", async move {
            outgoing.run(tasks.cancelled()).await;
        });
        Ok(Self(Some(Wanted { sender, lost })))
    }

    /// Leaves a message about somebody who was let in. Never waits.
    pub(crate) fn tell(&self, admitted: impl FnOnce() -> Admitted) {
        if let Some(Wanted { sender, lost }) = &self.0
            && sender.try_send(admitted()).is_err()
        {
            lost.inc();
        }
    }
}

/// The sending side.
struct Outgoing {
    queue: Queue,
    waiting: mpsc::Receiver<Admitted>,
    sent: Counter,
    lost: Counter,
}

impl Outgoing {
    /// Sends until the end of the process; what waits then is sent as well.
    async fn run(mut self, end: impl Future<Output = ()>) {
        let mut end = std::pin::pin!(end);
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                biased;
                received = self.waiting.recv_many(&mut batch, BATCH) => {
                    if received == 0 {
                        return;
                    }
                    self.send(&batch).await;
                    batch.clear();
                }
                () = &mut end => self.waiting.close(),
            }
        }
    }

    async fn send(&self, batch: &[Admitted]) {
        let entries = batch.iter().enumerate();
        let mut left: Vec<Value> = entries.map(|(id, message)| message.entry(id)).collect();
        let mut pauses = ExponentialBuilder::default()
            .with_min_delay(PAUSE)
            .with_max_times(RETRIES)
            .with_jitter()
            .build();
        loop {
            let outcome = self.queue.send(&left).await;
            let error = match outcome {
                Ok(again) if again.is_empty() => {
                    self.sent.inc_by(batch.len() as u64);
                    return;
                }
                Ok(again) => {
                    left = again;
                    anyhow::anyhow!("some were not taken")
                }
                Err(error) => error,
            };
            let Some(pause) = pauses.next() else {
                self.sent.inc_by((batch.len() - left.len()) as u64);
                self.lost.inc_by(left.len() as u64);
                warn!(error = %chain(&*error), messages.lost = left.len(), "admissions are not told of");
                return;
            };
            tokio::time::sleep(pause).await;
        }
    }
}

/// The queue at Amazon, or one that speaks like it.
#[derive(Debug)]
struct Queue {
    url: String,
    endpoint: Uri,
    client: AwsClient,
}

/// What became of the entries of a batch.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Outcome {
    failed: Vec<Failed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Failed {
    id: String,
}

impl Queue {
    fn new(settings: &SqsArgs) -> anyhow::Result<Self> {
        let url = settings.sqs_queue_url.clone();
        let parts = url
            .parse::<Uri>()
            .context("SQS_QUEUE_URL is no URL")?
            .into_parts();
        anyhow::ensure!(
            parts.scheme.is_some() && parts.authority.is_some(),
            "SQS_QUEUE_URL is needed with SQS_ENABLED, as https://sqs.<region>.amazonaws.com/<account>/<name>.fifo"
        );
        let endpoint = Uri::builder()
            .scheme(parts.scheme.context("a scheme")?)
            .authority(parts.authority.context("a host")?)
            .path_and_query("/")
            .build()?;
        let client = settings.aws.client("sqs")?;
        Ok(Self {
            url,
            endpoint,
            client,
        })
    }

    /// Sends entries; returns those that were not taken.
    async fn send(&self, entries: &[Value]) -> anyhow::Result<Vec<Value>> {
        let body = json!({"QueueUrl": self.url, "Entries": entries});
        let request = Request::post(&self.endpoint)
            .header(CONTENT_TYPE, "application/x-amz-json-1.0")
            .header("x-amz-target", "AmazonSQS.SendMessageBatch")
            .body(Bytes::from(body.to_string()))?;
        let answer = self.client.send(request, TIMEOUT).await?;
        if answer.status() != StatusCode::OK {
            let text = String::from_utf8_lossy(answer.body());
            anyhow::bail!("SQS answers {}: {text:.200}", answer.status());
        }
        let outcome: Outcome = serde_json::from_slice(answer.body())?;
        let failed = outcome.failed.iter();
        let failed = failed.filter_map(|failed| entries.iter().find(|it| it["Id"] == *failed.id));
        Ok(failed.cloned().collect())
    }
}
