//! Whether an answer has the recorded status and shape: the keys, the types and the fixed
//! texts, not the values. Ours may say more; it leaves nothing out.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date};
use serde_json::Value;
use uuid::Uuid;

use super::exchange::Answer;

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text that is the same in every run.
    Fixed,
    Id,
    /// `<access-token alice>` stands for a token.
    Token,
    OrderId,
    ReservationNumber,
    Instant,
    Date,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::Id,
        Self::Token,
        Self::OrderId,
        Self::ReservationNumber,
        Self::Instant,
        Self::Date,
    ];

    /// That of a recorded text.
    pub(super) fn of(text: &str) -> Self {
        if text.starts_with('<') && text.ends_with('>') {
            return Self::Token;
        }
        let kind = Self::ALL.into_iter().find(|kind| kind.has(text));
        kind.unwrap_or(Self::Fixed)
    }

    /// Whether one of our texts is of this kind.
    pub(super) fn has(self, text: &str) -> bool {
        match self {
            Self::Fixed => true,
            Self::Id => Uuid::try_parse(text).is_ok(),
            Self::Token => text.split('.').count() == 3 && text.len() > 60 && !text.contains(' '),
            Self::OrderId => is_numbered(text, "ORD_", '_'),
            Self::ReservationNumber => is_numbered(text, "TK", '-') || is_numbered(text, "R", '-'),
            // Presale times have no seconds.
            Self::Instant => {
                let seconds = text.replace("00Z", "00:00Z");
                text.parse::<Timestamp>().is_ok() || seconds.parse::<Timestamp>().is_ok()
            }
            Self::Date => text.len() == 10 && text.parse::<Date>().is_ok(),
        }
    }

    /// Whether it is given out by the platform, and differs from run to run.
    pub(super) fn is_given_out(self) -> bool {
        matches!(
            self,
            Self::Id | Self::Token | Self::OrderId | Self::ReservationNumber
        )
    }
}

/// A prefix, milliseconds since 1970 and eight upper-case hexadecimal digits.
fn is_numbered(text: &str, prefix: &str, separator: char) -> bool {
    let parts = text
        .strip_prefix(prefix)
        .and_then(|it| it.split_once(separator));
    parts.is_some_and(|(time, random)| {
        let upper_hex = |digit: u8| matches!(digit, b'0'..=b'9' | b'A'..=b'F');
        time.len() == 13
            && time.parse::<u64>().is_ok()
            && random.len() == 8
            && random.bytes().all(upper_hex)
    })
}

/// What is not as it should be, each with its place.
pub(super) fn faults(expected: &Answer, answer: &Answer) -> Vec<String> {
    let mut faults = Vec::new();
    if expected.status != answer.status {
        faults.push(format!("status {} for {}", answer.status, expected.status));
    }
    for (name, expected) in &expected.headers {
        let ours = answer.headers.get(name).map_or(&[][..], Vec::as_slice);
        header(name, expected, ours, &mut faults);
    }
    if !expected.body.is_null() {
        body(&expected.body, &answer.body, "", Texts::Fixed, &mut faults);
    }
    faults
}

fn header(name: &str, expected: &[String], ours: &[String], faults: &mut Vec<String>) {
    let parts = |value: &String| match name {
        "set-cookie" => cookie(value),
        // Which character set it is was never said of JSON.
        "content-type" => BTreeSet::from([value.split(';').next().unwrap_or("").to_owned()]),
        _ => BTreeSet::from([value.replace(' ', "").to_lowercase()]),
    };
    let ours: Vec<_> = ours.iter().map(parts).collect();
    for value in expected {
        if !ours.contains(&parts(value)) {
            faults.push(format!("header {name}: {ours:?} for {value:?}"));
        }
    }
}

/// Name and attributes; value and date are of that moment.
fn cookie(value: &str) -> BTreeSet<String> {
    value
        .split("; ")
        .filter(|part| !part.starts_with("Expires="))
        .enumerate()
        .map(|(place, part)| match (place, part.split_once('=')) {
            (0, Some((name, _))) => name.to_owned(),
            _ => part.to_owned(),
        })
        .collect()
}

/// Whether fixed texts must be equal, or are data of that run.
#[derive(Clone, Copy, PartialEq)]
enum Texts {
    Fixed,
    Data,
}

