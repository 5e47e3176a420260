//! Erases accounts: a promise in one transaction that also empties the account itself, then
//! a step for each service that knows the person, tried until it succeeds.

use jiff::SignedDuration;
use tracing::{info, warn};
use urr_contract::UserId;
use urr_kit::{ApiResult, telemetry::chain};

use crate::{
    State,
    domain::{
        account::Role,
        erasure::{Carried, Holder, carried, pause_after},
    },
    refusals,
    store::{
        erasures::{self, Due},
        token_families::{self, EndReason},
        users,
    },
};

/// Steps taken at once.
const BATCH: i64 = 20;
/// How long a step that is being carried out is nobody else's; longer than its call may take.
const CLAIM: SignedDuration = SignedDuration::from_secs(30);

/// Promises to erase an account, unless something is open that needs its owner. From the
/// moment this returns nobody can sign in to it, and its e-mail is free. An account that was
/// erased before stays so.
pub async fn promise(state: &State, user: UserId, requested_by: UserId) -> ApiResult<()> {
    let open = state
        .holders
        .open_matters(user)
        .await
        .map_err(refusals::open_matters_unknown)?;
    if !open.is_empty() {
        return Err(refusals::open_matters(&open));
    }
    let now = state.clock.now();
    let mut transaction = state.pool.begin().await?;
    let administrators = users::lock_administrators(&mut transaction).await?;
    let Some(account) = users::by_id(&mut *transaction, user).await? else {
        return Ok(());
    };
    if account.role == Role::Admin && administrators == 1 {
        return Err(refusals::last_administrator());
    }
    if users::erase(&mut *transaction, user, now).await? {
        token_families::end_all_of(&mut *transaction, user, EndReason::Erasure, now).await?;
        let tokens_end_at = now + state.lifetimes.access;
        erasures::promise(&mut transaction, user, requested_by, now, tokens_end_at).await?;
        transaction.commit().await?;
        info!(user.id = %user, requested.by = %requested_by, "an account is being erased");
    }
    Ok(())
}

/// Carries out all steps that are due; returns how many there were.
pub async fn carry_out_due(state: &State) -> anyhow::Result<usize> {
    let now = state.clock.now();
    let due = erasures::claim(&state.pool, now, now + CLAIM, BATCH).await?;
    for step in &due {
        carry_out(state, step).await?;
    }
    let open = erasures::open(&state.pool).await?;
    state.metrics.open_erasures.set(open);
    Ok(due.len())
}

async fn carry_out(state: &State, step: &Due) -> anyhow::Result<()> {
    let holder = Holder::parse(&step.holder)
        .ok_or_else(|| anyhow::anyhow!("a step of the unknown holder {}", step.holder))?;
    let result = state.holders.erase(holder, step.user).await;
    let now = state.clock.now();
    if let Err(error) = result {
        warn!(user.id = %step.user, error = %chain(&error), "not erased yet");
        let at = now + pause_after(step.attempts);
        erasures::again(&state.pool, step, at, Some(&error.to_string())).await?;
        return Ok(());
    }
    match carried(step.tokens_end_at, now) {
        Carried::AgainAt(at) => erasures::again(&state.pool, step, at, None).await?,
        Carried::Done => {
            let mut transaction = state.pool.begin().await?;
            let is_last = erasures::done(&mut transaction, step, now).await?;
            transaction.commit().await?;
            if is_last {
                state.metrics.erased_accounts.inc();
                info!(user.id = %step.user, "an account is erased everywhere");
            }
        }
    }
    Ok(())
}
