//! What both libraries' modules have in common: how a module is laid out, and how a type is spelled.

use std::fmt::{Display, Write as _};

use trunkline_catalogue::model::{IntegerRange, Literal, NumberRange, Rule, Text};

use super::module::{Class, Item, Module, Type};
use super::text::{self, docstring, quoted};

/// How one library spells things.
pub(super) struct Library {
    /// What the library is called in the first line of a module.
    pub(super) title: &'static str,
    /// Every import that a module may need: a group of lines each, of modules and the names in them.
    pub(super) imports: &'static [&'static [(&'static str, &'static [&'static str])]],
    /// What holds the rules of a value.
    pub(super) rules: &'static str,
    /// What an integer is.
    pub(super) integer: &'static str,
    /// A field that must not be there.
    pub(super) nothing: &'static str,
    /// A boolean that has one value.
    pub(super) exactly: fn(bool) -> String,
    /// A pattern of the schema in the library's language.
    pub(super) pattern: fn(&str) -> String,
    /// A class.
    pub(super) class: fn(&Class) -> anyhow::Result<String>,
    /// What a dialect's module ends with.
    pub(super) end: fn(&Module) -> anyhow::Result<String>,
}

/// The text of a module.
pub(super) fn module(library: &Library, module: &Module) -> anyhow::Result<String> {
    let mut body = String::new();
    for item in &module.items {
        match item {
            Item::Alias { name, documentation, is } => {
                let is = of_type(library, is)?;
                write!(body, "{name} = {is}\n{}", docstring(std::slice::from_ref(documentation), 0))?;
            }
            Item::Class(class) => write!(body, "\n\n{}\n\n", (library.class)(class)?)?,
        }
    }
    if !module.types.is_empty() {
        write!(body, "\n\n{}", (library.end)(module)?)?;
    }
    let body = with_blank_lines(&body);
    let what = match module.name {
        "shared" => "What the message types of all dialects are made of".to_owned(),
        dialect => format!("The message types of dialect `{dialect}`"),
    };
    let about =
        [format!("{what}, as {}.", library.title), format!("Generated from {}; {}", module.sources, text::ABOUT)];
    // Imports are followed by one line where an alias comes next, and by two where a class does.
    let gap = if body.starts_with("class") { "\n\n" } else { "\n" };
    Ok(format!("{}\n{}{gap}{body}", docstring(&about, 0), imports(library, &body)))
}

/// No more than two empty lines, and none at the ends.
fn with_blank_lines(body: &str) -> String {
    let mut text = body.trim().to_owned();
    while text.contains("\n\n\n\n") {
        text = text.replace("\n\n\n\n", "\n\n\n");
    }
    text + "\n"
}

/// Those imports that a body needs.
fn imports(library: &Library, body: &str) -> String {
    let code: String = body.split("\"\"\"").step_by(2).collect();
    let is_used = |name: &&str| {
        let mut words = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.any(|word| word == *name)
    };
    let groups = library.imports.iter().filter_map(|group| {
        let lines = group.iter().filter_map(|(module, names)| {
            let names: Vec<&str> = names.iter().filter(|name| is_used(name)).copied().collect();
            (!names.is_empty()).then(|| format!("from {module} import {}\n", names.join(", ")))
        });
        Some(lines.collect::<String>()).filter(|lines| !lines.is_empty())
    });
    groups.collect::<Vec<_>>().join("\n")
}

/// The spelling of a type.
pub(super) fn of_type(library: &Library, is: &Type) -> anyhow::Result<String> {
    Ok(match is {
        Type::Any => "Any".to_owned(),
        Type::Nothing => library.nothing.to_owned(),
        Type::Null => "None".to_owned(),
        Type::Boolean => "bool".to_owned(),
        Type::Exactly(value) => (library.exactly)(*value),
        Type::Integer(IntegerRange { minimum, maximum }) => {
            let [ge, le] = [minimum, maximum].map(|bound| Some(text::integer(*bound)));
            annotated(library, library.integer, [named("ge", ge), named("le", le)])
        }
        Type::Number(NumberRange { minimum, maximum }) => {
            annotated(library, "float", [named("ge", *minimum), named("le", *maximum)])
        }
        Type::Text(Text { characters_min, characters_max, pattern, format: _ }) => {
            let pattern =
                pattern.as_ref().map(|pattern| text::raw(&(library.pattern)(pattern.source()))).transpose()?;
            let [least, most] = lengths(*characters_min, *characters_max);
            annotated(library, "str", [least, most, named("pattern", pattern)])
        }
        Type::Choice(values) => format!("Literal[{}]", listed(values)),
        Type::List { items, least, most } => {
            annotated(library, &format!("list[{}]", of_type(library, items)?), lengths(*least, *most))
        }
        Type::Map { values, least, most } => {
            annotated(library, &format!("dict[str, {}]", of_type(library, values)?), lengths(*least, *most))
        }
        Type::Named(name) => name.clone(),
        Type::Union(types) => {
            types.iter().map(|is| of_type(library, is)).collect::<anyhow::Result<Vec<_>>>()?.join(" | ")
        }
    })
}

fn lengths(least: u64, most: Option<u64>) -> [Option<String>; 2] {
    [named("min_length", Some(least).filter(|least| *least > 0)), named("max_length", most)]
}

fn named(name: &str, value: Option<impl Display>) -> Option<String> {
    value.map(|value| format!("{name}={value}"))
}

fn annotated<const N: usize>(library: &Library, is: &str, rules: [Option<String>; N]) -> String {
    let rules: Vec<String> = rules.into_iter().flatten().collect();
    if rules.is_empty() { is.to_owned() } else { format!("Annotated[{is}, {}({})]", library.rules, rules.join(", ")) }
}

fn listed(names: &[String]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}

/// A tuple of strings.
pub(super) fn tuple(names: &[String]) -> String {
    let comma = if names.len() == 1 { "," } else { "" };
    format!("({}{comma})", listed(names))
}

/// The body of a method that keeps the rules of a class.
pub(super) fn rules(class: &Class) -> String {
    let calls: Vec<String> = class.rules.iter().map(rule).collect();
    format!("        _rules.{}\n", calls.join("\n        _rules."))
}

/// A call that keeps a rule.
fn rule(rule: &Rule) -> String {
    match rule {
        Rule::AtLeastOne(names) => format!("at_least_one(self, {})", listed(names)),
        Rule::ExactlyOne(names) => format!("exactly_one(self, {})", listed(names)),
        Rule::When { field, is, then, otherwise } => {
            let is = match is {
                Literal::Text(text) => quoted(text),
                Literal::Boolean(value) => python(*value).to_owned(),
            };
            format!("when(self, {}, {is}, then={}, otherwise={})", quoted(field), tuple(then), tuple(otherwise))
        }
    }
}

/// A boolean.
pub(super) fn python(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

/// The union of all frames that go over the wire.
pub(super) fn frames(module: &Module) -> String {
    let frames = module.types.iter().filter(|entry| !entry.local).map(|entry| entry.frame.as_str());
    frames.collect::<Vec<_>>().join("\n    | ")
}
