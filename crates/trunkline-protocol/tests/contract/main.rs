//! The contract that all languages share, run against this crate: the golden vectors and the
//! schema under `protocol/`.

mod binary_frames;
mod codecs;
mod dialects;
mod messages;
mod schema;
mod vectors;
