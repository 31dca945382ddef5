//! The patterns of the schema, without an engine for regular expressions.
//!
//! A pattern is a sequence of characters, classes and groups with repetitions: a part of what JSON Schema allows, with the
//! same meaning in every language. It is covered where the next character always decides how to go on, so that matching
//! never goes back and takes linear time. Other patterns are refused.

use std::fmt;
use std::iter::Peekable;

/// A pattern of the schema.
#[derive(Clone)]
pub struct Pattern {
    source: String,
    /// Whether nothing may follow.
    ends: bool,
    sequence: Vec<Item>,
}

/// One thing in a pattern, and how often it stands there.
#[derive(Clone, Debug)]
struct Item {
    what: What,
    least: u32,
    most: u32,
}

#[derive(Clone, Debug)]
enum What {
    /// A character of a class.
    Class(Class),
    /// One of these.
    Group(Vec<Alternative>),
}

/// One way how a group may go on.
#[derive(Clone, Debug)]
struct Alternative {
    /// What it may begin with.
    starts: Class,
    sequence: Vec<Item>,
}

/// Characters.
#[derive(Clone, Debug, Default)]
struct Class {
    /// Ranges that include both ends.
    ranges: Vec<(char, char)>,
    /// A bit for each character of ASCII.
    ascii: u128,
}

impl Class {
    fn of(ranges: Vec<(char, char)>) -> Self {
        let bits = |(from, to): &(char, char)| {
            (*from..=*to).take_while(char::is_ascii).fold(0, |bits, c| bits | 1 << u32::from(c))
        };
        Self { ascii: ranges.iter().map(bits).fold(0, |all, bits: u128| all | bits), ranges }
    }

    fn contains(&self, character: char) -> bool {
        if character.is_ascii() {
            return self.ascii >> u32::from(character) & 1 == 1;
        }
        self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&character))
    }

    fn meets(&self, other: &Self) -> bool {
        self.ranges.iter().any(|(from, to)| other.ranges.iter().any(|(start, end)| from <= end && start <= to))
    }

    /// The characters of either.
    fn and(mut self, other: &Self) -> Self {
        self.ranges.extend(&other.ranges);
        self.ascii |= other.ascii;
        self
    }

    /// Every character that is not in it.
    fn inverted(mut self) -> Self {
        self.ranges.sort_unstable();
        let (mut ranges, mut next) = (Vec::new(), Some('\0'));
        for (from, to) in self.ranges {
            if let Some(start) = next.filter(|start| *start < from) {
                ranges.extend(before(from).map(|end| (start, end)));
            }
            next = next.max(after(to)).filter(|_| to < char::MAX);
        }
        ranges.extend(next.map(|start| (start, char::MAX)));
        Self::of(ranges)
    }
}

/// The character before this one.
fn before(character: char) -> Option<char> {
    ('\0'..character).next_back()
}

/// The character after this one.
fn after(character: char) -> Option<char> {
    (character..=char::MAX).nth(1)
}

impl Pattern {
    /// Reads a pattern; the error says what of it is not covered.
    pub(crate) fn read(source: &str) -> Result<Self, String> {
        let inner = source.strip_prefix('^').ok_or("does not begin with ^")?;
        let ends = inner.ends_with('$') && !inner.ends_with("\\$");
        let inner = if ends { &inner[..inner.len() - 1] } else { inner };
        let mut reader = Reader { characters: inner.chars().collect(), next: 0 };
        let mut alternatives = reader.alternatives()?;
        let sequence = alternatives.pop().unwrap_or_default();
        if !alternatives.is_empty() || reader.peek().is_some() {
            return Err("has alternatives outside a group, or a bracket too many".to_owned());
        }
        let follow = if ends { Class::default() } else { Class::of(vec![('\0', char::MAX)]) };
        require_decided(&sequence, &follow)?;
        Ok(Self { source: source.to_owned(), ends, sequence })
    }

    /// As it stands in the schema: a regular expression.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the text matches.
    pub fn matches(&self, text: &str) -> bool {
        self.matches_characters(text.chars())
    }

