//! All SQL of community. Functions take the executor, so the caller owns the transaction.

pub mod comments;
pub mod mails;
pub mod news;
pub mod notice_log;
pub mod notices;
pub mod personal_data;
pub mod point_awards;
pub mod posts;
pub mod views;
pub mod webhook_deliveries;
pub mod webhook_endpoints;
