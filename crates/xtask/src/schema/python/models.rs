//! A module as pydantic models.

use std::fmt::Write as _;

use super::module::{Attribute, Class, Frame, Module, Presence, Type};
use super::text::{docstring, quoted};
use super::writer::{self, Library, frames, of_type, python};

const PYDANTIC: Library = Library {
    title: "pydantic models",
    imports: &[
        &[("typing", &["Annotated", "Any", "Final", "Literal", "Self"])],
        &[("pydantic", &["ConfigDict", "Field", "TypeAdapter", "model_validator"])],
        &[
            ("trunkline.messages", &["_rules"]),
            ("trunkline.models", &["shared"]),
            ("trunkline.models._base", &["NOT_NULL", "STRICT", "Absent", "Model", "Whole", "read"]),
        ],
    ],
    rules: "Field",
    integer: "Whole",
    nothing: "Absent",
    exactly: |value| format!("Annotated[Literal[{}], STRICT]", python(value)),
    pattern: str::to_owned,
    class,
    end: |module| Ok(end(module)),
};

/// The text of a module.
pub(super) fn module(module: &Module) -> anyhow::Result<String> {
    writer::module(&PYDANTIC, module)
}

fn class(class: &Class) -> anyhow::Result<String> {
    let base = class.base.as_deref().unwrap_or("Model");
    let mut text = format!("class {}({base}, frozen=True):\n", class.name);
    text += &docstring(&class.documentation, 4);
    let tag = if let Some(Frame::Type(tag)) = &class.frame { Some(quoted(tag)) } else { None };
    if !class.attributes.is_empty() || tag.is_some() {
        text.push('\n');
    }
    if let Some(tag) = tag {
        writeln!(text, "    type: Literal[{tag}] = {tag}")?;
    }
    for attribute in &class.attributes {
        text += &self::attribute(attribute)?;
    }
    if !class.rules.is_empty() {
        // A name of its own in each class, because one of the same name would replace that of the base.
        let method = format!("_keep_rules_of_{}", super::text::attribute_name(&class.name));
        write!(text, "\n    @model_validator(mode=\"after\")\n    def {method}(self) -> Self:\n")?;
        text += &writer::rules(class);
        text += "        return self\n";
    }
    Ok(text)
}

fn attribute(attribute: &Attribute) -> anyhow::Result<String> {
    let Attribute { name, wire, presence, is, documentation } = attribute;
    let spelled = of_type(&PYDANTIC, is)?;
    let spelled = match presence {
        Presence::Optional if !admits_null(is) => format!("Annotated[{spelled} | None, NOT_NULL]"),
        _ => spelled,
    };
    let renamed = format!("validation_alias={}, serialization_alias={}", quoted(wire), quoted(wire));
    let value = match (presence, name == wire) {
        (Presence::Required, true) => String::new(),
        (Presence::MadeRequired, true) => " = Field()".to_owned(),
        (Presence::Required | Presence::MadeRequired, false) => format!(" = Field({renamed})"),
        (Presence::Optional, true) => " = None".to_owned(),
        (Presence::Optional, false) => format!(" = Field(default=None, {renamed})"),
    };
    Ok(format!(
        "    {name}: {spelled}{value}\n{}",
        documentation.as_ref().map_or_else(String::new, |words| docstring(std::slice::from_ref(words), 4))
    ))
}

/// Whether None is a value of it.
fn admits_null(is: &Type) -> bool {
    match is {
        Type::Any | Type::Nothing | Type::Null => true,
        Type::Union(types) => types.iter().any(admits_null),
        _ => false,
    }
}

/// The union of all frames, and how one is read.
fn end(module: &Module) -> String {
    let mut text = format!("Frame = Annotated[\n    {},\n    Field(discriminator=\"type\"),\n]\n", frames(module));
    text += "\"\"\"Any message of the dialect, as it stands on the wire; `type` tells which.\"\"\"\n";
    text += "_FRAMES: Final = TypeAdapter[Frame](Frame, config=ConfigDict(defer_build=True))\n";
    text += "\n\ndef decode(text: bytes | str) -> Frame:\n";
    let decode = [
        "Reads a frame of the dialect.",
        "Raises pydantic.ValidationError, a ValueError, where it is not what its type says or no JSON.",
    ];
    text += &docstring(&decode.map(str::to_owned), 4);
    text += "    return read(_FRAMES, text)\n";
    text
}
