//! Readers of single values: from a node to a type, or to what is wrong with it.
//!
//! Each takes the value as TOML spells it, and a loose text from a variable or flag where one means the same. Knows no
//! field.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::finding::Wrong;
use super::node::{Node, Value, quote};

/// Units of durations, in milliseconds.
const DURATION_UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1000), ("m", 60 * 1000), ("h", 60 * 60 * 1000), ("d", 24 * 60 * 60 * 1000)];

/// Units of sizes, in bytes.
const SIZE_UNITS: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// Any text that is not empty and has no control characters.
pub(super) fn text(node: &Node) -> Result<String, Wrong> {
    match &node.value {
        Value::Text(text) | Value::Loose(text) if !text.is_empty() && !text.contains(char::is_control) => {
            Ok(text.clone())
        }
        _ => Err(Wrong::expected("a text", node.describe())),
    }
}

pub(super) fn boolean(node: &Node) -> Result<bool, Wrong> {
    match &node.value {
        Value::Boolean(value) => Ok(*value),
        Value::Loose(text) if text == "true" => Ok(true),
        Value::Loose(text) if text == "false" => Ok(false),
        _ => Err(Wrong::expected("true or false", node.describe())),
    }
}

/// A whole number in a range.
pub(super) fn integer(range: RangeInclusive<u64>) -> impl Fn(&Node) -> Result<u64, Wrong> {
    move |node| {
        let number = match &node.value {
            Value::Integer(Some(number)) => u64::try_from(*number).ok(),
            Value::Loose(text) => text.parse().ok(),
            _ => None,
        };
        let wrong = || {
            let expected = format!("a number from {} to {}", range.start(), range.end());
            Wrong::expected(expected, node.describe())
        };
        number.filter(|number| range.contains(number)).ok_or_else(wrong)
    }
}

/// A whole number in a range, as a count of things in memory.
pub(super) fn count(range: RangeInclusive<usize>) -> impl Fn(&Node) -> Result<usize, Wrong> {
    let read = integer(*range.start() as u64..=*range.end() as u64);
    move |node| read(node).map(|number| usize::try_from(number).unwrap_or(usize::MAX))
}

/// A duration such as `"500ms"`, in a range.
pub(super) fn duration(range: RangeInclusive<Duration>) -> impl Fn(&Node) -> Result<Duration, Wrong> {
    move |node| {
        let expected = "a duration such as \"500ms\", \"30s\", \"5m\", \"2h\" or \"7d\"";
        let wrong = || Wrong::expected(expected, node.describe());
        let (Value::Text(text) | Value::Loose(text)) = &node.value else {
            return Err(without_unit(node, wrong()));
        };
        let milliseconds = measure(text, &DURATION_UNITS).ok_or_else(wrong)?;
        let value = Duration::from_millis(milliseconds);
        if range.contains(&value) {
            return Ok(value);
        }
        let expected = format!("a duration from {} to {}", show(*range.start()), show(*range.end()));
        Err(Wrong::expected(expected, node.describe()))
    }
}

/// A size such as `"64KiB"` or a number of bytes, in a range.
pub(super) fn size(range: RangeInclusive<u64>) -> impl Fn(&Node) -> Result<u64, Wrong> {
    move |node| {
        let bytes = match &node.value {
            Value::Integer(Some(number)) => u64::try_from(*number).ok(),
            Value::Loose(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            Value::Text(text) | Value::Loose(text) => measure(text, &SIZE_UNITS),
            _ => None,
        };
        let Some(bytes) = bytes else {
            let expected = "a size such as \"64KiB\" or \"1MiB\", or a number of bytes";
            return Err(Wrong::expected(expected, node.describe()));
        };
        if range.contains(&bytes) {
            return Ok(bytes);
        }
        let expected = format!("a size from {} to {} bytes", range.start(), range.end());
        Err(Wrong::expected(expected, node.describe()))
    }
}

/// One of several words.
pub(super) fn choice<T: Copy>(choices: &[(&'static str, T)]) -> impl Fn(&Node) -> Result<T, Wrong> {
    move |node| {
        let word = match &node.value {
            Value::Text(word) | Value::Loose(word) => word.as_str(),
            _ => "",
        };
        let wrong = || {
            let words: Vec<String> = choices.iter().map(|(word, _)| quote(word)).collect();
            let wrong = Wrong::expected(words.join(" or "), node.describe());
            wrong.did_you_mean(word, choices.iter().map(|(word, _)| *word))
        };
        choices.iter().find(|(known, _)| *known == word).map(|(_, value)| *value).ok_or_else(wrong)
    }
}

/// A name of letters, digits and `_.-`, such as a realm or a worker has.
pub(super) fn name(node: &Node) -> Result<String, Wrong> {
    const NAME_BYTES_MAX: usize = 64;
    let is_plain = |text: &String| {
        text.len() <= NAME_BYTES_MAX
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
    };
    let expected = "a name of at most 64 letters, digits and _ . -";
    text(node).ok().filter(is_plain).ok_or_else(|| Wrong::expected(expected, node.describe()))
}

/// A folder that exists, relative to `base`.
pub(super) fn folder(base: &Path) -> impl Fn(&Node) -> Result<PathBuf, Wrong> {
    move |node| {
        let path = base.join(text(node)?);
        if path.is_dir() { Ok(path) } else { Err(Wrong::expected("a folder that exists", node.describe())) }
    }
}

/// `<number><unit>` in the smallest unit. `None` for anything else and for what is too large.
fn measure(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// Adds what a bare number of a duration lacks.
fn without_unit(node: &Node, wrong: Wrong) -> Wrong {
    match node.value {
        Value::Integer(Some(number)) => wrong.hint(format!("add a unit, such as \"{number}s\"")),
        _ => wrong,
    }
}

/// A duration in the largest unit that leaves no rest.
fn show(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let fits = |unit: &&(&str, u64)| milliseconds.is_multiple_of(u128::from(unit.1)) && milliseconds > 0;
    let (name, factor) = DURATION_UNITS.iter().rev().find(fits).unwrap_or(&DURATION_UNITS[1]);
    format!("\"{}{name}\"", milliseconds / u128::from(*factor))
}
