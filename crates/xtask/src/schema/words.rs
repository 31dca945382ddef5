//! What a shape is called in pages for people.

use trunkline_catalogue::model::{Class, Direction, IntegerRange, Kind, Literal, NumberRange, Shape, Text, Unit};

/// 2^53-1, which goes without saying.
const INTEGER_MAX: i64 = 9_007_199_254_740_991;

/// The JSON kind, such as `string` or `array of integer`.
pub(super) fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Any => "any JSON".to_owned(),
        Kind::Nothing => "must not be there".to_owned(),
        Kind::Null => "null".to_owned(),
        Kind::Boolean | Kind::Literal(Literal::Boolean(_)) => "boolean".to_owned(),
        Kind::Integer(_) => "integer".to_owned(),
        Kind::Number(_) => "number".to_owned(),
        Kind::Text(_) | Kind::Choice(_) | Kind::Literal(Literal::Text(_)) => "string".to_owned(),
        Kind::Array(array) if array.items.kind == Kind::Any => "array".to_owned(),
        Kind::Array(array) => format!("array of {}", self::kind(&array.items.kind)),
        Kind::Object(object) => match &object.others {
            Some(others) if object.fields.is_empty() => format!("map to {}", self::kind(&others.kind)),
            _ => "object".to_owned(),
        },
        Kind::Union(kinds) if is_anything_else(kinds) => "any JSON".to_owned(),
        Kind::Union(kinds) => kinds.iter().map(self::kind).collect::<Vec<_>>().join(" or "),
    }
}

/// Whether kinds allow every value, with rules for some of them.
pub(super) fn is_anything_else(kinds: &[Kind]) -> bool {
    kinds.len() == 6
}

/// What of that kind is allowed, empty where everything is.
pub(super) fn allowed(kind: &Kind) -> String {
    match kind {
        Kind::Integer(IntegerRange { minimum, maximum }) => {
            let minimum = (*minimum > -INTEGER_MAX).then(|| minimum.to_string());
            let maximum = (*maximum < INTEGER_MAX).then(|| maximum.to_string());
            range(minimum, maximum, "")
        }
        Kind::Number(NumberRange { minimum, maximum }) => {
            range(minimum.map(|bound| bound.to_string()), maximum.map(|bound| bound.to_string()), "")
        }
        Kind::Text(text) => characters(text),
        Kind::Choice(values) => values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", "),
        Kind::Literal(Literal::Text(text)) => format!("`{text}`"),
        Kind::Literal(Literal::Boolean(value)) => format!("`{value}`"),
        Kind::Array(array) => {
            let minimum = (array.items_min > 0).then(|| array.items_min.to_string());
            let items = range(minimum, array.items_max.map(|most| most.to_string()), " items");
            [items, allowed(&array.items.kind)]
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join("; ")
        }
        Kind::Object(object) => {
            let minimum = (object.fields_min > 0).then(|| object.fields_min.to_string());
            range(minimum, object.fields_max.map(|most| most.to_string()), " fields")
        }
        Kind::Union(kinds) => kinds.iter().map(allowed).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; "),
        Kind::Any | Kind::Nothing | Kind::Null | Kind::Boolean => String::new(),
    }
}

fn characters(text: &Text) -> String {
    if let Some(pattern) = &text.pattern {
        return format!("`{}`", pattern.source().replace('|', "\\|"));
    }
    if text.is_empty_text() {
        return "a text must be empty".to_owned();
    }
    let minimum = (text.characters_min > 0).then(|| text.characters_min.to_string());
    range(minimum, text.characters_max.map(|most| most.to_string()), " characters")
}

fn range(minimum: Option<String>, maximum: Option<String>, noun: &str) -> String {
    let noun_of = |bound: &str| if bound == "1" { noun.trim_end_matches('s').to_owned() } else { noun.to_owned() };
    match (minimum, maximum) {
        (None, None) => String::new(),
        (Some(least), None) => format!("≥ {least}{}", noun_of(&least)),
        (None, Some(most)) => format!("≤ {most}{}", noun_of(&most)),
        (Some(least), Some(most)) => format!("{least}–{most}{noun}"),
    }
}

/// The unit's name, empty where there is none.
pub(super) fn unit(shape: &Shape) -> &'static str {
    match shape.unit {
        None => "",
        Some(Unit::Seconds) => "seconds",
        Some(Unit::Milliseconds) => "milliseconds",
        Some(Unit::Bytes) => "bytes",
        Some(Unit::Percent) => "percent",
        Some(Unit::Fraction) => "fraction",
    }
}

/// Who sends a type.
pub(super) fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::ToClient => "to clients",
        Direction::ToGateway => "to the gateway",
        Direction::Both => "both ways",
    }
}

/// How a type is delivered.
pub(super) fn class(class: Class) -> &'static str {
    match class {
        Class::Durable => "durable",
        Class::Stream => "stream",
        Class::Latest => "latest",
        Class::Control => "control",
    }
}
