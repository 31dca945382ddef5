//! Each rule, with the change that breaks it and those beside it that do not.

use trunkline_catalogue::reader::{EMBEDDED, Files, read};

use super::*;

/// A catalogue of one type, `t` of dialect native, whose definition has these keywords.
fn catalogue(about: &str, keywords: &str) -> Catalogue {
    let file = |dialect: Dialect, definitions: &str| {
        let id = format!("urn:trunkline:protocol:1:messages:{}", dialect.name());
        format!(r#"{{"$id":"{id}","$defs":{{{definitions}}}}}"#)
    };
    let definition = format!(r#""t":{{"x-message":{{{about}}},{keywords}}}"#);
    let texts = Dialect::ALL.map(|dialect| file(dialect, if dialect == Dialect::Native { &definition } else { "" }));
    let messages = texts.each_ref().map(String::as_str);
    read(&Files { messages, ..EMBEDDED }).unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn breaks(old: &Catalogue, new: &Catalogue) -> Vec<String> {
    compare(old, new).iter().map(ToString::to_string).collect()
}

/// Says what a change of the content breaks where clients send it, and where they read it.
fn check(old: &str, new: &str, sent: &[&str], read: &[&str]) {
    let of = |direction: &str, content: &str| {
        let about = format!(r#""direction":"{direction}","class":"control","requires":["payload"]"#);
        catalogue(&about, content)
    };
    assert_eq!(breaks(&of("to_gateway", old), &of("to_gateway", new)), sent, "sent: {old} {new}");
    assert_eq!(breaks(&of("to_client", old), &of("to_client", new)), read, "read: {old} {new}");
    let mut both: Vec<&str> = sent.iter().chain(read).copied().collect();
    both.sort_unstable();
    both.dedup();
    let mut found = breaks(&of("both", old), &of("both", new));
    found.sort_unstable();
    assert_eq!(found, both, "both: {old} {new}");
}

/// The same, of one field `a` that must satisfy these keywords.
fn check_field(old: &str, new: &str, sent: &[&str], read: &[&str]) {
    let content = |field: &str| format!(r#""type":"object","properties":{{"a":{{{field}}}}}"#);
    check(&content(old), &content(new), sent, read);
}

#[test]
fn what_is_gone_is_missed() {
    let about = r#""direction":"to_client","class":"control""#;
    let old = catalogue(about, r#""type":"object""#);
    let none = read(&Files {
        messages: ["native", "payload", "data", "flat", "open"]
            .map(|name| format!(r#"{{"$id":"urn:trunkline:protocol:1:messages:{name}","$defs":{{}}}}"#))
            .each_ref()
            .map(String::as_str),
        ..EMBEDDED
    })
    .unwrap();
    assert_eq!(breaks(&old, &none), ["t is gone"]);
    assert_eq!(breaks(&none, &old), [""; 0], "a type may be added");
    let gone = ["t: payload.a is gone"];
    check(r#""type":"object","properties":{"a":{}}"#, r#""type":"object""#, &gone, &gone);
    check(r#""type":"object","properties":{"a":{}},"required":["a"]"#, r#""type":"object""#, &gone, &gone);
}

#[test]
fn what_a_type_is_stays() {
    let with =
        |about: &str| catalogue(about, r#""type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}}"#);
    let old = with(r#""direction":"to_client","class":"durable""#);
    let class = with(r#""direction":"to_client","class":"control""#);
    assert_eq!(breaks(&old, &class), ["t had class Durable, and has Control"]);
    let direction = with(r#""direction":"to_gateway","class":"durable""#);
    assert_eq!(breaks(&old, &direction), ["t had direction ToClient, and has ToGateway"]);
    let key = |key: &str| with(&format!(r#""direction":"to_client","class":"latest","key":["{key}"]"#));
    assert_eq!(breaks(&key("a"), &key("b")), [r#"t had key ["a"], and has ["b"]"#]);
    let folded = |field: &str| {
        let about = r#""direction":"to_client","class":"stream","foldable":true"#;
        let other = if field == "a" { "b" } else { "a" };
        let fields = format!(r#""{field}":{{"type":"string","x-fold":"concatenate"}},"{other}":{{"type":"string"}}"#);
        catalogue(about, &format!(r#""type":"object","properties":{{{fields}}}"#))
    };
    assert_eq!(breaks(&folded("a"), &folded("b")), [r#"t had folded field Some("a"), and has Some("b")"#]);
}

#[test]
fn a_field_may_be_added_but_not_asked_for() {
    let (without, optional) = (r#""type":"object""#, r#""type":"object","properties":{"a":{"type":"string"}}"#);
    let required = r#""type":"object","properties":{"a":{"type":"string"}},"required":["a"]"#;
    let asked = ["t: payload.a is now required, and old clients do not always send it"];
    check(without, optional, &[], &[]);
    check(without, required, &asked, &[]);
    check(optional, required, &asked, &[]);
    check(required, optional, &[], &["t: payload.a may now be left out, and old clients count on it"]);
    let about =
        |requires: &str| format!(r#""direction":"to_client","class":"control","requires":["channel"{requires}]"#);
    let (old, new) = (catalogue(&about(r#","pos""#), without), catalogue(&about(""), without));
    assert_eq!(breaks(&old, &new), ["t: pos may now be left out, and old clients count on it"]);
    assert_eq!(breaks(&new, &old), [""; 0]);
}

#[test]
fn a_kind_that_goes_is_missed_by_senders_and_one_that_comes_by_readers() {
    let (one, two) = (r#""type":"string""#, r#""type":["string","null"]"#);
    check_field(one, two, &[], &["t: payload.a may now be null, which old clients do not expect"]);
    check_field(two, one, &["t: payload.a can no longer be null, which old clients send"], &[]);
    check_field(
        r#""type":"string""#,
        r#""type":"boolean""#,
        &["t: payload.a can no longer be a string, which old clients send"],
        &["t: payload.a may now be a boolean, which old clients do not expect"],
    );
    check_field(
        r#""type":"boolean""#,
        r#""const":true"#,
        &["t: payload.a can no longer be false, which old clients send"],
        &[],
    );
    check_field(
        r#""const":true"#,
        r#""type":"boolean""#,
        &[],
        &["t: payload.a may now be false, which old clients do not expect"],
    );
    check_field(
        r#""type":"boolean""#,
        "",
        &[],
        &[
            "t: payload.a may now be a number, which old clients do not expect",
            "t: payload.a may now be a string, which old clients do not expect",
            "t: payload.a may now be an array, which old clients do not expect",
            "t: payload.a may now be an object, which old clients do not expect",
            "t: payload.a may now be null, which old clients do not expect",
        ],
    );
}

#[test]
fn an_enum_stays_as_it_is_on_the_side_that_reads_it() {
    let (two, three) = (r#""enum":["x","y"]"#, r#""enum":["x","y","z"]"#);
    check_field(two, three, &[], &[r#"t: payload.a may now be "z", which old clients do not expect"#]);
    check_field(three, two, &[r#"t: payload.a can no longer be "z", which old clients send"#], &[]);
    let text = r#""type":"string","maxLength":1"#;
    check_field(
        two,
        text,
        &[],
        &["t: payload.a may now be a string of any other value, which old clients do not expect"],
    );
    check_field(text, two, &["t: payload.a can no longer be a string of any other value, which old clients send"], &[]);
    check_field(
        r#""enum":["x","yy"]"#,
        text,
        &[r#"t: payload.a can no longer be "yy", which old clients send"#],
        &["t: payload.a may now be a string of any other value, which old clients do not expect"],
    );
}

#[test]
fn a_range_grows_for_senders_and_shrinks_for_readers() {
    for (narrow, wide, value) in [
        (r#""type":"number","maximum":1"#, r#""type":"number","maximum":2"#, "more than 1"),
        (r#""type":"number","minimum":0"#, r#""type":"number""#, "less than 0"),
        (r#""type":"string","maxLength":5"#, r#""type":"string""#, "more than 5 characters"),
        (r#""type":"string","minLength":2"#, r#""type":"string","minLength":1"#, "less than 2 characters"),
        (r#""type":"array","maxItems":5"#, r#""type":"array","maxItems":6"#, "more than 5 items"),
        (r#""type":"array","minItems":1"#, r#""type":"array""#, "less than 1 items"),
        (r#""type":"object","maxProperties":5"#, r#""type":"object""#, "more than 5 fields"),
        (r#""type":"string","pattern":"^x$""#, r#""type":"string""#, "a string that does not match ^x$"),
        (
            r#""type":"integer","minimum":0,"maximum":9"#,
            r#""type":"number","minimum":0,"maximum":9"#,
            "a number with a fraction",
        ),
    ] {
        let (sent, read) = (
            format!("t: payload.a can no longer be {value}, which old clients send"),
            format!("t: payload.a may now be {value}, which old clients do not expect"),
        );
        check_field(wide, narrow, &[&sent], &[]);
        check_field(narrow, wide, &[], &[&read]);
        check_field(narrow, narrow, &[], &[]);
    }
}

#[test]
fn what_stands_in_arrays_maps_and_rules_is_compared_too() {
    check_field(
        r#""type":"array","items":{"type":"string"}"#,
        r#""type":"array","items":{"type":["string","null"]}"#,
        &[],
        &["t: payload.a[] may now be null, which old clients do not expect"],
    );
    check_field(
        r#""type":"object","additionalProperties":{"type":["string","null"]}"#,
        r#""type":"object","additionalProperties":{"type":"string"}"#,
        &["t: payload.a.* can no longer be null, which old clients send"],
        &[],
    );
    check_field(
        r#""type":"object""#,
        r#""type":"object","additionalProperties":{"type":"string"}"#,
        &["t: payload.a.* can no longer be any value, which old clients send"],
        &[],
    );
    let (free, ruled) = (
        r#""type":"object","properties":{"x":{},"y":{}}"#,
        r#""type":"object","properties":{"x":{},"y":{}},"anyOf":[{"required":["x"]},{"required":["y"]}]"#,
    );
    check_field(
        free,
        ruled,
        &["t: payload.a can no longer be an object without one of x, y, which old clients send"],
        &[],
    );
    check_field(
        ruled,
        free,
        &[],
        &["t: payload.a may now be an object without one of x, y, which old clients do not expect"],
    );
}

#[test]
fn a_unit_may_be_named_but_not_changed() {
    let number = |unit: &str| format!(r#""type":"number"{unit}"#);
    let (none, seconds, milliseconds) =
        (number(""), number(r#","x-unit":"seconds""#), number(r#","x-unit":"milliseconds""#));
    let changed = ["t: payload.a was in seconds, and is in milliseconds"];
    check_field(&seconds, &milliseconds, &changed, &changed);
    let lost = ["t: payload.a was in seconds, and is in no unit"];
    check_field(&seconds, &none, &lost, &lost);
    check_field(&none, &seconds, &[], &[]);
}
