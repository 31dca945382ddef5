//! The contract that all languages share, run against this crate: the golden vectors and the
//! schema under `protocol/`.

mod dialects;
mod messages;
mod schema;
mod vectors;
