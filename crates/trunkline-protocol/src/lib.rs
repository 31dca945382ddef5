//! What travels between a client and Trunkline: the envelope, its dialects and codecs, errors,
//! close codes, limits and positions.
//!
//! This crate turns bytes into values and back. It knows no socket, no clock, no
//! random source and no rule about what may follow what: those are `trunkline-core`'s.
//! The contract it implements is `protocol/client.md`; the golden vectors beside that
//! page are run by this crate's tests.

#![forbid(unsafe_code)]

mod class;
mod close;
mod codec;
mod dialect;
mod envelope;
mod error;
mod ids;
mod limits;
pub mod msgpack;
pub mod old_frames;
mod payload;
mod position;
mod scan;
mod trace;

pub use class::{Class, belongs_to_gateway, class_of};
pub use close::CloseCode;
pub use codec::{Codec, Wire};
pub use dialect::Dialect;
pub use envelope::{Address, DecodeError, Envelope, Extra};
pub use error::{ErrorBody, ErrorCode, Fault, PayloadError, Severity};
pub use ids::{MESSAGE_ID_CHARS_MAX, is_message_id};
pub use limits::Limits;
pub use payload::{Packed, Payload};
pub use position::{Position, PositionError};
pub use scan::{ScanError, scan};
pub use trace::is_traceparent;
