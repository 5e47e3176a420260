//! The counts of all clients of one gateway, in memory.
//!
//! Split into shards, each with its own lock, so that cores rarely meet. A client's shard is
//! the same on every gateway: it is also the slot of Redis in which its counts are shared.

use std::{collections::HashMap, net::Ipv4Addr, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Key;
use crate::domain::{
    client::ClientId,
    window::{SubWindow, Window},
};

/// Number of shards.
pub(super) const SHARDS: usize = 16;
/// Clients that one shard remembers. Past them strangers are counted as one.
const CLIENTS_A_SHARD: usize = 32_768;

/// What one client did that the other gateways do not know of, by sub-window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold {
    /// Whose requests.
    pub key: Key,
    /// How many, by sub-window.
    pub counts: Vec<(SubWindow, u32)>,
}

/// Requests by sub-window on all gateways together.
pub type Totals = Vec<(SubWindow, u32)>;

/// The counts.
#[derive(Debug)]
pub(super) struct Tally {
    shards: Vec<Mutex<Shard>>,
    hurry: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Shard {
    clients: HashMap<Key, Entry>,
    waiting: Vec<Key>,
}

#[derive(Debug)]
struct Entry {
    window: Window,
    /// Whether it stands in `waiting`.
    waits: bool,
}

impl Tally {
    /// Nothing counted. `hurry` is notified when counts should be exchanged soon.
    pub(super) fn new(hurry: Arc<Notify>) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hurry,
        }
    }

    /// Counts one request if it is within `limit`; returns whether it is.
    pub(super) fn take(&self, key: Key, now: SubWindow, limit: u32) -> bool {
        let mut shard = self.shard(key).lock();
        let key = shard.known(key, now);
        let entry = shard.entry(key, now);
        if !entry.window.take(now, limit) {
            return false;
        }
        let untold = entry.window.untold_total();
        let joins = !entry.waits && untold >= worth_telling(limit);
        entry.waits |= joins;
        if joins {
            shard.waiting.push(key);
        }
        drop(shard);
        if untold >= urgent(limit) {
            self.hurry.notify_one();
        }
        true
    }

    /// Counts one request that was let pass by another decision, for this gateway's memory
    /// only.
    pub(super) fn count(&self, key: Key, now: SubWindow) {
        let mut shard = self.shard(key).lock();
        let key = shard.known(key, now);
        shard.entry(key, now).window.count(now);
    }

    /// Whether the memory of this gateway has room for one more.
    pub(super) fn has_room(&self, key: Key, now: SubWindow, limit: u32) -> bool {
        let mut shard = self.shard(key).lock();
        shard
            .clients
            .get_mut(&key)
            .is_none_or(|entry| entry.window.total(now) < u64::from(limit))
    }

    /// What the other gateways should hear of this shard. Each client appears until it is
    /// settled or put back.
    pub(super) fn untold(&self, shard: usize) -> Vec<Untold> {
        let mut shard = self.shards[shard].lock();
        let waiting = std::mem::take(&mut shard.waiting);
        waiting
            .into_iter()
            .filter_map(|key| {
                let counts = shard.clients.get(&key)?.window.untold().collect();
                Some(Untold { key, counts })
            })
            .collect()
    }

    /// The others have heard `batch` and answered with `totals`, in the same order.
    pub(super) fn settle(&self, shard: usize, batch: &[Untold], totals: &[Totals]) {
        let mut shard = self.shards[shard].lock();
        let Shard { clients, waiting } = &mut *shard;
        for (untold, totals) in batch.iter().zip(totals) {
            let Some(entry) = clients.get_mut(&untold.key) else {
                continue;
            };
            for (window, count) in &untold.counts {
                entry.window.told(*window, *count);
            }
            for (window, total) in totals {
                entry.window.learn(*window, *total);
            }
            // What came while the others were being told waits for the next time.
            entry.waits = entry.window.untold_total() > 0;
            if entry.waits {
                waiting.push(untold.key);
            }
        }
    }

    /// The others could not be told of `batch`.
    pub(super) fn keep_waiting(&self, shard: usize, batch: &[Untold]) {
        let mut shard = self.shards[shard].lock();
        shard.waiting.extend(batch.iter().map(|untold| untold.key));
    }

    /// Forgets clients that asked for nothing in the last minute.
    pub(super) fn sweep(&self, now: SubWindow) {
        for shard in &self.shards {
            shard.lock().sweep(now);
        }
    }

    fn shard(&self, key: Key) -> &Mutex<Shard> {
        let spread = usize::try_from(key.client.spread()).unwrap_or(0);
        &self.shards[spread % SHARDS]
    }
}

