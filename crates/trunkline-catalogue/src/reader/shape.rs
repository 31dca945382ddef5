//! From the normal form to the model's words.

use std::rc::Rc;
use std::sync::Arc;

use super::schema::{self, Kinds, Node, Place};
use super::{Refusal, Sources};
use crate::model::{Array, Field, IntegerRange, Kind, Literal, NumberRange, Object, Shape, Text};

/// 2^53-1, as `f64` holds it exactly.
const INTEGER_MAX: f64 = 9_007_199_254_740_991.0;

/// Most fields of one object: a check remembers those it has seen in the bits of one number.
const FIELDS_MAX: usize = 64;

/// The shape that a node says.
pub(super) fn shape(sources: &Sources, node: &Node, place: &Place) -> Result<Shape, Refusal> {
    Ok(Shape {
        definition: node.definition.clone(),
        narrowed: node.narrowed,
        description: node.description.clone(),
        unit: node.unit,
        kind: kind(sources, &node.kinds, place)?,
    })
}

/// The shape of a node that may stand in several places, made once.
fn shared(sources: &Sources, node: &Rc<Node>, place: &Place) -> Result<Shape, Refusal> {
    let known = sources.shapes.borrow().get(&Rc::as_ptr(node)).map(|(_, shape)| shape.clone());
    if let Some(known) = known {
        return Ok(known);
    }
    let made = shape(sources, node, place)?;
    // The node is kept as well, so that no other one gets its address.
    sources.shapes.borrow_mut().insert(Rc::as_ptr(node), (Rc::clone(node), made.clone()));
    Ok(made)
}

/// One kind, or the union of several: object, array, string, number, boolean, null.
fn kind(sources: &Sources, kinds: &Kinds, place: &Place) -> Result<Kind, Refusal> {
    if *kinds == Kinds::default() {
        return Ok(Kind::Any);
    }
    let mut found = Vec::new();
    if let Some(rules) = &kinds.object {
        found.push(Kind::Object(Arc::new(object(sources, rules, place)?)));
    }
    if let Some(rules) = &kinds.array {
        found.push(Kind::Array(Arc::new(array(sources, rules, place)?)));
    }
    found.extend(kinds.text.as_ref().map(text));
    if let Some(rules) = &kinds.number {
        found.push(number(rules, place)?);
    }
    match kinds.booleans.as_slice() {
        [] => {}
        [value] => found.push(Kind::Literal(Literal::Boolean(*value))),
        _ => found.push(Kind::Boolean),
    }
    found.extend(kinds.null.then_some(Kind::Null));
    match found.pop() {
        None => Ok(Kind::Nothing),
        Some(only) if found.is_empty() => Ok(only),
        Some(last) => {
            found.push(last);
            Ok(Kind::Union(found))
        }
    }
}

fn text(rules: &schema::Text) -> Kind {
    match rules.values.as_deref() {
        Some([value]) => Kind::Literal(Literal::Text(value.clone())),
        Some(values) => Kind::Choice(values.to_vec()),
        None => Kind::Text(Text {
            characters_min: rules.characters_min,
            characters_max: rules.characters_max,
            pattern: rules.pattern.clone(),
            format: rules.format.clone(),
        }),
    }
}

fn number(rules: &schema::Number, place: &Place) -> Result<Kind, Refusal> {
    if !rules.whole {
        return Ok(Kind::Number(NumberRange { minimum: rules.minimum, maximum: rules.maximum }));
    }
    let exact = |bound: f64| bound.fract() == 0.0 && bound.abs() <= INTEGER_MAX;
    let (Some(minimum), Some(maximum)) =
        (rules.minimum.filter(|bound| exact(*bound)), rules.maximum.filter(|bound| exact(*bound)))
    else {
        return Err(place.refuse("an integer needs whole bounds on both sides, of 2^53-1 at most"));
    };
    #[expect(clippy::cast_possible_truncation, reason = "whole, and at most 2^53-1")]
    let range = IntegerRange { minimum: minimum as i64, maximum: maximum as i64 };
    Ok(Kind::Integer(range))
}

fn array(sources: &Sources, rules: &schema::Array, place: &Place) -> Result<Array, Refusal> {
    let any = Rc::default();
    Ok(Array {
        items: shared(sources, rules.items.as_ref().unwrap_or(&any), &place.below("items"))?,
        items_min: rules.items_min,
        items_max: rules.items_max,
    })
}

fn object(sources: &Sources, rules: &schema::Object, place: &Place) -> Result<Object, Refusal> {
    if rules.fields.len() > FIELDS_MAX || rules.rules.len() > FIELDS_MAX {
        return Err(place.refuse(format!("has more than {FIELDS_MAX} fields")));
    }
    let mut fields = Vec::with_capacity(rules.fields.len());
    for field in &rules.fields {
        fields.push(Field {
            name: field.name.clone(),
            required: field.required,
            folded: field.node.folded,
            shape: shared(sources, &field.node, &place.below("properties").below(&field.name))?,
        });
    }
    let others = rules
        .others
        .as_ref()
        .map(|others| shared(sources, others, &place.below("additionalProperties")))
        .transpose()?;
    Ok(Object {
        fields,
        others,
        fields_min: rules.fields_min,
        fields_max: rules.fields_max,
        rules: rules.rules.clone(),
    })
}
