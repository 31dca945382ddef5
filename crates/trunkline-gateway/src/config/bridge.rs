//! `[bridge]`: where workers connect.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::finding::Wrong;
use super::node::Node;
use super::section::Section;
use super::value;

/// Longest path of a Unix socket, in bytes: `sun_path` has 108 on Linux, the last of which is NUL (unix(7)).
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Where workers connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// The Unix socket that workers connect to; relative to the configuration file, absolute here.
    /// Default: `worker.sock` in the broker's folder.
    pub unix: PathBuf,
    /// The `ZeroMQ` endpoint that workers connect to, `ipc://<path>` or `tcp://<loopback address>:<port>`. Default: none.
    pub zeromq: Option<String>,
}

impl Bridge {
    pub(super) fn read(section: &mut Section<'_>, base: &Path, data: &Path) -> Self {
        let unix = section.optional("unix", value::text);
        let unix = unix.map_or_else(|| data.join("worker.sock"), |path| base.join(path));
        if let Some(wrong) = too_long(&unix) {
            section.mistake("unix", wrong);
        }
        Self { unix, zeromq: section.optional("zeromq", endpoint) }
    }
}

fn too_long(path: &Path) -> Option<Wrong> {
    let bytes = path.as_os_str().len();
    let expected = format!("a path of at most {SOCKET_PATH_BYTES_MAX} bytes");
    let hint = "choose a shorter path for bridge.unix, such as \"/run/trunkline/worker.sock\"";
    (bytes > SOCKET_PATH_BYTES_MAX).then(|| Wrong::expected(expected, format!("one of {bytes}")).hint(hint))
}

/// A `ZeroMQ` endpoint that other machines cannot reach, because what is said there is not encrypted.
fn endpoint(node: &Node) -> Result<String, Wrong> {
    let expected = "an endpoint on this machine such as \"ipc:///run/trunkline.sock\" or \"tcp://127.0.0.1:8002\"";
    let wrong = || Wrong::expected(expected, node.describe());
    let text = value::text(node)?;
    match text.split_once("://") {
        Some(("ipc", path)) if path.starts_with('@') => {
            Err(wrong().hint("an abstract socket is open to every local user; use a path"))
        }
        Some(("ipc", "")) => Err(wrong()),
        Some(("ipc", path)) => too_long(Path::new(path)).map_or(Ok(text), Err),
        Some(("tcp", address)) => match address.replacen("localhost:", "127.0.0.1:", 1).parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() => Ok(text),
            Ok(_) => Err(wrong().hint("only loopback addresses: workers' messages are not encrypted")),
            Err(_) => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}
