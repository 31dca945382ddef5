//! A worker's stream: no input panics, how it is split into bursts makes no difference, and frames are written as they are
//! read.
//!
//! `cargo +nightly fuzz run worker_frames` from the repository's root. The corpus is replayed by the tests of
//! `trunkline-bridge`, which share the check.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/trunkline-bridge/tests/integration/taking.rs"]
mod taking;

fuzz_target!(|input: &[u8]| taking::check_fuzz_input(input));
