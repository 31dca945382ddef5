//! What a Python module of message types has in it, for no library yet.

use trunkline_catalogue::model::{
    Class as Delivery, Direction, IntegerRange, MessageType, NumberRange, Rule, Shape, Text, Unit,
};

/// One module.
pub(super) struct Module {
    /// The dialect's name, or `shared`.
    pub(super) name: &'static str,
    /// The files that it is made from.
    pub(super) sources: String,
    pub(super) items: Vec<Item>,
    /// The message types; none in `shared`.
    pub(super) types: Vec<Entry>,
}

/// What a module defines.
pub(super) enum Item {
    Alias { name: String, documentation: String, is: Type },
    Class(Class),
}

/// A class with named fields.
pub(super) struct Class {
    pub(super) name: String,
    /// The class whose fields it has too, those that it names itself excepted.
    pub(super) base: Option<String>,
    /// The value of `type`, where it is a whole frame.
    pub(super) frame: Option<Frame>,
    /// Paragraphs.
    pub(super) documentation: Vec<String>,
    pub(super) attributes: Vec<Attribute>,
    /// The rules that the base does not have, about attributes by their Python names.
    pub(super) rules: Vec<Rule>,
    pub(super) has_inherited_rules: bool,
}

/// How a class is a frame.
pub(super) enum Frame {
    /// What others are based on.
    Base,
    /// One type.
    Type(String),
}

/// A field of a class.
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) wire: String,
    pub(super) presence: Presence,
    pub(super) is: Type,
    /// What it means, where its type does not say it.
    pub(super) documentation: Option<String>,
}

/// Whether a field must be there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Optional,
    Required,
    /// It must, though in the base it need not; checkers of types want that said.
    MadeRequired,
}

/// What a value is.
#[derive(Clone)]
pub(super) enum Type {
    Any,
    Nothing,
    Null,
    Boolean,
    Exactly(bool),
    Integer(IntegerRange),
    Number(NumberRange),
    Text(Text),
    Choice(Vec<String>),
    List { items: Box<Type>, least: u64, most: Option<u64> },
    Map { values: Box<Type>, least: u64, most: Option<u64> },
    Named(String),
    Union(Vec<Type>),
}

/// A message type in a module's table.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) content: Type,
    pub(super) frame: String,
    pub(super) direction: &'static str,
    pub(super) delivery: &'static str,
    pub(super) key: Vec<String>,
    pub(super) folded: Option<String>,
    pub(super) local: bool,
}

impl Entry {
    /// The row of a type whose content and frame have these types.
    pub(super) fn new(message: &MessageType, content: Type, frame: String) -> Self {
        Self {
            name: message.name.clone(),
            content,
            frame,
            direction: direction(message),
            delivery: match message.class {
                Delivery::Durable => "durable",
                Delivery::Stream => "stream",
                Delivery::Latest => "latest",
                Delivery::Control => "control",
            },
            key: message.key.clone(),
            folded: message.folded.clone(),
            local: message.local,
        }
    }
}

/// The schema's word for who sends a type.
pub(super) fn direction(message: &MessageType) -> &'static str {
    match message.direction {
        Direction::ToClient => "to_client",
        Direction::ToGateway => "to_gateway",
        Direction::Both => "both",
    }
}

/// What a value means, and its unit where the words do not say it.
pub(super) fn documentation(shape: &Shape) -> Option<String> {
    let words = shape.description.clone()?;
    let (unit, said) = match shape.unit {
        Some(Unit::Seconds) => ("seconds", "second"),
        Some(Unit::Milliseconds) => ("milliseconds", "millisecond"),
        Some(Unit::Bytes) => ("bytes", "byte"),
        Some(Unit::Percent) => ("percent", "0 to 100"),
        Some(Unit::Fraction) => ("fraction", "0 to 1"),
        None => return Some(words),
    };
    Some(if words.contains(said) { words } else { format!("{words} Unit: {unit}.") })
}

/// How a type is sent and delivered, in one line.
pub(super) fn facts(message: &MessageType) -> String {
    let direction = match message.direction {
        _ if message.local => "raised by the client library, never on the wire",
        Direction::ToClient => "to clients",
        Direction::ToGateway => "from clients",
        Direction::Both => "to and from clients",
    };
    let delivery = match message.class {
        Delivery::Durable => "durable".to_owned(),
        Delivery::Stream => format!("stream, folded in `{}`", message.folded.as_deref().unwrap_or_default()),
        Delivery::Latest if message.key.is_empty() => "latest".to_owned(),
        Delivery::Latest => format!("latest, one value per `{}`", message.key.join("`, `")),
        Delivery::Control => "control".to_owned(),
    };
    format!("`{}`: {direction}; {delivery}.", message.name)
}
