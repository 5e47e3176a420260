//! Hot path: no blocking IO, no allocation per waiting user, no info logs.
//!
//! Holding seats: Redis turns losers away in one round trip, one transaction decides.

use std::{collections::HashSet, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use sqlx::PgConnection;
use urr_contract::{EventId, ReservationId, SeatId, UserId, Won};
use urr_kit::{ApiError, ApiResult, outbox};
use utoipa::ToSchema;

use super::{
    answer::{self, IdempotencyKey},
    terms::{self, Wanted},
};
use crate::{
    State,
    domain::{order::SeatSelection, reservation::reservation_number},
    facts::published,
    redis::seat_locks::{HELD, Lock},
    refusal,
    store::{
        begin_bounded, events,
        events::SaleTerms,
        items, reservations,
        reservations::{HoldTimes, NewHold},
        seats,
        seats::{LockedSeat, TakenSeat},
    },
};

/// A lock older than this belongs to a hold that Postgres must know by now.
const LOCK_SETTLES_WITHIN: Duration = Duration::from_secs(5);

/// Seats that a person wants.
#[derive(Clone, Debug)]
pub struct SeatRequest {
    /// Who.
    pub user: UserId,
    /// Of which event.
    pub event: EventId,
    /// Which.
    pub seats: SeatSelection,
    /// The key of the request, if it has one.
    pub key: Option<IdempotencyKey>,
}

/// The answer to a hold.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SeatsHeld)]
pub(crate) struct HoldAnswer {
    /// What was done, for people.
    message: &'static str,
    /// The reservation.
    reservation: HeldReservation,
}

/// A hold of seats.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SeatHold)]
struct HeldReservation {
    /// The reservation.
    id: ReservationId,
    /// Its number for people.
    reservation_number: String,
    /// The price of all, in won.
    total_amount: Won,
    /// When the hold ends unless it is paid.
    expires_at: Timestamp,
    /// What is held.
    seats: Vec<LockedSeat>,
    /// Rises with each hold of these seats.
    fencing_token: i64,
}

/// What the transaction came to.
enum Outcome {
    /// A new hold, committed.
    Held {
        answer: Bytes,
        seats: Vec<TakenSeat>,
        lock_life: Duration,
    },
    /// The answer of an earlier request.
    Repeated(Bytes),
}

/// Holds the seats and returns the body of the answer. A person who holds them already
/// gets that hold.
pub async fn hold(state: &State, request: &SeatRequest) -> ApiResult<Bytes> {
    let started = std::time::Instant::now();
    let hold = ReservationId::random();
    let lock = take_locks(state, request, hold).await;
    if let Lock::Held(age) = lock {
        if let Some(answer) =
            answer::stored(&state.pool, request.user, request.key.as_ref()).await?
        {
            return Ok(answer);
        }
        if !is_stale(state, request, age).await? {
            return Err(refusal::seat_taken());
        }
        state.locks.clear(request.event, request.seats.ids()).await;
    }
    let outcome = decide(state, request, hold).await;
    match outcome {
        Ok(Outcome::Held {
            answer,
            seats,
            lock_life,
        }) => {
            state.metrics.created(started.elapsed());
            if lock == Lock::Taken {
                copy_tokens(state, request, hold, &seats, lock_life).await;
            }
            Ok(answer)
        }
        // Only this request's own locks: they carry its id.
        Ok(Outcome::Repeated(answer)) => {
            give_locks_back(state, request, hold, lock).await;
            Ok(answer)
        }
        Err(error) => {
            give_locks_back(state, request, hold, lock).await;
            Err(error)
        }
    }
}

async fn take_locks(state: &State, request: &SeatRequest, hold: ReservationId) -> Lock {
    state
        .locks
        .take(
            request.event,
            request.seats.ids(),
            hold,
            request.user,
            state.terms.lock_life(),
        )
        .await
}

async fn copy_tokens(
    state: &State,
    request: &SeatRequest,
    hold: ReservationId,
    seats: &[TakenSeat],
    life: Duration,
) {
    let tokens: Vec<_> = seats
        .iter()
        .map(|seat| (seat.id, seat.fencing_token))
        .collect();
    state
        .locks
        .mark(request.event, &tokens, hold, HELD, life)
        .await;
}

async fn give_locks_back(state: &State, request: &SeatRequest, hold: ReservationId, lock: Lock) {
    // An answer that got lost may have taken them as well.
    if matches!(lock, Lock::Taken | Lock::Unknown) {
        let ids = request.seats.ids();
        state.locks.release(request.event, ids, hold).await;
    }
}

/// Whether the locks outlived their hold, for instance because Redis was away when it
/// ended. The seat map of the last second is asked first, so that a crowd of losers costs
/// one query a second.
async fn is_stale(state: &State, request: &SeatRequest, age: Duration) -> ApiResult<bool> {
    if age < LOCK_SETTLES_WITHIN {
        return Ok(false);
    }
    let Some(map) = state.seat_maps.get(request.event).await? else {
        return Ok(false);
    };
    let ids = request.seats.ids();
    Ok(ids.iter().all(|seat| map.is_available(*seat))
        && seats::all_available(&state.pool, ids).await?)
}

/// The transaction that decides.
async fn decide(state: &State, request: &SeatRequest, hold: ReservationId) -> ApiResult<Outcome> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let Some(terms) = events::terms(&mut transaction, request.event).await? else {
        return Err(refusal::seat_not_found());
    };
    if let Some(answer) =
        answer::claim(&mut transaction, request.user, request.key.as_ref()).await?
    {
        return Ok(Outcome::Repeated(answer));
    }
    let rows = seats::lock(&mut transaction, request.event, request.seats.ids())
        .await
        .map_err(refusal::database)?;
    if rows.len() != request.seats.ids().len() {
        return Err(refusal::seat_not_found());
    }
    if rows.iter().any(|seat| seat.status != "available") {
        let own = own_hold(&mut transaction, request).await?;
        let own = own.ok_or_else(|| taken(&rows))?;
        let answer =
            answer::complete(&mut transaction, request.user, request.key.as_ref(), &own).await?;
        transaction.commit().await?;
        return Ok(Outcome::Repeated(answer));
    }
    let wanted = Wanted {
        user: request.user,
        event: request.event,
        tickets: request.seats.count(),
    };
    terms::check(&mut transaction, wanted, &terms).await?;
    let taken = seats::take(&mut transaction, request.seats.ids(), request.user).await?;
    if taken.len() != rows.len() {
        return Err(refusal::seat_taken());
    }
    let answer = write_hold(&mut transaction, state, request, hold, &terms, rows, &taken).await?;
    let answer = answer::complete(
        &mut transaction,
        request.user,
        request.key.as_ref(),
        &answer,
    )
    .await?;
    transaction.commit().await?;
    Ok(Outcome::Held {
        answer,
        seats: taken,
        lock_life: state.terms.of_policy(terms.times).lock_life(),
    })
}

