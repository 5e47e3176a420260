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
    loop {
        let leased = point_awards::lease(&state.pool, state.clock.now(), LEASE, BATCH).await?;
        if leased.is_empty() {
            return Ok(());
        }
        for award in leased {
            deliver(state, award).await?;
        }
    }
}

async fn deliver(state: &State, leased: Leased) -> anyhow::Result<()> {
    let failure = hand_over(state, &leased.award).await.err();
    let now = state.clock.now();
    match outcome(leased.attempts, failure, now) {
        Outcome::Delivered => {
            state.metrics.delivered_awards.inc();
            point_awards::mark_delivered(&state.pool, leased.id, now).await?;
        }
        Outcome::Retry(until, error) => {
            info!(
                award.id = leased.id,
                attempts = leased.attempts,
                error,
                "points wait for ticket"
            );
            point_awards::postpone(&state.pool, leased.id, until, &error).await?;
        }
        Outcome::GiveUp(error) => {
            state.metrics.given_up_awards.inc();
            warn!(
                award.id = leased.id,
                attempts = leased.attempts,
                error,
                "points given up"
            );
            point_awards::mark_given_up(&state.pool, leased.id, now, &error).await?;
        }
    }
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
