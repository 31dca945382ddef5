//! From one schema to the values that satisfy it.
//!
//! A schema is brought into a normal form, [`Node`]: what it asks of each of the six JSON kinds. In that form `$ref` beside
//! other keywords, `allOf` and definitions that narrow others are one operation, the meeting of two nodes.

use std::rc::Rc;

use trunkline_protocol::Dialect;

use super::meet::meet;
use super::{Refusal, Sources};
use crate::json::Json;
use crate::model::{DefinitionFile, DefinitionName, Literal, Rule, Unit};
use crate::pattern::Pattern;

/// Most references within each other; more is a definition that contains itself.
const REFERENCES_MAX: usize = 16;

/// What people should know of a value, and what it must be.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Node {
    pub(super) definition: Option<DefinitionName>,
    pub(super) narrowed: bool,
    pub(super) description: Option<String>,
    pub(super) unit: Option<Unit>,
    pub(super) folded: bool,
    pub(super) kinds: Kinds,
}

/// What is asked of each JSON kind; `None` where the value cannot be of that kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kinds {
    pub(super) null: bool,
    pub(super) booleans: Vec<bool>,
    pub(super) number: Option<Number>,
    pub(super) text: Option<Text>,
    pub(super) array: Option<Array>,
    pub(super) object: Option<Object>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Number {
    pub(super) whole: bool,
    pub(super) minimum: Option<f64>,
    pub(super) maximum: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Text {
    pub(super) characters_min: u64,
    pub(super) characters_max: Option<u64>,
    pub(super) pattern: Option<Pattern>,
    pub(super) format: Option<String>,
    pub(super) values: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Array {
    pub(super) items: Option<Rc<Node>>,
    pub(super) items_min: u64,
    pub(super) items_max: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Object {
    pub(super) fields: Vec<Field>,
    pub(super) others: Option<Rc<Node>>,
    pub(super) fields_min: u64,
    pub(super) fields_max: Option<u64>,
    pub(super) rules: Vec<Rule>,
}

/// A field; its node is shared, because most fields are those of a definition.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) required: bool,
    pub(super) node: Rc<Node>,
}

impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        let Self { name, required, node } = self;
        *name == other.name && *required == other.required && (Rc::ptr_eq(node, &other.node) || *node == other.node)
    }
}

impl Default for Kinds {
    /// Any value.
    fn default() -> Self {
        Self {
            null: true,
            booleans: vec![false, true],
            number: Some(Number::default()),
            text: Some(Text::default()),
            array: Some(Array::default()),
            object: Some(Object::default()),
        }
    }
}

impl Kinds {
    /// No value.
    pub(super) fn none() -> Self {
        Self { null: false, booleans: Vec::new(), number: None, text: None, array: None, object: None }
    }

    /// The kinds that `type` names.
    fn of(names: &[&str], place: &Place) -> Result<Self, Refusal> {
        let mut kinds = Self::none();
        for name in names {
            match *name {
                "null" => kinds.null = true,
                "boolean" => kinds.booleans = vec![false, true],
                "number" => kinds.number = Some(Number::default()),
                "integer" => kinds.number = Some(Number { whole: true, ..Number::default() }),
                "string" => kinds.text = Some(Text::default()),
                "array" => kinds.array = Some(Array::default()),
                "object" => kinds.object = Some(Object::default()),
                other => return Err(place.refuse(format!("type {other} is none"))),
            }
        }
        Ok(kinds)
    }
}

/// Where in the files a schema stands.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) file: FileName,
    pub(super) pointer: String,
    references: usize,
}

/// One of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileName {
    Envelope,
    Shared,
    Messages(Dialect),
}

impl FileName {
    /// The name below `protocol/schema`.
    pub(super) fn path(self) -> String {
        match self {
            Self::Envelope => "envelope.schema.json".to_owned(),
            Self::Shared => "messages/shared.schema.json".to_owned(),
            Self::Messages(dialect) => format!("messages/{}.schema.json", dialect.name()),
        }
    }

    /// The file's `$id`.
    pub(super) fn id(self) -> String {
        let prefix = "urn:trunkline:protocol:1";
        match self {
            Self::Envelope => format!("{prefix}:envelope"),
            Self::Shared => format!("{prefix}:messages:shared"),
            Self::Messages(dialect) => format!("{prefix}:messages:{}", dialect.name()),
        }
    }

