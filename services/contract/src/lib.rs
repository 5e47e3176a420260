//! What more than one part of URR must agree on: ids, money, facts and their
//! topics, tokens, the bodies of internal calls, and the sale policy.
//!
//! Nothing here does IO. Time is always an argument.

pub mod facts;
pub mod headers;
pub mod ids;
pub mod internal;
pub mod language;
pub mod money;
pub mod personal_data;
pub mod polling;
pub mod revocations;
pub mod sale_policy;
pub mod tokens;
pub mod topics;

pub use facts::Fact;
pub use ids::*;
pub use language::Language;
pub use money::Won;
pub use sale_policy::SalePolicy;
