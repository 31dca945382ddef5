//! Where channels, sessions and runs are kept.
//!
//! One interface, [`Broker`], and two implementations: [`memory`] and [`embedded`]. The
//! rules of a channel's log are `trunkline_core::log`'s; this crate keeps records and
//! values, in order and durably. It knows nothing of envelopes, clients or workers.
//!
//! Inside, what an operation does is written once, in `rules` (batches in, changes out)
//! and `page` (a cursor in, records out), over a `View` of what is stored. A broker is a
//! view, a way to write changes, and a thread or lock that puts batches in order.

#![forbid(unsafe_code)]

pub mod embedded;
mod environment;
mod interface;
pub mod memory;
mod metrics;
mod page;
mod rules;
mod view;

pub use environment::{Environment, Options};
pub use interface::{
    Append, Batch, Broker, BrokerError, Capabilities, Committed, Duplicate, Durability, Expect, Idempotency,
    KEY_BYTES_MAX, Listener, Op, PAGE_RECORDS_MAX, Page, Put, Refusal, Written,
};
pub use metrics::Metrics;
