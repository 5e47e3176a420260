//! What every hold must satisfy, of seats and of standing places alike: the event is on sale,
//! open for this person, and the person stays within what one may have.

use sqlx::PgConnection;
use urr_contract::{EventId, UserId};
use urr_kit::ApiResult;

use crate::{
    refusal,
    store::{events::SaleTerms, memberships, people},
};

/// A wish for so many tickets of an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Who.
    pub(super) user: UserId,
    /// Of which event.
    pub(super) event: EventId,
    /// How many.
    pub(super) tickets: i64,
}

/// Refuses a wish that the terms do not allow. The person's row of the event is locked until
/// the transaction ends, so that two holds at once cannot both see room under the cap.
pub(super) async fn check(
    connection: &mut PgConnection,
    wanted: Wanted,
    terms: &SaleTerms,
) -> ApiResult<()> {
    if !terms.dates.is_on_sale(terms.now) {
        return Err(refusal::not_on_sale());
    }
    check_presale(connection, wanted.user, terms).await?;
    let has = people::lock_and_count(connection, wanted.event, wanted.user)
        .await
        .map_err(refusal::database)?;
    if has + wanted.tickets > terms.max_per_person {
        return Err(refusal::too_many_tickets(terms.max_per_person));
    }
    Ok(())
}

/// Refuses a person whose tier buys later. The tier is that of this moment, so that one who
/// rises meanwhile may buy at once, and one who gave the membership back may not.
pub(super) async fn check_presale(
    connection: &mut PgConnection,
    user: UserId,
    terms: &SaleTerms,
) -> ApiResult<()> {
    let presale = terms
        .presale
        .filter(|presale| presale.schedule.is_going_on(terms.now));
    let Some(presale) = presale else {
        return Ok(());
    };
    let tier = memberships::tier(connection, user, presale.artist).await?;
    let opens_at = presale.schedule.opens_for(tier);
    if terms.now < opens_at {
        return Err(refusal::presale_not_open(tier, opens_at));
    }
    Ok(())
}
