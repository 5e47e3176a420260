//! Memberships of artists: ask for one, pay for it, have it given back. Points and what they
//! are for are in [`points`].

pub mod points;

use anyhow::Context;
use sqlx::PgConnection;
use urr_contract::{ArtistId, MembershipId, UserId, Won, internal::RefundRequest};
use urr_kit::{ApiError, ApiResult, outbox};

use crate::{
    State,
    domain::membership::Standing,
    facts::published,
    refusal,
    store::{
        begin_bounded, memberships,
        memberships::{Locked, Offer},
    },
};

/// A membership that somebody asked for.
#[derive(Debug)]
pub struct Subscribed {
    /// The membership.
    pub id: MembershipId,
    /// What it costs, and whose it is.
    pub offer: Offer,
}

/// Asks for a membership, or finds the one asked for before. One that is over stays as it
/// was; the new one keeps its points.
pub async fn subscribe(state: &State, user: UserId, artist: ArtistId) -> ApiResult<Subscribed> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let offer = memberships::offer(&mut transaction, artist)
        .await?
        .ok_or_else(refusal::artist_not_found)?;
    let id = match memberships::lock_open(&mut transaction, user, artist).await? {
        None => ask(&mut transaction, user, artist).await?,
        Some(open) => match open.standing {
            Standing::Active => return Err(refusal::already_member()),
            Standing::Pending => open.id,
            Standing::Expired => {
                memberships::expire(&mut transaction, open.id).await?;
                ask(&mut transaction, user, artist).await?
            }
        },
    };
    transaction.commit().await?;
    Ok(Subscribed { id, offer })
}

async fn ask(
    connection: &mut PgConnection,
    user: UserId,
    artist: ArtistId,
) -> ApiResult<MembershipId> {
    if let Some(id) = memberships::insert(connection, user, artist).await? {
        return Ok(id);
    }
    // A twin has just asked for the same.
    memberships::lock_open(connection, user, artist)
        .await?
        .map(|open| open.id)
        .ok_or_else(refusal::still_running)
}

/// What a pending membership costs, for the person whose it is.
pub async fn check(state: &State, id: MembershipId, user: UserId) -> ApiResult<(Won, String)> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let locked = memberships::lock(&mut transaction, id)
        .await?
        .ok_or_else(refusal::membership_not_found)?;
    if locked.user != user {
        return Err(refusal::not_your_membership());
    }
    if locked.standing != Standing::Pending {
        return Err(refusal::membership_not_pending());
    }
    let offer = memberships::offer(&mut transaction, locked.artist)
        .await?
        .ok_or_else(|| ApiError::internal(anyhow::anyhow!("the artist of {id} is missing")))?;
    Ok((offer.price, offer.artist_name))
}

/// What became of a paid membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activated {
    /// Active now.
    Now,
    /// Active before.
    Before,
    /// Paid by another order, or this one's money went back.
    Refused,
    /// There is no such membership.
    Unknown,
}

/// Activates a membership in the caller's transaction, once, with its points and its fact. A
/// caller that names no order only learns whether it is active.
pub async fn activate(
    connection: &mut PgConnection,
    id: MembershipId,
    order: Option<&str>,
) -> anyhow::Result<Activated> {
    let Some(locked) = memberships::lock(connection, id).await? else {
        return Ok(Activated::Unknown);
    };
    if let Some(order) = order
        && memberships::is_returned(connection, order).await?
    {
        return Ok(Activated::Refused);
    }
    let is_same = order.is_none() || locked.order.as_deref() == order;
    match locked.standing {
        Standing::Pending => {}
        Standing::Active | Standing::Expired if is_same => return Ok(Activated::Before),
        Standing::Active | Standing::Expired => return Ok(Activated::Refused),
    }
    memberships::activate(connection, id, order).await?;
    points::for_joining(connection, &locked).await?;
    let fact = published::activated(id, locked.user, locked.artist, locked.now);
    outbox::append(connection, &fact).await?;
    Ok(Activated::Now)
}

/// Ends a membership because payment gives the money of its order back. An order that has
/// not activated it yet never will.
pub async fn refund(state: &State, id: MembershipId, request: &RefundRequest) -> ApiResult<()> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let locked = memberships::lock(&mut transaction, id)
        .await?
        .ok_or_else(refusal::membership_not_found)?;
    if locked.user != request.user_id {
        return Err(refusal::not_your_membership());
    }
    give_back(
        &mut transaction,
        &locked,
        &request.order_id,
        &request.reason,
    )
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// Ends what the order paid for, in the caller's transaction, once.
pub async fn returned(
    connection: &mut PgConnection,
    id: MembershipId,
    order: &str,
    reason: &str,
) -> anyhow::Result<()> {
    let locked = memberships::lock(connection, id)
        .await?
        .with_context(|| format!("membership {id} of a refund is missing"))?;
    give_back(connection, &locked, order, reason).await?;
    Ok(())
}

async fn give_back(
    connection: &mut PgConnection,
    locked: &Locked,
    order: &str,
    reason: &str,
) -> sqlx::Result<()> {
    if !memberships::return_order(connection, locked.id, order, reason).await? {
        return Ok(());
    }
    if locked.order.as_deref() == Some(order) {
        points::for_leaving(connection, locked).await?;
        memberships::expire(connection, locked.id).await?;
    }
    Ok(())
}