fn body(expected: &Value, ours: &Value, place: &str, texts: Texts, faults: &mut Vec<String>) {
    let expected = &plain(expected);
    let same = match (expected, ours) {
        // A field that may be null: ours may have a value.
        (Value::Null, _) => true,
        (Value::Bool(expected), Value::Bool(ours)) => expected == ours,
        (Value::Number(expected), Value::Number(ours)) => expected.is_f64() || !ours.is_f64(),
        (Value::String(expected), Value::String(ours)) => match Kind::of(expected) {
            Kind::Fixed => texts == Texts::Data || expected == ours,
            kind => kind.has(ours),
        },
        (Value::Array(expected), Value::Array(ours)) => {
            return array(expected, ours, place, faults);
        }
        (Value::Object(expected), Value::Object(ours)) => {
            for (key, expected) in expected {
                let place = format!("{place}/{key}");
                match ours.get(key) {
                    Some(ours) => body(expected, ours, &place, texts, faults),
                    None => faults.push(format!("{place} is missing")),
                }
            }
            return;
        }
        _ => false,
    };
    if !same {
        faults.push(format!("{place}: {ours} for {expected}"));
    }
}

/// Which items there are is data; each is like one that was recorded.
fn array(expected: &[Value], ours: &[Value], place: &str, faults: &mut Vec<String>) {
    if ours.is_empty() && !expected.is_empty() {
        faults.push(format!("{place} is empty"));
    }
    for (index, item) in expected.iter().enumerate() {
        if let Some(ours) = twin(item, index, ours) {
            let place = format!("{place}/{index}");
            body(item, ours, &place, Texts::Data, faults);
        }
    }
}

/// The item of ours that a recorded one is compared with: of the same name, else at the same
/// place.
pub(super) fn twin<'a>(theirs: &Value, place: usize, ours: &'a [Value]) -> Option<&'a Value> {
    let named = ["seat_label", "name", "hour"].into_iter().find_map(|key| {
        let name = theirs.get(key)?;
        ours.iter().find(|item| item.get(key) == Some(name))
    });
    named.or_else(|| ours.get(place))
}

/// JSON columns were sent as a wrapped text; the contract asks for the plain value.
fn plain(value: &Value) -> Value {
    let wrapped = value.get("type").and_then(Value::as_str);
    match (wrapped, value.get("value").and_then(Value::as_str)) {
        (Some("json" | "jsonb"), Some(text)) => serde_json::from_str(text).expect("JSON"),
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(expected: Value, ours: Value) -> usize {
        let answer = |body| Answer {
            status: 200,
            headers: [(
                "content-type".to_owned(),
                vec!["application/json".to_owned()],
            )]
            .into(),
            body,
        };
        faults(&answer(expected), &answer(ours)).len()
    }

    #[test]
    fn more_is_welcome_and_less_is_not() {
        assert_eq!(found(json!({"a": 1}), json!({"a": 2, "b": 3})), 0);
        assert_eq!(found(json!({"a": 1, "b": null}), json!({"a": 2})), 1);
        assert_eq!(found(json!({"a": [{"b": 1}]}), json!({"a": []})), 1);
        assert_eq!(found(json!([{"b": 1}]), json!([{"b": 5}, {"b": 6}])), 0);
    }

    #[test]
    fn types_and_fixed_texts_count_and_values_do_not() {
        assert_eq!(found(json!({"a": 1}), json!({"a": 1.5})), 1);
        assert_eq!(found(json!({"a": 1}), json!({"a": "1"})), 1);
        assert_eq!(found(json!({"a": "x"}), json!({"a": null})), 1);
        assert_eq!(found(json!({"error": "x"}), json!({"error": "y"})), 1);
        assert_eq!(found(json!([{"title": "x"}]), json!([{"title": "y"}])), 0);
        let theirs = "2c9783ba-8bd8-4726-8b76-b5b3e2faaa80";
        let ours = "a0d08b52-2ba3-47e8-a944-91725d44a598";
        assert_eq!(found(json!({"id": theirs}), json!({"id": ours})), 0);
        assert_eq!(found(json!({"id": theirs}), json!({"id": "7"})), 1);
    }

    #[test]
    fn cookies_are_compared_by_their_attributes() {
        let theirs = "t=1; Max-Age=5; Expires=Sun, 22 Nov 2026 14:15:18 GMT; Path=/; HttpOnly";
        assert_eq!(cookie(theirs), cookie("t=2; HttpOnly; Path=/; Max-Age=5"));
        assert_ne!(
            cookie(theirs),
            cookie("t=2; HttpOnly; Path=/api; Max-Age=5")
        );
    }
}
