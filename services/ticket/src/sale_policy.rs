//! The declared terms of an event's sale: accepting a policy moves the sale's dates with it,
//! and letting it go gives them back to the administrators.

use urr_contract::{
    EventId, SalePolicy,
    sale_policy::{Refusal, accepts},
};
use urr_kit::ApiResult;

use crate::{
    State, refusal,
    store::{begin_bounded, event_changes, sale_policies, sale_policies::StoredPolicy},
};

/// Stores a policy unless something newer or somebody else's stands against it; a repetition
/// changes nothing. `has_seen` tells whether the writer showed the entity tag of what is
/// stored.
pub async fn write(
    state: &State,
    event: EventId,
    policy: SalePolicy,
    has_seen: impl FnOnce(&StoredPolicy) -> bool,
) -> ApiResult<StoredPolicy> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let locked = event_changes::lock(&mut transaction, event)
        .await
        .map_err(refusal::database)?
        .ok_or_else(refusal::event_not_found)?;
    let stored = sale_policies::find(&mut *transaction, event).await?;
    let has_seen = stored.as_ref().is_some_and(has_seen);
    let current = stored.as_ref().map(|stored| &stored.policy);
    let changes = accepts(current, &policy, has_seen, locked.now).map_err(refusal::policy_write)?;
    if let Some(stored) = stored.filter(|_| !changes) {
        return Ok(stored);
    }
    let (opens_at, closes_at) = (policy.opens_at, policy.closes_at);
    event_changes::set_sale_dates(&mut transaction, event, opens_at, closes_at)
        .await
        .map_err(refusal::event_form)?;
    let revision = sale_policies::put(&mut transaction, event, &policy).await?;
    transaction.commit().await?;
    Ok(StoredPolicy { revision, policy })
}

/// Lets go of a policy that belongs to `owner`. Where none is stored there is nothing to do.
pub async fn release(state: &State, event: EventId, owner: &str) -> ApiResult<()> {
    let mut transaction = begin_bounded(&state.pool).await?;
    event_changes::lock(&mut transaction, event)
        .await
        .map_err(refusal::database)?;
    match sale_policies::find(&mut *transaction, event).await? {
        None => Ok(()),
        Some(stored) if stored.policy.fence.owner != owner => {
            Err(refusal::policy_write(Refusal::OtherOwner))
        }
        Some(_) => {
            sale_policies::delete(&mut transaction, event).await?;
            Ok(transaction.commit().await?)
        }
    }
}
