//! `[server]`: where the gateway listens, and whom it lets in.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::finding::Wrong;
use super::node::{Node, Value};
use super::section::Section;
use super::value;

/// Where the gateway listens if nothing else is said: reachable from this machine only.
pub(super) const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8001);

/// Where the gateway listens, and whom it lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// The address of the one port. Port 0 takes a free one. Default: `127.0.0.1:8001`.
    pub listen: SocketAddr,
    /// Values of `Host` that requests may carry beside the addresses of this machine, in lower case, with the port
    /// where it is not the scheme's own. Default: none.
    pub allowed_hosts: Vec<String>,
    /// Origins of web pages that may connect, as browsers spell them: `scheme://host[:port]`, in lower case, without a
    /// port that is the scheme's own (RFC 6454 §6.2). With any, the pages that the gateway serves itself are allowed only if
    /// they are among them. Default: those pages.
    pub allowed_origins: Vec<String>,
    /// Whether a request without `Origin` may connect: programs send none, browsers always do. Default: true.
    pub allow_missing_origin: bool,
    /// A folder of static files that is served at `/`; relative to the configuration file. Default: none.
    pub page: Option<PathBuf>,
    /// How long runs may finish when the gateway stops. Default: 10 s.
    pub drain: Duration,
}

impl Server {
    pub(super) fn read(section: &mut Section<'_>, base: &Path) -> Self {
        const DRAIN_MAX: Duration = Duration::from_mins(10);
        let server = Self {
            listen: section.or("listen", LISTEN_DEFAULT, address),
            allowed_hosts: section.list("allowed_hosts", host),
            allowed_origins: section.list("allowed_origins", origin),
            allow_missing_origin: section.or("allow_missing_origin", true, value::boolean),
            page: section.optional("page", value::folder(base)),
            drain: section.or("drain", Duration::from_secs(10), value::duration(Duration::ZERO..=DRAIN_MAX)),
        };
        if !server.listen.ip().is_loopback() && server.allowed_hosts.is_empty() {
            let exposed =
                format!("{} can be reached from other machines, but only under names of this one", server.listen);
            section.warning("listen", Wrong::new(exposed).hint("set server.allowed_hosts to the names it is known by"));
        }
        server
    }
}

fn address(node: &Node) -> Result<SocketAddr, Wrong> {
    let wrong = || Wrong::expected("an address such as \"127.0.0.1:8001\"", node.describe());
    let (Value::Text(text) | Value::Loose(text)) = &node.value else { return Err(wrong()) };
    text.parse().map_err(|_| match text.rsplit_once(':') {
        Some(("localhost", port)) => wrong().hint(format!("write \"127.0.0.1:{port}\"")),
        Some(("" | "*", port)) => wrong().hint(format!("write \"0.0.0.0:{port}\" for every address of this machine")),
        None if text.parse::<IpAddr>().is_ok() => wrong().hint(format!("add a port: \"{text}:8001\"")),
        _ => wrong(),
    })
}

/// A host with an optional port, in lower case.
fn host(node: &Node) -> Result<String, Wrong> {
    let wrong = || Wrong::expected("a host such as \"chat.example.com\"", node.describe());
    let text = value::text(node)?.to_ascii_lowercase();
    match text.split_once("://") {
        Some((_, host)) => Err(wrong().hint(format!("write \"{}\", without the scheme", host.trim_end_matches('/')))),
        None if text.contains('*') => Err(wrong().hint("wildcards are not supported; list every host")),
        None if is_host(&text) => Ok(text),
        None => Err(wrong()),
    }
}

/// An origin as browsers spell it.
fn origin(node: &Node) -> Result<String, Wrong> {
    let wrong = || Wrong::expected("an origin such as \"https://chat.example.com\"", node.describe());
    let text = value::text(node)?.to_ascii_lowercase();
    if text.contains('*') {
        return Err(wrong().hint("wildcards are not supported; list every origin"));
    }
    if text == "null" {
        return Err(wrong().hint("\"null\" is what any sandboxed page sends; it cannot be allowed"));
    }
    let Some((scheme, host)) = text.split_once("://") else {
        let host = text.split('/').next().filter(|host| is_host(host));
        return Err(match host {
            Some(host) => wrong().hint(format!("add the scheme: \"{}://{host}\"", likely_scheme(host))),
            None => wrong(),
        });
    };
    if let Some((host, path)) = host.split_once('/').filter(|(host, _)| is_host(host)) {
        let rest = if path.is_empty() { "the slash at its end" } else { "a path" };
        return Err(wrong().hint(format!("write \"{scheme}://{host}\", without {rest}")));
    }
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    if !is_scheme || !is_host(host) {
        return Err(wrong());
    }
    let own_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return Ok(text),
    };
    Ok(text.strip_suffix(own_port).unwrap_or(&text).to_owned())
}

/// What pages of this host are probably served with.
fn likely_scheme(host: &str) -> &'static str {
    let is_this_machine = ["localhost", "127.0.0.1", "[::1]"].iter().any(|local| host.starts_with(local));
    if is_this_machine { "http" } else { "https" }
}

/// Whether this is a name or address, IPv6 between brackets, with an optional port. Names of other scripts are written
/// as browsers send them (`xn--…`).
fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_name = |host: &str| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
    };
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_name(host),
    };
    is_host && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}
