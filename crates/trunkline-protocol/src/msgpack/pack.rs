//! JSON text to MessagePack in one pass.
//!
//! How many members an array or an object has is known only behind it, so its header is written
//! as one byte first and made longer where that is not enough. Takes text that a parser has
//! accepted before, and gives `None` for any other.

use std::borrow::Cow;

/// Nesting at which a text is given up: far above every limit for what is accepted.
const DEPTH_MAX: usize = 256;

/// See the module's comment.
pub(super) struct Packer<'t, 'o> {
    text: &'t str,
    at: usize,
    out: &'o mut Vec<u8>,
}

impl<'t, 'o> Packer<'t, 'o> {
    pub(super) fn new(text: &'t str, out: &'o mut Vec<u8>) -> Self {
        Self { text, at: 0, out }
    }

    /// The one value of the text.
    pub(super) fn whole(mut self) -> Option<()> {
        self.value(DEPTH_MAX)?;
        self.end()
    }

    /// The one object of the text, with texts put in front of its members and a MessagePack value behind them.
    pub(super) fn object_with(mut self, first: &[(&str, &str)], last: Option<(&str, &[u8])>) -> Option<()> {
        if self.next_token()? != b'{' {
            return None;
        }
        let header = self.open();
        for (name, value) in first {
            write_text(self.out, name);
            write_text(self.out, value);
        }
        let mut count = self.members(DEPTH_MAX)?;
        if let Some((name, value)) = last {
            write_text(self.out, name);
            self.out.extend_from_slice(value);
            count += 1;
        }
        self.close(header, count + first.len(), &MAP);
        self.end()
    }

    fn end(&mut self) -> Option<()> {
        self.skip_space();
        (self.at == self.text.len()).then_some(())
    }

    fn value(&mut self, depth_left: usize) -> Option<()> {
        match self.next_token()? {
            b'n' => self.word("ull", 0xc0),
            b't' => self.word("rue", 0xc3),
            b'f' => self.word("alse", 0xc2),
            b'"' => self.string(),
            b'[' => {
                let header = self.open();
                let count = self.items(depth_left.checked_sub(1)?)?;
                self.close(header, count, &ARRAY);
                Some(())
            }
            b'{' => {
                let header = self.open();
                let count = self.members(depth_left.checked_sub(1)?)?;
                self.close(header, count, &MAP);
                Some(())
            }
            b'-' | b'0'..=b'9' => self.number(),
            _ => None,
        }
    }

    /// What stands behind `[`.
    fn items(&mut self, depth_left: usize) -> Option<usize> {
        if self.take_if(b']') {
            return Some(0);
        }
        let mut count = 0;
        loop {
            self.value(depth_left)?;
            count += 1;
            match self.next_token()? {
                b',' => {}
                b']' => return Some(count),
                _ => return None,
            }
        }
    }

    /// What stands behind `{`.
    fn members(&mut self, depth_left: usize) -> Option<usize> {
        if self.take_if(b'}') {
            return Some(0);
        }
        let mut count = 0;
        loop {
            if self.next_token()? != b'"' {
                return None;
            }
            self.string()?;
            if self.next_token()? != b':' {
                return None;
            }
            self.value(depth_left)?;
            count += 1;
            match self.next_token()? {
                b',' => {}
                b'}' => return Some(count),
                _ => return None,
            }
        }
    }

    fn word(&mut self, rest: &str, packed: u8) -> Option<()> {
        self.text[self.at..].starts_with(rest).then(|| {
            self.at += rest.len();
            self.out.push(packed);
        })
    }

    /// The text behind an opening quote.
    fn string(&mut self) -> Option<()> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut has_escapes = false;
        loop {
            let found = memchr::memchr2(b'"', b'\\', &bytes[self.at..])?;
            self.at += found + 1;
            if bytes[self.at - 1] == b'"' {
                break;
            }
            has_escapes = true;
            self.at += 1;
            if self.at > bytes.len() {
                return None;
            }
        }
        let inner = &self.text[start..self.at - 1];
        let text: Cow<'_, str> = if has_escapes {
            serde_json::from_str::<String>(&self.text[start - 1..self.at]).ok()?.into()
        } else {
            inner.into()
        };
        write_text(self.out, &text);
        Some(())
    }

    /// A number, of which the first character was taken.
    fn number(&mut self) -> Option<()> {
        let start = self.at - 1;
        let rest = &self.text.as_bytes()[self.at..];
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
        self.at += rest.iter().take_while(|byte| is_part(byte)).count();
        let text = &self.text[start..self.at];
        if text == "-0" {
            write_float(self.out, -0.0);
        } else if let Ok(number) = text.parse::<u64>() {
            write_unsigned(self.out, number);
        } else if let Ok(number) = text.parse::<i64>() {
            write_signed(self.out, number);
        } else {
            write_float(self.out, text.parse().ok()?);
        }
        Some(())
    }

    /// Begins an array or a map whose length is not known yet.
    fn open(&mut self) -> usize {
        self.out.push(0);
        self.out.len() - 1
    }

    fn close(&mut self, header: usize, count: usize, marker: &Markers) {
        let (long, length) = match (u8::try_from(count), u16::try_from(count)) {
            (Ok(short @ 0..=15), _) => return self.out[header] = marker.fixed | short,
            (_, Ok(medium)) => (marker.medium, &medium.to_be_bytes()[..]),
            _ => (marker.large, &large(count)[..]),
        };
        self.out[header] = long;
        self.out.splice(header + 1..=header, length.iter().copied());
    }

    fn take_if(&mut self, wanted: u8) -> bool {
        self.skip_space();
        let found = self.text.as_bytes().get(self.at) == Some(&wanted);
        self.at += usize::from(found);
        found
    }

    fn next_token(&mut self) -> Option<u8> {
        self.skip_space();
        let token = *self.text.as_bytes().get(self.at)?;
        self.at += 1;
        // Every token begins with one byte; where it does not, it is none, and nothing is cut.
        token.is_ascii().then_some(token)
    }

    fn skip_space(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    }
}

