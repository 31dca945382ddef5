//! MessagePack's format, read once from front to back and told to a [`Sink`].
//!
//! Trusts nothing: a length is a claim until the bytes are there, and nesting is bounded before it
//! is entered. Knows what a payload may hold, not where it stands.

use super::extension;
use crate::envelope::DecodeError;
use crate::scan::ScanError;

/// Gets a value piece by piece.
pub(super) trait Sink {
    fn nil(&mut self);
    fn boolean(&mut self, value: bool);
    fn unsigned(&mut self, value: u64);
    fn signed(&mut self, value: i64);
    /// A finite number.
    fn float(&mut self, value: f64);
    fn text(&mut self, value: &str);
    fn bytes(&mut self, value: &[u8]);
    fn begin_array(&mut self, length: usize);
    /// Before each item.
    fn item(&mut self, index: usize);
    fn end_array(&mut self);
    fn begin_map(&mut self, length: usize);
    /// Before each value.
    fn key(&mut self, index: usize, name: &str);
    fn end_map(&mut self);
    /// Refuses to go on when it was told more than it may hold.
    fn check_room(&self) -> Result<(), DecodeError>;
}

/// What happens to what JSON has no word for, bytes aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Foreign {
    /// It is refused: clients do not send it.
    Refused,
    /// Registered extension types become what JSON has; NaN and infinity become null, as in the JSON that workers write.
    Converted,
}

