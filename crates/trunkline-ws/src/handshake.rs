//! The opening handshake (RFC 6455 §4.2): judging an upgrade request.
//!
//! Pure: from method, version and headers to an [`Accept`] or a [`Refusal`]. Paths, origins, hosts and who may connect
//! are the owner's questions. Every header is looked at once, so the cost is linear in its size.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version,
    header::{
        ALLOW, CONNECTION, CONTENT_LENGTH, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
        SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
    },
};
use sha1::{Digest, Sha1};
use thiserror::Error;

use crate::deflate::{self, Deflate};

/// The most subprotocols that a client may offer. A client of ours offers two: the protocol and a bearer token.
pub const SUBPROTOCOLS_MAX: usize = 32;

/// What is appended to the client's key before it is hashed (§1.3).
const KEY_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A request that may be upgraded.
#[derive(Clone, PartialEq, Eq)]
pub struct Accept {
    key: HeaderValue,
    subprotocols: Vec<String>,
    /// What there would be to agree on.
    offered_deflate: Option<Deflate>,
    deflate: Option<Deflate>,
}

impl Accept {
    /// The subprotocols that the client offers, in its order of preference. One of them may be a bearer token: do not
    /// log them.
    pub fn subprotocols(&self) -> &[String] {
        &self.subprotocols
    }

    /// Agrees to compression, if the client offers it in a way that can be accepted; without this call it is declined.
    /// What was agreed on belongs into [`Options::deflate`](crate::Options::deflate), or, where compressed messages are
    /// to be refused at first, later into [`Connection::accept_deflate`](crate::Connection::accept_deflate).
    pub fn agree_to_deflate(&mut self) -> Option<Deflate> {
        self.deflate = self.offered_deflate;
        self.deflate
    }

    /// The 101 response. `subprotocol` must be one of those offered, or the client breaks the connection off.
    pub fn response(&self, subprotocol: Option<HeaderValue>) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, self.key.clone());
        if let Some(subprotocol) = subprotocol {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, subprotocol);
        }
        if let Some(deflate) = self.deflate {
            headers.insert(SEC_WEBSOCKET_EXTENSIONS, deflate.response_value());
        }
        response
    }
}

impl fmt::Debug for Accept {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Accept")
            .field("subprotocols", &self.subprotocols.len())
            .field("deflate", &self.deflate)
            .finish_non_exhaustive()
    }
}

/// Why a request is not upgraded.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Only `GET` can be upgraded: 405.
    #[error("the method is not GET")]
    Method,
    /// The request asks for no upgrade to WebSocket: 426.
    #[error("the request asks for no upgrade to websocket")]
    NoUpgrade,
    /// The client speaks another version of the protocol: 426 with the version that is spoken here.
    #[error("the WebSocket version is not 13")]
    ProtocolVersion,
    /// The request is not HTTP/1.1: 400.
    #[error("the request is not HTTP/1.1")]
    HttpVersion,
    /// The request has a body: 400. Its bytes could be taken for frames.
    #[error("an upgrade request must not have a body")]
    Body,
    /// A header has a byte outside of ASCII: 400.
    #[error("a header is not ASCII")]
    NotAscii,
    /// `Connection` does not list `upgrade`: 400.
    #[error("the Connection header does not list upgrade")]
    Connection,
    /// `Sec-WebSocket-Key` is missing, repeated, or not 16 bytes in base64: 400.
    #[error("the Sec-WebSocket-Key header is not 16 bytes in base64")]
    Key,
    /// `Sec-WebSocket-Protocol` is not a list of tokens, or a list of too many: 400.
    #[error("the Sec-WebSocket-Protocol header is not a short list of tokens")]
    Subprotocols,
}

impl Refusal {
    /// The status to answer with.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::NoUpgrade | Self::ProtocolVersion => StatusCode::UPGRADE_REQUIRED,
            Self::HttpVersion | Self::Body | Self::NotAscii | Self::Connection | Self::Key | Self::Subprotocols => {
                StatusCode::BAD_REQUEST
            }
        }
    }

    /// The response, with the headers that its status requires and without a body.
    pub fn response(self) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        match self {
            Self::Method => {
                headers.insert(ALLOW, HeaderValue::from_static("GET"));
            }
            Self::NoUpgrade | Self::ProtocolVersion => {
                headers.insert(CONNECTION, HeaderValue::from_static("Upgrade, close"));
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
            _ => {}
        }
        response
    }
}

