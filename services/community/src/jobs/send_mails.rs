//! Sends mails, each until it is out or never will be.

use std::collections::HashMap;

use futures::{StreamExt, TryStreamExt, stream};
use jiff::SignedDuration;
use tracing::{info, warn};
use urr_contract::{UserId, internal::UserSummary};

use crate::{
    State,
    domain::mail::{
        letter::letter,
        schedule::{Failure, Outcome, outcome},
    },
    mail::Outgoing,
    store::mails::{self, Leased},
};

/// Mails taken at once; auth answers for all of their readers in one call.
const BATCH: i64 = 16;
/// Mails sent at a time.
const PARALLEL: usize = 4;
/// How long a batch is nobody else's; longer than a slow mail server can make it take.
const LEASE: SignedDuration = SignedDuration::from_mins(5);

/// Sends all that is due.
pub async fn run(state: &State) -> anyhow::Result<()> {
    while !state.tasks.is_cancelled() {
        let leased = mails::lease(&state.pool, state.clock.now(), LEASE, BATCH).await?;
        if leased.is_empty() {
            break;
        }
        let users = leased.iter().map(|mail| mail.user).collect();
        let readers = state.readers.of(users).await;
        let readers = readers.map_err(|error| Failure::Passing(error.to_string()));
        let sending: Vec<_> = leased
            .iter()
            .map(|mail| send(state, mail, &readers))
            .collect();
        stream::iter(sending)
            .buffer_unordered(PARALLEL)
            .try_collect::<()>()
            .await?;
    }
    Ok(())
}

async fn send(
    state: &State,
    leased: &Leased,
    readers: &Result<HashMap<UserId, UserSummary>, Failure>,
) -> anyhow::Result<()> {
    let reader = match readers {
        Ok(readers) => readers.get(&leased.user).ok_or(Failure::NoReader),
        Err(failure) => Err(failure.clone()),
    };
    let result = match &reader {
        Ok(reader) => hand_over(state, leased, reader).await,
        Err(failure) => Err(failure.clone()),
    };
    let now = state.clock.now();
    let outcome = outcome(leased.tries, result, now);
    tell(state, leased, &outcome);
    let went_to = reader
        .as_ref()
        .ok()
        .map(|reader| (reader.email.as_str(), reader.language));
    mails::settle(&state.pool, leased, &outcome, went_to, now).await?;
    Ok(())
}

async fn hand_over(state: &State, leased: &Leased, reader: &UserSummary) -> Result<(), Failure> {
    let Some(kind) = leased.kind() else {
        return Err(Failure::Passing(format!(
            "this version writes no mails of kind {}",
            leased.kind
        )));
    };
    let letter = letter(
        kind,
        &leased.content,
        reader.language,
        &reader.name,
        &state.public_url,
    );
    let mail = Outgoing {
        id: leased.id,
        address: &reader.email,
        name: &reader.name,
        language: reader.language,
        letter: &letter,
        at: state.clock.now(),
    };
    state.mailer.send(&mail).await
}

/// Errors of mail servers may name addresses, so they are not logged; the row has them.
fn tell(state: &State, leased: &Leased, outcome: &Outcome) {
    let (id, attempts) = (leased.id, leased.attempt);
    match outcome {
        Outcome::Sent => {
            state.metrics.sent_mails.inc();
        }
        Outcome::Retry(..) => info!(mail.id = %id, attempts, "a mail waits"),
        Outcome::Failed(_) => {
            state.metrics.failed_mails.inc();
            warn!(mail.id = %id, attempts, "a mail is given up");
        }
        Outcome::Dropped(_) => info!(mail.id = %id, "a mail has no reader any more"),
    }
}
