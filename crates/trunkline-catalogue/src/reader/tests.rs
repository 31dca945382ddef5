//! What the reader makes of the project's files, and what it refuses.

use super::*;
use crate::model::{Class, Field, IntegerRange, Literal, Place as ContentPlace, Rule, Text};

fn embedded() -> Catalogue {
    read(&EMBEDDED).unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn object(shape: &Shape) -> &Object {
    match &shape.kind {
        Kind::Object(object) => object,
        other => panic!("{other:?}"),
    }
}

/// The field at a dotted path.
fn field<'s>(shape: &'s Shape, path: &str) -> &'s Field {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let field = object(shape).field(name).unwrap_or_else(|| panic!("{name}: {shape:?}"));
    rest.map_or(field, |rest| self::field(&field.shape, rest))
}

fn frame<'c>(catalogue: &'c Catalogue, dialect: Dialect, name: &str) -> &'c Shape {
    &catalogue.find(dialect, name).unwrap_or_else(|| panic!("{name} in {}", dialect.name())).frame
}

/// Reads files of which dialect native has this one definition, `detach`, and the others none.
fn read_with(definition: &str) -> Result<Catalogue, Refusal> {
    let file = |dialect, definitions: String| {
        format!(r#"{{"$id":"{}","$defs":{{{definitions}}}}}"#, FileName::Messages(dialect).id())
    };
    let mut messages = Dialect::ALL.map(|dialect| file(dialect, String::new()));
    messages[0] = file(Dialect::Native, format!(r#""detach":{definition}"#));
    read(&Files { messages: messages.each_ref().map(String::as_str), ..EMBEDDED })
}

/// A definition of this content, which reads or is refused.
fn read_content(keywords: &str) -> Result<Shape, Refusal> {
    let definition = format!(
        r#"{{"description":"d","x-message":{{"direction":"both","class":"control"}},"examples":[{{}}],{keywords}}}"#
    );
    read_with(&definition).map(|catalogue| catalogue.types(Dialect::Native)[0].content.clone())
}

#[test]
fn the_files_are_covered_and_every_type_is_there() {
    let catalogue = embedded();
    for (dialect, least) in Dialect::ALL.into_iter().zip([50, 40, 40, 30, 15]) {
        assert!(catalogue.types(dialect).len() >= least, "{}", dialect.name());
        for message in catalogue.types(dialect) {
            assert!(!message.description.is_empty() && !message.examples.is_empty(), "{}", message.name);
        }
    }
    assert_eq!(catalogue.types(Dialect::Native)[0].name, "hello", "the order is the file's");
}

#[test]
fn definitions_are_merged_and_keep_their_names() {
    let catalogue = embedded();
    let user_message = frame(&catalogue, Dialect::Payload, "user_message");
    let chat = field(user_message, "payload.chat_id");
    assert_eq!(chat.shape.definition.as_ref().unwrap().name, "id");
    assert!(
        !chat.required && field(user_message, "payload.message").required && field(user_message, "payload").required
    );
    assert_eq!(chat.shape.description.as_deref(), Some("The conversation, as the application names it."));
    let id = Text { characters_min: 1, characters_max: Some(256), pattern: None, format: None };
    assert_eq!(chat.shape.kind, Kind::Text(id));
    assert_eq!(field(user_message, "type").shape.kind, Kind::Literal(Literal::Text("user_message".to_owned())));

    // A wrapper that must have a run is a wrapper that asks for more.
    let streaming = frame(&catalogue, Dialect::Flat, "agent_streaming");
    let wrapper = field(streaming, "metadata._tl");
    assert!(wrapper.required && wrapper.shape.narrowed && field(&wrapper.shape, "run").required);
    assert_eq!(wrapper.shape.definition.as_ref().unwrap().name, "wrapper");
    assert!(catalogue.definitions().iter().any(|definition| definition.name.name == "wrapper"));
    assert!(field(streaming, "message").folded);
}

#[test]
fn kinds_that_meet_leave_what_both_allow() {
    let catalogue = embedded();
    // The text or number of old clients, narrowed to a time.
    let timestamp = field(frame(&catalogue, Dialect::Flat, "agent_message"), "timestamp");
    assert!(matches!(&timestamp.shape.kind, Kind::Text(Text { pattern: Some(_), .. })) && timestamp.required);
    // An object or an empty text.
    let info = field(frame(&catalogue, Dialect::Flat, "user_message"), "additional_info");
    let Kind::Union(kinds) = &info.shape.kind else { panic!("{info:?}") };
    assert!(matches!(kinds.as_slice(), [Kind::Object(_), Kind::Text(Text { characters_max: Some(0), .. })]));
    // A field that must not be there.
    assert_eq!(field(frame(&catalogue, Dialect::Native, "progress"), "pos").shape.kind, Kind::Nothing);
    let retry = field(frame(&catalogue, Dialect::Native, "error"), "error.retry_after_ms");
    assert_eq!(retry.shape.kind, Kind::Integer(IntegerRange { minimum: 0, maximum: 9_007_199_254_740_991 }));
}

#[test]
fn the_tighter_bound_holds_whoever_says_it() {
    let both = |one: &str, other: &str| {
        let shape =
            read_content(&format!(r#""properties":{{"a":{{"allOf":[{one},{other}]}}}},"type":"object""#)).unwrap();
        field(&shape, "a").shape.kind.clone()
    };
    for (one, other) in [
        (r#"{"type":"string","minLength":1,"maxLength":9}"#, r#"{"minLength":2,"maxLength":10}"#),
        (r#"{"type":"string","minLength":2}"#, r#"{"type":"string","maxLength":9}"#),
    ] {
        let text = Kind::Text(Text { characters_min: 2, characters_max: Some(9), pattern: None, format: None });
        assert_eq!(both(one, other), text);
        assert_eq!(both(other, one), text);
    }
    let (range, whole) =
        (r#"{"type":"number","minimum":-1,"maximum":5}"#, r#"{"type":"integer","minimum":0,"maximum":9}"#);
    assert_eq!(both(range, whole), Kind::Integer(IntegerRange { minimum: 0, maximum: 5 }));
    assert_eq!(both(whole, range), Kind::Integer(IntegerRange { minimum: 0, maximum: 5 }));
    assert_eq!(both(r#"{"enum":["a","bc","d"]}"#, r#"{"minLength":2}"#), Kind::Literal(Literal::Text("bc".to_owned())));
}

#[test]
fn values_of_other_fields_hold_for_named_fields_of_what_they_meet() {
    let (map, named) = (r#"{"type":"object","additionalProperties":{"type":"string"}}"#, r#"{"properties":{"b":{}}}"#);
    for (one, other) in [(map, named), (named, map)] {
        let shape =
            read_content(&format!(r#""properties":{{"a":{{"allOf":[{one},{other}]}}}},"type":"object""#)).unwrap();
        assert!(matches!(field(&shape, "a.b").shape.kind, Kind::Text(_)), "{shape:?}");
    }
}

#[test]
fn rules_about_several_fields_are_kept() {
    let catalogue = embedded();
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let rules =
        |name: &str, path: &str| object(&field(frame(&catalogue, Dialect::Native, name), path).shape).rules.clone();
    assert_eq!(rules("attach", "payload"), [Rule::ExactlyOne(names(&["session", "topic", "user"]))]);
    assert_eq!(rules("answer", "payload"), [Rule::AtLeastOne(names(&["granted", "value"]))]);
    let channels = field(frame(&catalogue, Dialect::Native, "welcome"), "payload.channels");
    let verdict = object(&channels.shape).others.as_ref().unwrap();
    let when = Rule::When {
        field: "verdict".to_owned(),
        is: Literal::Text("reset".to_owned()),
        then: names(&["reason"]),
        otherwise: names(&["pos"]),
    };
    assert_eq!(object(verdict).rules, [when]);
    assert_eq!(object(&channels.shape).fields_min, 1);
}

#[test]
fn frames_stand_as_their_dialect_spells_them() {
    let catalogue = embedded();
    let place = |dialect, name| catalogue.find(dialect, name).unwrap().place;
    assert_eq!(place(Dialect::Native, "ack"), ContentPlace::Payload);
    assert_eq!(place(Dialect::Data, "ack"), ContentPlace::Data);
    assert_eq!(place(Dialect::Open, "ack"), ContentPlace::Frame);
    assert!(field(frame(&catalogue, Dialect::Native, "ack"), "reply_to").required);
    assert!(field(frame(&catalogue, Dialect::Data, "ack"), "_tl.reply_to").required);
    assert!(field(frame(&catalogue, Dialect::Data, "ack"), "data").required);
    let delta = catalogue.find(Dialect::Flat, "agent_streaming").unwrap();
    assert_eq!(
        (delta.class, delta.folded.as_deref(), delta.native.as_deref()),
        (Class::Stream, Some("message"), Some("run_event"))
    );
    // Native types without a definition in the dialect are carried by its rules.
    assert!(field(frame(&catalogue, Dialect::Flat, "file.opened"), "metadata._tl.reply_to").required);
    assert!(field(frame(&catalogue, Dialect::Open, "file.list"), "path").required);
    assert!(catalogue.find(Dialect::Flat, "run_completed").is_none(), "flat says agent_complete");
}

#[test]
fn what_the_model_cannot_say_is_refused_by_its_place() {
    for (keywords, place, word) in [
        (r#""not":{}"#, "", "not"),
        (r#""properties":{"a":{"dependentRequired":{}}}"#, "/properties/a", "dependentRequired"),
        (r#""type":"string","minimum":1"#, "/minimum", "numbers"),
        (r#""type":"string","properties":{}"#, "/properties", "objects"),
        (r#""properties":{"a":{"type":"integer"}}"#, "/properties/a", "bounds"),
        (r#""properties":{"a":{"type":"string","pattern":"(?=x)"}}"#, "/properties/a/pattern", "pattern"),
        (r#""properties":{"a":{"enum":[1]}}"#, "/properties/a/enum", "neither"),
        (r#""oneOf":[{"type":"string"}]"#, "/oneOf", "alternatives"),
        (r#""anyOf":[{"required":["a"],"minProperties":1}]"#, "/anyOf", "alternatives"),
        (r#""if":{"required":["a"]},"then":{"required":["b"]}"#, "/if", "one field"),
        (r#""then":{"required":["b"]}"#, "", "then"),
        (r##""$ref":"#/$defs/none""##, "/$ref", "there is no"),
        (r##""$ref":"#/$defs/detach""##, "/$ref", "leads back"),
        (r#""type":"string","const":true"#, "", "no value"),
        (r#""properties":{"a":{"x-unit":"miles"}}"#, "/properties/a/x-unit", "miles"),
    ] {
        let refusal = read_content(keywords).expect_err(keywords);
        let place = format!("messages/native.schema.json#/$defs/detach{place}");
        assert!(refusal.place == place && refusal.what.contains(word), "{keywords}: {refusal}");
    }
    for about in [
        r#"{"direction":"both"}"#,
        r#"{"direction":"both","class":"latest"}"#,
        r#"{"direction":"both","class":"stream","foldable":true}"#,
        r#"{"direction":"up","class":"control"}"#,
        r#"{"direction":"both","class":"control","since":2}"#,
        r#"{"direction":"both","class":"latest","key":["a"]}"#,
    ] {
        let definition = format!(r#"{{"description":"d","x-message":{about},"examples":[{{}}],"type":"object"}}"#);
        let refusal = read_with(&definition).expect_err(about);
        assert!(refusal.place.contains("detach/x-message"), "{about}: {refusal}");
    }
}
