//! Admissions that have ended before their token: whoever left, bought or lost the place
//! cannot book with it any more. What is known here is kept until the token is over, even if
//! Redis forgets it.

use std::collections::HashMap;

use parking_lot::RwLock;
use urr_contract::AdmissionId;

/// The ended admissions that were ever read, and the second in which their tokens are over.
#[derive(Debug, Default)]
pub struct Revocations(RwLock<HashMap<AdmissionId, i64>>);

impl Revocations {
    /// Whether this admission has ended.
    pub fn contains(&self, admission: AdmissionId) -> bool {
        self.0.read().contains_key(&admission)
    }

    /// Adds some. Nothing is ever taken back: of two ends, the later counts.
    pub fn merge(&self, ended: impl IntoIterator<Item = (AdmissionId, i64)>) {
        let mut known = self.0.write();
        for (admission, end) in ended {
            let latest = known.entry(admission).or_insert(end);
            *latest = end.max(*latest);
        }
    }

    /// Forgets those whose tokens are over at `now`.
    pub fn forget(&self, now: i64) {
        self.0.write().retain(|_, end| *end > now);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_ended_admission_is_known_until_its_tokens_are_over() {
        let revocations = Revocations::default();
        let [first, second] = [1, 2].map(|number| AdmissionId(Uuid::from_u128(number)));
        revocations.merge([(first, 100)]);
        revocations.merge([(second, 200)]);
        revocations.merge([(second, 150)]);
        revocations.forget(99);
        assert!(revocations.contains(first));
        revocations.forget(100);
        assert!(!revocations.contains(first));
        revocations.forget(199);
        assert!(revocations.contains(second));
    }
}
