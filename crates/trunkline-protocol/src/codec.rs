//! How a connection's envelopes become bytes: a dialect in a codec.

use crate::dialect::Dialect;
use crate::envelope::Envelope;
use crate::msgpack;

/// How an envelope, or a payload on the bridge, becomes bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Text.
    #[default]
    Json,
    /// Binary, with byte strings.
    MessagePack,
}

impl Codec {
    /// The name on the bridge.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::MessagePack => "msgpack",
        }
    }

    /// The codec with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Json, Self::MessagePack].into_iter().find(|codec| codec.name() == name)
    }
}

/// How one connection spells its envelopes. Every dialect is spelled in JSON, native also in MessagePack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Wire {
    dialect: Dialect,
    codec: Codec,
}

impl Wire {
    /// How many there are.
    pub const COUNT: usize = Dialect::ALL.len() + 1;

    /// Native in MessagePack.
    pub const MESSAGE_PACK: Self = Self { dialect: Dialect::Native, codec: Codec::MessagePack };

    /// A dialect in JSON.
    pub const fn json(dialect: Dialect) -> Self {
        Self { dialect, codec: Codec::Json }
    }

    /// The dialect.
    pub const fn dialect(self) -> Dialect {
        self.dialect
    }

    /// The codec.
    pub const fn codec(self) -> Codec {
        self.codec
    }

    /// Its number, below [`Wire::COUNT`].
    pub const fn index(self) -> usize {
        match self.codec {
            Codec::Json => self.dialect as usize,
            Codec::MessagePack => Self::COUNT - 1,
        }
    }

    /// Writes one frame's content to the end of `out`.
    pub fn encode(self, envelope: &Envelope<'_>, out: &mut Vec<u8>) {
        match self.codec {
            Codec::Json => self.dialect.encode(envelope, out),
            Codec::MessagePack => msgpack::encode(envelope, out),
        }
    }
}

impl From<Dialect> for Wire {
    fn from(dialect: Dialect) -> Self {
        Self::json(dialect)
    }
}
