//! Tests of the schema as the API server applies it.

mod examples;
mod rules;
mod schema;
