//! Writes what is read as MessagePack again, without what was foreign in it.

use super::pack::{write_array, write_bytes, write_float, write_map, write_signed, write_text, write_unsigned};
use super::read::Sink;
use crate::envelope::DecodeError;

/// Appends MessagePack to a buffer.
pub(super) struct PackSink<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> PackSink<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out }
    }
}

impl Sink for PackSink<'_> {
    fn nil(&mut self) {
        self.out.push(0xc0);
    }

    fn boolean(&mut self, value: bool) {
        self.out.push(if value { 0xc3 } else { 0xc2 });
    }

    fn unsigned(&mut self, value: u64) {
        write_unsigned(self.out, value);
    }

    fn signed(&mut self, value: i64) {
        write_signed(self.out, value);
    }

    fn float(&mut self, value: f64) {
        write_float(self.out, value);
    }

    fn text(&mut self, value: &str) {
        write_text(self.out, value);
    }

    fn bytes(&mut self, value: &[u8]) {
        write_bytes(self.out, value);
    }

    fn begin_array(&mut self, length: usize) {
        write_array(self.out, length);
    }

    fn item(&mut self, _: usize) {}

    fn end_array(&mut self) {}

    fn begin_map(&mut self, length: usize) {
        write_map(self.out, length);
    }

    fn key(&mut self, _: usize, name: &str) {
        write_text(self.out, name);
    }

    fn end_map(&mut self) {}

    /// What it is told was written as JSON before, within bounds, and no value is three times as long here.
    fn check_room(&self) -> Result<(), DecodeError> {
        Ok(())
    }
}
