//! Writes what is read as JSON text.

use std::fmt::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::read::Sink;
use crate::envelope::DecodeError;

/// Appends JSON to a text, up to a length.
pub(super) struct JsonSink<'o> {
    out: &'o mut String,
    bytes_max: usize,
    /// How much of what is written does not count.
    uncounted: usize,
    is_full: bool,
}

impl<'o> JsonSink<'o> {
    /// `out` may get so long and no longer.
    pub(super) const fn new(out: &'o mut String, bytes_max: usize) -> Self {
        Self { out, bytes_max, uncounted: 0, is_full: false }
    }

    pub(super) fn length(&self) -> usize {
        self.out.len()
    }

    /// Takes back what was written behind a length, and counts the rest only.
    pub(super) fn truncate(&mut self, length: usize) {
        self.uncounted = self.uncounted.saturating_sub(self.out.len() - length);
        self.out.truncate(length);
    }

    /// Writes something that does not count, however long it is.
    pub(super) fn uncounted<T>(&mut self, write: impl FnOnce(&mut Self) -> T) -> T {
        let (before, uncounted) = (self.out.len(), self.uncounted);
        self.uncounted = usize::MAX;
        let written = write(self);
        self.uncounted = uncounted + self.out.len() - before;
        written
    }

    /// JSON that is spelled already.
    pub(super) fn raw(&mut self, text: &str) {
        if self.has_room(text.len()) {
            self.out.push_str(text);
        }
    }

    /// A member's name and the colon behind it.
    pub(super) fn name(&mut self, name: &str) {
        self.quoted(name);
        self.raw(":");
    }

    /// Whether so many bytes may be written. Where not, nothing may be from then on.
    const fn has_room(&mut self, bytes: usize) -> bool {
        let length_max = self.bytes_max.saturating_add(self.uncounted);
        self.is_full = self.is_full || bytes > length_max.saturating_sub(self.out.len());
        !self.is_full
    }

    fn separate(&mut self, index: usize) {
        if index > 0 {
            self.raw(",");
        }
    }

    fn quoted(&mut self, text: &str) {
        let length = text.bytes().map(spelled_bytes).sum::<usize>();
        if !self.has_room(length + 2) {
            return;
        }
        if length > text.len() {
            self.out.push_str(&serde_json::to_string(text).expect("text serialises into memory"));
        } else {
            self.out.push('"');
            self.out.push_str(text);
            self.out.push('"');
        }
    }

    fn number(&mut self, number: impl Into<serde_json::Number>) {
        write!(self, "{}", number.into()).expect("a full sink writes nothing, and no other fails");
    }
}

impl Write for JsonSink<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.raw(text);
        Ok(())
    }
}

/// How long a text's byte is in JSON.
const fn spelled_bytes(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    }
}

impl Sink for JsonSink<'_> {
    fn nil(&mut self) {
        self.raw("null");
    }

    fn boolean(&mut self, value: bool) {
        self.raw(if value { "true" } else { "false" });
    }

    fn unsigned(&mut self, value: u64) {
        self.number(value);
    }

    fn signed(&mut self, value: i64) {
        self.number(value);
    }

    fn float(&mut self, value: f64) {
        match serde_json::Number::from_f64(value) {
            Some(number) => self.number(number),
            None => self.nil(),
        }
    }

    fn text(&mut self, value: &str) {
        self.quoted(value);
    }

    fn bytes(&mut self, value: &[u8]) {
        if self.has_room(value.len().div_ceil(3) * 4 + 2) {
            self.out.push('"');
            STANDARD.encode_string(value, self.out);
            self.out.push('"');
        }
    }

    fn begin_array(&mut self, _: usize) {
        self.raw("[");
    }

    fn item(&mut self, index: usize) {
        self.separate(index);
    }

    fn end_array(&mut self) {
        self.raw("]");
    }

    fn begin_map(&mut self, _: usize) {
        self.raw("{");
    }

    fn key(&mut self, index: usize, name: &str) {
        self.separate(index);
        self.name(name);
    }

    fn end_map(&mut self) {
        self.raw("}");
    }

    fn check_room(&self) -> Result<(), DecodeError> {
        if self.is_full { Err(DecodeError::TooLarge(self.bytes_max)) } else { Ok(()) }
    }
}
