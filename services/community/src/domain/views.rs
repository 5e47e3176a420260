//! Views that were counted and not yet written down, so that reading writes nothing.

use std::collections::HashMap;

use parking_lot::Mutex;
use uuid::Uuid;

/// What can be viewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A news article.
    News,
    /// A post on the board.
    Post,
}

/// Views by what was viewed.
pub type Counts = HashMap<(Kind, Uuid), i32>;

/// Views that only this process knows. Only things that exist are counted, so it never
/// holds more than there are.
#[derive(Debug, Default)]
pub struct Views {
    pending: Mutex<Counts>,
}

impl Views {
    /// Counts one view and returns how many are not written down with it.
    pub fn count(&self, kind: Kind, id: Uuid) -> i32 {
        let mut pending = self.pending.lock();
        let views = pending.entry((kind, id)).or_insert(0);
        *views = views.saturating_add(1);
        *views
    }

    /// Views that are not written down.
    pub fn pending(&self, kind: Kind, id: Uuid) -> i32 {
        self.pending.lock().get(&(kind, id)).copied().unwrap_or(0)
    }

    /// All that is to be written down. It stays pending until [`Views::settle`].
    pub fn snapshot(&self) -> Counts {
        self.pending.lock().clone()
    }

    /// Forgets what has been written down.
    pub fn settle(&self, written: &Counts) {
        let mut pending = self.pending.lock();
        for (key, views) in written {
            if let Some(left) = pending.get_mut(key) {
                *left -= views;
            }
        }
        pending.retain(|_, views| *views > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_between_snapshot_and_settling_stay() {
        let views = Views::default();
        let (news, post) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(views.count(Kind::News, news), 1);
        assert_eq!(views.count(Kind::Post, post), 1);
        let written = views.snapshot();
        assert_eq!(views.count(Kind::News, news), 2);
        assert_eq!(views.pending(Kind::Post, news), 0, "kinds are apart");
        views.settle(&written);
        assert_eq!(views.snapshot(), Counts::from([((Kind::News, news), 1)]));
    }
}
