//! MessagePack as JSON values, with another writer and reader than the gateway's.

use serde_json::{Value, json};

/// The member under which [`bytes`] keeps what a byte string holds.
const BYTES: &str = "$bytes";

/// A byte string.
pub(crate) fn bytes(bytes: &[u8]) -> Value {
    json!({ BYTES: bytes })
}

/// Writes a value; an object as [`bytes`] makes it becomes a byte string.
pub(crate) fn write(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    rmpv::encode::write_value(&mut out, &packed(value)).expect("memory");
    out
}

fn packed(value: &Value) -> rmpv::Value {
    match value {
        Value::Null => rmpv::Value::Nil,
        Value::Bool(boolean) => (*boolean).into(),
        Value::Number(number) => number
            .as_u64()
            .map(rmpv::Value::from)
            .or_else(|| number.as_i64().map(rmpv::Value::from))
            .or_else(|| number.as_f64().map(rmpv::Value::from))
            .expect("a number"),
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => rmpv::Value::Array(items.iter().map(packed).collect()),
        Value::Object(members) => match members.get(BYTES) {
            Some(bytes) => rmpv::Value::Binary(serde_json::from_value(bytes.clone()).expect("bytes")),
            None => {
                rmpv::Value::Map(members.iter().map(|(name, value)| (name.as_str().into(), packed(value))).collect())
            }
        },
    }
}

/// Reads a value; a byte string becomes an object as [`bytes`] makes it.
pub(crate) fn read(mut frame: &[u8]) -> Value {
    let value = rmpv::decode::read_value(&mut frame).expect("MessagePack");
    assert!(frame.is_empty(), "one value");
    unpacked(value)
}

fn unpacked(value: rmpv::Value) -> Value {
    match value {
        rmpv::Value::Nil => Value::Null,
        rmpv::Value::Boolean(boolean) => boolean.into(),
        rmpv::Value::Integer(number) => serde_json::to_value(number.as_i64()).expect("a number"),
        rmpv::Value::F32(number) => f64::from(number).into(),
        rmpv::Value::F64(number) => number.into(),
        rmpv::Value::String(text) => text.into_str().expect("text").into(),
        rmpv::Value::Binary(held) => bytes(&held),
        rmpv::Value::Array(items) => items.into_iter().map(unpacked).collect(),
        rmpv::Value::Map(members) => members
            .into_iter()
            .map(|(name, value)| (name.as_str().expect("a name").to_owned(), unpacked(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        rmpv::Value::Ext(code, _) => panic!("extension type {code}"),
    }
}