/// See the module's comment.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    foreign: Foreign,
    /// How deeply arrays and maps may be nested, counted from where the caller begins to.
    depth_max: usize,
    found_bytes: bool,
    found_foreign: bool,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8], foreign: Foreign, depth_max: usize) -> Self {
        Self { rest: bytes, foreign, depth_max, found_bytes: false, found_foreign: false }
    }

    /// Everything that is there: one value, nothing after it.
    pub(super) fn whole<S: Sink>(&mut self, sink: &mut S) -> Result<(), DecodeError> {
        self.value(sink, self.depth_max)?;
        self.end()
    }

    /// Whether any value so far held bytes.
    pub(super) const fn found_bytes(&self) -> bool {
        self.found_bytes
    }

    /// Whether any value so far was converted.
    pub(super) const fn found_foreign(&self) -> bool {
        self.found_foreign
    }

    /// Nothing may follow.
    pub(super) fn end(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(bad("trailing bytes after the value")) }
    }

    /// Runs `read`, and gives the bytes that it took and whether they hold bytes.
    pub(super) fn measured(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<(), DecodeError>,
    ) -> Result<(&'a [u8], bool), DecodeError> {
        let before = self.rest;
        self.found_bytes = false;
        read(self)?;
        Ok((&before[..before.len() - self.rest.len()], self.found_bytes))
    }

    /// The number of members, where the next value is a map.
    pub(super) fn map_header(&mut self) -> Result<Option<usize>, DecodeError> {
        Ok(match self.byte()? {
            marker @ 0x80..=0x8f => Some(usize::from(marker & 0x0f)),
            0xde => Some(self.length::<2>()?),
            0xdf => Some(self.length::<4>()?),
            _ => None,
        })
    }

    /// The number of items, where the next value is an array.
    pub(super) fn array_header(&mut self) -> Result<Option<usize>, DecodeError> {
        Ok(match self.byte()? {
            marker @ 0x90..=0x9f => Some(usize::from(marker & 0x0f)),
            0xdc => Some(self.length::<2>()?),
            0xdd => Some(self.length::<4>()?),
            _ => None,
        })
    }

    /// The next value, where it is an unsigned number.
    pub(super) fn number(&mut self) -> Result<Option<usize>, DecodeError> {
        Ok(match self.byte()? {
            marker @ 0x00..=0x7f => Some(usize::from(marker)),
            0xcc => Some(self.length::<1>()?),
            0xcd => Some(self.length::<2>()?),
            0xce => Some(self.length::<4>()?),
            0xcf => usize::try_from(u64::from_be_bytes(self.take()?)).ok(),
            _ => None,
        })
    }

    /// The next value, where it is a byte string.
    pub(super) fn byte_string(&mut self) -> Result<Option<&'a [u8]>, DecodeError> {
        let length = match self.byte()? {
            0xc4 => self.length::<1>()?,
            0xc5 => self.length::<2>()?,
            0xc6 => self.length::<4>()?,
            _ => return Ok(None),
        };
        self.slice(length).map(Some)
    }

    /// The name of a member.
    pub(super) fn key(&mut self) -> Result<&'a str, DecodeError> {
        let length = match self.byte()? {
            marker @ 0xa0..=0xbf => usize::from(marker & 0x1f),
            0xd9 => self.length::<1>()?,
            0xda => self.length::<2>()?,
            0xdb => self.length::<4>()?,
            _ => return Err(bad("a key of a map is no text")),
        };
        self.text(length)
    }

    /// One value, in which `depth_left` arrays and maps may be nested.
    pub(super) fn value<S: Sink>(&mut self, sink: &mut S, depth_left: usize) -> Result<(), DecodeError> {
        match self.byte()? {
            0xc0 => sink.nil(),
            0xc2 => sink.boolean(false),
            0xc3 => sink.boolean(true),
            marker @ 0x00..=0x7f => sink.unsigned(u64::from(marker)),
            marker @ 0xe0..=0xff => sink.signed(i64::from(i8::from_be_bytes([marker]))),
            0xcc => sink.unsigned(u64::from(u8::from_be_bytes(self.take()?))),
            0xcd => sink.unsigned(u64::from(u16::from_be_bytes(self.take()?))),
            0xce => sink.unsigned(u64::from(u32::from_be_bytes(self.take()?))),
            0xcf => sink.unsigned(u64::from_be_bytes(self.take()?)),
            0xd0 => signed(sink, i64::from(i8::from_be_bytes(self.take()?))),
            0xd1 => signed(sink, i64::from(i16::from_be_bytes(self.take()?))),
            0xd2 => signed(sink, i64::from(i32::from_be_bytes(self.take()?))),
            0xd3 => signed(sink, i64::from_be_bytes(self.take()?)),
            0xca => {
                let value = f32::from_be_bytes(self.take()?);
                self.float(sink, f64::from(value))?;
            }
            0xcb => {
                let value = f64::from_be_bytes(self.take()?);
                self.float(sink, value)?;
            }
            marker @ 0xa0..=0xbf => sink.text(self.text(usize::from(marker & 0x1f))?),
            0xd9 => sink.text(self.sized_text::<1>()?),
            0xda => sink.text(self.sized_text::<2>()?),
            0xdb => sink.text(self.sized_text::<4>()?),
            0xc4 => self.bytes::<1, S>(sink)?,
            0xc5 => self.bytes::<2, S>(sink)?,
            0xc6 => self.bytes::<4, S>(sink)?,
            marker @ 0x90..=0x9f => self.array(sink, usize::from(marker & 0x0f), depth_left)?,
            0xdc => self.sized_array::<2, S>(sink, depth_left)?,
            0xdd => self.sized_array::<4, S>(sink, depth_left)?,
            marker @ 0x80..=0x8f => self.map(sink, usize::from(marker & 0x0f), depth_left)?,
            0xde => self.sized_map::<2, S>(sink, depth_left)?,
            0xdf => self.sized_map::<4, S>(sink, depth_left)?,
            marker @ 0xd4..=0xd8 => self.extension(sink, 1 << (marker - 0xd4), depth_left)?,
            0xc7 => self.sized_extension::<1, S>(sink, depth_left)?,
            0xc8 => self.sized_extension::<2, S>(sink, depth_left)?,
            0xc9 => self.sized_extension::<4, S>(sink, depth_left)?,
            0xc1 => return Err(bad("0xc1 begins no value")),
        }
        sink.check_room()
    }

    fn float<S: Sink>(&mut self, sink: &mut S, value: f64) -> Result<(), DecodeError> {
        if value.is_finite() {
            sink.float(value);
        } else if self.foreign == Foreign::Converted {
            self.found_foreign = true;
            sink.nil();
        } else {
            return Err(bad("NaN and infinity are no JSON numbers"));
        }
        Ok(())
    }

    fn bytes<const N: usize, S: Sink>(&mut self, sink: &mut S) -> Result<(), DecodeError> {
        let length = self.length::<N>()?;
        self.found_bytes = true;
        sink.bytes(self.slice(length)?);
        Ok(())
    }

    fn sized_array<const N: usize, S: Sink>(&mut self, sink: &mut S, depth_left: usize) -> Result<(), DecodeError> {
        let length = self.length::<N>()?;
        self.array(sink, length, depth_left)
    }

    fn array<S: Sink>(&mut self, sink: &mut S, length: usize, depth_left: usize) -> Result<(), DecodeError> {
        let depth_left = self.deeper(depth_left)?;
        self.fits(length)?;
        sink.begin_array(length);
        for index in 0..length {
            sink.item(index);
            self.value(sink, depth_left)?;
        }
        sink.end_array();
        Ok(())
    }

    fn sized_map<const N: usize, S: Sink>(&mut self, sink: &mut S, depth_left: usize) -> Result<(), DecodeError> {
        let length = self.length::<N>()?;
        self.map(sink, length, depth_left)
    }

    fn map<S: Sink>(&mut self, sink: &mut S, length: usize, depth_left: usize) -> Result<(), DecodeError> {
        let depth_left = self.deeper(depth_left)?;
        self.fits(length)?;
        sink.begin_map(length);
        for index in 0..length {
            sink.key(index, self.key()?);
            self.value(sink, depth_left)?;
        }
        sink.end_map();
        Ok(())
    }

    fn sized_extension<const N: usize, S: Sink>(&mut self, sink: &mut S, depth_left: usize) -> Result<(), DecodeError> {
        let length = self.length::<N>()?;
        self.extension(sink, length, depth_left)
    }

    fn extension<S: Sink>(&mut self, sink: &mut S, length: usize, depth_left: usize) -> Result<(), DecodeError> {
        let [code] = self.take()?;
        let code = i8::from_be_bytes([code]);
        let data = self.slice(length)?;
        if self.foreign == Foreign::Refused {
            return Err(bad(&format!("extension type {code} is none that clients have")));
        }
        self.found_foreign = true;
        extension::convert(code, data, sink, depth_left)
    }

    fn sized_text<const N: usize>(&mut self) -> Result<&'a str, DecodeError> {
        let length = self.length::<N>()?;
        self.text(length)
    }

    fn text(&mut self, length: usize) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.slice(length)?).map_err(|_| bad("a text is not UTF-8"))
    }

    /// The depth that is left inside of an array or a map.
    fn deeper(&self, depth_left: usize) -> Result<usize, DecodeError> {
        depth_left.checked_sub(1).ok_or(DecodeError::TooDeep(ScanError::TooDeep(self.depth_max)))
    }

    /// So many values, of at least one byte each, must still be there.
    fn fits(&self, length: usize) -> Result<(), DecodeError> {
        if length <= self.rest.len() { Ok(()) } else { Err(cut_short()) }
    }

    fn byte(&mut self) -> Result<u8, DecodeError> {
        let [byte] = self.take()?;
        Ok(byte)
    }

    fn length<const N: usize>(&mut self) -> Result<usize, DecodeError> {
        let bytes: [u8; N] = self.take()?;
        Ok(bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
    }

    fn slice(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (slice, rest) = self.rest.split_at_checked(length).ok_or_else(cut_short)?;
        self.rest = rest;
        Ok(slice)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or_else(cut_short)?;
        self.rest = rest;
        Ok(*bytes)
    }
}

fn signed<S: Sink>(sink: &mut S, value: i64) {
    match u64::try_from(value) {
        Ok(value) => sink.unsigned(value),
        Err(_) => sink.signed(value),
    }
}

fn cut_short() -> DecodeError {
    bad("it ends in the middle of a value")
}

fn bad(message: &str) -> DecodeError {
    DecodeError::BadEnvelope(message.to_owned())
}
