//! Buying a listed ticket: payment asks for its price, has it kept for an order, and hands it
//! over when the money has moved. What cannot be handed over then is rejected by a fact, from
//! which payment gives the money back.

use jiff::Timestamp;
use sqlx::PgConnection;
use urr_contract::{
    TransferId, UserId, Won,
    internal::{PayAnswer, PayRequest, RefundRequest},
};
use urr_kit::{ApiError, ApiResult, outbox};

use super::{
    Obstacle,
    listing::{lock, try_lock},
    obstacle,
};
use crate::{
    State,
    booking::{cancel::end_refunded, confirm::reject},
    domain::{
        resale::{BuyRefusal, Complete, Listing},
        reservation::Stage,
    },
    facts::published,
    refusal,
    store::{
        begin_bounded, events, orders, reservations, reservations::Locked, tickets, transfers,
    },
};

/// The listing, where that person may buy it now.
pub async fn check(state: &State, id: TransferId, buyer: UserId) -> ApiResult<Listing> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let (locked, listing) = lock(&mut transaction, id).await?;
    check_locked(&mut transaction, &locked, &listing, buyer).await?;
    Ok(listing)
}

async fn check_locked(
    connection: &mut PgConnection,
    locked: &Locked,
    listing: &Listing,
    buyer: UserId,
) -> ApiResult<()> {
    listing
        .check_buyer(buyer, locked.now)
        .map_err(buy_refusal)?;
    if !is_still_for_sale(locked, listing) {
        return Err(refusal::transfer_not_available());
    }
    match obstacle(connection, locked, listing.artist, buyer).await? {
        None => Ok(()),
        Some(obstacle) => Err(obstacle_refusal(obstacle)),
    }
}

/// Whether the ticket is still the seller's, and paid.
fn is_still_for_sale(locked: &Locked, listing: &Listing) -> bool {
    locked.row.stage == Stage::Sold && locked.row.user == listing.seller
}

/// Keeps a listing for an order. A repeat keeps it no longer.
pub async fn reserve(state: &State, id: TransferId, request: &PayRequest) -> ApiResult<PayAnswer> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let (locked, listing) = lock(&mut transaction, id).await?;
    check_locked(&mut transaction, &locked, &listing, request.user_id).await?;
    if request.amount != listing.price.total {
        return Err(refusal::amount_mismatch());
    }
    let expires_at = if let Some(until) = kept_until(&listing, request) {
        until
    } else {
        let seconds = state.terms.paying_seconds;
        let order = &request.order_id;
        transfers::reserve(&mut transaction, id, request.user_id, order, seconds).await?
    };
    let event_title = match locked.row.event {
        Some(event) => events::title(&mut transaction, event).await?,
        None => None,
    };
    transaction.commit().await?;
    Ok(PayAnswer {
        order_id: request.order_id.clone(),
        amount: listing.price.total,
        // The money of a resale is not the event's.
        event_id: None,
        event_title: event_title.unwrap_or(locked.row.number),
        expires_at,
    })
}

fn kept_until(listing: &Listing, request: &PayRequest) -> Option<Timestamp> {
    let is_this = listing.reserved_by == Some(request.user_id)
        && listing.reserved_order.as_ref() == Some(&request.order_id);
    listing.reserved_until.filter(|_| is_this)
}

/// A paid order for a listing.
#[derive(Clone, Debug)]
pub struct Paid {
    /// The order.
    pub order: String,
    /// Who paid.
    pub buyer: UserId,
    /// Won taken.
    pub amount: Won,
}

/// What became of it.
#[derive(Debug)]
pub enum Completed {
    /// The ticket is the buyer's, now or before.
    Handed {
        /// Whether it was before.
        before: bool,
    },
    /// It cannot be; the fact that says so has been appended, now or before.
    Rejected(ApiError),
    /// There is no such listing.
    Unknown,
}

/// Hands a ticket over in the caller's transaction. Idempotent by order.
pub async fn complete(
    connection: &mut PgConnection,
    id: TransferId,
    paid: &Paid,
) -> anyhow::Result<Completed> {
    let Some((locked, listing)) = try_lock(connection, id).await? else {
        return Ok(Completed::Unknown);
    };
    let refused = match listing.complete(paid.buyer, &paid.order, locked.now) {
        Complete::Before => return Ok(Completed::Handed { before: true }),
        Complete::Refuse(refused) => Some(buy_refusal(refused)),
        Complete::HandOver => refusal_now(connection, &locked, &listing, paid).await?,
    };
    if let Some(error) = refused {
        let (order, payer) = (&paid.order, paid.buyer);
        reject(connection, &locked, order, payer, error.detail()).await?;
        return Ok(Completed::Rejected(error));
    }
    reservations::hand_over(connection, listing.reservation, paid.buyer, &paid.order).await?;
    tickets::rotate(connection, listing.reservation).await?;
    transfers::complete(connection, &listing, paid.buyer, &paid.order).await?;
    let fact = published::transferred(&listing, paid.buyer, locked.now);
    outbox::append(connection, &fact).await?;
    Ok(Completed::Handed { before: false })
}

/// Why the ticket cannot be handed over although it is listed. Everything is checked again:
/// what was true when the order was opened need not be now.
async fn refusal_now(
    connection: &mut PgConnection,
    locked: &Locked,
    listing: &Listing,
    paid: &Paid,
) -> anyhow::Result<Option<ApiError>> {
    if orders::rejection(connection, &paid.order).await?.is_some()
        || !is_still_for_sale(locked, listing)
    {
        return Ok(Some(refusal::transfer_not_available()));
    }
    if paid.amount != listing.price.total {
        return Ok(Some(refusal::amount_mismatch()));
    }
    // They come before the person in the order of locks.
    reservations::lock_seats(connection, listing.reservation).await?;
    let obstacle = obstacle(connection, locked, listing.artist, paid.buyer).await?;
    Ok(obstacle.map(obstacle_refusal))
}

/// Ends a ticket because payment gives the money of the order that bought it back. An order
/// that has not bought it yet never will.
pub async fn refund(state: &State, id: TransferId, request: &RefundRequest) -> ApiResult<()> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let (locked, listing) = lock(&mut transaction, id).await?;
    if listing.order.as_ref() == Some(&request.order_id) {
        if locked.row.paid_order() != Some(&request.order_id) {
            // It was sold on.
            return Err(refusal::access_denied());
        }
        return end_refunded(state, transaction, &locked, request).await;
    }
    reject(
        &mut transaction,
        &locked,
        &request.order_id,
        request.user_id,
        &request.reason,
    )
    .await?;
    transaction.commit().await?;
    Ok(())
}

fn buy_refusal(refused: BuyRefusal) -> ApiError {
    match refused {
        BuyRefusal::NotAvailable => refusal::transfer_not_available(),
        BuyRefusal::Own => refusal::own_transfer(),
        BuyRefusal::Reserved => refusal::listing_reserved(),
    }
}

fn obstacle_refusal(obstacle: Obstacle) -> ApiError {
    match obstacle {
        Obstacle::Over => refusal::transfer_not_available(),
        Obstacle::NoMembership => refusal::buyer_needs_membership(),
        Obstacle::TooMany(most) => refusal::too_many_tickets(most),
    }
}
