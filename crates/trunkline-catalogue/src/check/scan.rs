//! Reading JSON from left to right, one value at a time, without keeping any.
//!
//! What is accepted is JSON whose strings are Unicode (no half of a surrogate pair), as `serde_json` reads it. Nothing is
//! allocated, however long or deep a text is.

use std::borrow::Cow;

/// Most arrays and objects within each other in a value that is only skipped.
const DEPTH_MAX: u32 = 128;

/// Why a text is no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotJson {
    /// What is wrong.
    pub(super) what: &'static str,
    /// At which byte.
    pub(super) at: usize,
}

/// The kind of a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JsonKind {
    Null,
    Boolean,
    Number,
    Text,
    Array,
    Object,
}

/// A string as it stands between its quotes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quoted<'t> {
    pub(super) raw: &'t str,
    pub(super) escaped: bool,
}

impl<'t> Quoted<'t> {
    pub(super) fn characters(self) -> Characters<'t> {
        Characters { rest: self.raw }
    }

    /// What it says.
    pub(super) fn text(self) -> Cow<'t, str> {
        if self.escaped { Cow::Owned(self.characters().collect()) } else { Cow::Borrowed(self.raw) }
    }

    pub(super) fn is(self, text: &str) -> bool {
        if self.escaped { self.characters().eq(text.chars()) } else { self.raw == text }
    }

    /// How many code points it has.
    pub(super) fn length(self) -> u64 {
        let length = if self.escaped { self.characters().count() } else { self.raw.chars().count() };
        length as u64
    }
}

/// The characters that a string stands for.
#[derive(Clone, Debug)]
pub(super) struct Characters<'t> {
    rest: &'t str,
}

impl Iterator for Characters<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let mut found = characters.next()?;
        if found == '\\' {
            found = match characters.next()? {
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let (character, length) = unicode(self.rest.as_bytes())?;
                    self.rest = &self.rest[length..];
                    return Some(character);
                }
                other => other,
            };
        }
        self.rest = characters.as_str();
        Some(found)
    }
}

/// The character of the escape that `bytes` begin with, and the escape's length; a surrogate pair is one.
fn unicode(bytes: &[u8]) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0, |value, digit| Some(value << 4 | (*digit as char).to_digit(16)?))
    };
    match unit(0)? {
        high @ 0xD800..=0xDBFF => {
            let low = unit(6).filter(|low| (0xDC00..=0xDFFF).contains(low))?;
            Some((char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00))?, 12))
        }
        other => Some((char::from_u32(other)?, 6)),
    }
}

