//! What services answer about one person's data: what they hold, what is still open, and
//! that they have erased it. Auth asks; the paths are the same in every service.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Answer of `GET /internal/users/{id}/personal-data`: all that the service holds about the
/// person, as a document for that person to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonalData {
    /// One key for each kind of thing.
    pub personal_data: Value,
}

/// Something that must come to its end before an account can be erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenMatter {
    /// A stable word, for instance `UPCOMING_TICKET`.
    pub code: String,
    /// What it is and what the person can do about it, to be read by people.
    pub detail: String,
    /// How many there are, at least one.
    pub count: i64,
}

/// Answer of `GET /internal/users/{id}/open-matters`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenMatters {
    /// Empty where nothing is open.
    pub open_matters: Vec<OpenMatter>,
}

impl OpenMatters {
    /// Of these counts those that are not zero.
    pub fn of(counts: impl IntoIterator<Item = (&'static str, &'static str, i64)>) -> Self {
        let open = counts.into_iter().filter(|(.., count)| *count > 0);
        Self {
            open_matters: open
                .map(|(code, detail, count)| OpenMatter {
                    code: code.to_owned(),
                    detail: detail.to_owned(),
                    count,
                })
                .collect(),
        }
    }
}

/// Answer of `POST /internal/users/{id}/erase`, which may be asked any number of times. What
/// the law wants kept stays, with nothing of the person but the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Rows or keys that were deleted or changed by this call.
    pub erased: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_there_is_open() {
        let open = OpenMatters::of([("A", "a", 0), ("B", "b", 2)]);
        assert_eq!(open.open_matters.len(), 1);
        assert_eq!(open.open_matters[0].code, "B");
    }
}
