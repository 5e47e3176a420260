//! All SQL. Every function takes the connection, so that the caller owns the transaction.

pub(crate) mod ledger;
pub(crate) mod payments;
pub(crate) mod personal_data;
pub(crate) mod refunds;
