//! The headers of an upgrade request: no input panics, and what is agreed on can be agreed on.
//!
//! `cargo +nightly fuzz run ws_upgrade` from the repository's root. The corpus is replayed by the tests of
//! `trunkline-ws`, which share the check.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/trunkline-ws/tests/integration/upgrading.rs"]
mod upgrading;

fuzz_target!(|input: &[u8]| upgrading::check_fuzz_input(input));
