//! The facts of a reservation's life, filled from its row.

use jiff::Timestamp;
use urr_contract::{
    ArtistId, Fact, MembershipId, UserId,
    facts::{
        MembershipActivatedV1, ReservationConfirmedV1, ReservationCreatedV1, ReservationEndedV1,
        TransferCompletedV1,
    },
};

use crate::{
    domain::{resale::Listing, reservation::Stage},
    store::reservations::{Locked, NewHold},
};

/// A hold was taken.
pub fn created(hold: &NewHold, at: Timestamp) -> Fact {
    Fact::ReservationCreated(ReservationCreatedV1 {
        saga_id: None,
        reservation_id: hold.id,
        user_id: hold.user,
        event_id: Some(hold.event),
        total_amount: hold.total,
        quantity: hold.quantity,
        timestamp: at,
    })
}

/// A reservation was sold.
pub fn confirmed(locked: &Locked, method: &str) -> Fact {
    Fact::ReservationConfirmed(ReservationConfirmedV1 {
        saga_id: None,
        reservation_id: locked.row.id,
        user_id: locked.row.user,
        event_id: locked.row.event,
        total_amount: locked.row.total,
        payment_method: method.to_owned(),
        quantity: locked.row.quantity,
        timestamp: locked.now,
    })
}

/// A reservation ended, from the stage it was in before.
pub fn ended(locked: &Locked, reason: &str) -> ReservationEndedV1 {
    ReservationEndedV1 {
        saga_id: None,
        reservation_id: locked.row.id,
        user_id: locked.row.user,
        event_id: locked.row.event,
        reason: Some(reason.to_owned()),
        was_confirmed: locked.row.stage == Stage::Sold,
        quantity: locked.row.quantity,
        order_id: locked
            .row
            .paid_order()
            .map(str::to_owned)
            .or_else(|| locked.row.order.clone()),
        payer_id: None,
        timestamp: locked.now,
    }
}

/// An order that `payer` has paid cannot be honoured.
pub fn rejected(locked: &Locked, order: &str, payer: UserId, reason: &str) -> Fact {
    Fact::ReservationRejected(ReservationEndedV1 {
        order_id: Some(order.to_owned()),
        payer_id: Some(payer),
        was_confirmed: false,
        ..ended(locked, reason)
    })
}

/// A ticket changed hands.
pub fn transferred(listing: &Listing, buyer: UserId, at: Timestamp) -> Fact {
    Fact::TransferCompleted(TransferCompletedV1 {
        saga_id: None,
        transfer_id: listing.id,
        reservation_id: Some(listing.reservation),
        seller_id: Some(listing.seller),
        buyer_id: buyer,
        total_price: listing.price.total,
        timestamp: at,
    })
}

/// A membership was paid and is active.
pub fn activated(id: MembershipId, user: UserId, artist: ArtistId, at: Timestamp) -> Fact {
    Fact::MembershipActivated(MembershipActivatedV1 {
        saga_id: None,
        membership_id: id,
        user_id: user,
        artist_id: Some(artist.0),
        timestamp: at,
    })
}