/// The first bytes of an array or a map, by how its length is spelled.
struct Markers {
    fixed: u8,
    medium: u8,
    large: u8,
}

const ARRAY: Markers = Markers { fixed: 0x90, medium: 0xdc, large: 0xdd };
const MAP: Markers = Markers { fixed: 0x80, medium: 0xde, large: 0xdf };

/// A length that no message can exceed.
fn large(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("a message has less than 4 GiB").to_be_bytes()
}

fn write_header(out: &mut Vec<u8>, length: usize, markers: &Markers) {
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=15), _) => out.push(markers.fixed | short),
        (_, Ok(medium)) => {
            out.push(markers.medium);
            out.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            out.push(markers.large);
            out.extend_from_slice(&large(length));
        }
    }
}

pub(super) fn write_array(out: &mut Vec<u8>, length: usize) {
    write_header(out, length, &ARRAY);
}

pub(super) fn write_map(out: &mut Vec<u8>, length: usize) {
    write_header(out, length, &MAP);
}

pub(super) fn write_text(out: &mut Vec<u8>, text: &str) {
    match (u8::try_from(text.len()), u16::try_from(text.len())) {
        (Ok(short @ 0..=31), _) => out.push(0xa0 | short),
        (Ok(short), _) => out.extend_from_slice(&[0xd9, short]),
        (_, Ok(medium)) => {
            out.push(0xda);
            out.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            out.push(0xdb);
            out.extend_from_slice(&large(text.len()));
        }
    }
    out.extend_from_slice(text.as_bytes());
}

pub(super) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    match (u8::try_from(bytes.len()), u16::try_from(bytes.len())) {
        (Ok(short), _) => out.extend_from_slice(&[0xc4, short]),
        (_, Ok(medium)) => {
            out.push(0xc5);
            out.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            out.push(0xc6);
            out.extend_from_slice(&large(bytes.len()));
        }
    }
    out.extend_from_slice(bytes);
}

/// The shortest form, which most writers choose.
pub(super) fn write_unsigned(out: &mut Vec<u8>, number: u64) {
    match (u8::try_from(number), u16::try_from(number), u32::try_from(number)) {
        (Ok(number @ 0..=0x7f), ..) => out.push(number),
        (Ok(number), ..) => out.extend_from_slice(&[0xcc, number]),
        (_, Ok(number), _) => {
            out.push(0xcd);
            out.extend_from_slice(&number.to_be_bytes());
        }
        (_, _, Ok(number)) => {
            out.push(0xce);
            out.extend_from_slice(&number.to_be_bytes());
        }
        _ => {
            out.push(0xcf);
            out.extend_from_slice(&number.to_be_bytes());
        }
    }
}

/// A negative number, in the shortest form.
pub(super) fn write_signed(out: &mut Vec<u8>, number: i64) {
    match (i8::try_from(number), i16::try_from(number), i32::try_from(number)) {
        (Ok(number @ -32..=-1), ..) => out.extend_from_slice(&number.to_be_bytes()),
        (Ok(number), ..) => {
            out.push(0xd0);
            out.extend_from_slice(&number.to_be_bytes());
        }
        (_, Ok(number), _) => {
            out.push(0xd1);
            out.extend_from_slice(&number.to_be_bytes());
        }
        (_, _, Ok(number)) => {
            out.push(0xd2);
            out.extend_from_slice(&number.to_be_bytes());
        }
        _ => {
            out.push(0xd3);
            out.extend_from_slice(&number.to_be_bytes());
        }
    }
}

pub(super) fn write_float(out: &mut Vec<u8>, number: f64) {
    out.push(0xcb);
    out.extend_from_slice(&number.to_be_bytes());
}
