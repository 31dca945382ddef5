//! A client of Trunkline: one connection in the native dialect, and the state that a next one resumes from.
//!
//! [`Client`] is one connection. It keeps [`SessionState`] up to date: give that to the next
//! [`Client::connect`] and nothing is missed or seen twice. When to connect again is the caller's
//! to decide. Used by the command line, the benchmarks and the tests.

#![forbid(unsafe_code)]

mod connection;
mod error;
mod state;

pub use connection::{Client, Options, Outgoing, Received};
pub use error::ClientError;
pub use state::{SessionState, Welcome};
