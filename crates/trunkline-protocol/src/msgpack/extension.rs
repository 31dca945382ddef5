//! The extension types of the bridge, and what they are in JSON (`protocol/worker.md` §6).
//!
//! A datetime becomes RFC 3339 text, UUID and decimal become text, an array becomes nested lists.
//! To add one: `CONTRIBUTING.md` lists the places.

use super::read::{Foreign, Reader, Sink};
use crate::envelope::DecodeError;
use crate::scan::ScanError;

/// MessagePack's own timestamp.
const TIMESTAMP: i8 = -1;
const UUID: i8 = 1;
const DECIMAL: i8 = 2;
const ARRAY: i8 = 3;

/// The most digits of a decimal that is taken over.
const DECIMAL_BYTES_MAX: usize = 128;

/// Most dimensions of an array; numpy has no more.
const DIMENSIONS_MAX: usize = 64;

/// Most lists of an array without elements, which is small however many lists it has.
const EMPTY_LISTS_MAX: usize = 65_536;

/// Writes an extension value as what JSON has. `depth_left` bounds the lists of an array.
pub(super) fn convert<S: Sink>(code: i8, data: &[u8], sink: &mut S, depth_left: usize) -> Result<(), DecodeError> {
    match code {
        TIMESTAMP => sink.text(&timestamp(data).ok_or_else(|| malformed("a timestamp"))?),
        UUID => sink.text(&uuid(data).ok_or_else(|| malformed("a UUID"))?),
        DECIMAL => sink.text(decimal(data).ok_or_else(|| malformed("a decimal"))?),
        ARRAY => {
            let array = Array::read(data).ok_or_else(|| malformed("an array"))?;
            if array.shape.len() > depth_left {
                return Err(DecodeError::TooDeep(ScanError::TooDeep(depth_left)));
            }
            array.write(sink, 0, &mut array.data.chunks_exact(array.kind.size()))?;
        }
        _ => return Err(DecodeError::BadEnvelope(format!("extension type {code} is not registered"))),
    }
    Ok(())
}

fn malformed(what: &str) -> DecodeError {
    DecodeError::BadEnvelope(format!("an extension value is not {what} as it should be"))
}

/// Seconds since 1970 and nanoseconds, in one of MessagePack's three forms.
fn timestamp(data: &[u8]) -> Option<String> {
    let (seconds, nanoseconds) = match data.len() {
        4 => (i64::from(u32::from_be_bytes(data.try_into().ok()?)), 0),
        8 => {
            let both = u64::from_be_bytes(data.try_into().ok()?);
            (i64::try_from(both & 0x3_ffff_ffff).ok()?, u32::try_from(both >> 34).ok()?)
        }
        12 => {
            let (nanoseconds, seconds) = data.split_first_chunk::<4>()?;
            (i64::from_be_bytes(seconds.try_into().ok()?), u32::from_be_bytes(*nanoseconds))
        }
        _ => return None,
    };
    rfc_3339(seconds, nanoseconds)
}

fn rfc_3339(seconds: i64, nanoseconds: u32) -> Option<String> {
    const DAY: i64 = 86_400;
    let (year, month, day) = date(seconds.div_euclid(DAY));
    if !(1..=9999).contains(&year) || nanoseconds > 999_999_999 {
        return None;
    }
    let second = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let fraction = match nanoseconds {
        0 => String::new(),
        nanoseconds if nanoseconds % 1000 == 0 => format!(".{:06}", nanoseconds / 1000),
        nanoseconds => format!(".{nanoseconds:09}"),
    };
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z"))
}

/// The date of a day since 1970 in the Gregorian calendar, counted in eras of 400 years that begin in March, so that
/// the leap day is the last of its year.
fn date(day: i64) -> (i64, i64, i64) {
    const ERA: i64 = 146_097;
    let day = day.saturating_add(719_468);
    let (era, of_era) = (day.div_euclid(ERA), day.rem_euclid(ERA));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * shifted + 2) / 5 + 1)
}

