//! Compression with peers that others wrote: Python `websockets` and Node.js `ws`.
//!
//! They are those that the repository pins; `make setup` installs them.

use std::path::Path;

use tokio::process::Command;
use trunkline_ws::Closed;

use crate::peers::serve_one_compressed;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Sends messages of all sizes and in fragments, expects them back and the compression that `arguments` ask for, and
/// closes.
async fn converse(program: &str, script: &str, arguments: &[&str]) {
    let (address, server) = serve_one_compressed().await;
    let script = format!("{}/tests/integration/peers/{script}", env!("CARGO_MANIFEST_DIR"));
    let mut peer = Command::new(program);
    peer.arg(script).arg(format!("ws://{address}")).args(arguments).env("NODE_PATH", format!("{ROOT}/node_modules"));
    let output = peer.kill_on_drop(true).output().await.expect("the peer starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let closed = server.await.expect("no panic");
    assert!(matches!(closed, Some(Closed::Peer { code: Some(code), .. }) if code.get() == 1000), "{closed:?}");
}

#[tokio::test]
async fn python_websockets() {
    let python = format!("{ROOT}/.venv/bin/python");
    assert!(Path::new(&python).exists(), "there is no virtual environment at {python}: run `make setup`");
    for arguments in [&[][..], &["server_max_window_bits=9"], &["client_max_window_bits=10"]] {
        converse(&python, "websockets_peer.py", arguments).await;
    }
}

#[tokio::test]
async fn node_ws() {
    let package = format!("{ROOT}/node_modules/ws");
    assert!(Path::new(&package).exists(), "there is no {package}: run `make setup`");
    for arguments in [&[][..], &["serverMaxWindowBits=9"], &["clientMaxWindowBits=10"]] {
        converse("node", "ws_peer.cjs", arguments).await;
    }
}
