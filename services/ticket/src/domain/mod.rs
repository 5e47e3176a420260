//! Rules of selling seats and standing places. No IO; the time is an argument.

pub mod layout;
pub mod order;
pub mod presale;
pub mod reservation;
pub mod sale;
pub mod stamp;
