//! Rules of selling seats and standing places. No IO; the time is an argument.

pub mod admin_change;
pub mod form;
pub mod layout;
pub mod order;
pub mod presale;
pub mod reservation;
pub mod sale;
pub mod stamp;
