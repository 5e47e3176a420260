//! Everything the provider remembers. It changes by [`Record`]s only, and a journal of
//! records played from the start gives the same book.

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::payment::Payment;

/// How long an idempotency key is remembered.
const KEY_LIFE: SignedDuration = SignedDuration::from_hours(15 * 24);

/// What an idempotency key is for: one key may be used again on another path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct AnswerKey {
    pub(crate) path: String,
    pub(crate) key: String,
}

/// An answer that was given under an idempotency key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredAnswer {
    pub(crate) key: AnswerKey,
    pub(crate) request: Value,
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) at: Timestamp,
}

/// A webhook on its way out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Webhook {
    pub(crate) id: u64,
    pub(crate) order_id: String,
    pub(crate) body: Value,
    pub(crate) due_at: Timestamp,
    pub(crate) attempt: u32,
    /// Waits until the next webhook of its order has been written down.
    pub(crate) held: bool,
}

/// One change, written as one line of the journal, so that it happens whole or not at all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) payment: Option<Payment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) answer: Option<StoredAnswer>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) webhooks: Vec<Webhook>,
    /// Webhooks that were delivered or given up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) gone: Vec<u64>,
}

/// The memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Book {
    payments: HashMap<String, Payment>,
    keys_by_order: HashMap<String, Vec<String>>,
    answers: HashMap<AnswerKey, StoredAnswer>,
    /// Keys of the answers, oldest first.
    answered: VecDeque<AnswerKey>,
    webhooks: BTreeMap<u64, Webhook>,
    last_webhook: u64,
}

impl Book {
    /// Carries out one change.
    pub(crate) fn apply(&mut self, record: Record) {
        if let Some(payment) = record.payment {
            let keys = self
                .keys_by_order
                .entry(payment.order_id.clone())
                .or_default();
            if !keys.contains(&payment.payment_key) {
                keys.push(payment.payment_key.clone());
            }
            self.payments.insert(payment.payment_key.clone(), payment);
        }
        if let Some(answer) = record.answer {
            self.forget(answer.at);
            self.answered.push_back(answer.key.clone());
            self.answers.insert(answer.key.clone(), answer);
        }
        for webhook in record.webhooks {
            self.last_webhook = self.last_webhook.max(webhook.id);
            self.webhooks.insert(webhook.id, webhook);
        }
        for id in record.gone {
            self.webhooks.remove(&id);
        }
    }

    /// Forgets the answers whose keys have died by `now`.
    pub(crate) fn forget(&mut self, now: Timestamp) {
        while let Some(key) = self.answered.front() {
            if self.answer(key, now).is_some() {
                return;
            }
            self.answers.remove(key);
            self.answered.pop_front();
        }
    }

    /// The shortest records that give this book.
    pub(crate) fn records(&self) -> impl Iterator<Item = Record> {
        let keys = self.keys_by_order.values().flatten();
        let payments = keys
            .filter_map(|key| self.payments.get(key))
            .map(|payment| Record {
                payment: Some(payment.clone()),
                ..Record::default()
            });
        let answers = self
            .answered
            .iter()
            .filter_map(|key| self.answers.get(key))
            .map(|answer| Record {
                answer: Some(answer.clone()),
                ..Record::default()
            });
        let webhooks = self.webhooks.values().map(|webhook| Record {
            webhooks: vec![webhook.clone()],
            ..Record::default()
        });
        payments.chain(answers).chain(webhooks)
    }

    /// The payment with that key.
    pub(crate) fn payment(&self, key: &str) -> Option<&Payment> {
        self.payments.get(key)
    }

    /// The payment of that order: the captured one, else the latest.
    pub(crate) fn payment_of_order(&self, order_id: &str) -> Option<&Payment> {
        let of_order = || {
            self.keys_by_order
                .get(order_id)
                .into_iter()
                .flatten()
                .filter_map(|key| self.payments.get(key))
        };
        of_order()
            .find(|payment| payment.approved_at.is_some())
            .or_else(|| of_order().next_back())
    }

    /// Whether money of that order was ever captured.
    pub(crate) fn is_captured(&self, order_id: &str) -> bool {
        self.payment_of_order(order_id)
            .is_some_and(|payment| payment.approved_at.is_some())
    }

