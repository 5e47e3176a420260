//! Rules of selling seats and standing places. No IO; the time is an argument.

pub mod admin_change;
pub mod availability;
pub mod check_in;
pub mod credential;
pub mod doors;
pub mod form;
pub mod layout;
pub mod membership;
pub mod order;
pub mod picture;
pub mod presale;
pub mod resale;
pub mod reservation;
pub mod sale;
pub mod seat;
pub mod stamp;
