//! The values that two nodes both allow.

use std::rc::Rc;

use super::Refusal;
use super::schema::{Array, Field, Kinds, Node, Number, Object, Place, Text};

/// What satisfies both. Words and units are those of `own` where it has any; fields stand in the order of `base`, then of
/// `own`.
pub(super) fn meet(base: Node, own: Node, place: &Place) -> Result<Node, Refusal> {
    if own.kinds == Kinds::default() {
        let (description, unit) = (own.description.or(base.description), own.unit.or(base.unit));
        return Ok(Node { description, unit, folded: base.folded || own.folded, ..base });
    }
    let kinds = meet_kinds(&base.kinds, &own.kinds, place)?;
    if kinds == Kinds::none() && base.kinds != Kinds::none() && own.kinds != Kinds::none() {
        return Err(place.refuse("allows no value at all"));
    }
    let (definition, narrowed) = if kinds == base.kinds {
        (base.definition, base.narrowed)
    } else if kinds == own.kinds {
        (own.definition, own.narrowed)
    } else {
        // Narrowed from one of them; from both it has no single name.
        match (base.definition, own.definition) {
            (Some(_), Some(_)) | (None, None) => (None, false),
            (Some(name), None) | (None, Some(name)) => (Some(name), true),
        }
    };
    Ok(Node {
        definition,
        narrowed,
        description: own.description.or(base.description),
        unit: own.unit.or(base.unit),
        folded: base.folded || own.folded,
        kinds,
    })
}

fn meet_kinds(base: &Kinds, own: &Kinds, place: &Place) -> Result<Kinds, Refusal> {
    Ok(Kinds {
        null: base.null && own.null,
        booleans: base.booleans.iter().filter(|value| own.booleans.contains(value)).copied().collect(),
        number: both(base.number.as_ref(), own.number.as_ref()).and_then(|(base, own)| meet_numbers(base, own)),
        text: match both(base.text.as_ref(), own.text.as_ref()) {
            Some((base, own)) => meet_texts(base, own, place)?,
            None => None,
        },
        array: match both(base.array.as_ref(), own.array.as_ref()) {
            Some((base, own)) => Some(meet_arrays(base, own, place)?),
            None => None,
        },
        object: match both(base.object.as_ref(), own.object.as_ref()) {
            Some((base, own)) => Some(meet_objects(base, own, place)?),
            None => None,
        },
    })
}

fn both<T>(base: Option<T>, own: Option<T>) -> Option<(T, T)> {
    base.zip(own)
}

fn meet_numbers(base: &Number, own: &Number) -> Option<Number> {
    let tighter = |one: Option<f64>, other: Option<f64>, choose: fn(f64, f64) -> f64| match (one, other) {
        (Some(one), Some(other)) => Some(choose(one, other)),
        (one, other) => one.or(other),
    };
    let minimum = tighter(base.minimum, own.minimum, f64::max);
    let maximum = tighter(base.maximum, own.maximum, f64::min);
    let possible = minimum.zip(maximum).is_none_or(|(minimum, maximum)| minimum <= maximum);
    possible.then_some(Number { whole: base.whole || own.whole, minimum, maximum })
}

fn meet_texts(base: &Text, own: &Text, place: &Place) -> Result<Option<Text>, Refusal> {
    let pattern = match (&base.pattern, &own.pattern) {
        (Some(one), Some(other)) if one != other => return Err(place.refuse("has two patterns for one string")),
        (one, other) => one.clone().or_else(|| other.clone()),
    };
    let format = match (&base.format, &own.format) {
        (Some(one), Some(other)) if one != other => return Err(place.refuse("has two formats for one string")),
        (one, other) => one.clone().or_else(|| other.clone()),
    };
    let mut text = Text {
        characters_min: base.characters_min.max(own.characters_min),
        characters_max: least(base.characters_max, own.characters_max),
        pattern,
        format,
        values: None,
    };
    let values = match (&base.values, &own.values) {
        (Some(one), Some(other)) => Some(one.iter().filter(|value| other.contains(value)).cloned().collect()),
        (one, other) => one.clone().or_else(|| other.clone()),
    };
    let Some(values): Option<Vec<String>> = values else {
        let possible = text.characters_max.is_none_or(|most| text.characters_min <= most);
        return Ok(possible.then_some(text));
    };
    // Values that satisfy the rules need no rules.
    let values: Vec<String> = values.into_iter().filter(|value| satisfies(value, &text)).collect();
    let possible = !values.is_empty();
    text = Text { values: Some(values), ..Text::default() };
    Ok(possible.then_some(text))
}

fn satisfies(value: &str, rules: &Text) -> bool {
    let characters = value.chars().count() as u64;
    characters >= rules.characters_min
        && rules.characters_max.is_none_or(|most| characters <= most)
        && rules.pattern.as_ref().is_none_or(|pattern| pattern.matches(value))
}

fn least(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).min()
}

fn meet_arrays(base: &Array, own: &Array, place: &Place) -> Result<Array, Refusal> {
    Ok(Array {
        items: meet_inner(base.items.as_ref(), own.items.as_ref(), place)?,
        items_min: base.items_min.max(own.items_min),
        items_max: least(base.items_max, own.items_max),
    })
}

fn meet_inner(base: Option<&Rc<Node>>, own: Option<&Rc<Node>>, place: &Place) -> Result<Option<Rc<Node>>, Refusal> {
    Ok(match (base, own) {
        (Some(base), Some(own)) => Some(meet_shared(base, own, place)?),
        (one, other) => one.or(other).cloned(),
    })
}

fn meet_shared(base: &Rc<Node>, own: &Rc<Node>, place: &Place) -> Result<Rc<Node>, Refusal> {
    if Rc::ptr_eq(base, own) {
        return Ok(Rc::clone(base));
    }
    Ok(Rc::new(meet((**base).clone(), (**own).clone(), place)?))
}

fn meet_objects(base: &Object, own: &Object, place: &Place) -> Result<Object, Refusal> {
    let mut fields = Vec::new();
    for field in &base.fields {
        let other = own.fields.iter().find(|other| other.name == field.name);
        let narrowing = other.map(|other| &other.node).or(own.others.as_ref());
        fields.push(meet_field(field, narrowing, other.is_some_and(|other| other.required), place)?);
    }
    for field in own.fields.iter().filter(|field| base.fields.iter().all(|known| known.name != field.name)) {
        // A field that only `own` names is one of the others for `base`.
        let node = match &base.others {
            Some(others) => meet_shared(others, &field.node, &place.below(&field.name))?,
            None => Rc::clone(&field.node),
        };
        fields.push(Field { node, ..field.clone() });
    }
    let mut rules = base.rules.clone();
    rules.extend(own.rules.iter().filter(|rule| !base.rules.contains(rule)).cloned());
    Ok(Object {
        fields,
        others: meet_inner(base.others.as_ref(), own.others.as_ref(), place)?,
        fields_min: base.fields_min.max(own.fields_min),
        fields_max: least(base.fields_max, own.fields_max),
        rules,
    })
}

fn meet_field(field: &Field, narrowing: Option<&Rc<Node>>, required: bool, place: &Place) -> Result<Field, Refusal> {
    let node = match narrowing {
        Some(own) => meet_shared(&field.node, own, &place.below(&field.name))?,
        None => Rc::clone(&field.node),
    };
    Ok(Field { name: field.name.clone(), required: field.required || required, node })
}