/// A place in a text.
#[derive(Clone, Debug)]
pub(super) struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// Where the next byte stands.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The text since an earlier place.
    pub(super) fn since(&self, at: usize) -> &'t str {
        &self.text[at..self.at]
    }

    fn bytes(&self) -> &'t [u8] {
        self.text.as_bytes()
    }

    fn refuse<T>(&self, what: &'static str) -> Result<T, NotJson> {
        Err(NotJson { what, at: self.at })
    }

    /// The next byte that is no space.
    fn next_byte(&mut self) -> Option<u8> {
        let bytes = self.bytes();
        while let Some(byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    /// The kind of the value that follows.
    pub(super) fn kind(&mut self) -> Result<JsonKind, NotJson> {
        match self.next_byte() {
            Some(b'"') => Ok(JsonKind::Text),
            Some(b'{') => Ok(JsonKind::Object),
            Some(b'[') => Ok(JsonKind::Array),
            Some(b't' | b'f') => Ok(JsonKind::Boolean),
            Some(b'n') => Ok(JsonKind::Null),
            Some(b'-' | b'0'..=b'9') => Ok(JsonKind::Number),
            Some(_) => self.refuse("expected a value"),
            None => self.refuse("ends too early"),
        }
    }

    /// Whether `byte` follows; takes it.
    fn take_if(&mut self, byte: u8) -> bool {
        let found = self.next_byte() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Takes the bracket that begins an array or object; whether something stands in it.
    pub(super) fn open(&mut self, close: u8) -> bool {
        self.at += 1;
        !self.take_if(close)
    }

    /// Whether another element or member follows; takes the comma or closing bracket.
    pub(super) fn more(&mut self, close: u8) -> Result<bool, NotJson> {
        if self.take_if(b',') {
            Ok(true)
        } else if self.take_if(close) {
            Ok(false)
        } else {
            self.refuse("expected a comma or the end")
        }
    }

    /// Takes a member's name and the colon.
    pub(super) fn name(&mut self) -> Result<Quoted<'t>, NotJson> {
        if self.next_byte() != Some(b'"') {
            return self.refuse("expected a name");
        }
        let name = self.string()?;
        if self.take_if(b':') { Ok(name) } else { self.refuse("expected a colon") }
    }

    /// Takes a string, which follows.
    pub(super) fn string(&mut self) -> Result<Quoted<'t>, NotJson> {
        let bytes = self.bytes();
        let start = self.at + 1;
        let mut at = start;
        let mut escaped = false;
        while let Some(found) = memchr::memchr2(b'"', b'\\', &bytes[at..]) {
            let plain = &bytes[at..at + found];
            // The lowest byte is found many at a time, which the first low one would not be.
            if plain.iter().fold(u8::MAX, |lowest, byte| lowest.min(*byte)) < 0x20 {
                return Err(NotJson { what: "a control character in a string", at });
            }
            at += found;
            if bytes[at] == b'"' {
                self.at = at + 1;
                return Ok(Quoted { raw: &self.text[start..at], escaped });
            }
            escaped = true;
            at += self.escape(at)?;
        }
        Err(NotJson { what: "ends within a string", at: bytes.len() })
    }

    /// The length of the escape at `at`.
    fn escape(&self, at: usize) -> Result<usize, NotJson> {
        match self.bytes().get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(2),
            Some(b'u') => {
                let found = unicode(&self.bytes()[at..]);
                found.map(|(_, length)| length).ok_or(NotJson { what: "an escape that is no character", at })
            }
            _ => Err(NotJson { what: "an escape that is none", at }),
        }
    }

    /// Takes a number, which follows.
    pub(super) fn number(&mut self) -> Result<&'t str, NotJson> {
        let bytes = self.bytes();
        let start = self.at;
        let mut at = start + usize::from(bytes[start] == b'-');
        let digits = |at: &mut usize| {
            let from = *at;
            while bytes.get(*at).is_some_and(u8::is_ascii_digit) {
                *at += 1;
            }
            *at > from
        };
        let zero = bytes.get(at) == Some(&b'0');
        let first = at;
        let mut right = digits(&mut at) && (!zero || at == first + 1);
        if bytes.get(at) == Some(&b'.') {
            at += 1;
            right &= digits(&mut at);
        }
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            right &= digits(&mut at);
        }
        self.at = at;
        if right { Ok(&self.text[start..at]) } else { self.refuse("a number that is none") }
    }

    /// Takes `true`, `false` or `null`, one of which begins here.
    pub(super) fn word(&mut self) -> Result<&'t str, NotJson> {
        let rest = &self.text[self.at..];
        let Some(word) = ["true", "false", "null"].into_iter().find(|word| rest.starts_with(word)) else {
            return self.refuse("expected a value");
        };
        self.at += word.len();
        Ok(word)
    }

    /// Takes any value.
    pub(super) fn skip(&mut self) -> Result<(), NotJson> {
        // One bit for each bracket that is open, 1 for an object.
        let (mut objects, mut depth) = (0_u128, 0_u32);
        loop {
            match self.kind()? {
                JsonKind::Text => drop(self.string()?),
                JsonKind::Number => drop(self.number()?),
                JsonKind::Boolean | JsonKind::Null => drop(self.word()?),
                kind @ (JsonKind::Array | JsonKind::Object) => {
                    let is_object = kind == JsonKind::Object;
                    if self.open(if is_object { b'}' } else { b']' }) {
                        if depth == DEPTH_MAX {
                            return self.refuse("too many arrays and objects within each other");
                        }
                        (objects, depth) = (objects << 1 | u128::from(is_object), depth + 1);
                        if is_object {
                            self.name()?;
                        }
                        continue;
                    }
                }
            }
            loop {
                if depth == 0 {
                    return Ok(());
                }
                let is_object = objects & 1 == 1;
                if self.more(if is_object { b'}' } else { b']' })? {
                    if is_object {
                        self.name()?;
                    }
                    break;
                }
                (objects, depth) = (objects >> 1, depth - 1);
            }
        }
    }

    /// Requires that nothing follows.
    pub(super) fn end(&mut self) -> Result<(), NotJson> {
        if self.next_byte().is_none() { Ok(()) } else { self.refuse("something follows the value") }
    }
}
