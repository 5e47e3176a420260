//! Admissions that have ended before their token: whoever left, bought or lost the place
//! cannot book with it any more.

use std::collections::HashSet;

use parking_lot::RwLock;
use urr_contract::AdmissionId;

/// The ended admissions, as last read.
#[derive(Debug, Default)]
pub struct Revocations(RwLock<HashSet<AdmissionId>>);

impl Revocations {
    /// Whether this admission has ended.
    pub fn contains(&self, admission: AdmissionId) -> bool {
        self.0.read().contains(&admission)
    }

    /// Puts a newer copy in place of the last one.
    pub fn replace(&self, ended: HashSet<AdmissionId>) {
        *self.0.write() = ended;
    }
}
