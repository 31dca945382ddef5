//! The gateway and its workers as processes: started, killed, frozen and stopped.
//!
//! Knows nothing of what they say to each other.

use std::fs::{File, OpenOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};

use crate::proxy::Proxy;

/// Long enough for a machine under load; reaching it is a failure.
const PATIENCE: Duration = Duration::from_mins(1);

const PYTHON_WORKER: &str = include_str!("worker.py");

/// The folder of the repository.
pub(crate) const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Bounds a wait.
///
/// # Panics
/// When it takes too long on any machine.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it happens in time")
}

/// A program that was built with this one.
fn sibling(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a program knows where it is");
    let folders = own.ancestors().skip(1).take(2);
    let found = folders.map(|folder| folder.join(name)).find(|program| program.exists());
    found.unwrap_or_else(|| panic!("{name} is not built: cargo build -p trunkline -p faults, of the same profile"))
}

/// A gateway's configuration, its store, and what its processes print.
#[derive(Debug)]
pub struct Folder(tempfile::TempDir);

impl Folder {
    /// A folder whose `trunkline.toml` says this, and that clients may come through these proxies.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn of(proxies: &[Proxy], configuration: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let hosts: Vec<_> = proxies.iter().map(|proxy| proxy.address().to_string()).collect();
        let configuration = format!("server.allowed_hosts = {hosts:?}\n{configuration}");
        std::fs::write(folder.path().join("trunkline.toml"), configuration).expect("written");
        std::fs::write(folder.path().join("worker.py"), PYTHON_WORKER).expect("written");
        Self(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Where the gateway keeps its store.
    pub fn store(&self) -> PathBuf {
        self.path().join("data")
    }

    fn bridge(&self) -> PathBuf {
        self.store().join("worker.sock")
    }

    /// What all processes of this name have printed, one after the other.
    fn log(&self, name: &str) -> File {
        let file = self.path().join(format!("{name}.log"));
        OpenOptions::new().create(true).append(true).open(file).expect("a log")
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }
}

/// A process. It is killed when this is dropped.
#[derive(Debug)]
struct Process(Child);

impl Process {
    fn pid(&self) -> u32 {
        self.0.id().expect("it runs")
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("signalled");
    }

    async fn kill(&mut self) {
        within(self.0.kill()).await.expect("killed");
    }
}

/// A gateway that serves.
#[derive(Debug)]
pub struct Gateway {
    process: Process,
    /// Held, so that what it prints has somewhere to go.
    _stdout: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Gateway {
    /// Starts the real binary on a free port, and waits until it says which.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(folder: &Folder) -> Self {
        let mut command = folder.command(&sibling("trunkline"));
        command.args(["serve", "--config", "trunkline.toml", "--listen", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(folder.log("gateway")).spawn().expect("it starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut announcement = String::new();
        within(stdout.read_line(&mut announcement)).await.expect("read");
        let address = announcement.trim().rsplit("http://").next();
        let address = address.and_then(|rest| rest.trim_end_matches('/').parse().ok());
        let address = address.unwrap_or_else(|| {
            let log = std::fs::read_to_string(folder.path().join("gateway.log")).unwrap_or_default();
            panic!("no address in {announcement:?}; it said {log}")
        });
        Self { process: Process(child), _stdout: stdout, address }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it without its say.
    pub async fn kill(&mut self) {
        self.process.kill().await;
    }

    /// Tells it to stop, and gives its exit code.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn stop(&mut self) -> Option<i32> {
        self.process.signal(Signal::TERM);
        within(self.process.0.wait()).await.expect("waited for").code()
    }

    /// Its resident memory, in KiB.
    ///
    /// # Panics
    /// When it has ended.
    pub fn memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.pid())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// A number of `/metrics`; 0 while it is not there.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn metric(&self, name: &str) -> u64 {
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address);
        let mut stream = within(TcpStream::connect(self.address)).await.expect("it listens");
        within(stream.write_all(request.as_bytes())).await.expect("sent");
        let mut answer = String::new();
        within(stream.read_to_string(&mut answer)).await.expect("an answer");
        let value = answer.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.unwrap_or(0)
    }
}

/// Which worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    /// The simulation's, in Rust.
    Rust,
    /// One by the Python SDK of this repository.
    Python,
}

/// A worker of service `chat`.
#[derive(Debug)]
pub struct Worker(Process);

impl Worker {
    /// Starts a worker for the gateways of this folder.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(folder: &Folder, make: Make) -> Self {
        let (mut command, log) = match make {
            Make::Rust => {
                let mut command = folder.command(&sibling("fault-worker"));
                command.arg(folder.bridge());
                (command, "rust-worker")
            }
            Make::Python => {
                let repository = Path::new(REPOSITORY);
                let python = repository.join(".venv/bin/python");
                assert!(
                    python.exists(),
                    "this needs the virtual environment that make test makes at {}",
                    python.display()
                );
                let mut command = folder.command(&python);
                command.arg("worker.py").env("PYTHONPATH", repository.join("sdk/python/src"));
                command.env("TRUNKLINE_BRIDGE", format!("unix://{}", folder.bridge().display()));
                (command, "python-worker")
            }
        };
        let child = command.stdout(Stdio::null()).stderr(folder.log(log)).spawn().expect("it starts");
        Self(Process(child))
    }

    /// Ends it without its say.
    pub async fn kill(mut self) {
        self.0.kill().await;
    }

    /// It does nothing any more, and its sockets stay open.
    pub fn freeze(&self) {
        self.0.signal(Signal::STOP);
    }

    /// It goes on.
    pub fn thaw(&self) {
        self.0.signal(Signal::CONT);
    }
}
