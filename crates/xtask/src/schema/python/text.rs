//! Names, docstrings and literals of Python.

use std::fmt::Write as _;

/// Longest line, as the project's ruff has it.
pub(super) const WIDTH: usize = 140;

/// What a generated file says of itself.
pub(super) const ABOUT: &str = "change it there, then run `make schema`.";

/// The words that cannot be names.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// The name of a class: `file.list` is `FileList`.
pub(super) fn class_name(wire: &str) -> String {
    let mut name = String::new();
    for word in wire.split(|character: char| !character.is_ascii_alphanumeric()) {
        let mut characters = word.chars();
        name.extend(characters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(characters.as_str());
    }
    name
}

/// The name of an attribute: `agentId` is `agent_id`, `_tl` is `tl`.
pub(super) fn attribute_name(wire: &str) -> String {
    let mut name = String::new();
    for character in wire.chars() {
        if character.is_ascii_uppercase() && !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
        let fits = character.is_ascii_alphanumeric() && !(name.is_empty() && character.is_ascii_digit());
        if fits {
            name.push(character.to_ascii_lowercase());
        } else if !name.is_empty() {
            name.push('_');
        }
    }
    if KEYWORDS.contains(&name.as_str()) {
        name.push('_');
    }
    name
}

/// A string literal.
pub(super) fn quoted(text: &str) -> String {
    let mut literal = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => literal.extend(['\\', character]),
            '\n' => literal.push_str("\\n"),
            other => literal.push(other),
        }
    }
    literal + "\""
}

/// A regular expression as a literal.
pub(super) fn raw(pattern: &str) -> anyhow::Result<String> {
    anyhow::ensure!(!pattern.contains('"') && !pattern.ends_with('\\'), "{pattern} cannot be written as a raw string");
    Ok(if pattern.contains('\\') { format!("r\"{pattern}\"") } else { format!("\"{pattern}\"") })
}

/// A whole number, in groups of three digits where it is long.
pub(super) fn integer(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut grouped = String::from(if value < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && digits.len() > 4 && (digits.len() - index).is_multiple_of(3) {
            grouped.push('_');
        }
        grouped.push(digit);
    }
    grouped
}

/// A docstring of these paragraphs, with its indentation and the end of its last line.
pub(super) fn docstring(paragraphs: &[String], indent: usize) -> String {
    let margin = " ".repeat(indent);
    if let [only] = paragraphs
        && indent + only.chars().count() + 6 <= WIDTH
        && !only.ends_with('"')
    {
        return format!("{margin}\"\"\"{only}\"\"\"\n");
    }
    let mut text = format!("{margin}\"\"\"");
    for (index, paragraph) in paragraphs.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        // The first line stands behind the quotes, which are as wide as three characters.
        for (number, line) in wrapped(paragraph, WIDTH - indent - 3).iter().enumerate() {
            let margin = if index == 0 && number == 0 { "" } else { &margin };
            let _ = writeln!(text, "{margin}{line}");
        }
    }
    text + &margin + "\"\"\"\n"
}

/// The lines of a paragraph, none wider than `width` where words allow it.
fn wrapped(paragraph: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in paragraph.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += length;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_pythons() {
        for (wire, class, attribute) in [
            ("file.list", "FileList", "file_list"),
            ("user_message", "UserMessage", "user_message"),
            ("_tl", "Tl", "tl"),
            ("agentId", "AgentId", "agent_id"),
            ("from", "From", "from_"),
        ] {
            assert_eq!((class_name(wire).as_str(), attribute_name(wire).as_str()), (class, attribute));
        }
    }

    #[test]
    fn literals_are_pythons() {
        assert_eq!(quoted("a\"b\\c"), r#""a\"b\\c""#);
        assert_eq!(integer(-9_007_199_254_740_991), "-9_007_199_254_740_991");
        assert_eq!((integer(128), integer(4096), integer(65536)), ("128".into(), "4096".into(), "65_536".into()));
        assert_eq!(raw(r"^\.$").unwrap(), r#"r"^\.$""#);
    }

    #[test]
    fn docstrings_are_wrapped() {
        assert_eq!(docstring(&["One.".to_owned()], 4), "    \"\"\"One.\"\"\"\n");
        assert_eq!(docstring(&["One.".to_owned(), "Two.".to_owned()], 0), "\"\"\"One.\n\nTwo.\n\"\"\"\n");
        let long = docstring(&["word ".repeat(40).trim_end().to_owned()], 4);
        assert!(long.lines().count() == 3 && long.lines().all(|line| line.len() <= WIDTH), "{long}");
    }
}
