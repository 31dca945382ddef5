//! The contract that all languages share, run against this crate: the golden vectors and the
//! schema under `protocol/`.

mod any_frames;
mod binary_frames;
mod carrying;
mod codecs;
mod dialects;
mod messages;
mod respelling;
mod schema;
mod untyped;
mod vectors;
