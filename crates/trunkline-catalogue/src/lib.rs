//! The catalogue: every message type of every dialect, read from `protocol/schema`.
//!
//! [`model`] is what the schema says, as values that programs use: [`Catalogue::embedded`] has the files of the build, and
//! whatever is generated (reference pages, types of other languages) is written from it. [`reader`] makes the model and
//! refuses what the model cannot say, so that no rule is ever dropped in silence. [`check`] says whether one message is what
//! its type says.
//!
//! This crate knows no socket, no clock, no random source, and not what a message sets off.

#![forbid(unsafe_code)]

pub mod check;
mod example;
mod json;
pub mod model;
mod pattern;
pub mod reader;

pub use json::Json;
pub use model::Catalogue;
pub use pattern::Pattern;
pub use reader::Refusal;

/// The message types as an AsyncAPI 3.0 document, written by `make schema`.
pub const ASYNCAPI: &str = include_str!("../../../docs/reference/asyncapi.json");
