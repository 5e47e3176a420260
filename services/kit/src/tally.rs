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

    /// Has `write` write down all that is pending, if anything is. Until it has succeeded all of
    /// it stays pending, so two must not write at the same time.
    pub async fn flush<E>(
        &self,
        write: impl AsyncFnOnce(&Counts<K>) -> Result<(), E>,
    ) -> Result<(), E> {
        let counts = self.pending.lock().clone();
        if !counts.is_empty() {
            write(&counts).await?;
            self.forget(&counts);
        }
        Ok(())
    }

    fn forget(&self, written: &Counts<K>) {
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

    #[tokio::test]
    async fn what_is_counted_while_others_are_written_stays() {
        let tally = Tally::default();
        assert_eq!(tally.count("page"), 1);
        assert_eq!(tally.count("other page"), 1);
        let written = tally.flush(async |counts| {
            assert_eq!(*counts, Counts::from([("page", 1), ("other page", 1)]));
            assert_eq!(tally.count("page"), 2);
            anyhow::Ok(())
        });
        written.await.unwrap();
        assert_eq!((tally.pending("page"), tally.pending("other page")), (1, 0));
    }

    #[tokio::test]
    async fn what_could_not_be_written_stays() {
        let tally = Tally::default();
        tally.count("page");
        tally.flush(async |_| Err("away")).await.unwrap_err();
        assert_eq!(tally.pending("page"), 1);
        tally.flush(async |_| anyhow::Ok(())).await.unwrap();
        tally.flush(async |_| Err("nothing is left")).await.unwrap();
    }
}
