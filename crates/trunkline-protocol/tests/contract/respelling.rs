//! The same JSON in another spelling: no spaces, all characters escaped, members in another order.
//!
//! What is compared here must not depend on a parser's numbers or on how deep it goes, so numbers stay the texts that they
//! are. Shared with the fuzz targets.

use std::fmt::{self, Write as _};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Most arrays and objects within each other; a text that has more is not looked at.
const DEPTH_MAX: usize = 256;

/// How a text is written again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// Without spaces, escaped where it must be.
    Plain,
    /// Every character of every string as an escape.
    Escaped,
    /// As plain, the members of objects by their names.
    Sorted,
}

/// The text in another spelling; `None` if it is no JSON, or too deep.
pub(crate) fn respelled(text: &str, spelling: Spelling) -> Option<String> {
    trunkline_protocol::scan(text, DEPTH_MAX).ok()?;
    let mut out = String::new();
    write_value(serde_json::from_str(text).ok()?, spelling, &mut out)?;
    Some(out)
}

/// The members of an object in their order; `None` if the text is none.
pub(crate) fn members(text: &str) -> Option<Vec<(String, &RawValue)>> {
    serde_json::from_str::<Members<'_>>(text).ok().map(|Members(members)| members)
}

/// The strings, numbers, booleans and nulls in a text, whatever they are called, in a fixed order.
pub(crate) fn scalars(text: &str) -> Vec<String> {
    fn collect(value: &RawValue, found: &mut Vec<String>) {
        match value.get().as_bytes().first() {
            Some(b'[') => elements(value).iter().flatten().for_each(|element| collect(element, found)),
            Some(b'{') => members(value.get()).iter().flatten().for_each(|(_, member)| collect(member, found)),
            _ => found.extend(respelled(value.get(), Spelling::Plain)),
        }
    }
    let mut found = Vec::new();
    if let Ok(value) = serde_json::from_str(text) {
        collect(value, &mut found);
    }
    found.sort_unstable();
    found
}

fn write_value(value: &RawValue, spelling: Spelling, out: &mut String) -> Option<()> {
    match value.get().as_bytes().first()? {
        b'"' => write_string(&serde_json::from_str::<String>(value.get()).ok()?, spelling, out),
        b'[' => {
            out.push('[');
            for (index, element) in elements(value)?.into_iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                write_value(element, spelling, out)?;
            }
            out.push(']');
        }
        b'{' => {
            let mut members = members(value.get())?;
            if spelling == Spelling::Sorted {
                members.sort_by(|(one, _), (other, _)| one.cmp(other));
            }
            out.push('{');
            for (index, (name, member)) in members.into_iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                write_string(&name, spelling, out);
                out.push(':');
                write_value(member, spelling, out)?;
            }
            out.push('}');
        }
        _ => out.push_str(value.get()),
    }
    Some(())
}

fn write_string(text: &str, spelling: Spelling, out: &mut String) {
    if spelling == Spelling::Escaped {
        out.push('"');
        for unit in text.encode_utf16() {
            write!(out, "\\u{unit:04x}").expect("writing to memory does not fail");
        }
        out.push('"');
    } else {
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}

fn elements(value: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(value.get()).ok()
}

struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}
