//! One pass over a JSON text, before any parser sees it.
//!
//! It bounds the nesting, so that no recursive parser can be driven deep, and finds lone
//! surrogates, which a parser that skips a value does not look for. It does not decide
//! whether the text is JSON.

/// Why a text is refused before it is parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// More arrays and objects are nested than allowed.
    #[error("arrays and objects are nested deeper than {0} levels")]
    TooDeep(usize),
    /// A `\u` escape names half of a surrogate pair without the other half.
    #[error("a \\u escape is half of a surrogate pair")]
    LoneSurrogate,
}

/// Checks nesting and surrogates of `text`, O(length).
pub fn scan(text: &str, depth_max: usize) -> Result<(), ScanError> {
    if is_plain(text.as_bytes(), depth_max) { Ok(()) } else { scan_all(text.as_bytes(), depth_max) }
}

/// Whether a text without escapes opens so few arrays and objects, those inside strings counted, that it cannot be too
/// deep. Most are, and this is found out many bytes at a time.
fn is_plain(bytes: &[u8], depth_max: usize) -> bool {
    memchr::memchr(b'\\', bytes).is_none() && memchr::memchr2_iter(b'{', b'[', bytes).nth(depth_max).is_none()
}

fn scan_all(bytes: &[u8], depth_max: usize) -> Result<(), ScanError> {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = scan_string(bytes, at + 1)?,
            b'{' | b'[' => {
                depth += 1;
                if depth > depth_max {
                    return Err(ScanError::TooDeep(depth_max));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

/// Returns the index of the closing quote (or the end of an unterminated string).
fn scan_string(bytes: &[u8], mut at: usize) -> Result<usize, ScanError> {
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if bytes[at] == b'"' {
            return Ok(at);
        }
        at += escape_length(&bytes[at..])?;
    }
    Ok(bytes.len())
}

/// Bytes of the escape that `rest` starts with; a surrogate pair counts as one.
fn escape_length(rest: &[u8]) -> Result<usize, ScanError> {
    match unicode_escape(rest) {
        None => Ok(2),
        Some(0xD800..=0xDBFF) => match rest.get(6..).and_then(unicode_escape) {
            Some(0xDC00..=0xDFFF) => Ok(12),
            _ => Err(ScanError::LoneSurrogate),
        },
        Some(0xDC00..=0xDFFF) => Err(ScanError::LoneSurrogate),
        Some(_) => Ok(6),
    }
}

/// The code unit of a well-formed `\uXXXX` at the start of `rest`.
fn unicode_escape(rest: &[u8]) -> Option<u16> {
    let digits = rest.get(..6).filter(|escape| escape.starts_with(b"\\u"))?;
    digits[2..].iter().try_fold(0_u16, |unit, digit| {
        let value = (*digit as char).to_digit(16)?;
        Some(unit << 4 | u16::try_from(value).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nested(depth: usize) -> String {
        format!("{}{}", "[".repeat(depth), "]".repeat(depth))
    }

    #[test]
    fn depth_is_counted_to_the_level() {
        assert_eq!(scan(&nested(64), 64), Ok(()));
        assert_eq!(scan(&nested(65), 64), Err(ScanError::TooDeep(64)));
        assert_eq!(scan(&nested(1_000_000), 64), Err(ScanError::TooDeep(64)));
        assert_eq!(scan(r#"{"a":"[[[[","b":"\"[[["}"#, 1), Ok(()));
    }

    #[test]
    fn surrogates_must_come_in_pairs() {
        assert_eq!(scan(r#""\ud83d\ude00""#, 1), Ok(()));
        for text in [r#""\ud800""#, r#""\udc00""#, r#""\ud800\ud800""#, r#""\ud800x\udc00""#, r#""\uDFFF""#] {
            assert_eq!(scan(text, 1), Err(ScanError::LoneSurrogate), "{text}");
        }
        assert_eq!(scan(r#""\\ud800""#, 1), Ok(()), "an escaped backslash starts no escape");
    }

    proptest! {
        #[test]
        fn a_plain_text_passes_the_whole_scan(text in r#"[a"{}\[\]\\]{0,20}"#, depth_max in 0_usize..8) {
            if is_plain(text.as_bytes(), depth_max) {
                prop_assert_eq!(scan_all(text.as_bytes(), depth_max), Ok(()));
            }
        }

        #[test]
        fn whatever_serde_writes_passes(text in ".*") {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(scan(&json, 0), Ok(()));
        }

        #[test]
        fn strings_that_serde_reads_have_no_lone_surrogate(body in r#"(\\u[dD][89a-fA-F][0-9a-f]{2}|\\\\|a|\\")*"#) {
            let json = format!("\"{body}\"");
            let read = serde_json::from_str::<String>(&json).is_ok();
            prop_assert_eq!(scan(&json, 0).is_ok(), read);
        }
    }
}
