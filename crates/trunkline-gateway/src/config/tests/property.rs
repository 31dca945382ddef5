//! Whatever is in the file, loading ends with a configuration or with mistakes that have a place.

use proptest::prelude::*;

use super::*;

/// TOML of known and unknown keys with values of every kind.
fn toml() -> impl Strategy<Value = String> {
    let header = proptest::sample::select(vec![
        "[server]",
        "[auth]",
        "[[auth.tokens]]",
        "[broker]",
        "[broker.retention]",
        "[bridge]",
        "[[worker]]",
        "[[route]]",
        "[route.types]",
        "[limits]",
        "[telemetry]",
        "[x.y]",
    ]);
    let key = proptest::sample::select(vec![
        "listen",
        "allowed_hosts",
        "allowed_origins",
        "page",
        "drain",
        "tokens",
        "token",
        "subject",
        "kind",
        "path",
        "retention",
        "records",
        "bytes",
        "unix",
        "zeromq",
        "name",
        "command",
        "directory",
        "environment",
        "transport",
        "dialect",
        "service",
        "services",
        "types",
        "deadline",
        "depth",
        "heartbeat",
        "level",
        "server",
        "route",
        "\"é*\"",
    ]);
    let line = (key, value()).prop_map(|(key, value)| format!("{key} = {value}"));
    let block = (header, proptest::collection::vec(line, 0..5));
    let block = block.prop_map(|(header, lines)| format!("{header}\n{}\n", lines.join("\n")));
    proptest::collection::vec(block, 0..8).prop_map(|blocks| blocks.concat())
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<bool>().prop_map(|value| value.to_string()),
        "[a-z0-9:/.{}*%é\\[\\]@-]{0,12}".prop_map(|text| format!("\"{text}\"")),
        proptest::sample::select(vec!["1.5", "nan", "1979-05-27", "0xff", "99999999999999999999", "\"*\"", "\"7d\""])
            .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|values| format!("[{}]", values.join(", "))),
            inner.prop_map(|value| format!("{{ a = {value}, path = {value} }}")),
        ]
    })
}

fn has_an_honest_outcome(text: &str) -> Result<(), TestCaseError> {
    if let Err(Mistakes { mistakes, .. }) = load(text, &[], &[]) {
        prop_assert!(!mistakes.is_empty());
        for mistake in mistakes {
            let in_file = matches!(mistake.place, Place::File { line: 1.., column: 1.., .. });
            prop_assert!(in_file || text.is_empty(), "{}", mistake);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn toml_never_panics(text in toml()) {
        has_an_honest_outcome(&text)?;
    }

    #[test]
    fn text_never_panics(text in "[\\PC\n\t]{0,200}") {
        has_an_honest_outcome(&text)?;
    }

    #[test]
    fn damaged_toml_never_panics(text in toml(), at in any::<prop::sample::Index>(), damage in "[\\[\\]{}=\"'\n,.#é]") {
        let place = text.floor_char_boundary(at.index(text.len() + 1));
        has_an_honest_outcome(&format!("{}{damage}{}", &text[..place], &text[place..]))?;
    }

    #[test]
    fn variables_never_panic(name in "(SERVER|AUTH|BROKER|LIMITS|X|)__[A-Z_]{0,12}", value in "\\PC{0,30}") {
        let outcome = load("", &[(&format!("TRUNKLINE_{name}"), &value)], &[]);
        prop_assert!(outcome.is_ok() || outcome.is_err_and(|mistakes| !mistakes.mistakes.is_empty()));
    }
}
