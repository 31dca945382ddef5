//! Trunkline's edge: one process that listens, and the parts it wires together.
//!
//! Read in this order: [`Gateway`] (what is started, and in which order it stops), `http`
//! (the port), `connection` (one client), `sessions`, `runs` (what a message starts), `hub`
//! (who hears of it), `config`.

#![forbid(unsafe_code)]

mod auth;
mod clock;
pub mod config;
mod connection;
mod disk;
mod frame;
mod gateway;
mod http;
mod hub;
mod machine;
mod message;
mod node;
mod presence;
mod random;
mod retention;
mod routes;
mod runs;
mod sessions;
#[cfg(feature = "simulation")]
pub mod simulation;
mod stopping;
mod storage;
mod supervision;
mod telemetry;
mod topics;

pub use gateway::{Ended, Gateway, StartError, Stop};
