//! What can be set about the bridge, and what is wrong with a setting.
//!
//! Knows nothing of files or environment variables: the gateway reads those.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Bytes beside the payload that a message may need for its header.
pub(crate) const HEADER_BYTES_MAX: usize = 64 * 1024;

/// Settings of the bridge.
#[derive(Clone, Debug)]
pub struct BridgeConfig {
    /// Path of the Unix socket that workers connect to. Default: none.
    pub unix: Option<PathBuf>,
    /// ZeroMQ endpoint, `ipc://<path>` or `tcp://<loopback address>:<port>`; port 0 takes a free one. Default: none.
    pub zeromq: Option<String>,
    /// A secret that every HELLO must carry. Default: none, because Unix sockets are open to the same user only;
    /// set one with `tcp://`, which every local user can reach.
    pub token: Option<String>,
    /// How often a worker is asked whether it lives; after two unanswered questions it is lost. Default: 2 s.
    pub ping_interval: Duration,
    /// How long the calls of a lost worker wait for its return. Default: 30 s.
    pub reclaim_for: Duration,
    /// How long a new connection may take to say HELLO. Default: 10 s.
    pub hello_within: Duration,
    /// How long a call waits for a free worker. Default: 10 s.
    pub dispatch_wait: Duration,
    /// Events that a worker may send before they are stored, per call. Default: 64.
    pub window: u64,
    /// Largest message, all its parts together, in bytes. Default: 4 MiB.
    pub message_bytes_max: usize,
    /// Calls that may wait for a free worker, per service. Default: 256.
    pub pending_calls_max: usize,
    /// Connections of workers, over all transports. Default: 1,024.
    pub links_max: usize,
}

impl Default for BridgeConfig {
    fn default() -> Self {
        Self {
            unix: None,
            zeromq: None,
            token: None,
            ping_interval: Duration::from_secs(2),
            reclaim_for: Duration::from_secs(30),
            hello_within: Duration::from_secs(10),
            dispatch_wait: Duration::from_secs(10),
            window: 64,
            message_bytes_max: 4 * 1024 * 1024,
            pending_calls_max: 256,
            links_max: 1024,
        }
    }
}

impl BridgeConfig {
    /// Every mistake in the settings, each naming its field. Empty when they can be used.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let positive = [
            ("ping_interval", !self.ping_interval.is_zero()),
            ("hello_within", !self.hello_within.is_zero()),
            ("dispatch_wait", !self.dispatch_wait.is_zero()),
            ("window", self.window > 0),
            ("links_max", self.links_max > 0),
        ];
        for (field, is_positive) in positive {
            if !is_positive {
                problems.push(format!("{field} must be more than zero"));
            }
        }
        if self.message_bytes_max < HEADER_BYTES_MAX || u32::try_from(self.message_bytes_max).is_err() {
            problems.push(format!("message_bytes_max must be from {HEADER_BYTES_MAX} to 4294967295"));
        }
        if let Some(endpoint) = &self.zeromq
            && let Err(problem) = ZeromqEndpoint::parse(endpoint)
        {
            problems.push(format!("zeromq: {problem}"));
        }
        problems
    }
}

/// Where the ZeroMQ socket listens: only places that other machines cannot reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ZeromqEndpoint {
    Ipc(PathBuf),
    Tcp { address: IpAddr, port: u16 },
}

impl ZeromqEndpoint {
    pub(crate) fn parse(endpoint: &str) -> Result<Self, String> {
        match endpoint.split_once("://") {
            Some(("ipc", path)) => Self::parse_ipc(path),
            Some(("tcp", address)) => Self::parse_tcp(address),
            _ => Err(format!("`{endpoint}` must begin with ipc:// or tcp://")),
        }
    }

    fn parse_ipc(path: &str) -> Result<Self, String> {
        match path.as_bytes().first() {
            None => Err("ipc:// needs a path".to_owned()),
            // An abstract socket has no file, so no mode keeps other users out.
            Some(b'@') => Err("abstract ipc:// sockets are open to every local user; use a path".to_owned()),
            Some(_) => Ok(Self::Ipc(PathBuf::from(path))),
        }
    }

    fn parse_tcp(address: &str) -> Result<Self, String> {
        let invalid = || format!("`tcp://{address}` needs a loopback address and a port");
        let (host, port) = address.rsplit_once(':').ok_or_else(invalid)?;
        let port = port.parse().map_err(|_| invalid())?;
        let host = if host == "localhost" { "127.0.0.1" } else { host.trim_matches(['[', ']']) };
        let address: IpAddr = host.parse().map_err(|_| invalid())?;
        if address.is_loopback() {
            Ok(Self::Tcp { address, port })
        } else {
            Err(format!("`{address}` is not a loopback address, and ZeroMQ beyond loopback is not encrypted"))
        }
    }
}

/// Why the bridge did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Settings that cannot be used, all of them.
    #[error("use the bridge's settings: {}", .0.join("; "))]
    Config(Vec<String>),
    /// Something that is no stale socket stands at the path.
    #[error("bind `{path}`: {reason}", path = .path.display())]
    Occupied {
        /// The path in question.
        path: PathBuf,
        /// What stands there.
        reason: &'static str,
    },
    /// The operating system refused the address.
    #[error("bind `{address}`")]
    Bind {
        /// The address in question.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The ZeroMQ library refused the endpoint.
    #[error("bind `{endpoint}`: {reason}")]
    Zeromq {
        /// The endpoint in question.
        endpoint: String,
        /// What the library said.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeromq_stays_on_this_machine() {
        let accepted = |endpoint: &str| ZeromqEndpoint::parse(endpoint).is_ok();
        for endpoint in ["ipc:///run/trunkline.sock", "tcp://127.0.0.1:0", "tcp://[::1]:5555", "tcp://localhost:1"] {
            assert!(accepted(endpoint), "{endpoint}");
        }
        for endpoint in
            ["tcp://0.0.0.0:1", "tcp://*:1", "tcp://10.0.0.1:1", "ipc://@name", "ipc://", "udp://127.0.0.1:1"]
        {
            assert!(!accepted(endpoint), "{endpoint}");
        }
    }

    #[test]
    fn all_mistakes_are_reported_together() {
        let config = BridgeConfig {
            window: 0,
            message_bytes_max: 1,
            zeromq: Some("tcp://0.0.0.0:1".to_owned()),
            ..BridgeConfig::default()
        };
        let problems = config.problems().join("\n");
        for field in ["window", "message_bytes_max", "zeromq"] {
            assert!(problems.contains(field), "{problems}");
        }
        assert!(BridgeConfig::default().problems().is_empty());
    }
}
