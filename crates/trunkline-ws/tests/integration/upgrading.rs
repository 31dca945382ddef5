//! Any headers of an upgrade request: each is judged, and what is agreed on can be agreed on.
//!
//! Shared with the fuzz target, so that every input which it finds can be replayed here.

use std::collections::BTreeSet;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};
use trunkline_ws::handshake::{Accept, SUBPROTOCOLS_MAX, accept};

/// A good request, as far as the input says nothing else.
const REQUEST: [(&str, &str); 4] = [
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// Headers, one to a line, in place of those of the good request.
pub(crate) fn check_fuzz_input(input: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (HeaderName::from_bytes(&line[..colon]), HeaderValue::from_bytes(&line[colon + 1..]));
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    for (name, value) in REQUEST {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    match accept(&Method::GET, Version::HTTP_11, &headers) {
        Ok(accept) => check_accept(accept, headers),
        Err(refusal) => assert!(refusal.response().status().is_client_error(), "{refusal}"),
    }
}

fn check_accept(mut accept: Accept, mut headers: HeaderMap) {
    assert!(headers.values().all(|value| value.as_bytes().is_ascii()), "other bytes are refused");
    assert!(accept.subprotocols().len() <= SUBPROTOCOLS_MAX);
    for subprotocol in accept.subprotocols() {
        assert!(!subprotocol.is_empty() && !subprotocol.contains([' ', ',', ';', '"']));
        let response = accept.response(Some(subprotocol.parse().expect("a token is a header value")));
        assert_eq!(response.headers()[header::SEC_WEBSOCKET_PROTOCOL], subprotocol.as_str());
    }
    assert!(!accept.response(None).headers().contains_key(header::SEC_WEBSOCKET_EXTENSIONS));
    let offers: Vec<_> = headers.get_all(header::SEC_WEBSOCKET_EXTENSIONS).iter().map(HeaderValue::as_bytes).collect();
    let agreed = accept.agree_to_deflate();
    if !offers.concat().contains(&b'"') {
        let offers = offers.iter().map(|offers| std::str::from_utf8(offers).expect("ASCII"));
        assert_eq!(agreed.is_some(), offers.flat_map(|offers| offers.split(',')).any(is_acceptable));
    }
    let Some(agreed) = agreed else { return };
    let answer = accept.response(None).headers()[header::SEC_WEBSOCKET_EXTENSIONS].clone();
    headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, answer);
    let mut again = self::accept(&Method::GET, Version::HTTP_11, &headers).expect("nothing else has changed");
    assert_eq!(again.agree_to_deflate(), Some(agreed), "an answer is an offer that can be accepted");
}

/// Whether an offer without quotes can be accepted, said once more.
fn is_acceptable(offer: &str) -> bool {
    let mut parts = offer.split(';').map(trim);
    let is_deflate = parts.next() == Some("permessage-deflate");
    let mut names = BTreeSet::new();
    let is_known = |part: &str| {
        let (name, value) = part.split_once('=').map_or((part, None), |(name, value)| (trim(name), Some(trim(value))));
        let bits = value.map(|value| value.parse().ok().filter(|bits: &u8| bits.to_string() == value));
        let is_right = match name {
            "server_no_context_takeover" | "client_no_context_takeover" => value.is_none(),
            "server_max_window_bits" => matches!(bits, Some(Some(9..=15))),
            "client_max_window_bits" => matches!(bits, None | Some(Some(8..=15))),
            _ => false,
        };
        is_right && names.insert(name.to_owned())
    };
    is_deflate && parts.all(is_known)
}

fn trim(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_ascii_whitespace())
}
