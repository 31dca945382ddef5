//! A client of Trunkline: one connection in the native dialect, and the state that a next one resumes from.
//!
//! [`Client`] is one connection at a time. It keeps [`SessionState`] up to date: [`Client::reconnect`] goes on from it
//! where a connection was lost, or give it to [`Client::connect`] later; nothing is missed or seen twice. Whether to
//! come back is the caller's to decide. Used by the command line and the tests.

#![forbid(unsafe_code)]

mod absence;
mod connection;
mod error;
mod state;

pub use connection::{Client, Options, Outgoing, Received};
pub use error::ClientError;
pub use state::{SessionState, Verdict, Welcome};
