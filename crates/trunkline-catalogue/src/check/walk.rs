//! One pass over a text, along a shape.
//!
//! The model itself is what is walked: the fields of an object are looked for from where the last one was found, because
//! messages mostly have them in the order of the schema. Faults come in the order of the text; what is missing, and rules
//! about a whole object or array, at its end.

use super::Refused;
use super::scan::{JsonKind, Quoted, Scanner};
use super::words::{self, Name, Trail};
use crate::model::{Array, Field, IntegerRange, Kind, Literal, NumberRange, Object, Rule, Text};

/// Checks the value that follows in `scanner`.
pub(super) fn value(scanner: &mut Scanner<'_>, kind: &Kind, trail: &Trail<'_>) -> Result<(), Refused> {
    let found = scanner.kind()?;
    match (kind, found) {
        (Kind::Any, _) => Ok(scanner.skip()?),
        (Kind::Object(object), JsonKind::Object) => self::object(scanner, object, trail),
        (Kind::Array(array), JsonKind::Array) => self::array(scanner, array, trail),
        (Kind::Text(rules), JsonKind::Text) => text(scanner.string()?, rules, trail),
        (Kind::Choice(_) | Kind::Literal(Literal::Text(_)), JsonKind::Text) => {
            let found = scanner.string()?;
            let allowed = match kind {
                Kind::Choice(values) => values.iter().any(|value| found.is(value)),
                Kind::Literal(Literal::Text(value)) => found.is(value),
                _ => false,
            };
            if allowed { Ok(()) } else { mismatch(kind, &words::quoted(found.characters()), trail) }
        }
        (Kind::Number(range), JsonKind::Number) => number(scanner.number()?, *range, trail),
        (Kind::Integer(range), JsonKind::Number) => integer(scanner.number()?, kind, *range, trail),
        (Kind::Boolean, JsonKind::Boolean) | (Kind::Null, JsonKind::Null) => Ok(scanner.word().map(|_| ())?),
        (Kind::Literal(Literal::Boolean(value)), JsonKind::Boolean) => {
            let word = scanner.word()?;
            if (word == "true") == *value { Ok(()) } else { mismatch(kind, word, trail) }
        }
        (Kind::Union(kinds), _) => match kinds.iter().find(|kind| admits(kind, found)) {
            Some(Kind::Text(rules)) if rules.is_empty_text() => match scanner.string()? {
                text if text.raw.is_empty() => Ok(()),
                text => mismatch(kind, &words::quoted(text.characters()), trail),
            },
            Some(kind) => value(scanner, kind, trail),
            None => mismatch(kind, name_of(scanner, found)?, trail),
        },
        _ => mismatch(kind, name_of(scanner, found)?, trail),
    }
}

/// Whether a kind is about values of this JSON kind.
fn admits(kind: &Kind, found: JsonKind) -> bool {
    match kind {
        Kind::Any => true,
        Kind::Nothing | Kind::Union(_) => false,
        Kind::Null => found == JsonKind::Null,
        Kind::Boolean | Kind::Literal(Literal::Boolean(_)) => found == JsonKind::Boolean,
        Kind::Integer(_) | Kind::Number(_) => found == JsonKind::Number,
        Kind::Text(_) | Kind::Choice(_) | Kind::Literal(Literal::Text(_)) => found == JsonKind::Text,
        Kind::Array(_) => found == JsonKind::Array,
        Kind::Object(_) => found == JsonKind::Object,
    }
}

