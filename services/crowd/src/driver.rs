//! Runs fans: sleeps when they pause, sends what they ask, counts what happens.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::task::JoinSet;
use urr_kit::Runtime;

use crate::{
    browser::{Browser, Network},
    domain::{
        fan::{Fan, Input, Step},
        milestone::Place,
        tally::Tally,
    },
    progress::Progress,
};

/// What all fans of a run share.
#[derive(Clone)]
pub struct Stage {
    /// The connections.
    pub network: Network,
    /// The count.
    pub tally: Arc<Mutex<Tally>>,
    /// The clock and the signal to end.
    pub runtime: Runtime,
}

/// Runs all `fans`, each from its own time on, until the last has ended or shutdown begins.
/// Returns whether it was ended early.
pub async fn run(
    stage: &Stage,
    fans: impl Iterator<Item = (Duration, Fan)>,
    progress: &Progress,
) -> bool {
    let mut crowd = JoinSet::new();
    for (offset, fan) in fans {
        let stage = stage.clone();
        crowd.spawn(async move {
            tokio::time::sleep(offset).await;
            live(&stage, fan).await;
        });
    }
    let mut look = tokio::time::interval(progress.period());
    let interrupted = loop {
        tokio::select! {
            ended = crowd.join_next() => match ended {
                Some(Ok(())) => {}
                Some(Err(error)) => tracing::error!(%error, "a fan broke off"),
                None => break false,
            },
            _ = look.tick() => progress.show(&stage.tally.lock()),
            () = stage.runtime.tasks.cancelled() => break true,
        }
    };
    crowd.shutdown().await;
    progress.show(&stage.tally.lock());
    progress.finish();
    interrupted
}

/// One visit from arrival to end.
async fn live(stage: &Stage, mut fan: Fan) {
    let mut browser = Browser::new(stage.network.clone());
    let mut place = Place::Away;
    let mut input = Input::Woke;
    loop {
        let turn = fan.next(stage.runtime.clock.now(), input);
        if !turn.milestones.is_empty() {
            let mut tally = stage.tally.lock();
            for milestone in &turn.milestones {
                place = tally.count(place, milestone);
            }
        }
        input = match turn.step {
            Step::Pause(pause) => {
                tokio::time::sleep(pause).await;
                Input::Woke
            }
            Step::Send(call) => {
                let timed = browser.send(&call).await;
                let mut tally = stage.tally.lock();
                tally.answered(call.endpoint(), &timed.outcome, timed.took, timed.queued);
                Input::Came(timed.outcome)
            }
            Step::End => return,
        };
    }
}
