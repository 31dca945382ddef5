//! MessagePack values as JSON and back, for the few header fields that hold free data.
//!
//! Not for payloads: those pass as bytes.

use rmpv::{Value, ValueRef};

/// JSON for a MessagePack value. Byte strings and extensions have no place in a header and become null.
pub(super) fn to_json(value: &ValueRef<'_>) -> serde_json::Value {
    match value {
        ValueRef::Nil | ValueRef::Binary(_) | ValueRef::Ext(..) => serde_json::Value::Null,
        ValueRef::Boolean(boolean) => (*boolean).into(),
        ValueRef::Integer(integer) => integer
            .as_u64()
            .map(serde_json::Value::from)
            .or_else(|| integer.as_i64().map(serde_json::Value::from))
            .unwrap_or_default(),
        ValueRef::F32(float) => f64::from(*float).into(),
        ValueRef::F64(float) => (*float).into(),
        ValueRef::String(text) => text.as_str().map(serde_json::Value::from).unwrap_or_default(),
        ValueRef::Array(items) => items.iter().map(to_json).collect(),
        ValueRef::Map(entries) => {
            entries.iter().filter_map(|(key, value)| Some((text(key)?.to_owned(), to_json(value)))).collect()
        }
    }
}

/// MessagePack for a JSON value.
pub(super) fn from_json(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(boolean) => (*boolean).into(),
        serde_json::Value::Number(number) => number
            .as_u64()
            .map(Value::from)
            .or_else(|| number.as_i64().map(Value::from))
            .or_else(|| number.as_f64().map(Value::from))
            .unwrap_or(Value::Nil),
        serde_json::Value::String(text) => text.as_str().into(),
        serde_json::Value::Array(items) => Value::Array(items.iter().map(from_json).collect()),
        serde_json::Value::Object(entries) => {
            Value::Map(entries.iter().map(|(key, value)| (key.as_str().into(), from_json(value))).collect())
        }
    }
}

/// The text of a string value.
pub(super) fn text<'a>(value: &'a ValueRef<'_>) -> Option<&'a str> {
    match value {
        ValueRef::String(text) => text.as_str(),
        _ => None,
    }
}
