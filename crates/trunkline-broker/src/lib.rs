//! Where channels, sessions and runs are kept.
//!
//! One interface, [`Broker`], and two implementations: [`memory`] and [`embedded`]. The
//! rules of a channel's log are `trunkline_core::log`'s; this crate keeps records and
//! values, in order and durably. It knows nothing of envelopes, clients or workers.

#![forbid(unsafe_code)]

mod interface;

pub use interface::{
    Append, Batch, Broker, BrokerError, Capabilities, Committed, Duplicate, Durability, Expect, Idempotency, Listener,
    Op, Page, Put, Refusal, Written,
};