/// Judges a request for an upgrade to WebSocket.
///
/// # Errors
/// The first rule that the request breaks, see [`Refusal`].
pub fn accept(method: &Method, version: Version, headers: &HeaderMap) -> Result<Accept, Refusal> {
    let rules = [
        (method == Method::GET, Refusal::Method),
        (version == Version::HTTP_11, Refusal::HttpVersion),
        (headers.values().all(|value| value.as_bytes().is_ascii()), Refusal::NotAscii),
        (!has_body(headers), Refusal::Body),
        (lists_token(headers, &UPGRADE, "websocket"), Refusal::NoUpgrade),
        (lists_token(headers, &CONNECTION, "upgrade"), Refusal::Connection),
        (only(headers, &SEC_WEBSOCKET_VERSION) == Some(b"13"), Refusal::ProtocolVersion),
    ];
    if let Some((_, refusal)) = rules.into_iter().find(|(kept, _)| !kept) {
        return Err(refusal);
    }
    let key = only(headers, &SEC_WEBSOCKET_KEY).filter(|key| is_key(key)).ok_or(Refusal::Key)?;
    Ok(Accept {
        key: accept_key(key),
        subprotocols: subprotocols(headers)?,
        offered_deflate: deflate::negotiate(headers.get_all(SEC_WEBSOCKET_EXTENSIONS)),
        deflate: None,
    })
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING) || headers.get_all(CONTENT_LENGTH).iter().any(|length| length != "0")
}

/// Whether one of the headers called `name` lists `token`, in any case.
fn lists_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// The value of the header called `name`, unless it is missing or repeated.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h [u8]> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value.as_bytes().trim_ascii()),
        _ => None,
    }
}

/// Whether `key` is 16 bytes in base64. The bits that the last character has to spare are not looked at: they change
/// nothing, and some clients leave them set.
fn is_key(key: &[u8]) -> bool {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    matches!(key, [digits @ .., b'=', b'='] if digits.len() == 22 && digits.iter().all(is_base64))
}

fn accept_key(key: &[u8]) -> HeaderValue {
    let digest = Sha1::new().chain_update(key).chain_update(KEY_SUFFIX).finalize();
    HeaderValue::try_from(STANDARD.encode(digest)).expect("base64 is a header value")
}

/// The subprotocols offered, over all headers of that name (§4.1: one or more comma-separated tokens).
fn subprotocols(headers: &HeaderMap) -> Result<Vec<String>, Refusal> {
    let mut offered = Vec::new();
    for value in headers.get_all(SEC_WEBSOCKET_PROTOCOL) {
        for item in value.as_bytes().split(|byte| *byte == b',') {
            let item = item.trim_ascii();
            if offered.len() == SUBPROTOCOLS_MAX || item.is_empty() || !item.iter().copied().all(is_token_byte) {
                return Err(Refusal::Subprotocols);
            }
            offered.push(item.iter().copied().map(char::from).collect());
        }
    }
    Ok(offered)
}