impl Shard {
    /// The key itself, or the one that all strangers share once the shard is full.
    fn known(&mut self, key: Key, now: SubWindow) -> Key {
        if self.clients.len() < CLIENTS_A_SHARD || self.clients.contains_key(&key) {
            return key;
        }
        self.sweep(now);
        if self.clients.len() < CLIENTS_A_SHARD {
            return key;
        }
        Key {
            client: ClientId::Address(Ipv4Addr::UNSPECIFIED.into()),
            ..key
        }
    }

    fn entry(&mut self, key: Key, now: SubWindow) -> &mut Entry {
        self.clients.entry(key).or_insert_with(|| Entry {
            window: Window::new(now),
            waits: false,
        })
    }

    fn sweep(&mut self, now: SubWindow) {
        self.clients
            .retain(|_, entry| entry.waits || entry.window.total(now) > 0);
    }
}

/// Requests that are worth a word to the others: one in a hundred of the limit, so that
/// people who click now and then cost Redis nothing and the error stays under one per cent
/// a gateway.
fn worth_telling(limit: u32) -> u32 {
    (limit / 100).max(1)
}

/// Requests that cannot wait for the next regular exchange.
fn urgent(limit: u32) -> u32 {
    (limit / 50).max(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::limits::Category;

    const NOW: SubWindow = SubWindow(1_000);

    fn key(number: u32) -> Key {
        Key {
            category: Category::General,
            client: ClientId::Address(Ipv4Addr::from_bits(number).into()),
        }
    }

    fn shard_of(tally: &Tally, key: Key) -> usize {
        (0..SHARDS)
            .find(|shard| std::ptr::eq(tally.shard(key), &raw const tally.shards[*shard]))
            .expect("one of them")
    }

    #[test]
    fn an_occasional_client_is_not_worth_a_word() {
        let tally = Tally::new(Arc::default());
        let shard = shard_of(&tally, key(1));
        for _ in 0..29 {
            assert!(tally.take(key(1), NOW, 3_000));
        }
        assert_eq!(tally.untold(shard), []);
        assert!(tally.take(key(1), NOW, 3_000));
        let untold = tally.untold(shard);
        assert_eq!(untold[0].counts, [(NOW, 30)]);
    }

    #[test]
    fn what_was_told_is_not_told_again() {
        let tally = Tally::new(Arc::default());
        let shard = shard_of(&tally, key(1));
        assert!(tally.take(key(1), NOW, 10));
        let untold = tally.untold(shard);
        tally.keep_waiting(shard, &untold);
        assert_eq!(tally.untold(shard), untold, "not lost on failure");
        tally.settle(shard, &untold, &[vec![(NOW, 9)]]);
        assert_eq!(tally.untold(shard), []);
        assert!(tally.take(key(1), NOW, 10), "nine of ten on all gateways");
        assert!(!tally.take(key(1), NOW, 10));
    }

    #[test]
    fn what_comes_while_the_others_are_told_is_told_next() {
        let tally = Tally::new(Arc::default());
        let shard = shard_of(&tally, key(1));
        assert!(tally.take(key(1), NOW, 10));
        let untold = tally.untold(shard);
        assert!(tally.take(key(1), NOW, 10));
        tally.settle(shard, &untold, &[vec![(NOW, 1)]]);
        assert_eq!(tally.untold(shard)[0].counts, [(NOW, 1)]);
    }

    #[test]
    fn the_quiet_are_forgotten() {
        let tally = Tally::new(Arc::default());
        tally.count(key(1), NOW);
        let shard = shard_of(&tally, key(1));
        tally.sweep(SubWindow(1_015));
        assert_eq!(tally.shards[shard].lock().clients.len(), 1);
        tally.sweep(SubWindow(1_016));
        assert_eq!(tally.shards[shard].lock().clients.len(), 0);
    }

    #[test]
    fn past_the_bound_strangers_are_counted_as_one() {
        let mut shard = Shard::default();
        for number in 0..u32::try_from(CLIENTS_A_SHARD).expect("fits") {
            shard.entry(key(number), NOW).window.count(NOW);
        }
        assert_eq!(shard.known(key(5), NOW), key(5));
        assert_eq!(shard.known(key(u32::MAX), NOW), key(0));
        let later = SubWindow(NOW.0 + 16);
        assert_eq!(shard.known(key(u32::MAX), later), key(u32::MAX));
    }

    #[test]
    fn clients_are_spread_over_the_shards() {
        let tally = Tally::new(Arc::default());
        for number in 0..1_600 {
            tally.count(key(number), NOW);
        }
        for shard in &tally.shards {
            let clients = shard.lock().clients.len();
            assert!((50..=150).contains(&clients), "{clients}");
        }
    }
}
