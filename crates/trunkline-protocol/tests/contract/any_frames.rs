//! Frames that nobody wrote: those of a generator, and what the fuzzer found.

use proptest::prelude::*;
use trunkline_protocol::Dialect;

use crate::{carrying, untyped};

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
fn the_corpus_of_dialects() {
    replay("dialects", carrying::check_fuzz_input);
}

#[test]
fn the_corpus_of_old_frames() {
    replay("old_frames", untyped::check_fuzz_input);
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<u16>().prop_map(Into::into),
        prop::sample::select(vec!["", "m1", "1-a-b", "x \" \\ y"]).prop_map(Into::into),
        Just(serde_json::json!({})),
        Just(serde_json::json!([])),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Into::into),
            prop::collection::btree_map(name(), inner, 0..4)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    let names = [
        "type",
        "payload",
        "data",
        "_tl",
        "_beside",
        "_content",
        "metadata",
        "message_id",
        "timestamp",
        "session_id",
        "id",
        "ts",
        "session",
        "run",
        "seq",
        "to",
        "meta",
        "error",
        "event",
        "session_token",
        "a",
        "b c",
    ];
    prop::sample::select(names.to_vec()).prop_map(str::to_owned)
}

proptest! {
    #[test]
    fn nothing_is_lost_on_the_way_through_another_dialect(
        from in prop::sample::select(Dialect::ALL.to_vec()),
        mut members in prop::collection::btree_map(name(), json(), 0..6),
    ) {
        members.insert("type".to_owned(), "t".into());
        carrying::check_frame(from, &serde_json::to_string(&members).unwrap());
    }

    #[test]
    fn what_old_clients_send_keeps_its_content(members in prop::collection::btree_map(name(), json(), 0..6)) {
        untyped::check_fuzz_input(&serde_json::to_vec(&members).unwrap());
    }

    #[test]
    fn a_bare_text_is_said_as_it_is(text in ".*") {
        untyped::check_fuzz_input(text.as_bytes());
    }
}
