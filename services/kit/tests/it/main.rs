//! Tests of the kit against real engines and real sockets.

mod bus;
mod bus_embedded;
mod client;
mod database;
mod http;
mod outbound;
mod unread;
