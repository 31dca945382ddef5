//! Writes what is read as JSON text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::read::Sink;

/// Appends JSON to a text.
pub(super) struct JsonSink<'o> {
    out: &'o mut String,
}

impl<'o> JsonSink<'o> {
    pub(super) fn new(out: &'o mut String) -> Self {
        Self { out }
    }

    pub(super) fn length(&self) -> usize {
        self.out.len()
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.out.truncate(length);
    }

    /// JSON that is spelled already.
    pub(super) fn raw(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// A member's name and the colon behind it.
    pub(super) fn name(&mut self, name: &str) {
        self.quoted(name);
        self.out.push(':');
    }

    fn separate(&mut self, index: usize) {
        if index > 0 {
            self.out.push(',');
        }
    }

    fn quoted(&mut self, text: &str) {
        let needs_escape = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
        if text.bytes().any(needs_escape) {
            self.out.push_str(&serde_json::to_string(text).expect("text serialises into memory"));
        } else {
            self.out.push('"');
            self.out.push_str(text);
            self.out.push('"');
        }
    }

    fn number(&mut self, number: impl Into<serde_json::Number>) {
        use std::fmt::Write as _;
        write!(self.out, "{}", number.into()).expect("writing to memory does not fail");
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
        self.out.push('"');
        STANDARD.encode_string(value, self.out);
        self.out.push('"');
    }

    fn begin_array(&mut self, _: usize) {
        self.out.push('[');
    }

    fn item(&mut self, index: usize) {
        self.separate(index);
    }

    fn end_array(&mut self) {
        self.out.push(']');
    }

    fn begin_map(&mut self, _: usize) {
        self.out.push('{');
    }

    fn key(&mut self, index: usize, name: &str) {
        self.separate(index);
        self.name(name);
    }

    fn end_map(&mut self) {
        self.out.push('}');
    }
}
