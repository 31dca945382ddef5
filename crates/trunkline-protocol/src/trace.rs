//! The form of a trace context (W3C Trace Context, section 3.2, `traceparent`).

/// Most bytes of a `traceparent` that is passed on; version 00 has 55.
const BYTES_MAX: usize = 256;

/// Says whether `text` may be a `traceparent`: version, trace id, parent id and flags in lower-case hexadecimal, neither id
/// all zeros. Of a version after 00 only the beginning must have that form.
pub fn is_traceparent(text: &str) -> bool {
    if text.len() > BYTES_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return false;
    }
    let mut fields = text.splitn(5, '-');
    let mut field = |digits: usize| {
        let field = fields.next().unwrap_or_default();
        let is_hex = field.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        (field.len() == digits && is_hex).then_some(field)
    };
    let is_set = |id: &str| id.bytes().any(|digit| digit != b'0');
    let (Some(version), Some(trace), Some(parent), Some(_)) = (field(2), field(32), field(16), field(2)) else {
        return false;
    };
    let more = fields.next();
    version != "ff" && is_set(trace) && is_set(parent) && (version != "00" || more.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_recommendation_allows_is_a_traceparent() {
        for good in [
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-will-be-like",
        ] {
            assert!(is_traceparent(good), "{good}");
        }
        for bad in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b7-01",
            " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-\r\nx: y",
            &format!("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-{}", "x".repeat(256)),
        ] {
            assert!(!is_traceparent(bad), "{bad}");
        }
    }
}
