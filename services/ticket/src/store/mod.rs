//! All SQL, one file per aggregate. Functions take a connection, so the caller owns the
//! transaction. Whatever locks several rows locks them in this order, so that no two wait for
//! each other: reservation, its listing, seats by id, person, ticket types by id and their shards,
//! memberships by id.

pub mod admin_reservations;
pub mod artists;
pub mod audit_logs;
pub mod availability;
pub mod details;
pub mod devices;
pub mod event_changes;
pub mod event_views;
pub mod events;
pub mod figures;
pub mod idempotency;
pub mod items;
pub mod layouts;
pub mod memberships;
pub mod orders;
pub mod payouts;
pub mod people;
pub mod personal_data;
pub mod reservations;
pub mod sale_policies;
pub mod scans;
pub mod seats;
pub mod stock;
pub mod ticket_types;
pub mod tickets;
pub mod transfers;

use sqlx::{PgPool, Postgres, Transaction, error::DatabaseError};

/// Begins a transaction whose lock waits end after 2 s, in one round trip.
pub async fn begin_bounded(pool: &PgPool) -> sqlx::Result<Transaction<'static, Postgres>> {
    pool.begin_with("begin; set local lock_timeout = '2s'")
        .await
}

/// Whether a statement gave up waiting for a lock.
pub fn is_lock_timeout(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| code == "55P03")
}