/// RFC 9110 §5.6.2, `tchar`, and the `=` and `/` that real clients use in base64 and in names such as `graphql/ws`.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~=/".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: [(&str, &str); 4] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    fn headers(changes: &[(&'static str, &[u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in REQUEST {
            headers.insert(name, HeaderValue::from_static(value));
        }
        for (name, value) in changes {
            headers.remove(*name);
            if !value.is_empty() {
                headers.insert(*name, HeaderValue::from_bytes(value).expect("a header value"));
            }
        }
        headers
    }

    fn check(changes: &[(&'static str, &[u8])], expected: Result<&[&str], Refusal>) {
        let actual = accept(&Method::GET, Version::HTTP_11, &headers(changes));
        match (actual, expected) {
            (Ok(accept), Ok(subprotocols)) => assert_eq!(accept.subprotocols(), subprotocols),
            (Err(actual), Err(expected)) => assert_eq!(actual, expected),
            (actual, expected) => panic!("{actual:?} is not {expected:?}"),
        }
    }

    #[test]
    fn the_example_of_the_rfc() {
        let accept = accept(&Method::GET, Version::HTTP_11, &headers(&[])).expect("a good request");
        let response = accept.response(Some(HeaderValue::from_static("chat")));
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        assert_eq!(response.headers()[SEC_WEBSOCKET_ACCEPT], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(response.headers()[SEC_WEBSOCKET_PROTOCOL], "chat");
        assert!(!response.headers().contains_key("sec-websocket-extensions"));
    }

    #[test]
    fn subprotocols_keep_their_order() {
        check(
            &[("sec-websocket-protocol", b"trunkline.v1.json,\ttrunkline.bearer.aa-_")],
            Ok(&["trunkline.v1.json", "trunkline.bearer.aa-_"]),
        );
    }

    #[test]
    fn row_06_hostile_subprotocols() {
        for hostile in [b",".repeat(65_536), b" ,".repeat(32_768), b"a,".repeat(32_768), b"a b".to_vec()] {
            check(&[("sec-websocket-protocol", &hostile)], Err(Refusal::Subprotocols));
        }
        let spaces = [b"a".to_vec(), b" ".repeat(65_536), b"b".to_vec()].concat();
        check(&[("sec-websocket-protocol", &spaces)], Err(Refusal::Subprotocols));
    }

    #[test]
    fn row_06b_bytes_outside_of_ascii() {
        for name in ["sec-websocket-protocol", "origin", "sec-websocket-key", "upgrade", "x-anything"] {
            for byte in 0x80..=0xFF {
                check(&[(name, &[b'a', byte])], Err(Refusal::NotAscii));
            }
        }
    }

    #[test]
    fn row_09_requests_that_could_smuggle() {
        check(&[("transfer-encoding", b"chunked")], Err(Refusal::Body));
        check(&[("transfer-encoding", b"chunked"), ("content-length", b"5")], Err(Refusal::Body));
        check(&[("content-length", b"5")], Err(Refusal::Body));
        check(&[("content-length", b"0")], Ok(&[]));
        for version in [Version::HTTP_09, Version::HTTP_10, Version::HTTP_2] {
            assert_eq!(accept(&Method::GET, version, &headers(&[])), Err(Refusal::HttpVersion));
        }
        assert_eq!(Refusal::Body.status(), StatusCode::BAD_REQUEST);
        assert_eq!(Refusal::HttpVersion.status(), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn row_13_method() {
        let refusal = accept(&Method::POST, Version::HTTP_11, &headers(&[])).expect_err("not GET");
        assert_eq!(refusal.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(refusal.response().headers()[ALLOW], "GET");
    }

    #[test]
    fn row_13_version() {
        for version in [&b"8"[..], b"", b"13, 8"] {
            check(&[("sec-websocket-version", version)], Err(Refusal::ProtocolVersion));
        }
        let response = Refusal::ProtocolVersion.response();
        assert_eq!(response.status(), StatusCode::UPGRADE_REQUIRED);
        assert_eq!(response.headers()[SEC_WEBSOCKET_VERSION], "13");
    }

    #[test]
    fn row_13_key() {
        for key in [&b""[..], b"c2hvcnQ=", b"dGhlIHNhbXBsZSBub25jZSBvZiBmb3J0eS1vbmU9", b"dGhlIHNhbXBsZSBub25j!Q=="] {
            check(&[("sec-websocket-key", key)], Err(Refusal::Key));
        }
        let mut twice = headers(&[]);
        twice.append(SEC_WEBSOCKET_KEY, HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="));
        assert_eq!(accept(&Method::GET, Version::HTTP_11, &twice), Err(Refusal::Key));
        assert_eq!(Refusal::Key.status(), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn row_13_connection_and_upgrade() {
        check(&[("connection", b"keep-alive")], Err(Refusal::Connection));
        assert_eq!(Refusal::Connection.status(), StatusCode::BAD_REQUEST);
        check(&[("upgrade", b"h2c")], Err(Refusal::NoUpgrade));
        check(&[("upgrade", b"h2c, websocket")], Ok(&[]));
        assert_eq!(Refusal::NoUpgrade.response().headers()[UPGRADE], "websocket");
    }

    #[test]
    fn row_23_24_extensions_are_declined_unless_the_owner_agrees() {
        for (offer, answer) in [
            ("permessage-deflate", Some("permessage-deflate; server_no_context_takeover; client_no_context_takeover")),
            ("permessage-deflate; server_max_window_bits=7", None),
            ("permessage-deflate; server_max_window_bits=10; server_max_window_bits=10", None),
        ] {
            let headers = headers(&[("sec-websocket-extensions", offer.as_bytes())]);
            let mut accept = accept(&Method::GET, Version::HTTP_11, &headers).expect("declined, not refused");
            assert!(!accept.response(None).headers().contains_key(SEC_WEBSOCKET_EXTENSIONS), "{offer}");
            assert_eq!(accept.agree_to_deflate().is_some(), answer.is_some(), "{offer}");
            let response = accept.response(None);
            let value = response.headers().get(SEC_WEBSOCKET_EXTENSIONS).map(|value| value.to_str().expect("words"));
            assert_eq!(value, answer, "{offer}");
        }
    }

    #[test]
    fn a_token_is_not_shown() {
        let headers = headers(&[("sec-websocket-protocol", b"trunkline.bearer.secret")]);
        let accept = accept(&Method::GET, Version::HTTP_11, &headers).expect("a good request");
        assert!(!format!("{accept:?}").contains("secret"));
    }
}
