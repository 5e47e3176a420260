//! Tests of the kit against real engines and real sockets.

mod client;
mod database;
mod http;
