//! The rules of Trunkline as plain code: an event and the time go in, actions come out.
//!
//! Nothing here knows a socket, a task, a clock, a disk or a random source; the gateway
//! feeds these state machines and does what they say. Read in this order: [`channel`]
//! (names), [`log`] (what a channel's log promises), [`record`] (what one record holds),
//! [`run`] and [`segment`] (one call to a service), [`session`] (who may do what next),
//! [`outbox`] (what one connection is sent, and in which order).

#![forbid(unsafe_code)]

pub mod channel;
pub mod log;
