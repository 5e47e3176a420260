//! The counts of all clients of one gateway, in memory.
//!
//! Split into shards, each with its own lock, so that cores rarely meet. A client's shard is
//! the same on every gateway: it is also the slot of Redis in which its counts are shared.

use std::{
    collections::{BTreeMap, HashMap},
    net::Ipv4Addr,
    num::NonZeroUsize,
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Key;
use crate::domain::{
    client::ClientId,
    window::{SubWindow, Window},
};

/// Number of shards.
pub(super) const SHARDS: usize = 16;

/// What one client did that the other gateways do not know of, by sub-window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold {
    /// Whose requests.
    pub key: Key,
    /// All that were let pass here, of each sub-window in which there are news.
    pub counts: Vec<(SubWindow, u32)>,
}

/// Requests by sub-window on all other gateways together.
pub type Others = BTreeMap<SubWindow, u32>;

/// The counts.
#[derive(Debug)]
pub(super) struct Tally {
    shards: Vec<Mutex<Shard>>,
    hurry: Arc<Notify>,
}

#[derive(Debug)]
struct Shard {
    clients: HashMap<Key, Entry>,
    max_clients: usize,
    /// Who shall be told of. May name clients that were swept meanwhile.
    waiting: Vec<Key>,
    swept: SubWindow,
}

#[derive(Debug)]
struct Entry {
    window: Window,
    /// Whether it stands in `waiting`.
    waits: bool,
}