    pub(super) fn all() -> impl Iterator<Item = Self> {
        [Self::Envelope, Self::Shared].into_iter().chain(Dialect::ALL.into_iter().map(Self::Messages))
    }
}

impl Place {
    pub(super) fn definition(file: FileName, name: &str) -> Self {
        Self { file, pointer: format!("/$defs/{name}"), references: 0 }
    }

    pub(super) fn below(&self, keyword: &str) -> Self {
        Self { pointer: format!("{}/{keyword}", self.pointer), ..self.clone() }
    }

    pub(super) fn refuse(&self, what: impl Into<String>) -> Refusal {
        Refusal { place: format!("{}#{}", self.file.path(), self.pointer), what: what.into() }
    }
}

/// Reads the schema at `place`.
pub(super) fn read(sources: &Sources, schema: &Json, place: &Place) -> Result<Node, Refusal> {
    let members = match schema {
        Json::Boolean(true) => return Ok(Node::default()),
        Json::Boolean(false) => return Ok(Node { kinds: Kinds::none(), ..Node::default() }),
        Json::Object(members) => members,
        _ => return Err(place.refuse("is no schema")),
    };
    let mut own = Own { sources, place, node: Node::default(), bases: Vec::new() };
    own.node.kinds = own.kinds(schema)?;
    for (keyword, value) in members {
        own.take(keyword, value, schema)?;
    }
    own.finish()
}

/// A schema that is being read: what its own keywords say, and the schemas that it refers to.
struct Own<'f> {
    sources: &'f Sources,
    place: &'f Place,
    node: Node,
    bases: Vec<Node>,
}

