//! The MessagePack decoder: no input panics, and what is accepted means the same in both codecs.
//!
//! `cargo +nightly fuzz run msgpack` from the repository's root. The corpus is replayed by the tests of
//! `trunkline-protocol`, which share the check.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/trunkline-protocol/tests/contract/binary_frames.rs"]
mod binary_frames;

fuzz_target!(|input: &[u8]| binary_frames::check_fuzz_input(input));
