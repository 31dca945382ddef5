//! A module as msgspec structs.

use std::fmt::Write as _;

use super::module::{Attribute, Class, Frame, Module, Presence, Type};
use super::text::{WIDTH, docstring, quoted};
use super::writer::{self, Library, frames, of_type, python, tuple};

const MSGSPEC: Library = Library {
    title: "msgspec structs",
    imports: &[
        &[("collections.abc", &["Mapping"]), ("typing", &["Annotated", "Any", "Final", "Literal"])],
        &[("msgspec", &["UNSET", "Meta", "Struct", "UnsetType", "field"])],
        &[("trunkline.messages", &["_read", "_rules", "shared"]), ("trunkline.messages._type", &["MessageType"])],
    ],
    rules: "Meta",
    integer: "int",
    nothing: "UnsetType",
    exactly: |value| format!("Literal[{}]", python(value)),
    pattern: anchored,
    class,
    end,
};

/// The text of a module.
pub(super) fn module(module: &Module) -> anyhow::Result<String> {
    writer::module(&MSGSPEC, module)
}

/// Python's `$` matches before a line feed too; `\Z` is the end.
fn anchored(pattern: &str) -> String {
    match pattern.strip_suffix('$') {
        Some(start) if !start.ends_with('\\') => format!("{start}\\Z"),
        _ => pattern.to_owned(),
    }
}

fn class(class: &Class) -> anyhow::Result<String> {
    let base = class.base.as_deref().unwrap_or("Struct");
    let tag = match (&class.frame, &class.base) {
        (Some(Frame::Base), _) => ", tag_field=\"type\"".to_owned(),
        (Some(Frame::Type(tag)), None) => format!(", tag_field=\"type\", tag={}", quoted(tag)),
        (Some(Frame::Type(tag)), Some(_)) => format!(", tag={}", quoted(tag)),
        (None, _) => String::new(),
    };
    let mut text = format!("class {}({base}, frozen=True, kw_only=True{tag}):\n", class.name);
    text += &docstring(&class.documentation, 4);
    if !class.attributes.is_empty() {
        text.push('\n');
    }
    for attribute in &class.attributes {
        text += &self::attribute(attribute)?;
    }
    if !class.rules.is_empty() {
        text += "\n    def __post_init__(self) -> None:\n";
        text += "        \"\"\"Raises ValueError where a rule about several fields is broken.\"\"\"\n";
        if class.has_inherited_rules {
            text += "        super().__post_init__()\n";
        }
        text += &writer::rules(class);
    }
    Ok(text)
}

fn attribute(attribute: &Attribute) -> anyhow::Result<String> {
    let Attribute { name, wire, presence, is, documentation } = attribute;
    let may_be_unset = *presence == Presence::Optional && !matches!(is, Type::Any | Type::Nothing);
    let is = of_type(&MSGSPEC, is)?;
    let is = match is.strip_suffix(" | None") {
        _ if !may_be_unset => is,
        Some(others) => format!("{others} | UnsetType | None"),
        None => format!("{is} | UnsetType"),
    };
    let value = match (presence, name == wire) {
        (Presence::Required, true) => String::new(),
        (Presence::MadeRequired, true) => " = field()".to_owned(),
        (Presence::Required | Presence::MadeRequired, false) => format!(" = field(name={})", quoted(wire)),
        (Presence::Optional, true) => " = UNSET".to_owned(),
        (Presence::Optional, false) => format!(" = field(default=UNSET, name={})", quoted(wire)),
    };
    Ok(format!(
        "    {name}: {is}{value}\n{}",
        documentation.as_ref().map_or_else(String::new, |words| docstring(std::slice::from_ref(words), 4))
    ))
}

/// The union of all frames, how one is read, and the table of types.
fn end(module: &Module) -> anyhow::Result<String> {
    let mut text = format!("Frame = (\n    {}\n)\n", frames(module));
    text += "\"\"\"Any message of the dialect, as it stands on the wire; `type` tells which.\"\"\"\n";
    text += "\n\ndef decode(text: bytes | str) -> Frame:\n";
    let decode = [
        "Reads a frame of the dialect.",
        "Raises msgspec.ValidationError where it is not what its type says, msgspec.DecodeError where it is no JSON.",
    ];
    text += &docstring(&decode.map(str::to_owned), 4);
    text += "    frame: Frame = _read.frame(text, Frame)\n    return frame\n";
    text += "\n\nTYPES: Final[Mapping[str, MessageType]] = {\n";
    for entry in &module.types {
        let mut facts = vec![quoted(&entry.name), of_type(&MSGSPEC, &entry.content)?, entry.frame.clone()];
        facts.extend([quoted(entry.direction), quoted(entry.delivery)]);
        facts.extend((!entry.key.is_empty()).then(|| format!("key={}", tuple(&entry.key))));
        facts.extend(entry.folded.as_ref().map(|folded| format!("folded={}", quoted(folded))));
        facts.extend(entry.local.then(|| "local=True".to_owned()));
        let (name, facts) = (quoted(&entry.name), facts.join(", "));
        let line = format!("    {name}: MessageType({facts}),");
        let is_long = line.chars().count() > WIDTH;
        let row = if is_long { format!("    {name}: MessageType(\n        {facts}\n    ),") } else { line };
        writeln!(text, "{row}")?;
    }
    text += "}\n\"\"\"Every type of the dialect, by its name.\"\"\"\n";
    Ok(text)
}
