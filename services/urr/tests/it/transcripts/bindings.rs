//! What the recorded run gave out, and what this one gave out instead.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::shape::{self, Kind};

/// When the recording was made; times in requests move by what has passed since.
const RECORDED_AT: &str = "2026-11-22T13:45:00Z";

/// Ours for theirs.
pub(super) struct Bindings {
    ours: BTreeMap<String, String>,
    shift: SignedDuration,
}

impl Bindings {
    /// Only what is known beforehand.
    #[expect(
        clippy::disallowed_methods,
        reason = "the platform that is asked lives in the real time"
    )]
    pub(super) fn new(given: BTreeMap<String, String>) -> Self {
        let recorded_at: Timestamp = RECORDED_AT.parse().expect("a time");
        let shift = Timestamp::now().duration_since(recorded_at).as_secs();
        Self {
            ours: given,
            shift: SignedDuration::from_secs(shift),
        }
    }

    /// From now on it is `ours`.
    pub(super) fn bind(&mut self, theirs: &str, ours: impl Into<String>) {
        self.ours.insert(theirs.to_owned(), ours.into());
    }

    /// Ours of what was bound.
    pub(super) fn of(&self, theirs: &str) -> String {
        self.ours[theirs].clone()
    }

    /// Binds everything that `theirs` gives out to what stands at its place in `ours`.
    pub(super) fn learn(&mut self, theirs: &Value, ours: &Value) {
        match (theirs, ours) {
            (Value::String(theirs), Value::String(ours))
                if Kind::of(theirs).is_given_out() && Kind::of(theirs).has(ours) =>
            {
                self.bind(theirs, ours);
            }
            (Value::Array(theirs), Value::Array(ours)) => {
                for (place, theirs) in theirs.iter().enumerate() {
                    if let Some(ours) = shape::twin(theirs, place, ours) {
                        self.learn(theirs, ours);
                    }
                }
            }
            (Value::Object(theirs), Value::Object(ours)) => {
                for (key, theirs) in theirs {
                    self.learn(theirs, ours.get(key).unwrap_or(&Value::Null));
                }
            }
            _ => {}
        }
    }

    /// The same with ours for theirs.
    pub(super) fn in_place<T: Serialize + DeserializeOwned>(&self, recorded: &T) -> T {
        let mut value = serde_json::to_value(recorded).expect("a value");
        self.replace(&mut value);
        serde_json::from_value(value).expect("the same type")
    }

    fn replace(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.replace(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.replace(field)),
            _ => {}
        }
    }

    fn text(&self, text: &str) -> String {
        if Kind::of(text) == Kind::Instant {
            let time: Timestamp = text.parse().expect("an instant");
            return (time + self.shift).to_string();
        }
        let bound = self.ours.iter();
        bound.fold(text.to_owned(), |text, (theirs, ours)| {
            text.replace(theirs, ours)
        })
    }
}
