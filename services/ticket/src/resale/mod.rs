//! Selling tickets on: list, withdraw, buy. A ticket that changes hands leaves its seller's
//! account, reservation and seats in one transaction, under the reservation's lock.

pub mod buying;
pub mod listing;

use sqlx::PgConnection;
use urr_contract::{ArtistId, UserId};

use crate::{
    domain::membership::Tier,
    store::{events, memberships, people, reservations::Locked},
};

/// Why a person cannot have a ticket that is for sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The show is over or was called off.
    Over,
    /// No active membership of the artist.
    NoMembership,
    /// The person would have more tickets than one may have.
    TooMany(i64),
}

/// What stands between a person and a ticket. Locks the person's row of the event, so that the
/// answer stays true until the transaction ends.
async fn obstacle(
    connection: &mut PgConnection,
    locked: &Locked,
    artist: Option<ArtistId>,
    buyer: UserId,
) -> sqlx::Result<Option<Obstacle>> {
    let Some(event) = locked.row.event else {
        return Ok(Some(Obstacle::Over));
    };
    let Some(terms) = events::terms(connection, event).await? else {
        return Ok(Some(Obstacle::Over));
    };
    if terms.dates.is_over(terms.now) {
        return Ok(Some(Obstacle::Over));
    }
    let has = people::lock_and_count(connection, event, buyer).await?;
    if has + locked.row.quantity > terms.max_per_person {
        return Ok(Some(Obstacle::TooMany(terms.max_per_person)));
    }
    let Some(artist) = artist else {
        return Ok(None);
    };
    let tier = memberships::tier(connection, buyer, artist).await?;
    Ok((tier == Tier::Bronze).then_some(Obstacle::NoMembership))
}
