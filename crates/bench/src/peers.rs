//! What is measured: the gateway as it is shipped, and the peers that stand beside it. Each is its own process.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use tempfile::TempDir;
use tokio::process::Command;

use crate::client::Client;
use crate::machine::{Machine, Placement};
use crate::process::Server;

/// The subprotocol of the native dialect.
pub(crate) const NATIVE: &str = "trunkline.v1.json";

/// Where everything lies that is started.
#[derive(Clone, Debug)]
pub(crate) struct Artifacts {
    /// The repository.
    root: PathBuf,
    /// The folder of release builds, where this program lies too.
    release: PathBuf,
    own: PathBuf,
}

/// A gateway with its folder, which goes when it does.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) server: Server,
    _folder: TempDir,
}

impl Artifacts {
    /// Finds them.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
        let own = std::env::current_exe()?;
        let release = own.parent().context("a program lies in a folder")?.to_owned();
        ensure!(release.ends_with("release"), "benchmarks need release builds: cargo run --release --package bench");
        Ok(Self { root, release, own })
    }

    /// Requires that everything is there. What is missing is `make bench`'s to make: built in one command, so that nothing
    /// is built twice.
    pub(crate) fn require(&self) -> anyhow::Result<()> {
        let programs = [self.gateway_program(), self.echo_program(), self.broadcast_program()];
        let peers = [
            self.worker_python(),
            self.peer_python(),
            self.peer_libraries().join("libuv.so.1"),
            self.root.join("node_modules/socket.io"),
        ];
        for program in programs.into_iter().chain(peers) {
            ensure!(program.exists(), "{} is missing; `make bench` makes it", program.display());
        }
        Ok(())
    }

    /// A raw TCP echo.
    pub(crate) async fn tcp_echo(&self, machine: &Machine) -> anyhow::Result<Server> {
        let mut command = Command::new(&self.own);
        command.arg("tcp-echo");
        Server::start(command, machine, Placement::OwnCore).await
    }

    /// An echo over the gateway's WebSocket driver and nothing else.
    pub(crate) async fn websocket_echo(&self, machine: &Machine) -> anyhow::Result<Server> {
        let mut command = Command::new(self.echo_program());
        command.args(["--port", "0"]);
        Server::start(command, machine, Placement::OwnCore).await
    }

    /// A broadcast over the gateway's WebSocket driver and nothing else.
    pub(crate) async fn websocket_broadcast(&self, machine: &Machine) -> anyhow::Result<Server> {
        Server::start(Command::new(self.broadcast_program()), machine, Placement::OwnCore).await
    }

    /// A broadcast by uWebSockets.
    pub(crate) async fn uwebsockets(&self, machine: &Machine) -> anyhow::Result<Server> {
        let mut command = Command::new(self.peer_python());
        command.arg(self.python_file("uws_broadcast.py")).env("LD_LIBRARY_PATH", self.peer_libraries());
        Server::start(command, machine, Placement::OwnCore).await
    }

    /// Socket.IO with connection state recovery.
    pub(crate) async fn socketio(&self, machine: &Machine) -> anyhow::Result<Server> {
        let mut command = Command::new("node");
        command.arg(self.root.join("crates/bench/node/socketio.mjs"));
        Server::start(command, machine, Placement::OwnCore).await
    }

    /// A WebSocket echo in `FastAPI`.
    pub(crate) async fn fastapi(&self, machine: &Machine) -> anyhow::Result<Server> {
        let mut command = Command::new(self.peer_python());
        command.arg(self.python_file("fastapi_echo.py"));
        Server::start(command, machine, Placement::AnyCore).await
    }

    /// The gateway with everything at its default, over the routes `/echo` (built in), `/ws` (the worker's services) and
    /// `/compressed` (the same, compressed).
    pub(crate) async fn gateway(&self, machine: &Machine, placement: Placement) -> anyhow::Result<Gateway> {
        let folder = tempfile::tempdir()?;
        let config = folder.path().join("trunkline.toml");
        fs::write(&config, self.configuration())?;
        let log = fs::File::create(folder.path().join("log"))?;
        let mut command = Command::new(self.gateway_program());
        command.arg("serve").arg("--config").arg(&config).stderr(log);
        Ok(Gateway { server: Server::start(command, machine, placement).await?, _folder: folder })
    }

    fn configuration(&self) -> String {
        // A list of texts is spelled in TOML as in JSON.
        let command = serde_json::json!([self.worker_python(), self.python_file("worker.py")]);
        format!(
            "[server]\nlisten = \"127.0.0.1:0\"\n\
             [[route]]\npath = \"/echo\"\nservice = \"builtin:echo\"\n\
             [[route]]\npath = \"/ws\"\nservices = [\"*\"]\n\
             [[route]]\npath = \"/compressed\"\nservices = [\"*\"]\ncompress = true\n\
             [[worker]]\nname = \"bench\"\ncommand = {command}\n"
        )
    }

    /// A process that measures the bridge alone, with the same worker, and prints what it found.
    pub(crate) fn bridge_alone(&self) -> Command {
        let mut command = Command::new(&self.own);
        command.arg("bridge-alone").kill_on_drop(true);
        command
    }

    /// A process that measures the broker alone, and prints what it found.
    pub(crate) fn publish_alone(&self) -> Command {
        let mut command = Command::new(&self.own);
        command.arg("publish-alone").kill_on_drop(true);
        command
    }

    fn gateway_program(&self) -> PathBuf {
        self.release.join("trunkline")
    }

    fn echo_program(&self) -> PathBuf {
        self.release.join("examples/echo")
    }

    fn broadcast_program(&self) -> PathBuf {
        self.release.join("examples/broadcast")
    }

    /// The interpreter with the SDK.
    fn worker_python(&self) -> PathBuf {
        self.root.join(".venv/bin/python")
    }

    /// The interpreter with the peers.
    fn peer_python(&self) -> PathBuf {
        self.root.join(".venv-bench/bin/python")
    }

    /// Shared libraries that the peers need and a system may lack.
    fn peer_libraries(&self) -> PathBuf {
        self.root.join(".venv-bench/lib")
    }

    fn python_file(&self, name: &str) -> PathBuf {
        self.root.join("crates/bench/python").join(name)
    }
}