    /// Whether these characters match.
    pub(crate) fn matches_characters(&self, characters: impl Iterator<Item = char>) -> bool {
        let mut characters = characters.peekable();
        stands(&self.sequence, &mut characters) && (!self.ends || characters.peek().is_none())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Pattern").field(&self.source).finish()
    }
}

/// Whether the sequence stands next; takes it.
fn stands<C: Iterator<Item = char>>(sequence: &[Item], characters: &mut Peekable<C>) -> bool {
    sequence.iter().all(|item| {
        let mut times = 0;
        while times < item.most {
            match (&item.what, characters.peek()) {
                (What::Class(class), Some(next)) if class.contains(*next) => drop(characters.next()),
                (What::Group(alternatives), Some(next)) => {
                    let Some(chosen) = alternatives.iter().find(|inner| inner.starts.contains(*next)) else { break };
                    if !stands(&chosen.sequence, characters) {
                        return false;
                    }
                }
                _ => break,
            }
            times += 1;
        }
        times >= item.least
    })
}

/// The characters that a sequence may begin with.
fn starts_of(sequence: &[Item]) -> Class {
    let mut starts = Class::default();
    for item in sequence {
        starts = match &item.what {
            What::Class(class) => starts.and(class),
            What::Group(alternatives) => alternatives.iter().fold(starts, |starts, inner| starts.and(&inner.starts)),
        };
        if item.least > 0 {
            break;
        }
    }
    starts
}

/// Refuses a sequence in which the next character does not decide how to go on; `follow` are the characters that may come
/// after it.
fn require_decided(sequence: &[Item], follow: &Class) -> Result<(), String> {
    for (place, item) in sequence.iter().enumerate() {
        let rest = &sequence[place + 1..];
        let starts = starts_of(std::slice::from_ref(item));
        let mut after = starts_of(rest);
        if rest.iter().all(|next| next.least == 0) {
            after = after.and(follow);
        }
        if item.least < item.most && starts.meets(&after) {
            return Err("has a repetition whose end the next character does not tell".to_owned());
        }
        let What::Group(alternatives) = &item.what else { continue };
        if item.most > 1 {
            after = after.and(&starts);
        }
        for (earlier, inner) in alternatives.iter().enumerate() {
            if inner.sequence.iter().all(|item| item.least == 0) {
                return Err("has an alternative that may be empty".to_owned());
            }
            if alternatives[..earlier].iter().any(|other| other.starts.meets(&inner.starts)) {
                return Err("has alternatives that begin alike".to_owned());
            }
            require_decided(&inner.sequence, &after)?;
        }
    }
    Ok(())
}

