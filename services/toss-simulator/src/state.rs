//! The running simulator: the book behind one lock, its journal, and the faults in force.

use std::{collections::HashSet, time::Duration};

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use secrecy::SecretString;
use serde_json::{Value, json};
use urr_kit::{Runtime, http_client};
use uuid::Uuid;

use crate::{
    Config,
    domain::{
        book::{AnswerKey, Book, Record, StoredAnswer, Webhook},
        faults::{Fault, FaultOrder, Faults, Operation},
        payment::{Payment, Status, seoul},
        refusals::{self, Refusal},
    },
    journal::{Durable, Journal},
};

/// What the handlers and jobs share.
#[derive(Debug)]
pub struct State {
    pub(crate) runtime: Runtime,
    pub(crate) secret_key: SecretString,
    pub(crate) webhook_url: Option<String>,
    pub(crate) webhook_retry: Duration,
    pub(crate) http: reqwest::Client,
    journal: Journal,
    book: Mutex<Book>,
    faults: Mutex<Faults>,
    in_flight: Mutex<HashSet<AnswerKey>>,
}

/// Outcome of a call: its answer and the payment it leaves, where it changed one.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) payment: Option<Payment>,
}

impl Verdict {
    pub(crate) fn done(payment: Payment) -> Self {
        Self {
            status: 200,
            body: payment.to_json(),
            payment: Some(payment),
        }
    }

    pub(crate) fn refused(refusal: Refusal, payment: Option<Payment>) -> Self {
        Self {
            status: refusal.status.as_u16(),
            body: json!({"code": refusal.code, "message": refusal.message}),
            payment,
        }
    }
}

/// What an idempotency key says before the call begins.
pub(crate) enum Start<'a> {
    /// First use: go on, and keep this until the answer is given.
    Fresh(InFlight<'a>),
    /// Answered before.
    Replay(u16, Value),
    /// Refused.
    Refused(Refusal),
}

/// A call under an idempotency key that has not been answered.
pub(crate) struct InFlight<'a> {
    state: &'a State,
    key: Option<AnswerKey>,
    request: Value,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            self.state.in_flight.lock().remove(key);
        }
    }
}

