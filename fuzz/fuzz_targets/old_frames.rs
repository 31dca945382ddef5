//! What old clients send without a type: no input panics, and what they said is kept.
//!
//! `cargo +nightly fuzz run old_frames` from the repository's root. The corpus is replayed by the tests of
//! `trunkline-protocol`, which share the check.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[expect(dead_code, reason = "the other targets and the tests use the rest")]
#[path = "../../crates/trunkline-protocol/tests/contract/respelling.rs"]
mod respelling;
#[path = "../../crates/trunkline-protocol/tests/contract/untyped.rs"]
mod untyped;

fuzz_target!(|input: &[u8]| untyped::check_fuzz_input(input));
