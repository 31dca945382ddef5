//! Short texts from outside: positions, ids, names, trace contexts, paths; each is judged in a second way.
//!
//! `cargo +nightly fuzz run texts` from the repository's root. The corpus is replayed by the tests of
//! `trunkline-core`, which share the check.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/trunkline-core/tests/integration/texts.rs"]
mod texts;

fuzz_target!(|input: &[u8]| texts::check_fuzz_input(input));
