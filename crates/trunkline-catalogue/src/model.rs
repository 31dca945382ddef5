//! What the schema says, as values.
//!
//! A [`MessageType`] has two shapes: `content`, which its definition is of, and `frame`, which is all of a message as it
//! stands on the wire. A [`Shape`] is already merged: `$ref`, `allOf` and the keywords beside them have become one list of
//! fields, in the order of the files; what remains of where it came from is the name of a shared [`Definition`].
//!
//! To use it: `Catalogue::embedded().types(Dialect::Payload)`, then walk `frame` or `content`. Whoever matches on [`Kind`]
//! has all that a value may be; every rule that is in the files is in the model, or the files are refused
//! ([`crate::Refusal`]).

use std::sync::{Arc, OnceLock};

use trunkline_protocol::Dialect;

use crate::json::Json;
use crate::pattern::Pattern;
use crate::reader;

/// Every message type of every dialect.
#[derive(Clone, Debug)]
pub struct Catalogue {
    pub(crate) dialects: [Types; 5],
    pub(crate) definitions: Vec<Definition>,
    /// A frame of which only the type is known.
    pub(crate) untyped: Kind,
}

/// The types of one dialect.
#[derive(Clone, Debug, Default)]
pub(crate) struct Types {
    /// Its own, then those that it carries.
    all: Vec<MessageType>,
    own: usize,
    /// Places in `all`, by name.
    sorted: Vec<usize>,
}

impl Types {
    pub(crate) fn new(own: Vec<MessageType>, carried: Vec<MessageType>) -> Self {
        let count = own.len();
        let all: Vec<MessageType> = own.into_iter().chain(carried).collect();
        let mut sorted: Vec<usize> = (0..all.len()).collect();
        sorted.sort_unstable_by_key(|place| &all[*place].name);
        Self { all, own: count, sorted }
    }

    fn find(&self, name: &str) -> Option<&MessageType> {
        let found = self.sorted.binary_search_by_key(&name, |place| &self.all[*place].name).ok()?;
        Some(&self.all[self.sorted[found]])
    }
}

impl Catalogue {
    /// The catalogue of the files that this program was built with.
    ///
    /// # Panics
    ///
    /// If the reader refuses them, which no build that passed its tests does.
    pub fn embedded() -> &'static Self {
        static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
        CATALOGUE.get_or_init(|| reader::read(&reader::EMBEDDED).expect("the files are read by this crate's tests"))
    }

    /// The types that a dialect's file defines, in its order.
    pub fn types(&self, dialect: Dialect) -> &[MessageType] {
        let types = &self.dialects[index(dialect)];
        &types.all[..types.own]
    }

    /// The native types that a dialect's file does not define, as its rules spell them. No reference lists them, but a
    /// client may send them: every dialect carries what native says.
    pub fn carried(&self, dialect: Dialect) -> &[MessageType] {
        let types = &self.dialects[index(dialect)];
        &types.all[types.own..]
    }

    /// The type of this name in a dialect: its own, or a native one that it carries.
    pub fn find(&self, dialect: Dialect, name: &str) -> Option<&MessageType> {
        self.dialects[index(dialect)].find(name)
    }

    /// What a frame must be whose type nobody knows: an object with a type.
    pub fn untyped(&self) -> &Kind {
        &self.untyped
    }

    /// What any frame of a dialect may have, where there is a definition of that: the fields beside those of a type.
    pub fn frame_base(&self, dialect: Dialect) -> Option<&Definition> {
        let name = base_name(dialect)?;
        self.definitions.iter().find(|definition| definition.name == name)
    }

    /// What several types are made of, by name: the files' shared definitions, in their order. Only those that some type
    /// uses.
    pub fn definitions(&self) -> &[Definition] {
        &self.definitions
    }
}

/// The place of a dialect in [`Dialect::ALL`].
pub(crate) fn index(dialect: Dialect) -> usize {
    Dialect::ALL.iter().position(|known| *known == dialect).unwrap_or_default()
}

/// The definition of any frame of a dialect.
pub(crate) fn base_name(dialect: Dialect) -> Option<DefinitionName> {
    let (file, name) = match dialect {
        Dialect::Native => (DefinitionFile::Envelope, "envelope"),
        Dialect::Flat => (DefinitionFile::Shared, "flat_frame"),
        Dialect::Open => (DefinitionFile::Shared, "open_frame"),
        Dialect::Payload | Dialect::Data => return None,
    };
    Some(DefinitionName { file, name: name.to_owned() })
}

/// A kind of value that has a name of its own.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Its name and where it is defined.
    pub name: DefinitionName,
    /// What it is.
    pub shape: Shape,
}

/// The name of a shared definition. The two files have names of their own: both define `integer` and `time`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DefinitionName {
    /// The file.
    pub file: DefinitionFile,
    /// The name in that file, such as `agent_id`.
    pub name: String,
}

/// A file with shared definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DefinitionFile {
    /// `envelope.schema.json`.
    Envelope,
    /// `messages/shared.schema.json`.
    Shared,
}

