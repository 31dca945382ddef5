//! The server's side of RFC 6455: framing as a pure state machine, and a driver for one connection.
//!
//! The pure modules turn bytes into messages and messages into bytes and know no runtime, clock or socket:
//! [`handshake`] judges an upgrade request, [`frame`] spells frames, [`decoder`] turns bursts of bytes into
//! messages, [`close`] knows the close codes, [`deflate`] is the one extension. Around them, [`connection`] drives one stream on Tokio, and
//! [`upgrade`] gets that stream out of hyper.
//!
//! The crate knows nothing of envelopes, sessions or heartbeats. `permessage-deflate` is declined by silence unless the
//! owner agrees to it.

mod burst;
pub mod close;
pub mod connection;
pub mod decoder;
pub mod deflate;
pub mod frame;
pub mod handshake;
mod mask;
pub mod upgrade;
mod violation;

pub use burst::Burst;
pub use connection::{Activity, Closed, Connection, Options};
pub use decoder::{Decoder, Limits, Message};
pub use deflate::Deflate;
pub use violation::Violation;
