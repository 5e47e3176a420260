//! What the queue does about facts: a purchase gives the slot inside back at once.

mod reservation_confirmed;

use std::sync::Arc;

use urr_contract::topics::Topic;
use urr_kit::{
    Runtime,
    bus::Bus,
    consumer::{self, Consumer},
};

pub use reservation_confirmed::Purchases;

use crate::State;

/// The group in which workers read.
pub const GROUP: &str = "queue-service-group";

/// Starts reading reservations' facts.
pub fn spawn(runtime: &Runtime, state: &Arc<State>, bus: Bus) {
    let consumer = Consumer {
        group: GROUP,
        topics: &[Topic::Reservation],
        pool: state.pool.clone(),
        bus,
    };
    consumer::spawn(runtime, consumer, Purchases::new(Arc::clone(state)));
}
