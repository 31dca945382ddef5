//! The real binary with its store on disk, real workers and real clients, with a bad network between them, killed and
//! stopped at moments that nobody chose; and what clients were told, held against what the gateway promises.
//!
//! [`run`] plays the scenario of one seed. The checker and the histories are the simulation's. What goes wrong follows from
//! the seed, what comes of it also from the machine: a failing seed can be played again, and need not fail again.

#![forbid(unsafe_code)]

mod device;
mod fault;
mod process;
pub mod proxy;
mod store;
pub mod toxic;
mod world;

pub use fault::Fault;
pub use process::{Folder, Gateway, Make, Worker, within};
pub use world::{Outcome, run};
