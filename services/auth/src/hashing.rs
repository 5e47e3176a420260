//! The threads that hash passwords, and nothing else.
//!
//! bcrypt at cost 12 takes a quarter of a second of one core, so it neither runs on the
//! threads that answer requests nor waits without bound. What may wait is counted in work
//! and not in pieces: a hash of cost 4 is 1/256 of one of cost 12.

use std::{
    num::NonZero,
    sync::{Arc, mpsc},
    thread,
};

use parking_lot::Mutex;
use tokio::sync::{Semaphore, oneshot};

use crate::domain::password::{COST, Password, StoredHash};

/// Smallest cost that bcrypt knows: one unit of work.
const UNIT_COST: u32 = 4;

/// So much work waits already that no more is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords wait to be hashed")]
pub struct Busy;

/// A pool of threads with room for a bounded amount of work.
#[derive(Debug)]
pub struct Hashing {
    jobs: mpsc::Sender<Job>,
    room: Arc<Semaphore>,
    capacity: u32,
}

/// A piece of work.
type Job = Box<dyn FnOnce() + Send>;

impl Hashing {
    /// Starts at most `threads` threads, and no more than there are cores. Each works on one
    /// hash while `queue` of cost [`COST`] may wait for it.
    pub fn start(threads: u32, queue: u32) -> anyhow::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let threads = threads.min(u32::try_from(cores).unwrap_or(u32::MAX));
        let capacity = threads * (1 + queue) * units(COST);
        let (jobs, received) = mpsc::channel::<Job>();
        let received = Arc::new(Mutex::new(received));
        for number in 0..threads {
            let received = received.clone();
            thread::Builder::new()
                .name(format!("bcrypt-{number}"))
                .spawn(move || work(&received))?;
        }
        Ok(Self {
            jobs,
            room: Arc::new(Semaphore::new(capacity as usize)),
            capacity,
        })
    }

    /// Hashes a new password.
    pub async fn hash(&self, password: Password) -> Result<bcrypt::BcryptResult<String>, Busy> {
        self.run(units(COST), move || bcrypt::hash(password.expose(), COST))
            .await
    }

    /// Whether `password` is the one that `stored` was made of.
    pub async fn matches(&self, password: Password, stored: StoredHash) -> Result<bool, Busy> {
        self.run(units(stored.cost()), move || stored.matches(&password))
            .await
    }

    async fn run<T: Send + 'static>(
        &self,
        units: u32,
        compute: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let room = self
            .room
            .clone()
            .try_acquire_many_owned(units.min(self.capacity))
            .map_err(|_| Busy)?;
        let (answer, answered) = oneshot::channel();
        let job = move || {
            // Nobody waits any more for what a client that went away has asked.
            if answer.is_closed() {
                return;
            }
            let result = compute();
            // Room comes back before the answer goes out, so that who has it may come again.
            drop(room);
            drop(answer.send(result));
        };
        self.jobs.send(Box::new(job)).map_err(|_| Busy)?;
        answered.await.map_err(|_| Busy)
    }
}

/// Works until the pool is dropped.
fn work(received: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        let job = received.lock().recv();
        match job {
            Ok(job) => job(),
            Err(mpsc::RecvError) => return,
        }
    }
}

/// Work of one hash.
fn units(cost: u32) -> u32 {
    1 << cost.saturating_sub(UNIT_COST).min(20)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password() -> Password {
        Password::new("Passw0rd!x".to_owned()).expect("usable")
    }

    #[tokio::test]
    async fn a_new_hash_has_cost_12_and_matches() {
        let hashing = Hashing::start(1, 1).expect("started");
        let hash = hashing
            .hash(password())
            .await
            .expect("room")
            .expect("hashed");
        assert!(hash.starts_with("$2b$12$"), "{hash}");
        let stored = StoredHash::new(Some(hash));
        assert_eq!(hashing.matches(password(), stored).await, Ok(true));
    }

    #[tokio::test]
    async fn what_finds_no_room_is_refused_and_room_comes_back() {
        let hashing = Hashing::start(1, 0).expect("started");
        let (release, released) = mpsc::channel::<()>();
        let (started, has_started) = oneshot::channel();
        let blocked = hashing.run(units(COST), move || {
            started.send(()).expect("the test waits");
            released.recv().is_ok()
        });
        let refused = async {
            has_started.await.expect("the thread works");
            let refused = hashing.hash(password()).await.err();
            release.send(()).expect("still blocked");
            refused
        };
        let (blocked, refused) = tokio::join!(blocked, refused);
        assert_eq!((blocked, refused), (Ok(true), Some(Busy)));
        assert!(hashing.hash(password()).await.is_ok());
    }

    #[tokio::test]
    async fn cheap_hashes_take_little_room() {
        let hashing = Hashing::start(1, 0).expect("started");
        let stored = StoredHash::new(Some(bcrypt::hash("Passw0rd!x", 4).expect("hashed")));
        let all = (0..200).map(|_| hashing.matches(password(), stored.clone()));
        for result in futures::future::join_all(all).await {
            assert_eq!(result, Ok(true));
        }
    }

    #[test]
    fn work_doubles_with_each_cost() {
        assert_eq!([units(0), units(4), units(5), units(12)], [1, 1, 2, 256]);
    }
}
