//! What the fuzzer found.

use crate::judging::check_fuzz_input;

#[test]
fn the_corpus_of_the_catalogue() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/catalogue");
    let mut count = 0;
    for entry in std::fs::read_dir(corpus).expect("the corpus is part of the repository") {
        check_fuzz_input(&std::fs::read(entry.expect("a readable folder").path()).expect("a readable file"));
        count += 1;
    }
    assert!(count >= 20, "{count} inputs");
}