fn taken(rows: &[LockedSeat]) -> ApiError {
    let labels: Vec<&str> = rows
        .iter()
        .filter(|seat| seat.status != "available")
        .map(|seat| seat.seat_label.as_str())
        .collect();
    refusal::seats_reserved(&labels)
}

async fn write_hold(
    connection: &mut PgConnection,
    state: &State,
    request: &SeatRequest,
    id: ReservationId,
    terms: &SaleTerms,
    rows: Vec<LockedSeat>,
    taken: &[TakenSeat],
) -> ApiResult<HoldAnswer> {
    let total = taken
        .iter()
        .try_fold(Won::ZERO, |sum, seat| sum.checked_add(seat.price));
    let hold = NewHold {
        id,
        user: request.user,
        event: request.event,
        number: reservation_number("TK", id, terms.now),
        quantity: request.seats.count(),
        total: total.ok_or_else(|| ApiError::internal(anyhow::anyhow!("prices overflow")))?,
        seconds: state.terms.of_policy(terms.times).hold_seconds,
    };
    let HoldTimes {
        created_at,
        expires_at,
    } = reservations::insert(connection, &hold).await?;
    items::insert_seats(connection, id, taken)
        .await
        .map_err(refusal::database)?;
    outbox::append(connection, &published::created(&hold, created_at)).await?;
    Ok(HoldAnswer {
        message: "Seat reserved temporarily",
        reservation: HeldReservation {
            id,
            reservation_number: hold.number,
            total_amount: hold.total,
            expires_at,
            seats: rows,
            fencing_token: newest(taken.iter().map(|seat| seat.fencing_token)),
        },
    })
}

fn newest(tokens: impl Iterator<Item = i64>) -> i64 {
    tokens.max().unwrap_or_default()
}

/// The person's own unpaid hold, if it is on exactly these seats.
async fn own_hold(
    connection: &mut PgConnection,
    request: &SeatRequest,
) -> ApiResult<Option<HoldAnswer>> {
    let ids = request.seats.ids();
    let Some(id) = reservations::own_hold_on_seat(connection, request.user, ids[0]).await? else {
        return Ok(None);
    };
    // Read, not locked: its row lock comes before those of the seats.
    let Some(held) = reservations::held(connection, id).await? else {
        return Ok(None);
    };
    let seats = reservations::held_seats(connection, id).await?;
    let held_ids: HashSet<SeatId> = seats.iter().map(|seat| seat.id).collect();
    if held_ids.len() != ids.len() || !ids.iter().all(|id| held_ids.contains(id)) {
        return Ok(None);
    }
    Ok(Some(HoldAnswer {
        message: "Seat reserved temporarily",
        reservation: HeldReservation {
            id,
            reservation_number: held.number,
            total_amount: held.total,
            expires_at: held.expires_at,
            fencing_token: newest(seats.iter().map(|seat| seat.fencing_token)),
            seats: seats.into_iter().map(LockedSeat::from).collect(),
        },
    }))
}
