//! The check of a message against its type: no input panics, and the verdict does not depend on the spelling.
//!
//! `cargo +nightly fuzz run catalogue` from the repository's root. The corpus is replayed by the tests of
//! `trunkline-catalogue`, which share the check.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/trunkline-catalogue/tests/contract/judging.rs"]
mod judging;
#[expect(dead_code, reason = "the other targets and the tests use the rest")]
#[path = "../../crates/trunkline-protocol/tests/contract/respelling.rs"]
mod respelling;

fuzz_target!(|input: &[u8]| judging::check_fuzz_input(input));
