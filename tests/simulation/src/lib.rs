//! Whole gateways in a world that is made up, and a checker of what clients were told.
//!
//! [`simulate`] runs one seed: a gateway that crashes, stops and starts again, with clients on bad networks and workers that
//! die, on a clock that jumps from event to event. What happened is written down (`history`) and then held against what
//! the gateway promises (`checker`). The gateway is the real one; its store, sockets, clock and chance are not.

#![forbid(unsafe_code)]

mod chance;
mod checker;
mod client;
mod history;
mod network;
mod store;
mod worker;
mod world;

pub use chance::Chance;
pub use checker::{Findings, Property, Violation, all_situations, check_untimed};
pub use history::{Entry, Fault, History, Old, Presence, Purpose, Told, Verdict, What};
pub use store::Sabotage;
pub use worker::Worker;
pub use world::{Outcome, simulate};