/// What the value that follows is called.
fn name_of(scanner: &mut Scanner<'_>, found: JsonKind) -> Result<&'static str, Refused> {
    Ok(match found {
        JsonKind::Null => "null",
        JsonKind::Boolean => "boolean",
        JsonKind::Number if is_whole(scanner.number()?) => "integer",
        JsonKind::Number => "number",
        JsonKind::Text => "string",
        JsonKind::Array => "array",
        JsonKind::Object => "object",
    })
}

fn mismatch(kind: &Kind, got: &str, trail: &Trail<'_>) -> Result<(), Refused> {
    fault(format!("expected {}, got {got}", words::expected(kind)), trail)
}

fn fault(words: String, trail: &Trail<'_>) -> Result<(), Refused> {
    Err(Refused::Fault(trail.fault(words)))
}

fn text(found: Quoted<'_>, rules: &Text, trail: &Trail<'_>) -> Result<(), Refused> {
    let Text { characters_min, characters_max, pattern, format: _ } = rules;
    if *characters_min > 0 || characters_max.is_some() {
        count(found, (*characters_min, *characters_max), trail)?;
    }
    match pattern {
        Some(pattern) if !pattern.matches_characters(found.characters()) => {
            let got = words::quoted(found.characters());
            fault(format!("expected a text that matches {}, got {got}", pattern.source()), trail)
        }
        _ => Ok(()),
    }
}

fn count(found: Quoted<'_>, (least, most): (u64, Option<u64>), trail: &Trail<'_>) -> Result<(), Refused> {
    // A text has at most as many characters as bytes, and at least a twelfth of them.
    let bytes = found.raw.len() as u64;
    if most.is_none_or(|most| bytes <= most) && bytes / 12 >= least {
        return Ok(());
    }
    bounds(found.length(), (least, most), "character", trail)
}

fn bounds(found: u64, (least, most): (u64, Option<u64>), noun: &str, trail: &Trail<'_>) -> Result<(), Refused> {
    if found < least {
        return fault(format!("expected at least {}, got {found}", words::counted(least, noun)), trail);
    }
    match most {
        Some(most) if found > most => {
            fault(format!("expected at most {}, got {found}", words::counted(most, noun)), trail)
        }
        _ => Ok(()),
    }
}

/// A number's value; what is too large for a float is infinite.
fn float(text: &str) -> f64 {
    text.parse().unwrap_or(f64::NAN)
}

fn is_whole(text: &str) -> bool {
    float(text).fract() == 0.0
}

fn number(text: &str, range: NumberRange, trail: &Trail<'_>) -> Result<(), Refused> {
    if range.minimum.is_none() && range.maximum.is_none() {
        return Ok(());
    }
    let found = float(text);
    if let Some(minimum) = range.minimum.filter(|minimum| found < *minimum) {
        return outside("least", minimum, found, trail);
    }
    match range.maximum {
        Some(maximum) if found > maximum => outside("most", maximum, found, trail),
        _ => Ok(()),
    }
}

fn integer(text: &str, kind: &Kind, range: IntegerRange, trail: &Trail<'_>) -> Result<(), Refused> {
    let found = float(text);
    if found.fract() != 0.0 {
        return mismatch(kind, "number", trail);
    }
    #[expect(clippy::cast_precision_loss, reason = "bounds are at most 2^53-1")]
    let (minimum, maximum) = (range.minimum as f64, range.maximum as f64);
    number(text, NumberRange { minimum: Some(minimum), maximum: Some(maximum) }, trail)
}

fn outside(side: &str, bound: f64, found: f64, trail: &Trail<'_>) -> Result<(), Refused> {
    fault(format!("expected at {side} {}, got {}", words::number(bound), words::number(found)), trail)
}

fn array(scanner: &mut Scanner<'_>, array: &Array, trail: &Trail<'_>) -> Result<(), Refused> {
    let mut length = 0;
    let mut more = scanner.open(b']');
    while more {
        value(scanner, &array.items.kind, &Trail::Element(trail, length))?;
        length += 1;
        more = scanner.more(b']')?;
    }
    bounds(length as u64, (array.items_min, array.items_max), "item", trail)
}

/// Checks an object, which follows.
pub(super) fn object(scanner: &mut Scanner<'_>, object: &Object, trail: &Trail<'_>) -> Result<(), Refused> {
    let mut seen = Seen { fields: 0, equal: 0 };
    let mut next = 0;
    let mut length = 0;
    let mut more = scanner.open(b'}');
    while more {
        let name = scanner.name()?;
        length += 1;
        if let Some(place) = find(&object.fields, name, next) {
            let field = &object.fields[place];
            next = place + 1;
            seen.fields |= 1 << place;
            let trail = Trail::Field(trail, Name::Known(&field.name));
            if object.rules.is_empty() {
                value(scanner, &field.shape.kind, &trail)?;
            } else {
                watched(scanner, object, field, &mut seen, &trail)?;
            }
        } else if let Some(others) = &object.others {
            value(scanner, &others.kind, &Trail::Field(trail, Name::Found(name)))?;
        } else {
            scanner.skip()?;
        }
        more = scanner.more(b'}')?;
    }
    for (place, field) in object.fields.iter().enumerate() {
        if field.required && !seen.has(place) {
            return missing(&field.name, trail);
        }
    }
    bounds(length, (object.fields_min, object.fields_max), "field", trail)?;
    object.rules.iter().enumerate().try_for_each(|(place, rule)| self::rule(place, rule, object, &seen, trail))
}

/// What was seen of an object: bit by bit, which of its fields, and which of its conditions have the value that they ask for.
struct Seen {
    fields: u64,
    equal: u64,
}

impl Seen {
    fn has(&self, place: usize) -> bool {
        self.fields >> place & 1 == 1
    }

    fn has_named(&self, object: &Object, name: &str) -> bool {
        object.fields.iter().position(|field| field.name == name).is_some_and(|place| self.has(place))
    }
}

/// The field of this name, looked for from `next` on.
fn find(fields: &[Field], name: Quoted<'_>, next: usize) -> Option<usize> {
    let (before, after) = fields.split_at(next.min(fields.len()));
    let position = |fields: &[Field]| fields.iter().position(|field| name.is(&field.name));
    position(after).map(|place| place + before.len()).or_else(|| position(before))
}

/// Checks a field's value and remembers what a condition asks of it.
fn watched(
    scanner: &mut Scanner<'_>,
    object: &Object,
    field: &Field,
    seen: &mut Seen,
    trail: &Trail<'_>,
) -> Result<(), Refused> {
    scanner.kind()?;
    let start = scanner.at();
    value(scanner, &field.shape.kind, trail)?;
    for (place, rule) in object.rules.iter().enumerate() {
        if let Rule::When { field: name, is, .. } = rule
            && *name == field.name
            && equals(scanner.since(start), is)
        {
            seen.equal |= 1 << place;
        }
    }
    Ok(())
}

/// Whether a value, as it stands in the text, is this one.
fn equals(found: &str, literal: &Literal) -> bool {
    match literal {
        Literal::Boolean(value) => found == if *value { "true" } else { "false" },
        Literal::Text(text) => found.starts_with('"') && Scanner::new(found).string().is_ok_and(|found| found.is(text)),
    }
}

fn missing(name: &str, trail: &Trail<'_>) -> Result<(), Refused> {
    fault("missing".to_owned(), &Trail::Field(trail, Name::Known(name)))
}

fn rule(place: usize, rule: &Rule, object: &Object, seen: &Seen, trail: &Trail<'_>) -> Result<(), Refused> {
    match rule {
        Rule::AtLeastOne(names) => {
            if names.iter().any(|name| seen.has_named(object, name)) {
                return Ok(());
            }
            fault(format!("expected at least one of {}, got none", names.join(", ")), trail)
        }
        Rule::ExactlyOne(names) => {
            let mut found = names.iter().filter(|name| seen.has_named(object, name));
            if found.clone().count() == 1 {
                return Ok(());
            }
            let first = found.next().map_or("none", String::as_str);
            let got = found.fold(first.to_owned(), |all, name| all + ", " + name);
            fault(format!("expected exactly one of {}, got {got}", names.join(", ")), trail)
        }
        Rule::When { field, then, otherwise, .. } => {
            let holds = !seen.has_named(object, field) || seen.equal >> place & 1 == 1;
            let needed = if holds { then } else { otherwise };
            match needed.iter().find(|name| !seen.has_named(object, name)) {
                Some(name) => missing(name, trail),
                None => Ok(()),
            }
        }
    }
}
