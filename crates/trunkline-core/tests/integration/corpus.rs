//! What the fuzzer found, and what it has not been asked yet.

use proptest::prelude::*;

use crate::{telling, texts};

fn replay(target: &str, check: fn(&[u8])) {
    let corpus = format!("{}/../../fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for entry in std::fs::read_dir(corpus).expect("the corpus is part of the repository") {
        check(&std::fs::read(entry.expect("a readable folder").path()).expect("a readable file"));
        count += 1;
    }
    assert!(count >= 20, "{count} inputs");
}

#[test]
fn the_corpus_of_records() {
    replay("records", telling::check_fuzz_input);
}

#[test]
fn the_corpus_of_texts() {
    replay("texts", texts::check_fuzz_input);
}

proptest! {
    #[test]
    fn any_text_is_judged_by_its_rule(text in r"[0-9a-f%/.\-:{}\[\]\\u dD\x{80}]{0,80}") {
        texts::check_fuzz_input(text.as_bytes());
    }

    #[test]
    fn any_paths_segments_are_what_was_meant(text in r"/(ws|agents|[a-z.%]{0,4})(/(live|%6[0-9]|%2[ef]|%00|\.\.|%2e.|[a-z.]{0,3})){0,4}/?") {
        texts::check_fuzz_input(text.as_bytes());
    }
}
