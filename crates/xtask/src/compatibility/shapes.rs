//! Whether every value of one shape is a value of another.
//!
//! What old clients send must be accepted still: old shapes are contained in new ones. What they read must be what they
//! know: new shapes are contained in old ones. That makes a value that is added to an enum that clients read a break, like a
//! wider range: a client with types refuses the whole message for it. Fields that are added are none, on either side:
//! everybody ignores, and keeps, what it does not know.

use std::sync::Arc;

use trunkline_catalogue::model::{Array, Field, Kind, Literal, NumberRange, Object, Rule, Shape, Text};

/// Who is looked after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// An old client that sends: `part` is the old shape, `whole` the new one.
    Sent,
    /// An old client that reads: `part` is the new shape, `whole` the old one.
    Read,
}

/// Where a break is reported.
type Add<'a> = &'a mut dyn FnMut(String, String);

/// Reports the values of `part` that are none of `whole`.
pub(super) fn contained(part: &Kind, whole: &Kind, side: Side, path: &str, add: Add<'_>) {
    if part == whole {
        return;
    }
    let wholes = alternatives(whole);
    for part in alternatives(part) {
        match wholes.iter().find(|whole| name_of(whole) == name_of(&part)) {
            Some(whole) => one(&part, whole, side, path, add),
            None => add(path.to_owned(), side.value(name_of(&part))),
        }
    }
}

impl Side {
    /// That a value is none any more, or one now.
    fn value(self, value: &str) -> String {
        match self {
            Self::Sent => format!("can no longer be {value}, which old clients send"),
            Self::Read => format!("may now be {value}, which old clients do not expect"),
        }
    }
}

/// A shape for each JSON kind that a value may have.
fn alternatives(kind: &Kind) -> Vec<Kind> {
    match kind {
        Kind::Nothing => Vec::new(),
        Kind::Union(kinds) => kinds.clone(),
        Kind::Any => {
            let any = Shape { definition: None, narrowed: false, description: None, unit: None, kind: Kind::Any };
            vec![
                Kind::Object(Arc::new(Object {
                    fields: Vec::new(),
                    others: None,
                    fields_min: 0,
                    fields_max: None,
                    rules: Vec::new(),
                })),
                Kind::Array(Arc::new(Array { items: any, items_min: 0, items_max: None })),
                Kind::Text(Text { characters_min: 0, characters_max: None, pattern: None, format: None }),
                Kind::Number(NumberRange { minimum: None, maximum: None }),
                Kind::Boolean,
                Kind::Null,
            ]
        }
        other => vec![other.clone()],
    }
}

/// The JSON kind, as a value of it is called.
fn name_of(kind: &Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::Boolean | Kind::Literal(Literal::Boolean(_)) => "a boolean",
        Kind::Integer(_) | Kind::Number(_) => "a number",
        Kind::Text(_) | Kind::Choice(_) | Kind::Literal(Literal::Text(_)) => "a string",
        Kind::Array(_) => "an array",
        Kind::Object(_) => "an object",
        Kind::Any | Kind::Nothing | Kind::Union(_) => "any value",
    }
}

/// Two shapes of one JSON kind.
fn one(part: &Kind, whole: &Kind, side: Side, path: &str, add: Add<'_>) {
    match (part, whole) {
        (Kind::Object(part), Kind::Object(whole)) => objects(part, whole, side, path, add),
        (Kind::Array(part), Kind::Array(whole)) => {
            let counts = (Some(part.items_min), part.items_max, Some(whole.items_min), whole.items_max);
            bounds(counts, "items", side, path, add);
            contained(&part.items.kind, &whole.items.kind, side, &format!("{path}[]"), add);
        }
        (Kind::Integer(_) | Kind::Number(_), _) => numbers(part, whole, side, path, add),
        (Kind::Boolean, Kind::Literal(Literal::Boolean(value))) => {
            add(path.to_owned(), side.value(&(!value).to_string()));
        }
        (Kind::Literal(Literal::Boolean(part)), Kind::Literal(Literal::Boolean(whole))) if part != whole => {
            add(path.to_owned(), side.value(&part.to_string()));
        }
        _ => texts(part, whole, side, path, add),
    }
}

/// The least and the greatest of both.
type Bounds<T> = (Option<T>, Option<T>, Option<T>, Option<T>);

fn bounds<T: PartialOrd + Copy + ToString>(bounds: Bounds<T>, noun: &str, side: Side, path: &str, add: Add<'_>) {
    let (part_least, part_most, whole_least, whole_most) = bounds;
    let noun = if noun.is_empty() { String::new() } else { format!(" {noun}") };
    if let Some(least) = whole_least.filter(|least| part_least.is_none_or(|part| part < *least)) {
        add(path.to_owned(), side.value(&format!("less than {}{noun}", least.to_string())));
    }
    if let Some(most) = whole_most.filter(|most| part_most.is_none_or(|part| part > *most)) {
        add(path.to_owned(), side.value(&format!("more than {}{noun}", most.to_string())));
    }
}

