//! How far a client's body has come, so that a missing answer can be blamed on whom it is
//! due to.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

/// How long a client may take to send a body.
const CLIENT_TOTAL: Duration = Duration::from_mins(1);

/// Where a body stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The client's turn since then.
    Client(Instant),
    /// The service's turn to take more, since then.
    Service(Instant),
    /// All of it was sent on, then.
    Ended(Instant),
    /// The client sent too much.
    TooLarge,
    /// The client hung up.
    Broken,
}

/// How long an answer may be missing.
#[derive(Clone, Copy, Debug)]
pub struct Allowed {
    /// While the client pauses in its body.
    pub client_pause: Duration,
    /// While the service has everything it needs.
    pub service: Duration,
}

/// What to make of an answer that has not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// Nobody's fault yet; ask again then.
    Nobody(Instant),
    /// The client's.
    Client,
    /// The service's.
    Service,
}

/// A body on its way. `None` inside means that there is none.
#[derive(Clone, Debug)]
pub struct Upload(Option<Arc<State>>);

#[derive(Debug)]
struct State {
    begun: Instant,
    progress: Mutex<Progress>,
}

impl Upload {
    /// A request without a body.
    pub fn none() -> Self {
        Self(None)
    }

    /// A body that begins at `now`.
    pub fn begun(now: Instant) -> Self {
        Self(Some(Arc::new(State {
            begun: now,
            progress: Mutex::new(Progress::Service(now)),
        })))
    }

    /// Where it stands.
    pub fn progress(&self) -> Option<Progress> {
        self.0.as_ref().map(|state| *state.progress.lock())
    }

    /// Whether the service has all of it, so that its connection can serve again.
    pub fn is_done(&self) -> bool {
        self.progress()
            .is_none_or(|progress| matches!(progress, Progress::Ended(_)))
    }

    /// Whose fault it is at `now` that no answer has come to what began at `begun`.
    pub fn blame(&self, begun: Instant, now: Instant, allowed: Allowed) -> Blame {
        let budget = allowed.service;
        let (due, late) = match &self.0 {
            None => (begun + budget, Blame::Service),
            Some(state) => match *state.progress.lock() {
                Progress::Client(since) => {
                    let end = state.begun + CLIENT_TOTAL;
                    (end.min(since + allowed.client_pause), Blame::Client)
                }
                Progress::Service(since) | Progress::Ended(since) => {
                    (since + budget, Blame::Service)
                }
                Progress::TooLarge | Progress::Broken => (begun, Blame::Client),
            },
        };
        if now >= due { late } else { Blame::Nobody(due) }
    }

    /// The client's turn.
    pub(crate) fn waits_for_client(&self) {
        self.update(|progress| match progress {
            Progress::Client(_) => progress,
            _ => Progress::Client(Instant::now()),
        });
    }

    /// The service's turn.
    pub(crate) fn waits_for_service(&self) {
        self.update(|_| Progress::Service(Instant::now()));
    }

    /// All of it was sent on at `now`.
    pub(crate) fn ended(&self, now: Instant) {
        self.update(|_| Progress::Ended(now));
    }

    /// The client sent too much.
    pub(crate) fn too_large(&self) {
        self.update(|_| Progress::TooLarge);
    }

    /// The client hung up.
    pub(crate) fn broke(&self) {
        self.update(|_| Progress::Broken);
    }

    fn update(&self, step: impl FnOnce(Progress) -> Progress) {
        if let Some(state) = &self.0 {
            let mut progress = state.progress.lock();
            *progress = step(*progress);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Duration = Duration::from_secs(10);
    const ALLOWED: Allowed = Allowed {
        client_pause: Duration::from_secs(7),
        service: BUDGET,
    };

    #[test]
    fn the_service_is_blamed_once_it_has_everything() {
        let begun = Instant::now();
        let none = Upload::none();
        assert_eq!(
            none.blame(begun, begun, ALLOWED),
            Blame::Nobody(begun + BUDGET)
        );
        assert_eq!(none.blame(begun, begun + BUDGET, ALLOWED), Blame::Service);

        let upload = Upload::begun(begun);
        let ended = begun + Duration::from_secs(8);
        upload.ended(ended);
        assert_eq!(
            upload.blame(begun, begun + BUDGET, ALLOWED),
            Blame::Nobody(ended + BUDGET)
        );
        assert_eq!(upload.blame(begun, ended + BUDGET, ALLOWED), Blame::Service);
    }

    #[test]
    fn a_client_that_pauses_or_dawdles_is_blamed() {
        let begun = Instant::now();
        let upload = Upload::begun(begun);
        upload.waits_for_client();
        let Some(Progress::Client(since)) = upload.progress() else {
            panic!("it is the client's turn");
        };
        let due = since + ALLOWED.client_pause;
        assert_eq!(upload.blame(begun, since, ALLOWED), Blame::Nobody(due));
        assert_eq!(upload.blame(begun, due, ALLOWED), Blame::Client);

        let slow = Upload::begun(begun - CLIENT_TOTAL);
        slow.waits_for_client();
        assert_eq!(slow.blame(begun, since, ALLOWED), Blame::Client);
    }

    #[test]
    fn a_service_that_takes_no_more_is_blamed() {
        let begun = Instant::now();
        let upload = Upload::begun(begun);
        upload.waits_for_service();
        let Some(Progress::Service(since)) = upload.progress() else {
            panic!("it is the service's turn");
        };
        assert_eq!(upload.blame(begun, since + BUDGET, ALLOWED), Blame::Service);
    }
}
