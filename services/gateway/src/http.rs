//! The life of a request: [`proxy`] leads it through the filters, each of which has a file
//! of its own, and on to the service.

pub mod body;
pub mod documentation;
pub mod entry;
pub mod headers;
pub mod identity;
pub mod linger;
pub mod proxy;
pub mod refusal;
