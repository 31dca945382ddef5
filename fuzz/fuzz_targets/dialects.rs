//! Every dialect's reader: no input panics, what is read is written with the same content, and every other dialect can
//! carry it.
//!
//! `cargo +nightly fuzz run dialects` from the repository's root. The corpus is replayed by the tests of
//! `trunkline-protocol`, which share the check.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/trunkline-protocol/tests/contract/carrying.rs"]
mod carrying;
#[expect(dead_code, reason = "the other targets and the tests use the rest")]
#[path = "../../crates/trunkline-protocol/tests/contract/respelling.rs"]
mod respelling;

fuzz_target!(|input: &[u8]| carrying::check_fuzz_input(input));
