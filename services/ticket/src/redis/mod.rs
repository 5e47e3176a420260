//! What Redis hurries: the seat locks. Losing it costs speed, never a seat.

pub mod seat_locks;