impl Own<'_> {
    fn kinds(&self, schema: &Json) -> Result<Kinds, Refusal> {
        match schema.get("type") {
            None => Ok(Kinds::default()),
            Some(Json::Text(name)) => Kinds::of(&[name], self.place),
            Some(Json::Array(_)) => Kinds::of(&texts(schema.get("type"), &self.place.below("type"))?, self.place),
            Some(_) => Err(self.place.refuse("type is neither a name nor a list")),
        }
    }

    fn take(&mut self, keyword: &str, value: &Json, schema: &Json) -> Result<(), Refusal> {
        let place = self.place.below(keyword);
        let sources = self.sources;
        let number = || if let Json::Number(number) = value { number.as_f64() } else { None };
        let number = || number().ok_or_else(|| place.refuse("is no number"));
        let count = || if let Json::Number(number) = value { number.as_u64() } else { None };
        let count = || count().ok_or_else(|| place.refuse("is no count"));
        let text = || value.as_text().ok_or_else(|| place.refuse("is no string"));
        match keyword {
            "type" | "examples" | "title" | "x-message" | "$schema" | "$id" | "$defs" => {}
            "then" | "else" if schema.get("if").is_some() => {}
            "description" => self.node.description = Some(text()?.to_owned()),
            "x-unit" => self.node.unit = Some(unit(text()?, &place)?),
            "x-fold" if text()? == "concatenate" => self.node.folded = true,
            "$ref" => self.bases.push(reference(sources, text()?, &place)?),
            "allOf" => {
                for (position, part) in elements(value, &place)?.iter().enumerate() {
                    self.bases.push(read(sources, part, &place.below(&position.to_string()))?);
                }
            }
            "const" => self.only(std::slice::from_ref(value), &place)?,
            "enum" => self.only(elements(value, &place)?, &place)?,
            "minimum" => self.number(&place)?.minimum = Some(number()?),
            "maximum" => self.number(&place)?.maximum = Some(number()?),
            "minLength" => self.text(&place)?.characters_min = count()?,
            "maxLength" => self.text(&place)?.characters_max = Some(count()?),
            "pattern" => {
                let pattern = Pattern::read(text()?).map_err(|why| place.refuse(format!("a pattern that {why}")))?;
                self.text(&place)?.pattern = Some(pattern);
            }
            "format" => self.text(&place)?.format = Some(text()?.to_owned()),
            "items" => self.array(&place)?.items = Some(Rc::new(read(sources, value, &place)?)),
            "minItems" => self.array(&place)?.items_min = count()?,
            "maxItems" => self.array(&place)?.items_max = Some(count()?),
            "properties" => {
                self.object(&place)?;
                for (name, schema) in value.as_object().ok_or_else(|| place.refuse("is no object"))? {
                    let node = read(sources, schema, &place.below(name))?;
                    self.field(name, &place)?.node = Rc::new(node);
                }
            }
            "required" => {
                self.object(&place)?;
                for name in texts(Some(value), &place)? {
                    self.field(name, &place)?.required = true;
                }
            }
            "additionalProperties" => self.object(&place)?.others = Some(Rc::new(read(sources, value, &place)?)),
            "minProperties" => self.object(&place)?.fields_min = count()?,
            "maxProperties" => self.object(&place)?.fields_max = Some(count()?),
            "anyOf" => {
                let fields = alternatives(value, &place)?;
                self.rule(Rule::AtLeastOne(fields), &place)?;
            }
            "oneOf" => {
                let fields = alternatives(value, &place)?;
                self.rule(Rule::ExactlyOne(fields), &place)?;
            }
            "if" => {
                let rule = condition(schema, value, &place)?;
                self.rule(rule, &place)?;
            }
            other => return Err(self.place.refuse(format!("keyword {other} is not covered, or not like this"))),
        }
        Ok(())
    }

    fn number(&mut self, place: &Place) -> Result<&mut Number, Refusal> {
        self.node.kinds.number.as_mut().ok_or_else(|| place.refuse("says something of numbers, which type leaves out"))
    }

    fn text(&mut self, place: &Place) -> Result<&mut Text, Refusal> {
        self.node.kinds.text.as_mut().ok_or_else(|| place.refuse("says something of strings, which type leaves out"))
    }

    fn array(&mut self, place: &Place) -> Result<&mut Array, Refusal> {
        self.node.kinds.array.as_mut().ok_or_else(|| place.refuse("says something of arrays, which type leaves out"))
    }

    fn object(&mut self, place: &Place) -> Result<&mut Object, Refusal> {
        self.node.kinds.object.as_mut().ok_or_else(|| place.refuse("says something of objects, which type leaves out"))
    }

    fn rule(&mut self, rule: Rule, place: &Place) -> Result<(), Refusal> {
        for name in named_in(&rule) {
            self.field(name, place)?;
        }
        self.object(place)?.rules.push(rule);
        Ok(())
    }

    /// The field of this name, which may be new.
    fn field(&mut self, name: &str, place: &Place) -> Result<&mut Field, Refusal> {
        let fields = &mut self.object(place)?.fields;
        let known = fields.iter().position(|field| field.name == name);
        let position = known.unwrap_or_else(|| {
            fields.push(Field { name: name.to_owned(), required: false, node: Rc::default() });
            fields.len() - 1
        });
        Ok(&mut fields[position])
    }

    /// Allows these values alone.
    fn only(&mut self, values: &[Json], place: &Place) -> Result<(), Refusal> {
        let mut kinds = Kinds::none();
        for value in values {
            match value {
                Json::Text(text) => {
                    let rules = kinds.text.get_or_insert_with(Text::default);
                    rules.values.get_or_insert_with(Vec::new).push(text.clone());
                }
                Json::Boolean(value) => kinds.booleans.push(*value),
                _ => return Err(place.refuse("has a value that is neither a string nor true or false")),
            }
        }
        let node = Node { kinds, ..Node::default() };
        self.bases.push(node);
        Ok(())
    }

    fn finish(self) -> Result<Node, Refusal> {
        let (place, mut node) = (self.place, self.node);
        // What a reference points to comes first, and this schema narrows it; its words are about this place.
        let mut bases = self.bases.into_iter();
        if let Some(mut base) = bases.next() {
            for other in bases {
                base = meet(base, other, place)?;
            }
            node = meet(base, node, place)?;
        }
        Ok(node)
    }
}

