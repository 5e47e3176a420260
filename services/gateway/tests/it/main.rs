//! The gateway on a real port, before small services that tell what reached them, with a
//! Redis of each test's own.

mod app;
mod bodies;
mod cors;
mod documentation;
mod entry;
mod identity;
mod lifecycle;
mod limits;
mod paths;
mod redis;
mod routing;
