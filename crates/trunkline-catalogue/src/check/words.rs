//! The words of a fault. The check of the TypeScript client says the same ones.

use std::fmt::{self, Display, Write as _};

use super::scan::Quoted;
use crate::model::{Kind, Literal};

/// Most characters of a value that a fault repeats.
const SHOWN_MAX: usize = 64;

/// What is wrong with a message, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}{}{words}", if path.is_empty() { "" } else { ": " })]
pub struct Fault {
    /// The field, from the frame's root, such as `payload.steps[2].title`. Empty for the frame itself.
    pub path: String,
    /// What is wrong there, such as `missing` or `expected string, got null`.
    pub words: String,
}

/// The way from the frame's root to a value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trail<'a> {
    Root,
    Field(&'a Trail<'a>, Name<'a>),
    Element(&'a Trail<'a>, usize),
}

/// The name of a field: from the model, or from the text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Name<'a> {
    Known(&'a str),
    Found(Quoted<'a>),
}

impl Trail<'_> {
    /// The fault of this value.
    pub(super) fn fault(&self, words: String) -> Fault {
        Fault { path: self.to_string(), words }
    }
}

impl Display for Trail<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Element(parent, index) => write!(formatter, "{parent}[{index}]"),
            Self::Field(parent, name) => {
                write!(formatter, "{parent}")?;
                if !matches!(parent, Self::Root) {
                    formatter.write_char('.')?;
                }
                match name {
                    Name::Known(name) => formatter.write_str(name),
                    Name::Found(name) => name.characters().try_for_each(|character| formatter.write_char(character)),
                }
            }
        }
    }
}

/// What a value of this kind is called.
pub(super) fn expected(kind: &Kind) -> String {
    match kind {
        Kind::Any => "a value".to_owned(),
        Kind::Nothing => "nothing".to_owned(),
        Kind::Null => "null".to_owned(),
        Kind::Boolean => "boolean".to_owned(),
        Kind::Integer(_) => "integer".to_owned(),
        Kind::Number(_) => "number".to_owned(),
        Kind::Text(rules) if rules.is_empty_text() => "the empty text".to_owned(),
        Kind::Text(_) => "string".to_owned(),
        Kind::Choice(values) => format!("one of {}", values.join(", ")),
        Kind::Literal(Literal::Text(text)) => quoted(text.chars()),
        Kind::Literal(Literal::Boolean(value)) => value.to_string(),
        Kind::Array(_) => "array".to_owned(),
        Kind::Object(_) => "object".to_owned(),
        Kind::Union(kinds) => kinds.iter().map(expected).collect::<Vec<_>>().join(" or "),
    }
}

/// A string as JSON, cut where it is long.
pub(super) fn quoted(mut characters: impl Iterator<Item = char>) -> String {
    let mut shown: String = characters.by_ref().take(SHOWN_MAX).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    serde_json::Value::String(shown).to_string()
}

/// `1 character`, `2 characters`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A number as ECMAScript writes it, so that every language says the same.
pub(super) fn number(value: f64) -> String {
    if !value.is_finite() || value == 0.0 {
        let sign = if value < 0.0 { "-" } else { "" };
        return if value == 0.0 { "0".to_owned() } else { format!("{sign}Infinity") };
    }
    // The shortest digits that mean this number, and where the point stands.
    let scientific = format!("{:e}", value.abs());
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits = digits.replace('.', "");
    let point = exponent.parse::<i32>().unwrap_or_default() + 1;
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}", laid_out(&digits, point))
}

/// Digits with the point after `point` of them, or in scientific notation where that is far away.
fn laid_out(digits: &str, point: i32) -> String {
    let length = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or_default());
    match point {
        _ if (length..=21).contains(&point) => format!("{digits}{}", zeros(point - length)),
        1..=21 => {
            let (whole, rest) = digits.split_at(usize::try_from(point).unwrap_or_default());
            format!("{whole}.{rest}")
        }
        -5..=0 => format!("0.{}{digits}", zeros(-point)),
        _ => {
            let (first, rest) = digits.split_at(1);
            let dot = if rest.is_empty() { "" } else { "." };
            let sign = if point > 0 { "+" } else { "-" };
            format!("{first}{dot}{rest}e{sign}{}", (point - 1).abs())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_ecmascript_does() {
        for (value, text) in [
            (1.5, "1.5"),
            (-0.25, "-0.25"),
            (0.0, "0"),
            (-0.0, "0"),
            (100.0, "100"),
            (9_007_199_254_740_992.0, "9007199254740992"),
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (123_456_789_012_345_680_000.0, "123456789012345680000"),
            (0.000_001, "0.000001"),
            (0.000_000_1, "1e-7"),
            (-1.25e-9, "-1.25e-9"),
            (f64::INFINITY, "Infinity"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(quoted("a\"b\n".chars()), r#""a\"b\n""#);
        assert_eq!(quoted("é".repeat(65).chars()), format!("\"{}…\"", "é".repeat(64)));
    }
}