/// The node that a reference points to, with its name where it is a shared definition.
pub(super) fn reference(sources: &Sources, target: &str, place: &Place) -> Result<Node, Refusal> {
    let (id, pointer) = target.split_once('#').ok_or_else(|| place.refuse("is no reference"))?;
    let file = match id {
        "" => place.file,
        id => FileName::all().find(|file| file.id() == id).ok_or_else(|| place.refuse(format!("there is no {id}")))?,
    };
    let absolute = format!("{}#{pointer}", file.id());
    if let Some(known) = sources.known.borrow().get(&absolute) {
        return Ok(known.clone());
    }
    if place.references >= REFERENCES_MAX {
        return Err(place.refuse("leads back to itself"));
    }
    let mut found = sources.files.get(file);
    for name in pointer.split('/').skip(1) {
        found = found.get(name).ok_or_else(|| place.refuse(format!("there is no {target}")))?;
    }
    let at = Place { file, pointer: pointer.to_owned(), references: place.references + 1 };
    let mut node = read(sources, found, &at)?;
    let name = pointer.strip_prefix("/$defs/").filter(|name| !name.contains('/'));
    let shared = match file {
        FileName::Envelope => Some(DefinitionFile::Envelope),
        FileName::Shared => Some(DefinitionFile::Shared),
        FileName::Messages(_) => None,
    };
    if let (Some(file), Some(name)) = (shared, name) {
        node.definition = Some(DefinitionName { file, name: name.to_owned() });
        node.narrowed = false;
    }
    sources.known.borrow_mut().insert(absolute, node.clone());
    Ok(node)
}

fn unit(name: &str, place: &Place) -> Result<Unit, Refusal> {
    Ok(match name {
        "seconds" => Unit::Seconds,
        "milliseconds" => Unit::Milliseconds,
        "bytes" => Unit::Bytes,
        "percent" => Unit::Percent,
        "fraction" => Unit::Fraction,
        other => return Err(place.refuse(format!("unit {other} is not known"))),
    })
}

/// The fields of alternatives that each ask for one field and nothing else.
fn alternatives(value: &Json, place: &Place) -> Result<Vec<String>, Refusal> {
    let refuse = || place.refuse("is covered for alternatives that each require one field, and nothing else");
    let one = |alternative: &Json| match alternative.as_object()? {
        [(keyword, Json::Array(names))] if keyword == "required" && names.len() == 1 => {
            names[0].as_text().map(str::to_owned)
        }
        _ => None,
    };
    elements(value, place)?.iter().map(|alternative| one(alternative).ok_or_else(refuse)).collect()
}

/// `if` one field has a value, `then` some fields are required, `else` some others.
fn condition(schema: &Json, premise: &Json, place: &Place) -> Result<Rule, Refusal> {
    let refuse = || place.refuse("is covered for one field that has a value; then and else may only require fields");
    let only = |value: &Json, keyword: &str| match value.as_object() {
        Some([(found, inner)]) if found == keyword => Ok(inner.clone()),
        _ => Err(refuse()),
    };
    let required = |branch: &str| match schema.get(branch) {
        None => Ok(Vec::new()),
        Some(branch) => {
            texts(Some(&only(branch, "required")?), place).map(|names| names.into_iter().map(str::to_owned).collect())
        }
    };
    let Json::Object(properties) = only(premise, "properties")? else { return Err(refuse()) };
    let [(field, value)] = properties.as_slice() else { return Err(refuse()) };
    let is = match only(value, "const")? {
        Json::Text(text) => Literal::Text(text),
        Json::Boolean(value) => Literal::Boolean(value),
        _ => return Err(refuse()),
    };
    Ok(Rule::When { field: field.clone(), is, then: required("then")?, otherwise: required("else")? })
}

/// The fields that a rule speaks of.
fn named_in(rule: &Rule) -> Vec<&String> {
    match rule {
        Rule::AtLeastOne(fields) | Rule::ExactlyOne(fields) => fields.iter().collect(),
        Rule::When { field, then, otherwise, .. } => std::iter::once(field).chain(then).chain(otherwise).collect(),
    }
}

fn elements<'j>(value: &'j Json, place: &Place) -> Result<&'j [Json], Refusal> {
    value.as_array().filter(|elements| !elements.is_empty()).ok_or_else(|| place.refuse("is no list of something"))
}

/// The texts of a list; none where there is no list.
pub(super) fn texts<'j>(value: Option<&'j Json>, place: &Place) -> Result<Vec<&'j str>, Refusal> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let list = value.as_array().ok_or_else(|| place.refuse("is no list"))?;
    list.iter().map(|name| name.as_text().ok_or_else(|| place.refuse("has what is no string"))).collect()
}
