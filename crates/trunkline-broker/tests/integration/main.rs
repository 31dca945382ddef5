//! What a broker promises, tried on each implementation through its public interface.

mod crash;
mod folder;
mod model;
mod promises;
mod support;
#[cfg(target_os = "linux")]
mod syncing;
mod time;
