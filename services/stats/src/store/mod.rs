//! SQL of `stats_db`. Writes take what one fact says, reads answer one question.

pub mod audience;
pub mod cancellations;
pub mod days;
pub mod events;
pub mod hours;
pub mod live;
pub mod memberships;
pub mod payments;
pub mod reservations;
pub mod transfers;