fn uuid(data: &[u8]) -> Option<String> {
    let number = u128::from_be_bytes(data.try_into().ok()?);
    let digits = format!("{number:032x}");
    Some([&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-"))
}

/// Digits, sign, point and exponent, or one of the names that are no numbers.
fn decimal(data: &[u8]) -> Option<&str> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-');
    let is_decimal = (1..=DECIMAL_BYTES_MAX).contains(&data.len()) && data.iter().all(is_part);
    is_decimal.then(|| std::str::from_utf8(data).ok())?
}

/// The kinds of number that an array may hold, all little-endian.
#[derive(Clone, Copy)]
enum Number {
    Boolean,
    Unsigned(usize),
    Signed(usize),
    Float(usize),
}

impl Number {
    /// The kind with this name in numpy's array interface.
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "|b1" => Self::Boolean,
            "|u1" => Self::Unsigned(1),
            "<u2" => Self::Unsigned(2),
            "<u4" => Self::Unsigned(4),
            "<u8" => Self::Unsigned(8),
            "|i1" => Self::Signed(1),
            "<i2" => Self::Signed(2),
            "<i4" => Self::Signed(4),
            "<i8" => Self::Signed(8),
            "<f2" => Self::Float(2),
            "<f4" => Self::Float(4),
            "<f8" => Self::Float(8),
            _ => return None,
        })
    }

    const fn size(self) -> usize {
        match self {
            Self::Boolean => 1,
            Self::Unsigned(size) | Self::Signed(size) | Self::Float(size) => size,
        }
    }

    /// Writes the element that `bytes` are; they have its size.
    fn write<S: Sink>(self, bytes: &[u8], sink: &mut S) {
        let mut wide = [0; 8];
        wide[..bytes.len()].copy_from_slice(bytes);
        let unsigned = u64::from_le_bytes(wide);
        match self {
            Self::Boolean => sink.boolean(unsigned != 0),
            Self::Unsigned(_) => sink.unsigned(unsigned),
            Self::Signed(size) => {
                let unused = 64 - 8 * u32::try_from(size).unwrap_or(8);
                let signed = unsigned.cast_signed().wrapping_shl(unused).wrapping_shr(unused);
                match u64::try_from(signed) {
                    Ok(number) => sink.unsigned(number),
                    Err(_) => sink.signed(signed),
                }
            }
            Self::Float(size) => {
                let float = match size {
                    2 => half(u16::from_le_bytes([wide[0], wide[1]])),
                    4 => f64::from(f32::from_le_bytes([wide[0], wide[1], wide[2], wide[3]])),
                    _ => f64::from_le_bytes(wide),
                };
                if float.is_finite() { sink.float(float) } else { sink.nil() }
            }
        }
    }
}

/// A number of IEEE 754's half precision.
fn half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    match exponent {
        0 => sign * fraction * 2_f64.powi(-24),
        31 => f64::NAN,
        exponent => sign * (1024.0 + fraction) * 2_f64.powi(exponent - 25),
    }
}

/// An array: kind of number, shape, elements in the order of the last index.
struct Array<'a> {
    kind: Number,
    shape: Vec<usize>,
    data: &'a [u8],
}

impl<'a> Array<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes, Foreign::Refused, 0);
        if reader.array_header().ok()?? != 3 {
            return None;
        }
        let kind = Number::named(reader.key().ok()?)?;
        let dimensions = reader.array_header().ok()?.filter(|dimensions| *dimensions <= DIMENSIONS_MAX)?;
        let shape = (0..dimensions).map(|_| reader.number().ok()?).collect::<Option<Vec<usize>>>()?;
        let data = reader.byte_string().ok()??;
        reader.end().ok()?;
        let array = Self { kind, shape, data };
        array.is_sound().then_some(array)
    }

    /// Whether the elements fill the shape, and the shape is none of countless empty lists.
    fn is_sound(&self) -> bool {
        let product = |dimensions: &[usize]| dimensions.iter().try_fold(1_usize, |product, n| product.checked_mul(*n));
        let filled = self.shape.split(|dimension| *dimension == 0).next().unwrap_or_default();
        let elements = if filled.len() < self.shape.len() { Some(0) } else { product(&self.shape) };
        let has_lists = elements != Some(0) || product(filled).is_some_and(|lists| lists <= EMPTY_LISTS_MAX);
        has_lists && elements.and_then(|elements| elements.checked_mul(self.kind.size())) == Some(self.data.len())
    }

    /// A few bytes may be millions of lists: room is asked for at each.
    fn write<S: Sink>(
        &self,
        sink: &mut S,
        dimension: usize,
        elements: &mut std::slice::ChunksExact<'_, u8>,
    ) -> Result<(), DecodeError> {
        let Some(length) = self.shape.get(dimension) else {
            self.kind.write(elements.next().unwrap_or_default(), sink);
            return sink.check_room();
        };
        sink.begin_array(*length);
        for index in 0..*length {
            sink.item(index);
            self.write(sink, dimension + 1, elements)?;
        }
        sink.end_array();
        sink.check_room()
    }
}
