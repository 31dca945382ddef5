//! Names of channels. The realm is part of every name, so no look-up can leave it out.

use std::fmt;
use std::sync::Arc;

/// What a channel belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChannelKind {
    /// A session's messages, and one reference per run.
    Session,
    /// The events of one run, sealed by its terminal event.
    Run,
    /// What is published to one user: whoever proves to be that user may read it.
    User,
    /// What is published under a name that those with the scope share.
    Topic,
}

impl ChannelKind {
    const ALL: [Self; 4] = [Self::Session, Self::Run, Self::User, Self::Topic];

    /// The prefix in names, on the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Run => "run",
            Self::User => "user",
            Self::Topic => "topic",
        }
    }

    /// Whether an id has the form that ids of this kind have.
    fn takes(self, id: &str) -> bool {
        let (bytes_max, others): (usize, &[u8]) = match self {
            Self::Session | Self::Run => (64, b"_-"),
            Self::User => (3 * SUBJECT_BYTES_MAX, b"_.-~@+%"),
            Self::Topic => (TOPIC_BYTES_MAX, b"_.-"),
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || others.contains(&byte);
        (1..=bytes_max).contains(&id.len()) && id.bytes().all(is_plain)
    }
}

/// Longest name of a topic, in bytes.
pub const TOPIC_BYTES_MAX: usize = 256;

/// Longest name of a subject that has a channel of its own, in bytes: written as an id, it is at most three times as long.
pub const SUBJECT_BYTES_MAX: usize = 256;

/// Name of one channel: realm, kind and id. Cheap to clone.
///
/// Stored as `<realm>/<kind>:<id>`. A realm has no slash, and an id no control character;
/// both are checked where they enter the process.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelKey(Arc<str>);

impl ChannelKey {
    /// The channel of this kind with this id.
    pub fn new(realm: &str, kind: ChannelKind, id: &str) -> Self {
        Self(format!("{realm}/{}:{id}", kind.name()).into())
    }

    /// The channel of a session.
    pub fn session(realm: &str, session: &str) -> Self {
        Self::new(realm, ChannelKind::Session, session)
    }

    /// The channel of a run.
    pub fn run(realm: &str, run: &str) -> Self {
        Self::new(realm, ChannelKind::Run, run)
    }

    /// The channel of a topic; `None` if that is no name of one: letters, digits and `_ . -`.
    pub fn topic(realm: &str, topic: &str) -> Option<Self> {
        ChannelKind::Topic.takes(topic).then(|| Self::new(realm, ChannelKind::Topic, topic))
    }

    /// The channel of a verified subject; `None` if its name is empty or has more than [`SUBJECT_BYTES_MAX`] bytes.
    ///
    /// Whatever else than letters, digits and `_ . - ~ @ +` stands in the name is percent-encoded, so that the name of a
    /// channel needs no escapes anywhere and no two subjects have the same one.
    pub fn user(realm: &str, subject: &str) -> Option<Self> {
        let is_named = (1..=SUBJECT_BYTES_MAX).contains(&subject.len());
        is_named.then(|| Self::new(realm, ChannelKind::User, &percent_encoded(subject)))
    }

    /// The key in the store: realm, kind and id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name that clients see: kind and id, without the realm (`session:…`, `run:…`).
    pub fn public_name(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// The channel that a client of `realm` means by `name`, if it has the form of one.
    pub fn from_public_name(realm: &str, name: &str) -> Option<Self> {
        let (kind, id) = name.split_once(':')?;
        let kind = ChannelKind::ALL.into_iter().find(|known| known.name() == kind)?;
        kind.takes(id).then(|| Self::new(realm, kind, id))
    }

    /// The channel of a run in this channel's realm.
    #[must_use]
    pub fn run_of_same_realm(&self, run: &str) -> Self {
        Self::run(self.realm(), run)
    }

    /// The realm.
    pub fn realm(&self) -> &str {
        self.0.split_once('/').map_or("", |(realm, _)| realm)
    }

    /// What the channel belongs to.
    pub fn kind(&self) -> ChannelKind {
        let name = self.public_name().split_once(':').map_or("", |(kind, _)| kind);
        ChannelKind::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or(ChannelKind::Session)
    }

    /// The id within its kind.
    pub fn id(&self) -> &str {
        self.public_name().split_once(':').map_or("", |(_, id)| id)
    }
}

fn percent_encoded(subject: &str) -> String {
    use fmt::Write as _;
    let mut id = String::with_capacity(subject.len());
    for byte in subject.bytes() {
        if byte.is_ascii_alphanumeric() || b"_.-~@+".contains(&byte) {
            id.push(byte.into());
        } else {
            write!(id, "%{byte:02X}").expect("writing to memory does not fail");
        }
    }
    id
}

impl fmt::Debug for ChannelKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for ChannelKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_subject_has_a_channel_of_its_own(one in "\\PC{1,60}", other in "\\PC{1,60}") {
            let channel = ChannelKey::user("acme", &one).unwrap();
            prop_assert_eq!(channel.kind(), ChannelKind::User);
            prop_assert_eq!(ChannelKey::from_public_name("acme", channel.public_name()), Some(channel.clone()));
            prop_assert_eq!(ChannelKey::user("acme", &other) == Some(channel), one == other);
        }

        #[test]
        fn a_name_of_a_channel_is_read_as_that_channel_or_not_at_all(name in "(session|run|user|topic|x)?:?[a-z%/:. ~\\-]{0,9}") {
            if let Some(channel) = ChannelKey::from_public_name("acme", &name) {
                prop_assert_eq!(channel.public_name(), &name);
                prop_assert_eq!(channel.realm(), "acme");
                prop_assert!(name.starts_with(channel.kind().name()));
            }
        }
    }

    #[test]
    fn topics_have_plain_names_of_bounded_length() {
        assert_eq!(ChannelKey::topic("acme", "news.sport").unwrap().public_name(), "topic:news.sport");
        for name in ["", "a b", "a/b", "a:b", "a*", "ä", &"x".repeat(TOPIC_BYTES_MAX + 1)] {
            assert_eq!(ChannelKey::topic("acme", name), None, "{name}");
        }
        assert!(ChannelKey::user("acme", &"x".repeat(SUBJECT_BYTES_MAX + 1)).is_none());
        assert_eq!(ChannelKey::user("acme", "a b/c").unwrap().public_name(), "user:a%20b%2Fc");
    }
}
