//! The rules of Trunkline as plain code: an event and the time go in, actions come out.
//!
//! Nothing here knows a socket, a task, a clock, a disk or a random source; the gateway
//! feeds these state machines and does what they say. Read in this order: [`channel`]
//! (names), [`log`] (what a channel's log promises), [`record`] (what one record holds),
//! [`segment`] and [`run`] (one call to a service), [`retry`] (when it is made again), [`turns`] (whose turn it is in a
//! session), [`words`] (what a record is called in
//! each dialect), [`scope`] (who may do what with topics), [`presence`] (who is there), [`outbox`] (what one connection is
//! sent, and in which order), [`budget`] (what all connections may be sent together), [`departure`] (when clients of a
//! gateway that stops are sent away), [`disk`] (whether anything new may be begun), [`router`] (whose a path is).

#![forbid(unsafe_code)]

pub mod budget;
pub mod channel;
pub mod departure;
pub mod disk;
pub mod identity;
pub mod log;
pub mod outbox;
pub mod presence;
pub mod record;
pub mod retry;
pub mod router;
pub mod run;
pub mod scope;
pub mod segment;
pub mod turns;
pub mod words;

/// A point in time: how long after the process began. The caller's clock gives it.
pub type Moment = std::time::Duration;
