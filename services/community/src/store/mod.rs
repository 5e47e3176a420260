//! All SQL of community. Functions take the executor, so the caller owns the transaction.

pub mod comments;
pub mod news;
pub mod personal_data;
pub mod point_awards;
pub mod posts;
pub mod views;