/// A connection to the gateway that has its session.
pub(crate) async fn open_session(gateway: SocketAddr, path: &str, number: usize) -> anyhow::Result<(Client, Session)> {
    join_session(gateway, path, number, None).await
}

/// What a second connection needs to share a session.
#[derive(Clone, Debug, serde::Deserialize)]
pub(crate) struct Session {
    pub(crate) session: String,
    pub(crate) secret: Option<String>,
}

/// A connection to the gateway in a new session, or in the one that is given.
pub(crate) async fn join_session(
    gateway: SocketAddr,
    path: &str,
    number: usize,
    session: Option<&Session>,
) -> anyhow::Result<(Client, Session)> {
    let client = Client::connect_compressed(gateway, path, Some(NATIVE), number).await?;
    greet(client, session).await
}

/// A connection to the gateway in this session, over a narrow path.
pub(crate) async fn join_narrow(gateway: SocketAddr, path: &str, session: &Session) -> anyhow::Result<Client> {
    let client = Client::connect_narrow(gateway, path, NATIVE).await?;
    Ok(greet(client, Some(session)).await?.0)
}

async fn greet(mut client: Client, session: Option<&Session>) -> anyhow::Result<(Client, Session)> {
    #[derive(serde::Deserialize)]
    struct Welcome {
        payload: Session,
    }
    let hello = match session {
        None => serde_json::json!({ "type": "hello" }),
        Some(Session { session, secret }) => {
            serde_json::json!({ "type": "hello", "payload": { "session": session, "secret": secret } })
        }
    };
    client.send(hello.to_string().as_bytes()).await?;
    let welcome = client.answer().await?;
    let welcome: Welcome = serde_json::from_slice(&welcome)
        .with_context(|| format!("expected a welcome, got {}", String::from_utf8_lossy(&welcome)))?;
    let refused = session.is_some_and(|wanted| wanted.session != welcome.payload.session);
    ensure!(!refused, "the gateway did not give the session");
    Ok((client, welcome.payload))
}
