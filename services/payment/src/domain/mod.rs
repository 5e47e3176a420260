//! Rules of orders and money: no IO, and the time is an argument.

pub(crate) mod ledger;
pub(crate) mod order;
pub(crate) mod settlement;
