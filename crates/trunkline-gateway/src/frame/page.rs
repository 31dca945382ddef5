//! Neighbouring messages of one channel that many clients are written in one piece.

use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};
use trunkline_core::log::Record;
use trunkline_protocol::{Codec, Position};

use super::Shared;
use crate::connection::Subscriber;

/// Records that follow one another, spelled together by who first writes them.
#[derive(Debug)]
pub(crate) struct Page {
    messages: Box<[Arc<Shared>]>,
    bytes: usize,
    /// For native clients, by codec.
    spelled: [OnceLock<Bytes>; 2],
}

impl Page {
    /// A page of these, which are records.
    pub(crate) fn new(messages: Vec<Arc<Shared>>) -> Self {
        let bytes = messages.iter().map(|message| message.bytes()).sum();
        Self { messages: messages.into(), bytes, spelled: [const { OnceLock::new() }; 2] }
    }

    pub(crate) fn messages(&self) -> &[Arc<Shared>] {
        &self.messages
    }

    /// Bytes of what it is written as, about.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn last(&self) -> Option<&Record> {
        self.messages.last()?.as_record()
    }

    /// Where the record before its first one stands.
    pub(crate) fn previous(&self) -> Option<Position> {
        Some(self.messages.first()?.as_record()?.previous)
    }

    /// What is written to a native client that does not compress.
    pub(super) fn told(&self, client: &Subscriber) -> Bytes {
        let spell = || {
            let mut all = BytesMut::with_capacity(self.bytes);
            for frame in self.messages.iter().filter_map(|message| message.spell(client.voice(), 0).plain) {
                all.extend_from_slice(&frame);
            }
            all.freeze()
        };
        self.spelled[usize::from(client.wire().codec() == Codec::MessagePack)].get_or_init(spell).clone()
    }
}
