//! What a broker promises, tried on each implementation through its public interface.

mod crash;
mod folder;
mod model;
mod promises;
mod support;
mod time;
