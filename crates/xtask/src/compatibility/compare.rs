//! What of two catalogues does not go together.

use std::collections::BTreeSet;
use std::fmt;

use trunkline_catalogue::Catalogue;
use trunkline_catalogue::model::{Direction, MessageType};
use trunkline_protocol::Dialect;

use super::shapes::{Side, contained};

/// One thing that an old client would stumble over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Break {
    pub(super) dialect: DialectName,
    /// The type.
    pub(super) message: String,
    /// The field, empty where it is about the type.
    pub(super) path: String,
    /// What is wrong, after the field's name.
    pub(super) words: String,
}

/// A dialect, in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DialectName(&'static str);

impl DialectName {
    pub(super) fn name(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Break {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message, path, words, .. } = self;
        if path.is_empty() {
            write!(formatter, "{message} {words}")
        } else {
            write!(formatter, "{message}: {path} {words}")
        }
    }
}

/// Everything that is not as clients of `old` need it.
pub(super) fn compare(old: &Catalogue, new: &Catalogue) -> Vec<Break> {
    let mut found = BTreeSet::new();
    for dialect in Dialect::ALL {
        for was in old.types(dialect) {
            let is = new.types(dialect).iter().find(|message| message.name == was.name);
            let mut add = |path: String, words: String| {
                found.insert(Break { dialect: DialectName(dialect.name()), message: was.name.clone(), path, words });
            };
            match is {
                Some(is) => compare_types(was, is, &mut add),
                None => add(String::new(), "is gone".to_owned()),
            }
        }
    }
    found.into_iter().collect()
}

fn compare_types(was: &MessageType, is: &MessageType, add: &mut dyn FnMut(String, String)) {
    let mut changed = |what: &str, was: String, is: String| {
        if was != is {
            add(String::new(), format!("had {what} {was}, and has {is}"));
        }
    };
    changed("direction", format!("{:?}", was.direction), format!("{:?}", is.direction));
    changed("class", format!("{:?}", was.class), format!("{:?}", is.class));
    changed("key", format!("{:?}", was.key), format!("{:?}", is.key));
    changed("folded field", format!("{:?}", was.folded), format!("{:?}", is.folded));
    if was.direction != Direction::ToClient {
        contained(&was.frame.kind, &is.frame.kind, Side::Sent, "", add);
    }
    if was.direction != Direction::ToGateway {
        contained(&is.frame.kind, &was.frame.kind, Side::Read, "", add);
    }
}

#[cfg(test)]
mod tests;
