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
}

impl ChannelKind {
    /// The prefix in names, on the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Run => "run",
        }
    }
}

/// Name of one channel: realm, kind and id. Cheap to clone.
///
/// Stored as `<realm>/<kind>:<id>`. A realm has no slash, and an id no control character;
/// both are checked where they enter the process.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelKey(Arc<str>);

impl ChannelKey {
    /// The channel of the session or run with this id.
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
        let kind = match kind {
            "session" => ChannelKind::Session,
            "run" => ChannelKind::Run,
            _ => return None,
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let well_formed = (1..=64).contains(&id.len()) && id.bytes().all(plain);
        well_formed.then(|| Self::new(realm, kind, id))
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
        if self.public_name().starts_with("run:") { ChannelKind::Run } else { ChannelKind::Session }
    }

    /// The id of the session or run.
    pub fn id(&self) -> &str {
        self.public_name().split_once(':').map_or("", |(_, id)| id)
    }
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
