//! The WebSocket decoder: no input panics, and how the bytes are split into bursts makes no difference.
//!
//! `cargo +nightly fuzz run ws_decoder` from the repository's root. The corpus is replayed by the tests of
//! `trunkline-ws`, which share the check.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[expect(dead_code, reason = "the other target and the tests use the rest")]
#[path = "../../crates/trunkline-ws/tests/integration/splitting.rs"]
mod splitting;

fuzz_target!(|input: &[u8]| splitting::check_fuzz_input(input));
