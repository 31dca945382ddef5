//! Judging one header's offers of `permessage-deflate` (RFC 7692 §7.1; the grammar is that of RFC 6455 §9.1).
//!
//! Every byte is looked at once per level of the grammar, so the cost is linear in the header's size.

use std::borrow::Cow;

use super::{Deflate, WindowBits};

const NAME: &[u8] = b"permessage-deflate";

/// The parameters of one offer; each may be given once.
#[derive(Default)]
struct Parameters {
    server_no_context_takeover: Option<()>,
    client_no_context_takeover: Option<()>,
    server_max_window_bits: Option<WindowBits>,
    client_max_window_bits: Option<()>,
}

/// The first of the comma-separated offers in `value` that can be accepted.
pub(super) fn first_acceptable(value: &[u8]) -> Option<Deflate> {
    split(value, b',').find_map(accept)
}

fn accept(offer: &[u8]) -> Option<Deflate> {
    let mut parts = split(offer, b';');
    if parts.next() != Some(NAME) {
        return None;
    }
    let mut parameters = Parameters::default();
    parts.try_for_each(|part| parameters.add(part))?;
    // The context is never taken over, whether the client asks for it or not (§7.1.1), and any window that a client
    // may use can be inflated.
    let Parameters { server_max_window_bits, .. } = parameters;
    Some(Deflate { server_max_window_bits })
}

impl Parameters {
    fn add(&mut self, part: &[u8]) -> Option<()> {
        let (name, value) = parameter(part)?;
        match (name, value.as_deref()) {
            (b"server_no_context_takeover", None) => once(&mut self.server_no_context_takeover, ()),
            (b"client_no_context_takeover", None) => once(&mut self.client_no_context_takeover, ()),
            (b"server_max_window_bits", Some(bits)) => {
                let window = WindowBits::new(window_bits(bits)?)?;
                once(&mut self.server_max_window_bits, window)
            }
            (b"client_max_window_bits", None) => once(&mut self.client_max_window_bits, ()),
            (b"client_max_window_bits", Some(bits)) => {
                window_bits(bits)?;
                once(&mut self.client_max_window_bits, ())
            }
            _ => None,
        }
    }
}

fn once<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    slot.is_none().then(|| *slot = Some(value))
}

/// A parameter's name and its value, if it has one.
type Parameter<'o> = (&'o [u8], Option<Cow<'o, [u8]>>);

fn parameter(part: &[u8]) -> Option<Parameter<'_>> {
    match part.iter().position(|byte| *byte == b'=') {
        None => Some((part, None)),
        Some(at) => Some((part[..at].trim_ascii_end(), Some(unquoted(part[at + 1..].trim_ascii_start())?))),
    }
}

/// The value that a token or a quoted string spells.
fn unquoted(value: &[u8]) -> Option<Cow<'_, [u8]>> {
    let [b'"', quoted @ ..] = value else { return Some(Cow::Borrowed(value)) };
    let mut content = Vec::new();
    let mut bytes = quoted.iter().copied();
    loop {
        match bytes.next()? {
            b'\\' => content.push(bytes.next()?),
            b'"' => break,
            byte => content.push(byte),
        }
    }
    bytes.next().is_none().then_some(Cow::Owned(content))
}

/// "A decimal integer value without leading zeroes between 8 to 15 inclusive" (§7.1.2).
fn window_bits(value: &[u8]) -> Option<u8> {
    match *value {
        [digit @ b'8'..=b'9'] => Some(digit - b'0'),
        [b'1', digit @ b'0'..=b'5'] => Some(10 + digit - b'0'),
        _ => None,
    }
}

