//! Turns notices into mails and deliveries, once ticket has said what they are about.

use jiff::SignedDuration;
use tracing::{error, info};
use urr_contract::{
    FactId,
    internal::{DetailsAnswer, DetailsRequest},
};
use urr_kit::client::CallError;

use crate::{
    State,
    domain::{
        details::Details,
        mail::mails,
        notice::{Outcome, outcome},
        webhook::message::message,
    },
    store::{
        self,
        notices::{self, Leased},
        webhook_deliveries,
    },
};

/// Notices taken at once; ticket answers for all of them in one call.
const BATCH: i64 = 100;
/// How long a batch is nobody else's; longer than the call and the transaction can take.
const LEASE: SignedDuration = SignedDuration::from_mins(1);

/// Composes all that is due.
pub async fn run(state: &State) -> anyhow::Result<()> {
    while !state.tasks.is_cancelled() {
        let leased = notices::lease(&state.pool, state.clock.now(), LEASE, BATCH).await?;
        if leased.is_empty() {
            break;
        }
        match ask(state, &leased).await {
            Ok(details) => compose_all(state, &leased, &details).await?,
            Err(error) => {
                for notice in &leased {
                    wait(state, notice, &error.to_string()).await?;
                }
            }
        }
    }
    Ok(())
}

async fn ask(state: &State, leased: &[Leased]) -> Result<Details, CallError> {
    let mut request = DetailsRequest::default();
    for leased in leased {
        leased.notice.ask(&mut request);
    }
    if request == DetailsRequest::default() {
        return Ok(Details::default());
    }
    let answer: DetailsAnswer = state
        .ticket
        .post_idempotent("/internal/reservations/details", &request)
        .await?;
    Ok(answer.into())
}

async fn compose_all(state: &State, leased: &[Leased], details: &Details) -> anyhow::Result<()> {
    let now = state.clock.now();
    let mut transaction = state.pool.begin().await?;
    let mut composed: Vec<FactId> = Vec::with_capacity(leased.len());
    let mut unknown = Vec::new();
    for leased in leased {
        let Ok(about) = details.about(&leased.notice) else {
            unknown.push(leased);
            continue;
        };
        if let Some(message) = message(&leased.notice, leased.fact, leased.happened, about) {
            webhook_deliveries::insert_for_all(&mut *transaction, &message, leased.fact, now)
                .await?;
        }
        for mail in mails(&leased.notice, about) {
            store::mails::insert(&mut *transaction, &mail, leased.fact, now).await?;
        }
        composed.push(leased.fact);
    }
    notices::mark_composed(&mut *transaction, &composed, now).await?;
    transaction.commit().await?;
    for leased in unknown {
        wait(state, leased, "ticket does not know what it is about").await?;
    }
    Ok(())
}

/// Tries again later, unless it would be no news any more.
async fn wait(state: &State, leased: &Leased, reason: &str) -> anyhow::Result<()> {
    let now = state.clock.now();
    let (fact, attempts) = (leased.fact, leased.attempts);
    let outcome = outcome(attempts, leased.happened, now);
    match outcome {
        Outcome::Retry(_) => info!(fact.id = %fact, attempts, reason, "a notice waits"),
        Outcome::GiveUp => error!(fact.id = %fact, attempts, reason, "a notice is given up"),
    }
    notices::settle(&state.pool, leased, outcome, reason, now).await?;
    Ok(())
}