impl Tally {
    /// Nothing counted, with room for `max_clients`. `hurry` is notified when counts should
    /// be exchanged soon.
    pub(super) fn new(max_clients: NonZeroUsize, hurry: Arc<Notify>) -> Self {
        let a_shard = max_clients.get().div_ceil(SHARDS);
        Self {
            shards: (0..SHARDS)
                .map(|_| Mutex::new(Shard::new(a_shard)))
                .collect(),
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

    /// What the other gateways should hear of this shard. It is up to the caller to settle it
    /// or to put it back.
    pub(super) fn untold(&self, shard: usize) -> Vec<Untold> {
        let mut shard = self.shards[shard].lock();
        let waiting = std::mem::take(&mut shard.waiting);
        waiting
            .into_iter()
            .filter_map(|key| {
                let entry = shard.clients.get_mut(&key)?;
                // One that was swept and came back may stand there twice.
                let waits = std::mem::take(&mut entry.waits);
                let counts: Vec<_> = entry.window.untold().collect();
                (waits && !counts.is_empty()).then_some(Untold { key, counts })
            })
            .collect()
    }

    /// The others have heard `batch` and told what they counted, in the same order.
    pub(super) fn settle(&self, shard: usize, batch: &[Untold], others: &[Others]) {
        let mut shard = self.shards[shard].lock();
        for (untold, others) in batch.iter().zip(others) {
            if let Some(entry) = shard.clients.get_mut(&untold.key) {
                for (window, count) in &untold.counts {
                    entry.window.told(*window, *count);
                }
                for (window, count) in others {
                    entry.window.learn(*window, *count);
                }
            }
            // What came while the others were being told waits for the next time.
            shard.put_back(untold.key);
        }
    }

    /// The others could not be told of `batch`.
    pub(super) fn keep_waiting(&self, shard: usize, batch: &[Untold]) {
        let mut shard = self.shards[shard].lock();
        for untold in batch {
            shard.put_back(untold.key);
        }
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
    fn new(max_clients: usize) -> Self {
        Self {
            clients: HashMap::new(),
            max_clients,
            waiting: Vec::new(),
            swept: SubWindow(0),
        }
    }

    /// The key itself, or the one that all strangers share once the shard is full. Sweeping
    /// looks at every client, so a crowd of strangers causes it once a sub-window at most:
    /// nobody can be forgotten sooner anyway.
    fn known(&mut self, key: Key, now: SubWindow) -> Key {
        if self.has_room() || self.clients.contains_key(&key) {
            return key;
        }
        if self.swept < now {
            self.sweep(now);
        }
        if self.has_room() {
            return key;
        }
        Key {
            client: ClientId::Address(Ipv4Addr::UNSPECIFIED.into()),
            ..key
        }
    }

    fn has_room(&self) -> bool {
        self.clients.len() < self.max_clients
    }

    fn entry(&mut self, key: Key, now: SubWindow) -> &mut Entry {
        self.clients.entry(key).or_insert_with(|| Entry {
            window: Window::new(now),
            waits: false,
        })
    }

    fn put_back(&mut self, key: Key) {
        if let Some(entry) = self.clients.get_mut(&key)
            && !entry.waits
            && entry.window.untold_total() > 0
        {
            entry.waits = true;
            self.waiting.push(key);
        }
    }

    fn sweep(&mut self, now: SubWindow) {
        self.swept = now;
        self.clients.retain(|_, entry| entry.window.total(now) > 0);
        let Self {
            clients, waiting, ..
        } = self;
        waiting.retain(|key| clients.contains_key(key));
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

    fn tally() -> Tally {
        Tally::new(NonZeroUsize::MAX, Arc::default())
    }

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
        let tally = tally();
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
        let tally = tally();
        let shard = shard_of(&tally, key(1));
        assert!(tally.take(key(1), NOW, 10));
        let untold = tally.untold(shard);
        tally.keep_waiting(shard, &untold);
        assert_eq!(tally.untold(shard), untold, "not lost on failure");
        tally.settle(shard, &untold, &[[(NOW, 8)].into()]);
        assert_eq!(tally.untold(shard), []);
        assert!(tally.take(key(1), NOW, 10), "nine of ten on all gateways");
        assert!(!tally.take(key(1), NOW, 10));
    }

    #[test]
    fn what_comes_while_the_others_are_told_is_told_next() {
        let tally = tally();
        let shard = shard_of(&tally, key(1));
        assert!(tally.take(key(1), NOW, 10));
        let untold = tally.untold(shard);
        assert!(tally.take(key(1), NOW, 10));
        tally.settle(shard, &untold, &[Others::new()]);
        assert_eq!(tally.untold(shard)[0].counts, [(NOW, 2)]);
    }

    #[test]
    fn the_quiet_are_forgotten() {
        let tally = tally();
        tally.count(key(1), NOW);
        let shard = shard_of(&tally, key(1));
        tally.sweep(SubWindow(1_015));
        assert_eq!(tally.shards[shard].lock().clients.len(), 1);
        tally.sweep(SubWindow(1_016));
        assert_eq!(tally.shards[shard].lock().clients.len(), 0);
    }

    /// A shard that is full of clients who asked at [`NOW`].
    fn full() -> Shard {
        let mut shard = Shard::new(100);
        for number in 1..=100 {
            shard.entry(key(number), NOW).window.count(NOW);
        }
        shard
    }

    #[test]
    fn past_the_bound_strangers_are_counted_as_one() {
        let mut shard = full();
        assert_eq!(shard.known(key(5), NOW), key(5));
        assert_eq!(shard.known(key(u32::MAX), NOW), key(0));
        let later = SubWindow(NOW.0 + 16);
        assert_eq!(shard.known(key(u32::MAX), later), key(u32::MAX));
    }

    #[test]
    fn strangers_cause_one_sweep_a_sub_window() {
        let mut shard = full();
        assert_eq!(shard.known(key(u32::MAX), NOW), key(0));
        // Would fall to a sweep, so whoever is still there was not looked at.
        shard.entry(key(1), NOW).window = Window::new(NOW);
        assert_eq!(shard.known(key(u32::MAX), NOW), key(0));
        let next = SubWindow(NOW.0 + 1);
        assert_eq!(shard.known(key(u32::MAX), next), key(u32::MAX));
        assert!(!shard.clients.contains_key(&key(1)));
    }

    #[test]
    fn without_redis_clients_are_forgotten_all_the_same() {
        let tally = tally();
        let shard = shard_of(&tally, key(1));
        assert!(tally.take(key(1), NOW, 10));
        let untold = tally.untold(shard);
        tally.keep_waiting(shard, &untold);
        let later = SubWindow(NOW.0 + 16);
        tally.sweep(later);
        assert_eq!(tally.shards[shard].lock().clients.len(), 0);
        assert_eq!(tally.shards[shard].lock().waiting, []);
        // Swept while the others were being told, and back at once.
        assert!(tally.take(key(1), later, 10));
        tally.keep_waiting(shard, &untold);
        assert_eq!(tally.untold(shard).len(), 1);
        assert_eq!(tally.untold(shard), []);
    }

    #[test]
    fn clients_are_spread_over_the_shards() {
        let tally = tally();
        for number in 0..1_600 {
            tally.count(key(number), NOW);
        }
        for shard in &tally.shards {
            let clients = shard.lock().clients.len();
            assert!((50..=150).contains(&clients), "{clients}");
        }
    }
}