/// The pieces of `value` between the `separator`s that stand outside of quoted strings.
fn split(value: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    let mut escaped = false;
    value
        .split(move |&byte| {
            let inside = quoted;
            quoted = if byte == b'"' && !escaped { !quoted } else { quoted };
            escaped = inside && byte == b'\\' && !escaped;
            byte == separator && !inside
        })
        .map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::super::{Deflate, negotiate};

    const AGREED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

    /// `expected` is what the answer adds to [`AGREED`], or `None` where there is no answer.
    #[track_caller]
    fn check(offers: &str, expected: Option<&str>) {
        let value = HeaderValue::from_str(offers).expect("a header value");
        let answer = negotiate([&value]).map(Deflate::response_value);
        let expected = expected.map(|more| format!("{AGREED}{more}"));
        assert_eq!(answer.as_ref().and_then(|answer| answer.to_str().ok()), expected.as_deref(), "{offers}");
    }

    #[test]
    fn offers_of_real_clients_are_accepted() {
        check("permessage-deflate", Some(""));
        // Chromium, Firefox, Node.js ws and Python websockets.
        check("permessage-deflate; client_max_window_bits", Some(""));
        // What else the RFC allows.
        check("permessage-deflate; client_max_window_bits=8", Some(""));
        check("permessage-deflate; client_max_window_bits=15", Some(""));
        check("permessage-deflate; server_no_context_takeover; client_no_context_takeover", Some(""));
        check("permessage-deflate; server_max_window_bits=15", Some("; server_max_window_bits=15"));
        check("permessage-deflate ;\tserver_max_window_bits = 9", Some("; server_max_window_bits=9"));
        check("permessage-deflate; server_max_window_bits=\"10\"", Some("; server_max_window_bits=10"));
        check("permessage-deflate; server_max_window_bits=\"1\\0\"", Some("; server_max_window_bits=10"));
    }

    #[test]
    fn row_24_parameters_out_of_range_decline_the_offer() {
        for bits in ["", "0", "7", "08", "16", "010", "15.0", "-9", "+9", "115", "9 9", "max", "\"7\"", "\"\"", "\"9"] {
            check(&format!("permessage-deflate; server_max_window_bits={bits}"), None);
            check(&format!("permessage-deflate; client_max_window_bits={bits}"), None);
        }
        check("permessage-deflate; server_max_window_bits", None);
        // In range, but zlib has no such window for raw data.
        check("permessage-deflate; server_max_window_bits=8", None);
        check("permessage-deflate; server_no_context_takeover=1", None);
        check("permessage-deflate; client_no_context_takeover=\"\"", None);
    }

    #[test]
    fn row_24_duplicate_parameters_decline_the_offer() {
        for parameter in [
            "server_max_window_bits=10",
            "client_max_window_bits",
            "client_max_window_bits=10",
            "server_no_context_takeover",
            "client_no_context_takeover",
        ] {
            check(&format!("permessage-deflate; {parameter}; {parameter}"), None);
        }
        check("permessage-deflate; server_max_window_bits=7; server_max_window_bits=16", None);
        check("permessage-deflate; server_max_window_bits=10; server_max_window_bits=11", None);
        check("permessage-deflate; client_max_window_bits; client_max_window_bits=11", None);
    }

    #[test]
    fn row_24_what_is_unknown_declines_the_offer() {
        check("permessage-deflate; server_max_window", None);
        check("permessage-deflate; Server_no_context_takeover", None);
        check("permessage-deflate;", None);
        check("permessage-deflate; ; client_max_window_bits", None);
        check("permessage-bzip2", None);
        check("x-webkit-deflate-frame", None);
        check("permessage-deflate=1", None);
        check("", None);
        check(",,;;\"", None);
    }

    #[test]
    fn the_first_acceptable_offer_counts() {
        check(
            "permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=12, permessage-deflate",
            Some("; server_max_window_bits=12"),
        );
        check("x-other; a=\"permessage-deflate, permessage-deflate; b\", permessage-deflate", Some(""));
        check("x-other; a=\"\\\", permessage-deflate, \"", None);
        let values = ["permessage-deflate; nonsense", "permessage-deflate"].map(HeaderValue::from_static);
        assert!(negotiate(&values).is_some());
    }

    #[test]
    fn row_24_long_headers_are_judged_in_linear_time() {
        check(&"permessage-deflate; server_max_window_bits=7,".repeat(10_000), None);
        check(&format!("permessage-deflate{}", "; client_max_window_bits".repeat(10_000)), None);
        check(&format!("permessage-deflate; server_max_window_bits=\"{}", "\\1".repeat(100_000)), None);
    }
}
