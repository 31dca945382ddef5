//! One path pattern: how it is written, and what a segment may hold.
//!
//! Knows nothing of other patterns.

use std::borrow::Cow;
use std::fmt;

use thiserror::Error;

/// Most segments that a pattern may have. Real paths have fewer than ten; the bound keeps looking up short.
pub const SEGMENTS_MAX: usize = 32;

/// Longest pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 512;

/// A path pattern such as `/api/ws/liaison/{pillar}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    segments: Vec<Segment>,
}

/// One segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// Fits exactly this text, percent-decoded.
    Static(String),
    /// Fits any segment that is not empty, and names it.
    Parameter(String),
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PatternError {
    /// It does not begin with a slash.
    #[error("a path begins with `/`")]
    NotAbsolute,
    /// It has more than 512 bytes or more than [`SEGMENTS_MAX`] segments.
    #[error("a path has at most {PATTERN_BYTES_MAX} bytes and {SEGMENTS_MAX} segments")]
    TooLong,
    /// Two slashes stand side by side.
    #[error("a path has no empty segment (`//`)")]
    EmptySegment,
    /// A brace stands where none may, or the name between braces is no name.
    #[error("`{0}` is no segment: a parameter is a whole segment, `{{name}}`, named by letters, digits and `_`")]
    BadParameter(String),
    /// One name is given to two parameters.
    #[error("the parameter `{0}` appears twice")]
    RepeatedParameter(String),
    /// A query or fragment is part of it.
    #[error("a path has no `?` and no `#`")]
    NotAPath,
    /// A segment that no request may have.
    #[error("`{0}` can be no segment: a broken percent-encoding, an encoded slash, a control character, `.` or `..`")]
    BadSegment(String),
}

impl Pattern {
    /// Reads a pattern. Static segments may be percent-encoded.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let path = text.strip_prefix('/').ok_or(PatternError::NotAbsolute)?;
        if text.len() > PATTERN_BYTES_MAX || path.split('/').nth(SEGMENTS_MAX).is_some() {
            return Err(PatternError::TooLong);
        }
        if text.contains("//") {
            return Err(PatternError::EmptySegment);
        }
        if text.contains(['?', '#']) {
            return Err(PatternError::NotAPath);
        }
        let mut segments = Vec::new();
        for part in path.split('/') {
            let segment = Segment::parse(part)?;
            if let Segment::Parameter(name) = &segment
                && segments.contains(&segment)
            {
                return Err(PatternError::RepeatedParameter(name.clone()));
            }
            segments.push(segment);
        }
        Ok(Self { text: text.to_owned(), segments })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Names the segments of a path that this pattern fits.
    pub(super) fn parameters(&self, path: Vec<Cow<str>>) -> Vec<(&str, String)> {
        let named = self.segments.iter().zip(path).filter_map(|(segment, value)| match segment {
            Segment::Parameter(name) => Some((name.as_str(), value.into_owned())),
            Segment::Static(_) => None,
        });
        named.collect()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Segment {
    fn parse(part: &str) -> Result<Self, PatternError> {
        if let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'))
            && is_name(name)
        {
            return Ok(Self::Parameter(name.to_owned()));
        }
        if part.contains(['{', '}']) {
            return Err(PatternError::BadParameter(part.to_owned()));
        }
        decode_segment(part)
            .map(|text| Self::Static(text.into_owned()))
            .ok_or_else(|| PatternError::BadSegment(part.to_owned()))
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Percent-decodes a segment once (RFC 3986 §2.1). `None` where what comes out could be taken for something else
/// further on: a slash, a control character such as NUL, a dot segment, or bytes that are not UTF-8.
pub(super) fn decode_segment(segment: &str) -> Option<Cow<'_, str>> {
    let decoded = if segment.contains('%') { decode_percent(segment)?.into() } else { Cow::Borrowed(segment) };
    let is_misleading =
        matches!(decoded.as_ref(), "." | "..") || decoded.contains(|c: char| c == '/' || c.is_control());
    (!is_misleading).then_some(decoded)
}

fn decode_percent(segment: &str) -> Option<String> {
    let mut bytes = segment.bytes();
    let mut decoded = Vec::with_capacity(segment.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex_digit(bytes.next()?)? << 4 | hex_digit(bytes.next()?)?,
            plain => plain,
        });
    }
    String::from_utf8(decoded).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}
