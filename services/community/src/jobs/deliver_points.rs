//! Hands earned points to ticket, each until ticket has it or will not take it.

use jiff::SignedDuration;
use serde::Deserialize;
use tracing::{info, warn};
use urr_contract::internal::AwardPoints;

use crate::{
    State,
    domain::points::{Failure, Outcome, outcome},
    store::point_awards::{self, Leased},
};

/// Awards taken at once.
const BATCH: i64 = 20;
/// How long a batch is nobody else's; longer than all its calls can take.
const LEASE: SignedDuration = SignedDuration::from_mins(2);

/// Ticket's answer. A failure of its own comes as 200 with `ok: false`.
#[derive(Deserialize)]
struct AwardAnswer {
    ok: bool,
    error: Option<String>,
}

/// Delivers all that is due.
pub async fn run(state: &State) -> anyhow::Result<()> {
    while !state.tasks.is_cancelled() {
        let leased = point_awards::lease(&state.pool, state.clock.now(), LEASE, BATCH).await?;
        if leased.is_empty() {
            break;
        }
        for award in &leased {
            deliver(state, award).await?;
        }
    }
    Ok(())
}

async fn deliver(state: &State, leased: &Leased) -> anyhow::Result<()> {
    let failure = hand_over(state, &leased.award).await.err();
    let now = state.clock.now();
    let outcome = outcome(leased.attempts, failure, now);
    tell(state, leased, &outcome);
    point_awards::settle(&state.pool, leased, &outcome, now).await?;
    Ok(())
}

async fn hand_over(state: &State, award: &AwardPoints) -> Result<(), Failure> {
    let answer: AwardAnswer = state
        .ticket
        .post_idempotent("/internal/memberships/award-points", award)
        .await?;
    if answer.ok {
        return Ok(());
    }
    Err(Failure {
        text: answer
            .error
            .unwrap_or_else(|| "ticket gave no reason".to_owned()),
        is_final: false,
    })
}

fn tell(state: &State, leased: &Leased, outcome: &Outcome) {
    let (id, attempts) = (leased.id, leased.attempts);
    match outcome {
        Outcome::Delivered => {
            state.metrics.delivered_awards.inc();
        }
        Outcome::Retry(_, error) => {
            info!(award.id = id, attempts, error, "points wait for ticket");
        }
        Outcome::GiveUp(error) => {
            state.metrics.given_up_awards.inc();
            warn!(award.id = id, attempts, error, "points given up");
        }
    }
}
