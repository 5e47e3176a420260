//! Counts that are gathered in memory and written down in batches, so that what is counted,
//! a page that is looked at, writes nothing.

use std::{collections::HashMap, hash::Hash};

use parking_lot::Mutex;

/// Counts by what was counted.
pub type Counts<K> = HashMap<K, i32>;

/// Counts that only this process knows. Whoever counts only what exists keeps it from ever
/// holding more than there is.
#[derive(Debug)]
pub struct Tally<K> {
    pending: Mutex<Counts<K>>,
}

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self {
            pending: Mutex::default(),
        }
    }
}

impl<K: Copy + Eq + Hash> Tally<K> {
    /// Counts one and returns how many are not written down with it.
    pub fn count(&self, key: K) -> i32 {
        let mut pending = self.pending.lock();
        let count = pending.entry(key).or_insert(0);
        *count = count.saturating_add(1);
        *count
    }

    /// How many are not written down.
    pub fn pending(&self, key: K) -> i32 {
        self.pending.lock().get(&key).copied().unwrap_or(0)
    }

    /// All that is to be written down. It stays pending until [`Tally::settle`].
    pub fn snapshot(&self) -> Counts<K> {
        self.pending.lock().clone()
    }

    /// Forgets what has been written down.
    pub fn settle(&self, written: &Counts<K>) {
        let mut pending = self.pending.lock();
        for (key, count) in written {
            if let Some(left) = pending.get_mut(key) {
                *left -= count;
            }
        }
        pending.retain(|_, count| *count > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_between_snapshot_and_settling_stays() {
        let tally = Tally::default();
        assert_eq!(tally.count("page"), 1);
        assert_eq!(tally.count("other page"), 1);
        let written = tally.snapshot();
        assert_eq!(tally.count("page"), 2);
        assert_eq!(tally.pending("other page"), 1);
        tally.settle(&written);
        assert_eq!(tally.pending("other page"), 0);
        assert_eq!(tally.snapshot(), Counts::from([("page", 1)]));
    }
}