/// One type of one dialect.
#[derive(Clone, Debug)]
pub struct MessageType {
    /// The dialect.
    pub dialect: Dialect,
    /// Its name there, the value of `type`.
    pub name: String,
    /// What it says, in one sentence; empty in files that have rules alone.
    pub description: String,
    /// Who sends it.
    pub direction: Direction,
    /// How it is delivered.
    pub class: Class,
    /// Of a latest type: the fields of the content that, with channel and type, name the value. May be empty there; empty
    /// elsewhere.
    pub key: Vec<String>,
    /// Where consecutive ones may arrive merged: the field of the content that is concatenated.
    pub folded: Option<String>,
    /// The envelope's fields, by their native names, that it always has beyond `type`; `payload` is the content. Empty where
    /// the content is the whole frame: that says it itself.
    pub requires: Vec<String>,
    /// Where the content stands.
    pub place: Place,
    /// In flat: the native type that this one is the spelling of.
    pub native: Option<String>,
    /// Raised by the client library, never on the wire.
    pub local: bool,
    /// Agreed on, but not served by the gateway yet.
    pub planned: bool,
    /// What its definition is of.
    pub content: Shape,
    /// What stands in `payload` where the type is spelled in native. Where the content is the whole frame, that is what
    /// stands beside `type`, without the envelope's fields.
    pub payload: Shape,
    /// All of it, as it stands on the wire: always an object, with `type` among its fields.
    pub frame: Shape,
    /// Examples of the content; at least one, but in files that have rules alone.
    pub examples: Vec<Json>,
}

/// Who sends a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The gateway, or a service through it.
    ToClient,
    /// A client.
    ToGateway,
    /// Either.
    Both,
}

/// How a type is delivered (`docs/glossary.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// A record with a position, delivered in order, replayed after a reconnect.
    Durable,
    /// Durable text deltas of one run.
    Stream,
    /// State where only the newest value matters; no position.
    Latest,
    /// Belongs to one connection; never logged.
    Control,
}

/// Where a type's content stands in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// In the field `payload`.
    Payload,
    /// In the field `data`.
    Data,
    /// It is the whole frame.
    Frame,
}

/// What a value must be, and what people should know of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// The shared definition that it comes from.
    pub definition: Option<DefinitionName>,
    /// Whether it asks for more than that definition does; `kind` has all of it.
    pub narrowed: bool,
    /// What it means.
    pub description: Option<String>,
    /// What a number counts.
    pub unit: Option<Unit>,
    /// What it must be.
    pub kind: Kind,
}

/// The unit of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Thousandths of a second.
    Milliseconds,
    /// Bytes.
    Bytes,
    /// From 0 to 100.
    Percent,
    /// From 0 to 1.
    Fraction,
}

/// What a value must be.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Any JSON.
    Any,
    /// A field that must not be there.
    Nothing,
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A number without a fraction; 1.0 is one.
    Integer(IntegerRange),
    /// A number.
    Number(NumberRange),
    /// A string.
    Text(Text),
    /// One of these strings; at least two.
    Choice(Vec<String>),
    /// Exactly this.
    Literal(Literal),
    /// An array.
    Array(Arc<Array>),
    /// An object.
    Object(Arc<Object>),
    /// Values of several JSON kinds, at most one shape for each: the kind of a value tells which shape it must have.
    Union(Vec<Kind>),
}

/// The only value that a field may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// A string.
    Text(String),
    /// `true` or `false`.
    Boolean(bool),
}

/// From where to where an integer goes, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntegerRange {
    /// The least.
    pub minimum: i64,
    /// The greatest; 2^53-1 at most.
    pub maximum: i64,
}

/// From where to where a number goes, both included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NumberRange {
    /// The least.
    pub minimum: Option<f64>,
    /// The greatest.
    pub maximum: Option<f64>,
}

/// A string's rules. Characters are code points.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// The fewest characters.
    pub characters_min: u64,
    /// The most.
    pub characters_max: Option<u64>,
    /// What it must match.
    pub pattern: Option<Pattern>,
    /// What it is, in the names of JSON Schema (`date-time`). Says nothing that the pattern does not.
    pub format: Option<String>,
}

impl Text {
    /// Whether only the empty text is one.
    pub fn is_empty_text(&self) -> bool {
        self.characters_max == Some(0)
    }
}

/// An array's rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// What each element must be.
    pub items: Shape,
    /// The fewest elements.
    pub items_min: u64,
    /// The most.
    pub items_max: Option<u64>,
}

/// An object's rules. Fields that are not named are allowed.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// The fields that it may or must have, in the order of the files.
    pub fields: Vec<Field>,
    /// What the values of all other fields must be; of a map, that is everything.
    pub others: Option<Shape>,
    /// The fewest fields.
    pub fields_min: u64,
    /// The most.
    pub fields_max: Option<u64>,
    /// Rules about several fields.
    pub rules: Vec<Rule>,
}

impl Object {
    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// One field of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Whether it must be there.
    pub required: bool,
    /// Whether it is what is concatenated when messages are merged.
    pub folded: bool,
    /// What it must be.
    pub shape: Shape,
}

/// A rule about several fields of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// At least one of these fields is there.
    AtLeastOne(Vec<String>),
    /// One of these fields is there, and no other of them.
    ExactlyOne(Vec<String>),
    /// Which fields must be there depends on the value of one.
    When {
        /// The field.
        field: String,
        /// Its value; a field that is left out counts as having it.
        is: Literal,
        /// What must be there if it has that value.
        then: Vec<String>,
        /// What must be there if it has another one.
        otherwise: Vec<String>,
    },
}
