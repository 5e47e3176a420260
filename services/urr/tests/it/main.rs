//! The program as a whole: what it may be built from, what it says about itself, and what
//! it does when it is really started.

mod command;
mod dependencies;
mod help;
mod licences;
mod migrate;
mod openapi;
mod platform;
mod purchase;
mod seed;
mod transcripts;
mod up;