fn numbers(part: &Kind, whole: &Kind, side: Side, path: &str, add: Add<'_>) {
    #[expect(clippy::cast_precision_loss, reason = "bounds of integers are at most 2^53-1")]
    let range = |kind: &Kind| match kind {
        Kind::Integer(range) => (true, Some(range.minimum as f64), Some(range.maximum as f64)),
        Kind::Number(range) => (false, range.minimum, range.maximum),
        _ => (false, None, None),
    };
    let ((part_whole, part_least, part_most), (whole_whole, whole_least, whole_most)) = (range(part), range(whole));
    if whole_whole && !part_whole {
        add(path.to_owned(), side.value("a number with a fraction"));
    }
    bounds((part_least, part_most, whole_least, whole_most), "", side, path, add);
}

/// The only strings that a shape allows, or none where it has rules instead.
fn values_of(kind: &Kind) -> Option<&[String]> {
    match kind {
        Kind::Choice(values) => Some(values),
        Kind::Literal(Literal::Text(value)) => Some(std::slice::from_ref(value)),
        _ => None,
    }
}

fn texts(part: &Kind, whole: &Kind, side: Side, path: &str, add: Add<'_>) {
    match (values_of(part), values_of(whole), part, whole) {
        (Some(values), Some(known), ..) => {
            for value in values.iter().filter(|value| !known.contains(value)) {
                add(path.to_owned(), side.value(&format!("{value:?}")));
            }
        }
        (Some(values), None, _, Kind::Text(rules)) => {
            for value in values.iter().filter(|value| !satisfies(value, rules)) {
                add(path.to_owned(), side.value(&format!("{value:?}")));
            }
        }
        (None, Some(_), ..) => add(path.to_owned(), side.value("a string of any other value")),
        (None, None, Kind::Text(part), Kind::Text(whole)) => {
            let counts =
                (Some(part.characters_min), part.characters_max, Some(whole.characters_min), whole.characters_max);
            bounds(counts, "characters", side, path, add);
            if let Some(pattern) = whole.pattern.as_ref().filter(|_| part.pattern != whole.pattern) {
                add(path.to_owned(), side.value(&format!("a string that does not match {}", pattern.source())));
            }
        }
        _ => {}
    }
}

fn satisfies(value: &str, rules: &Text) -> bool {
    let characters = value.chars().count() as u64;
    characters >= rules.characters_min
        && rules.characters_max.is_none_or(|most| characters <= most)
        && rules.pattern.as_ref().is_none_or(|pattern| pattern.matches(value))
}

fn objects(part: &Object, whole: &Object, side: Side, path: &str, add: Add<'_>) {
    let (old, new) = if side == Side::Sent { (part, whole) } else { (whole, part) };
    for field in old.fields.iter().filter(|field| new.field(&field.name).is_none()) {
        add(below(path, &field.name), "is gone".to_owned());
    }
    for field in &whole.fields {
        let own = part.field(&field.name);
        if field.required && own.is_none_or(|own| !own.required) && !is_gone(field, new) {
            let words = match side {
                Side::Sent => "is now required, and old clients do not always send it",
                Side::Read => "may now be left out, and old clients count on it",
            };
            add(below(path, &field.name), words.to_owned());
        }
        if let Some(own) = own {
            let (was, is) = if side == Side::Sent { (own, field) } else { (field, own) };
            if was.shape.unit.is_some() && was.shape.unit != is.shape.unit {
                let unit = |field: &Field| field.shape.unit.map_or("no unit".to_owned(), |unit| format!("{unit:?}"));
                add(below(path, &field.name), format!("was in {}, and is in {}", unit(was), unit(is)).to_lowercase());
            }
            contained(&own.shape.kind, &field.shape.kind, side, &below(path, &field.name), add);
        }
    }
    match (&part.others, &whole.others) {
        (Some(part), Some(whole)) => contained(&part.kind, &whole.kind, side, &below(path, "*"), add),
        (None, Some(_)) => add(below(path, "*"), side.value("any value")),
        (_, None) => {}
    }
    bounds(
        (Some(part.fields_min), part.fields_max, Some(whole.fields_min), whole.fields_max),
        "fields",
        side,
        path,
        add,
    );
    for rule in whole.rules.iter().filter(|rule| !part.rules.contains(rule)) {
        add(path.to_owned(), side.value(&format!("an object without {}", words_of(rule))));
    }
}

/// Whether that is said of the field already.
fn is_gone(field: &Field, new: &Object) -> bool {
    new.field(&field.name).is_none()
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn words_of(rule: &Rule) -> String {
    match rule {
        Rule::AtLeastOne(names) => format!("one of {}", names.join(", ")),
        Rule::ExactlyOne(names) => format!("exactly one of {}", names.join(", ")),
        Rule::When { field, then, otherwise, .. } => {
            format!("what {field} asks for ({})", [then.as_slice(), otherwise.as_slice()].concat().join(", "))
        }
    }
}