impl State {
    /// The simulator as its journal left it.
    pub fn open(config: &Config, runtime: Runtime) -> anyhow::Result<Self> {
        let (journal, book) = match &config.state {
            Some(path) => Journal::open(path, runtime.clock.now())?,
            None => (Journal::none(), Book::default()),
        };
        Ok(Self {
            runtime,
            secret_key: config.secret_key.clone(),
            webhook_url: config.webhook_url.clone(),
            webhook_retry: Duration::from_millis(config.webhook_retry_ms),
            http: http_client(),
            journal,
            book: Mutex::new(book),
            faults: Mutex::new(Faults::new(config.rates(), config.seed)),
            in_flight: Mutex::default(),
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.runtime.clock.now()
    }

    // === Faults ===

    pub(crate) fn add_fault(&self, order: FaultOrder) {
        self.faults.lock().add(order);
    }

    pub(crate) fn clear_faults(&self) {
        self.faults.lock().clear();
    }

    pub(crate) fn faults(&self) -> Vec<FaultOrder> {
        self.faults.lock().list().to_vec()
    }

    pub(crate) fn take_fault(&self, operation: Operation, order_id: &str) -> Option<Fault> {
        self.faults.lock().take(operation, order_id)
    }

    // === Idempotency ===

    /// Looks an idempotency key up and, at its first use, takes it.
    pub(crate) fn start(&self, path: &str, key: Option<&str>, request: &Value) -> Start<'_> {
        let Some(key) = key else {
            return Start::Fresh(InFlight {
                state: self,
                key: None,
                request: request.clone(),
            });
        };
        if key.chars().count() > 300 {
            return Start::Refused(refusals::LONG_KEY);
        }
        let key = AnswerKey {
            path: path.to_owned(),
            key: key.to_owned(),
        };
        let mut in_flight = self.in_flight.lock();
        if let Some(answer) = self.book.lock().answer(&key, self.now()) {
            return if answer.request == *request {
                Start::Replay(answer.status, answer.body.clone())
            } else {
                Start::Refused(refusals::KEY_REUSED)
            };
        }
        if !in_flight.insert(key.clone()) {
            return Start::Refused(refusals::STILL_PROCESSING);
        }
        Start::Fresh(InFlight {
            state: self,
            key: Some(key),
            request: request.clone(),
        })
    }

    // === The book ===

    /// Reads, once what is read would survive a crash.
    pub(crate) async fn read<T>(&self, look: impl FnOnce(&Book) -> T) -> anyhow::Result<T> {
        let (seen, durable) = {
            let book = self.book.lock();
            (look(&book), self.journal.barrier())
        };
        durable.wait().await?;
        Ok(seen)
    }

    /// Decides on the book and writes down what was decided, the answer under its key and the
    /// webhooks that tell of it, as one record. Returns once it is on disk.
    pub(crate) async fn decide(
        &self,
        call: Option<&InFlight<'_>>,
        decide: impl FnOnce(&Book, Timestamp) -> Verdict,
    ) -> anyhow::Result<Verdict> {
        let now = self.now();
        let (verdict, durable) = {
            let mut book = self.book.lock();
            let verdict = decide(&book, now);
            let webhooks = verdict
                .payment
                .as_ref()
                .map_or_else(Vec::new, |payment| self.webhooks_of(&book, payment, now));
            let record = Record {
                answer: call.and_then(|call| call.answer(&verdict, now)),
                payment: verdict.payment.clone(),
                webhooks,
                gone: Vec::new(),
            };
            let durable = self.write(&mut book, record)?;
            (verdict, durable)
        };
        durable.wait().await?;
        Ok(verdict)
    }

    fn write(&self, book: &mut Book, record: Record) -> anyhow::Result<Durable> {
        if record == Record::default() {
            return Ok(self.journal.barrier());
        }
        let durable = self.journal.append(&record)?;
        book.apply(record);
        Ok(durable)
    }

    // === Webhooks ===

    /// The webhooks that a payment's new state sends out, faults considered.
    fn webhooks_of(&self, book: &Book, payment: &Payment, now: Timestamp) -> Vec<Webhook> {
        if self.webhook_url.is_none() || payment.status == Status::InProgress {
            return Vec::new();
        }
        let fault = self.take_fault(Operation::Webhook, &payment.order_id);
        let (times, delay_ms) = match fault {
            Some(Fault::WebhookRepeat { times }) => (u64::from(times.max(1)), 0),
            Some(Fault::WebhookLate { delay_ms }) => (1, delay_ms),
            _ => (1, 0),
        };
        let first = Webhook {
            id: book.webhook_id(0),
            order_id: payment.order_id.clone(),
            body: json!({
                "eventType": "PAYMENT_STATUS_CHANGED",
                "createdAt": seoul(now),
                "data": payment.to_json(),
            }),
            due_at: now + SignedDuration::from_millis(delay_ms.into()),
            attempt: 0,
            held: fault == Some(Fault::WebhookOutOfOrder),
        };
        let copies = (0..times).map(|ahead| Webhook {
            id: book.webhook_id(ahead),
            ..first.clone()
        });
        // Those that were held go out behind the new one: out of order.
        let released = book.held_webhooks(&payment.order_id);
        let released = released.into_iter().map(|webhook| Webhook {
            held: false,
            due_at: first.due_at,
            ..webhook
        });
        copies.chain(released).collect()
    }

    pub(crate) fn due_webhooks(&self) -> Vec<Webhook> {
        self.book.lock().due_webhooks(self.now())
    }

    /// Writes down what became of a webhook: gone, or to be sent again.
    pub(crate) async fn webhook_sent(&self, id: u64, again: Option<Webhook>) -> anyhow::Result<()> {
        let record = Record {
            gone: if again.is_none() {
                vec![id]
            } else {
                Vec::new()
            },
            webhooks: again.into_iter().collect(),
            ..Record::default()
        };
        let durable = {
            let mut book = self.book.lock();
            self.write(&mut book, record)?
        };
        durable.wait().await
    }
}

impl InFlight<'_> {
    fn answer(&self, verdict: &Verdict, now: Timestamp) -> Option<StoredAnswer> {
        Some(StoredAnswer {
            key: self.key.clone()?,
            request: self.request.clone(),
            status: verdict.status,
            body: verdict.body.clone(),
            at: now,
        })
    }
}

/// A new random key in Toss's manner: letters and digits.
pub(crate) fn random_key(prefix: &str) -> String {
    format!("{prefix}{}", Uuid::new_v4().simple())
}