/// Reads a pattern, character by character.
struct Reader {
    characters: Vec<char>,
    next: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.characters.get(self.next).copied()
    }

    fn take(&mut self) -> Result<char, String> {
        let character = self.peek().ok_or("ends too early")?;
        self.next += 1;
        Ok(character)
    }

    fn take_if(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        self.next += usize::from(found);
        found
    }

    fn alternatives(&mut self) -> Result<Vec<Vec<Item>>, String> {
        let mut alternatives = vec![Vec::new()];
        while let Some(character) = self.peek().filter(|character| *character != ')') {
            if character == '|' {
                self.next += 1;
                alternatives.push(Vec::new());
            } else {
                let item = self.item()?;
                alternatives.last_mut().ok_or("has no alternative")?.push(item);
            }
        }
        Ok(alternatives)
    }

    fn item(&mut self) -> Result<Item, String> {
        let what = match self.take()? {
            '[' => What::Class(self.class()?),
            '(' => {
                let alternatives = self.alternatives()?;
                if !self.take_if(')') {
                    return Err("has an open bracket".to_owned());
                }
                let group =
                    alternatives.into_iter().map(|sequence| Alternative { starts: starts_of(&sequence), sequence });
                What::Group(group.collect())
            }
            '\\' => What::Class(single(self.escaped()?)),
            other if ".^$*+?{}])".contains(other) => return Err(format!("has {other:?} where it is not covered")),
            other => What::Class(single(other)),
        };
        let (least, most) = self.repetition()?;
        Ok(Item { what, least, most })
    }

    fn class(&mut self) -> Result<Class, String> {
        let negated = self.take_if('^');
        let mut ranges = Vec::new();
        while !self.take_if(']') {
            let from = self.member()?;
            let is_range =
                self.peek() == Some('-') && self.characters.get(self.next + 1).is_some_and(|next| *next != ']');
            let to = if is_range && self.take_if('-') { self.member()? } else { from };
            ranges.push((from, to));
        }
        let class = Class::of(ranges);
        Ok(if negated { class.inverted() } else { class })
    }

    fn member(&mut self) -> Result<char, String> {
        match self.take()? {
            '\\' => self.escaped(),
            '[' => Err("has a bracket in a class".to_owned()),
            other => Ok(other),
        }
    }

    fn escaped(&mut self) -> Result<char, String> {
        let character = self.take()?;
        if character.is_ascii_punctuation() { Ok(character) } else { Err(format!("has \\{character}")) }
    }

    fn repetition(&mut self) -> Result<(u32, u32), String> {
        if self.take_if('*') {
            Ok((0, u32::MAX))
        } else if self.take_if('+') {
            Ok((1, u32::MAX))
        } else if self.take_if('?') {
            Ok((0, 1))
        } else if self.take_if('{') {
            let least = self.number()?;
            let most = if self.take_if(',') { self.number()? } else { least };
            if self.take_if('}') && least <= most { Ok((least, most)) } else { Err("has an odd repetition".to_owned()) }
        } else {
            Ok((1, 1))
        }
    }

    fn number(&mut self) -> Result<u32, String> {
        let from = self.next;
        while self.peek().is_some_and(|character| character.is_ascii_digit()) {
            self.next += 1;
        }
        let digits: String = self.characters[from..self.next].iter().collect();
        digits.parse().map_err(|_| "has a repetition without a number".to_owned())
    }
}

/// The class of this character alone.
fn single(character: char) -> Class {
    Class::of(vec![(character, character)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, matching: &[&str], others: &[&str]) {
        let pattern = Pattern::read(source).unwrap_or_else(|why| panic!("{source}: {why}"));
        for text in matching {
            assert!(pattern.matches(text), "{source}: {text}");
        }
        for text in others {
            assert!(!pattern.matches(text), "{source}: {text}");
        }
    }

    #[test]
    fn the_patterns_of_the_files_match_what_they_say() {
        check("^[A-Za-z0-9_.:-]{1,64}$", &["m1", "a.b:c-d_E", &"x".repeat(64)], &["", "m 1", "é", &"x".repeat(65)]);
        check("^[^/]", &["a", "a/b", "\n", "\u{10ffff}"], &["", "/", "/a"]);
        check("^/", &["/", "/a"], &["", "a/"]);
        check("^[A-Z][A-Z0-9_]*$", &["A", "SYSTEM_ERROR", "A1"], &["", "a", "1A", "A-", "Aa"]);
        check("^[0-9a-f]{64}$", &[&"af".repeat(32)], &[&"af".repeat(31), &"AF".repeat(32), &"a".repeat(65)]);
        check(
            "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$",
            &["2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.1+01:00"],
            &[
                "2026-01-02",
                "2026-01-02T03:04:05.Z",
                "2026-01-02T03:04:05",
                "2026-01-02T03:04:05Zz",
                "2026-01-02T03:04:05.0123456789Z",
            ],
        );
        check("^(ab|[c-e]x){2,3}$", &["abab", "cxabdx"], &["ab", "abababab", "abcab", "ax"]);
    }

    #[test]
    fn what_the_next_character_does_not_decide_is_refused() {
        for source in [
            "a", "^a|b", "^.", "^a*a$", "^a*", "^(a|ab)$", "^(a?|b)$", "^(a+)+$", "^\\d$", "^(a", "^a)", "^[a",
            "^a{2,1}$", "^(ab)?",
        ] {
            assert!(Pattern::read(source).is_err(), "{source}");
        }
    }
}
