//! Putting a ticket up for sale, and taking it back.

use sqlx::PgConnection;
use urr_contract::{ArtistId, ReservationId, TransferId, UserId};
use urr_kit::{ApiError, ApiResult};

use crate::{
    State,
    domain::{
        resale::{DEFAULT_FEE_PERCENT, Listing, ListingStatus, Price},
        reservation::Stage,
    },
    refusal,
    store::{
        begin_bounded, events, memberships, reservations, reservations::Locked, tickets, transfers,
        transfers::TransferRow,
    },
};

/// Lists a ticket at its face value.
pub async fn list(state: &State, id: ReservationId, seller: UserId) -> ApiResult<TransferRow> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let locked = reservations::lock(&mut transaction, id)
        .await?
        .ok_or_else(refusal::reservation_not_found)?;
    if locked.row.user != seller {
        return Err(refusal::not_your_reservation());
    }
    if locked.row.stage != Stage::Sold {
        return Err(refusal::not_transferable());
    }
    if tickets::is_used(&mut transaction, id).await? {
        return Err(refusal::ticket_used());
    }
    let artist = artist(&mut transaction, &locked).await?;
    let fee_percent = fee_percent(&mut transaction, seller, artist).await?;
    let price = Price::of(locked.row.total, fee_percent)
        .ok_or_else(|| ApiError::internal(anyhow::anyhow!("prices overflow")))?;
    let row = transfers::insert(&mut transaction, id, seller, artist, price, fee_percent)
        .await
        .map_err(refusal::listing)?;
    transaction.commit().await?;
    Ok(row)
}

/// The artist of the event, which must not be over.
async fn artist(connection: &mut PgConnection, locked: &Locked) -> ApiResult<Option<ArtistId>> {
    let event = locked.row.event.ok_or_else(refusal::event_over)?;
    let terms = events::terms(connection, event)
        .await?
        .ok_or_else(refusal::event_over)?;
    if terms.dates.is_over(terms.now) {
        return Err(refusal::event_over());
    }
    Ok(memberships::artist_of(connection, event).await?)
}

async fn fee_percent(
    connection: &mut PgConnection,
    seller: UserId,
    artist: Option<ArtistId>,
) -> ApiResult<i64> {
    let Some(artist) = artist else {
        return Ok(DEFAULT_FEE_PERCENT);
    };
    memberships::tier(connection, seller, artist)
        .await?
        .benefits()
        .transfer_fee_percent
        .ok_or_else(refusal::membership_required)
}

/// Withdraws a listing, unless somebody is paying for it.
pub async fn withdraw(state: &State, id: TransferId, seller: UserId) -> ApiResult<()> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let (locked, listing) = lock(&mut transaction, id).await?;
    if listing.seller != seller {
        return Err(refusal::not_your_listing());
    }
    if listing.status != ListingStatus::Listed {
        return Err(refusal::not_listed());
    }
    if listing.is_reserved(locked.now) {
        return Err(refusal::listing_reserved());
    }
    transfers::cancel(&mut transaction, id).await?;
    transaction.commit().await?;
    Ok(())
}

/// Locks a listing and, before it, its reservation.
pub(super) async fn lock(
    connection: &mut PgConnection,
    id: TransferId,
) -> ApiResult<(Locked, Listing)> {
    try_lock(connection, id)
        .await?
        .ok_or_else(refusal::transfer_not_found)
}

/// The same; `None` where there is no such listing.
pub(super) async fn try_lock(
    connection: &mut PgConnection,
    id: TransferId,
) -> anyhow::Result<Option<(Locked, Listing)>> {
    let Some(reservation) = transfers::reservation(&mut *connection, id).await? else {
        return Ok(None);
    };
    let Some(locked) = reservations::lock(connection, reservation).await? else {
        return Ok(None);
    };
    let listing = transfers::lock(connection, id).await?;
    Ok(listing.map(|listing| (locked, listing)))
}