    /// The answer under that key, while the key lives.
    pub(crate) fn answer(&self, key: &AnswerKey, now: Timestamp) -> Option<&StoredAnswer> {
        self.answers
            .get(key)
            .filter(|answer| now < answer.at + KEY_LIFE)
    }

    /// An id for the next webhook, `ahead` places after the last one written down.
    pub(crate) fn webhook_id(&self, ahead: u64) -> u64 {
        self.last_webhook + 1 + ahead
    }

    /// Webhooks that may go out now, oldest first.
    pub(crate) fn due_webhooks(&self, now: Timestamp) -> Vec<Webhook> {
        self.webhooks
            .values()
            .filter(|webhook| !webhook.held && webhook.due_at <= now)
            .cloned()
            .collect()
    }

    /// Webhooks of that order that wait for a later one.
    pub(crate) fn held_webhooks(&self, order_id: &str) -> Vec<Webhook> {
        self.webhooks
            .values()
            .filter(|webhook| webhook.held && webhook.order_id == order_id)
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::payment::Choice;

    #[test]
    fn the_captured_payment_of_an_order_is_found_before_a_later_try() {
        let now = Timestamp::UNIX_EPOCH;
        let mut book = Book::default();
        let mut add = |key: &str, capture: bool| {
            let keys = (key.to_owned(), "t".to_owned());
            let payment = Payment::new("o".to_owned(), 1, Choice::Approve, keys, now);
            let payment = if capture {
                payment.confirm("o", 1, now).expect("captured")
            } else {
                payment
            };
            book.apply(Record {
                payment: Some(payment),
                ..Record::default()
            });
        };
        add("first", false);
        add("second", true);
        add("third", false);
        let key = |book: &Book| book.payment_of_order("o").map(|p| p.payment_key.clone());
        assert_eq!(key(&book).as_deref(), Some("second"));
    }

    fn answered(key: &str, at: Timestamp) -> Record {
        Record {
            answer: Some(StoredAnswer {
                key: AnswerKey {
                    path: "/p".to_owned(),
                    key: key.to_owned(),
                },
                request: Value::Null,
                status: 200,
                body: Value::Null,
                at,
            }),
            ..Record::default()
        }
    }

    #[test]
    fn a_key_is_forgotten_after_fifteen_days() {
        let mut book = Book::default();
        let at = Timestamp::UNIX_EPOCH;
        book.apply(answered("k", at));
        let key = AnswerKey {
            path: "/p".to_owned(),
            key: "k".to_owned(),
        };
        let second = SignedDuration::from_secs(1);
        assert!(book.answer(&key, at + KEY_LIFE - second).is_some());
        assert!(book.answer(&key, at + KEY_LIFE).is_none());
    }

    #[test]
    fn answers_under_dead_keys_are_kept_no_longer_than_the_next_one() {
        let mut book = Book::default();
        let at = Timestamp::UNIX_EPOCH;
        let second = SignedDuration::from_secs(1);
        book.apply(answered("first", at));
        book.apply(answered("second", at + second));
        book.apply(answered("third", at + KEY_LIFE));
        assert_eq!(book.answers.len(), 2);
        // Used again, a key lives again.
        book.apply(answered("first", at + KEY_LIFE + second));
        book.forget(at + KEY_LIFE + KEY_LIFE);
        assert_eq!((book.answers.len(), book.answered.len()), (1, 1));
    }

    #[test]
    fn its_records_give_the_same_book() {
        let now = Timestamp::UNIX_EPOCH;
        let mut book = Book::default();
        for (key, order) in [("a", "o"), ("b", "p"), ("c", "o")] {
            let keys = (key.to_owned(), "t".to_owned());
            let payment = Payment::new(order.to_owned(), 1, Choice::Approve, keys, now);
            book.apply(Record {
                payment: Some(payment),
                webhooks: vec![Webhook {
                    id: book.webhook_id(0),
                    order_id: order.to_owned(),
                    body: Value::Null,
                    due_at: now,
                    attempt: 0,
                    held: false,
                }],
                ..answered(key, now)
            });
        }
        let mut again = Book::default();
        book.records().for_each(|record| again.apply(record));
        assert_eq!(again, book);
    }
}
