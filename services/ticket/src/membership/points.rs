//! Points: earned by joining, buying and taking part; each thing counts once.

use sqlx::PgConnection;
use urr_contract::{MembershipId, ReservationId, internal::AwardPoints};

use crate::{
    domain::membership::{
        JOIN_POINTS, MAX_AWARD, PURCHASE_POINTS, Standing, capped_award, is_community,
    },
    store::{
        memberships,
        memberships::{Award, Locked},
        reservations,
    },
};

/// Longest action type and description that are kept.
const MAX_ACTION_CHARS: usize = 50;
const MAX_DESCRIPTION_CHARS: usize = 500;

/// Points of a membership that has just become active.
pub(super) async fn for_joining(
    connection: &mut PgConnection,
    locked: &Locked,
) -> sqlx::Result<()> {
    let (action_type, description) = if locked.points > 0 {
        ("MEMBERSHIP_RENEW", "Bonus for membership renewal")
    } else {
        ("MEMBERSHIP_JOIN", "Welcome bonus for membership join")
    };
    let award = Award {
        action_type,
        points: JOIN_POINTS,
        description,
        reference: None,
    };
    change(connection, locked.id, locked.points, &award).await
}

/// Takes back what joining earned, because the money went back.
pub(super) async fn for_leaving(
    connection: &mut PgConnection,
    locked: &Locked,
) -> sqlx::Result<()> {
    let award = Award {
        action_type: "MEMBERSHIP_REFUND",
        points: -JOIN_POINTS,
        description: "Membership refunded",
        reference: None,
    };
    change(connection, locked.id, locked.points, &award).await
}

/// Points for a ticket, where its owner is a member of the event's artist.
pub(crate) async fn for_purchase(
    connection: &mut PgConnection,
    sold: &reservations::Locked,
) -> sqlx::Result<()> {
    let Some(event) = sold.row.event else {
        return Ok(());
    };
    let Some(artist) = memberships::artist_of(connection, event).await? else {
        return Ok(());
    };
    let award = Award {
        action_type: "TICKET_PURCHASE",
        points: PURCHASE_POINTS,
        description: "Points for ticket purchase",
        reference: Some(sold.row.id.0),
    };
    for member in memberships::lock_active(connection, sold.row.user, Some(artist)).await? {
        if member.standing == Standing::Active {
            change(connection, member.id, member.points, &award).await?;
        }
    }
    Ok(())
}

/// Takes back the points of a purchase that was undone.
pub(crate) async fn take_back(
    connection: &mut PgConnection,
    reservation: ReservationId,
) -> sqlx::Result<()> {
    for (id, points) in memberships::purchase_points(connection, reservation).await? {
        let award = Award {
            action_type: "TICKET_REFUND",
            points: -points,
            description: "Ticket purchase undone",
            reference: Some(reservation.0),
        };
        if let Some(locked) = memberships::lock(connection, id).await? {
            change(connection, id, locked.points, &award).await?;
        }
    }
    Ok(())
}

/// Awards what another service asks for, to one artist's membership or to all active ones.
/// `Err` says why the request makes no sense; a request that changes nothing is fine.
pub async fn award(
    connection: &mut PgConnection,
    request: &AwardPoints,
) -> sqlx::Result<Result<(), &'static str>> {
    if let Err(problem) = check(request) {
        return Ok(Err(problem));
    }
    let artist = request.artist_id.map(Into::into);
    for member in memberships::lock_active(connection, request.user_id, artist).await? {
        if member.standing == Standing::Active {
            award_one(connection, &member, request).await?;
        }
    }
    Ok(Ok(()))
}

fn check(request: &AwardPoints) -> Result<(), &'static str> {
    let has_null = request.action_type.contains('\0') || request.description.contains('\0');
    if request.action_type.trim().is_empty()
        || request.action_type.chars().count() > MAX_ACTION_CHARS
        || has_null
    {
        return Err("actionType is not acceptable");
    }
    if !(1..=MAX_AWARD).contains(&request.points) {
        return Err("points must be between 1 and 1000");
    }
    Ok(())
}

async fn award_one(
    connection: &mut PgConnection,
    member: &Locked,
    request: &AwardPoints,
) -> sqlx::Result<()> {
    let points = if is_community(&request.action_type) {
        let today = memberships::community_points_today(connection, member.id).await?;
        capped_award(request.points, today)
    } else {
        request.points
    };
    if points == 0 {
        return Ok(());
    }
    let description: String = request
        .description
        .chars()
        .take(MAX_DESCRIPTION_CHARS)
        .collect();
    let award = Award {
        action_type: &request.action_type,
        points,
        description: &description,
        reference: request.reference_id,
    };
    change(connection, member.id, member.points, &award).await
}

/// Adds points to a locked membership, unless that very award was given before.
async fn change(
    connection: &mut PgConnection,
    id: MembershipId,
    before: i32,
    award: &Award<'_>,
) -> sqlx::Result<()> {
    if memberships::log_points(connection, id, award).await? {
        let points = before.saturating_add(award.points).max(0);
        memberships::set_points(connection, id, points).await?;
    }
    Ok(())
}
