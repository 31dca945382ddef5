//! Which hosts and origins may speak to this listener: decided from headers alone.
//!
//! Hosts are checked so that a foreign name that resolves to this machine reaches nothing
//! (DNS rebinding); origins, so that a foreign page cannot use a visitor's browser.

use std::collections::HashSet;
use std::net::SocketAddr;

use http::header::{CONTENT_LENGTH, HOST, ORIGIN, TRANSFER_ENCODING, USER_AGENT};
use http::{HeaderMap, StatusCode};

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A header that must be plain text is not, or is missing or doubled.
    Malformed,
    /// It has a body, and nothing here takes one: its bytes could be taken for a second request.
    Body,
    /// The host is none of ours.
    Host,
    /// The page that asks is none of ours.
    Origin,
}

impl Refusal {
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::Malformed | Self::Body => StatusCode::BAD_REQUEST,
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Origin => StatusCode::FORBIDDEN,
        }
    }

    /// The metric's label.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Body => "body",
            Self::Host => "host",
            Self::Origin => "origin",
        }
    }

    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Malformed => "a header is missing, doubled or not plain text",
            Self::Body => "requests have no body here",
            Self::Host => "this host is not served here; add it to server.allowed_hosts",
            Self::Origin => "pages of this origin may not connect; add it to server.allowed_origins",
        }
    }
}

/// Checks that a request has no body.
pub(crate) fn check_body(headers: &HeaderMap) -> Result<(), Refusal> {
    let announces = |value: &http::HeaderValue| value.as_bytes() != b"0";
    let has_body = headers.contains_key(TRANSFER_ENCODING) || headers.get_all(CONTENT_LENGTH).iter().any(announces);
    if has_body { Err(Refusal::Body) } else { Ok(()) }
}

/// The lists of one listener.
#[derive(Debug)]
pub(crate) struct Guard {
    hosts: HashSet<String>,
    origins: HashSet<String>,
    allow_missing_origin: bool,
}

impl Guard {
    /// `hosts` and `origins` as configured; without hosts, the names of this machine's own address; without origins,
    /// the pages that this listener serves itself.
    pub(crate) fn new(listen: SocketAddr, hosts: &[String], origins: &[String], allow_missing_origin: bool) -> Self {
        let mut known: HashSet<_> = hosts.iter().map(|host| normal_host(host)).collect();
        let port = listen.port();
        for name in ["127.0.0.1", "localhost", "[::1]"] {
            known.insert(normal_host(&format!("{name}:{port}")));
        }
        if !listen.ip().is_unspecified() {
            known.insert(normal_host(&listen.to_string()));
        }
        let origins = if origins.is_empty() {
            known.iter().flat_map(|host| [format!("http://{host}"), format!("https://{host}")]).collect()
        } else {
            origins.iter().map(|origin| origin.to_ascii_lowercase()).collect()
        };
        Self { hosts: known, origins, allow_missing_origin }
    }

    /// Checks the host of any request.
    pub(crate) fn check_host(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let host = single(headers, &HOST)?.ok_or(Refusal::Malformed)?;
        if self.hosts.contains(&normal_host(host)) { Ok(()) } else { Err(Refusal::Host) }
    }

    /// Checks the origin of a request that opens a connection. A browser always names one.
    pub(crate) fn check_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let allowed = match single(headers, &ORIGIN)? {
            Some(origin) => self.origins.contains(&normal_origin(origin)),
            None => self.allow_missing_origin && !is_browser(headers),
        };
        if allowed { Ok(()) } else { Err(Refusal::Origin) }
    }
}

fn single<'h>(headers: &'h HeaderMap, name: &http::HeaderName) -> Result<Option<&'h str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    match (value.to_str(), values.next()) {
        (Ok(text), None) => Ok(Some(text)),
        _ => Err(Refusal::Malformed),
    }
}

fn is_browser(headers: &HeaderMap) -> bool {
    headers.get(USER_AGENT).is_some_and(|agent| agent.as_bytes().starts_with(b"Mozilla/"))
}

/// Lower case, and without the port that `http` has anyway.
fn normal_host(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    host.strip_suffix(":80").map_or_else(|| host.clone(), ToOwned::to_owned)
}

fn normal_origin(origin: &str) -> String {
    let origin = origin.to_ascii_lowercase();
    match origin.strip_prefix("http://") {
        Some(host) => format!("http://{}", normal_host(host)),
        None => origin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn guard(origins: &[&str]) -> Guard {
        let origins: Vec<_> = origins.iter().map(|origin| (*origin).to_owned()).collect();
        Guard::new("127.0.0.1:8001".parse().unwrap(), &["app.example.com".to_owned()], &origins, true)
    }

    #[test]
    fn row_10_a_foreign_null_or_missing_origin_is_refused_to_browsers() {
        let guard = guard(&[]);
        for origin in ["http://evil.example", "null", "http://127.0.0.1:8002", "http://127.0.0.1", ""] {
            let mut asked = HeaderMap::new();
            asked.insert(ORIGIN, origin.parse().unwrap());
            assert_eq!(guard.check_origin(&asked), Err(Refusal::Origin), "{origin}");
        }
        assert_eq!(guard.check_origin(&headers(&[("user-agent", "Mozilla/5.0")])), Err(Refusal::Origin));
        assert_eq!(guard.check_origin(&headers(&[("user-agent", "Python/3.11 websockets/17")])), Ok(()));
        for own in
            ["http://127.0.0.1:8001", "http://localhost:8001", "HTTP://LocalHost:8001", "https://app.example.com"]
        {
            let mut asked = HeaderMap::new();
            asked.insert(ORIGIN, own.parse().unwrap());
            assert_eq!(guard.check_origin(&asked), Ok(()), "{own}");
        }
    }

    #[test]
    fn row_11_an_origin_is_the_exact_tuple() {
        let guard = guard(&["https://app.example.com"]);
        for origin in [
            "https://app.example.com.evil.com",
            "https://evil-app.example.com",
            "http://app.example.com",
            "https://app.example.com:444",
            "https://app.example.com/",
            "http://127.0.0.1:8001",
        ] {
            let mut asked = HeaderMap::new();
            asked.insert(ORIGIN, origin.parse().unwrap());
            assert_eq!(guard.check_origin(&asked), Err(Refusal::Origin), "{origin}");
        }
        assert_eq!(guard.check_origin(&headers(&[("origin", "https://APP.example.COM")])), Ok(()));
    }

    #[test]
    fn row_12_a_foreign_host_is_refused() {
        let guard = guard(&[]);
        for host in ["evil.example", "127.0.0.1:9", "127.0.0.1", "localhost.evil.example:8001"] {
            let mut asked = HeaderMap::new();
            asked.insert(HOST, host.parse().unwrap());
            assert_eq!(guard.check_host(&asked), Err(Refusal::Host), "{host}");
        }
        assert_eq!(guard.check_host(&HeaderMap::new()), Err(Refusal::Malformed));
        let doubled = headers(&[("host", "127.0.0.1:8001"), ("host", "evil.example")]);
        assert!(guard.check_host(&doubled).is_err());
        assert_eq!(guard.check_host(&headers(&[("host", "LOCALHOST:8001")])), Ok(()));
        assert_eq!(guard.check_host(&headers(&[("host", "app.example.com:80")])), Ok(()));
    }
}
