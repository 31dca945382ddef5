//! What stands in the log, as clients of each voice are told: no data panics, and what is told is a frame.
//!
//! `cargo +nightly fuzz run records` from the repository's root. The corpus is replayed by the tests of
//! `trunkline-core`, which share the check.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/trunkline-core/tests/integration/telling.rs"]
mod telling;

fuzz_target!(|input: &[u8]| telling::check_fuzz_input(input));
