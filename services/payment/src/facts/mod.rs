//! Facts of others that take effect here.

pub(crate) mod reservation_ended;
