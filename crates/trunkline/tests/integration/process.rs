//! Runs `trunkline` as a process of its own in a folder of its own. It is killed when the test ends.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};
use trunkline_client::{Client, Options};

/// Long enough for a machine under load; reaching it is a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Bounds a wait.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it happens in time")
}

/// A folder with a configuration.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// A folder whose `trunkline.toml` says this.
    pub(crate) fn with(configuration: &str) -> Self {
        let folder = Self::new();
        std::fs::write(folder.path().join("trunkline.toml"), configuration).expect("written");
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Where workers of a gateway of this folder connect.
    pub(crate) fn bridge(&self) -> PathBuf {
        self.path().join("data/worker.sock")
    }

    /// `trunkline` in this folder, with nothing of our environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command_of(env!("CARGO_BIN_EXE_trunkline"));
        command.args(arguments);
        command
    }

    fn command_of(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs `trunkline` to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        within(self.command(arguments).output()).await.expect("it starts")
    }

    /// Runs `trunkline` to its end, and tells code and output as one text, without the folder's name.
    pub(crate) async fn snapshot(&self, arguments: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.run(arguments).await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&*self.path().to_string_lossy(), "[folder]");
        let code = status.code().expect("it was not killed");
        format!("exit code {code}\n-- stdout\n{}-- stderr\n{}", text(&stdout), text(&stderr))
    }
}

/// A gateway that serves.
pub(crate) struct Serving {
    child: Child,
    /// Held, so that what it prints has somewhere to go.
    _stdout: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
    /// The first line that it printed.
    pub(crate) announcement: String,
}

impl Serving {
    /// Starts a gateway with the folder's configuration on a free port.
    pub(crate) async fn start(folder: &Folder) -> Self {
        Self::with(folder, &["serve", "--config", "trunkline.toml", "--listen", "127.0.0.1:0"]).await
    }

    /// Starts a gateway where another one was.
    pub(crate) async fn again(folder: &Folder, address: SocketAddr) -> Self {
        Self::with(folder, &["serve", "--config", "trunkline.toml", "--listen", &address.to_string()]).await
    }

    /// Starts a gateway with these arguments, and waits until it says where it listens.
    pub(crate) async fn with(folder: &Folder, arguments: &[&str]) -> Self {
        Self::from_command(folder, folder.command(arguments)).await
    }

    /// Starts a gateway through a script of the shell, which has to end with `exec "$@"`.
    pub(crate) async fn through(folder: &Folder, shell: &[&str], script: &str) -> Self {
        let mut command = folder.command_of(shell[0]);
        command.args(&shell[1..]).args(["-c", script, "sh", env!("CARGO_BIN_EXE_trunkline")]);
        command.args(["serve", "--config", "trunkline.toml", "--listen", "127.0.0.1:0"]);
        Self::from_command(folder, command).await
    }

    /// Starts a gateway on a disk that does not sync: the calls of the thread that starts it to the kernel are filtered, and so
    /// are its own.
    #[cfg(target_os = "linux")]
    pub(crate) async fn on_a_broken_disk(folder: &Folder) -> Self {
        let mut command = folder.command(&["serve", "--config", "trunkline.toml", "--listen", "127.0.0.1:0"]);
        command.stderr(std::fs::File::create(folder.path().join("log")).expect("a log"));
        let runtime = tokio::runtime::Handle::current();
        let starting = std::thread::spawn(move || {
            let _entered = runtime.enter();
            break_the_disk();
            command.spawn().expect("it starts")
        });
        Self::announced(folder, starting.join().expect("it did not panic")).await
    }

    async fn from_command(folder: &Folder, mut command: Command) -> Self {
        let log = std::fs::File::create(folder.path().join("log")).expect("a log");
        let child = command.stderr(log).spawn().expect("it starts");
        Self::announced(folder, child).await
    }

    async fn announced(folder: &Folder, mut child: Child) -> Self {
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut announcement = String::new();
        within(stdout.read_line(&mut announcement)).await.expect("read");
        let log = || std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        let address =
            announcement.trim().rsplit("http://").next().and_then(|rest| rest.trim_end_matches('/').parse().ok());
        let address = address.unwrap_or_else(|| panic!("no address in {announcement:?}; it said {}", log()));
        Self { child, _stdout: stdout, address, announcement }
    }

    /// How a client of the native dialect connects to `/ws`.
    pub(crate) fn options(&self) -> Options {
        Options { url: self.url("/ws"), token: None }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.process(), signal).expect("signalled");
    }

    /// Lets no file of it grow beyond a size from now on.
    pub(crate) fn limit_files(&self, bytes: u64) {
        let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
        prlimit(Some(self.process()), Resource::Fsize, limit).expect("limited");
    }

    fn process(&self) -> Pid {
        i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a process id")
    }

    /// Ends it as a power failure of the process would: it has no say in it.
    pub(crate) async fn kill(mut self) {
        within(self.child.kill()).await.expect("killed");
    }

    /// Waits for its end and gives its exit code.
    pub(crate) async fn exit_code(&mut self) -> Option<i32> {
        within(self.child.wait()).await.expect("waited for").code()
    }

    /// The answer to a GET, head and body.
    pub(crate) async fn get(&self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address);
        let mut stream = within(TcpStream::connect(self.address)).await.expect("it listens");
        within(stream.write_all(request.as_bytes())).await.expect("sent");
        let mut answer = String::new();
        within(stream.read_to_string(&mut answer)).await.expect("an answer");
        answer
    }

    /// Asks until the answer has this in it.
    pub(crate) async fn until(&self, path: &str, content: &str) -> String {
        let asking = async {
            let mut look = tokio::time::interval(Duration::from_millis(20));
            loop {
                let answer = self.get(path).await;
                if answer.contains(content) {
                    return answer;
                }
                look.tick().await;
            }
        };
        within(asking).await
    }
}

/// Reads up to a message of this type.
pub(crate) async fn until(client: &mut Client, kind: &str) -> String {
    loop {
        let received = within(client.receive()).await.expect("the connection is open");
        if received.envelope().expect("an envelope").kind == kind {
            return received.text().to_owned();
        }
    }
}

/// A Python worker, by the SDK of this repository, which must be installed in `.venv` at its root.
pub(crate) struct PythonWorker(Child);

/// `count` sends as many numbers as it is asked for, with a moment between them; `count_to` is asked in words.
/// `look_up` may be called twice, and says which time it is. `refuse` and `break` fail, knowingly and not. `tidy` asks a
/// person, and `tidy_anywhere` bears to be called again. `gather` says what it is told until that is enough.
const WORKER: &str = r#"
import asyncio
from trunkline import Failed, Run, Worker

worker = Worker("counter", concurrency=300)

@worker.service("count")
async def count(upto: int):
    for number in range(upto):
        await asyncio.sleep(0.002)
        yield f"{number} "

@worker.service("count_to")
async def count_to(ask: dict[str, str]):
    async for text in count(int(ask["message"])):
        yield text

@worker.service("look_up", idempotent=True)
async def look_up(payload: int, run: Run):
    yield f"attempt {run.attempt}"

@worker.service("refuse")
async def refuse(ask: dict[str, str]) -> None:
    raise Failed("not today", details={"asked": ask["message"]})

@worker.service("break")
async def break_down(ask: dict[str, str]) -> None:
    raise RuntimeError("a secret")

async def tidy(run: Run) -> str:
    if run.answer is None:
        answer = await run.ask("Delete it?", action="delete_file", checkpoint=b"looked")
    else:
        answer = run.answer
    return f"{run.attempt} {(run.checkpoint or b'-').decode()} {answer.granted}"

@worker.service("gather", takes_input=True)
async def gather(first: str, run: Run):
    yield f"{first} "
    async for message in run.inputs():
        yield f"{message.payload} "
        if message.payload == "enough":
            return

worker.service("tidy")(tidy)
worker.service("tidy_anywhere", resumable=True)(tidy)

worker.run()
"#;

/// The text of `count`.
pub(crate) fn counted(upto: u64) -> String {
    use std::fmt::Write as _;
    (0..upto).fold(String::new(), |mut text, number| {
        write!(text, "{number} ").expect("memory does not fail");
        text
    })
}

impl PythonWorker {
    /// The interpreter that has the SDK.
    pub(crate) fn interpreter() -> PathBuf {
        let python = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.venv/bin/python"));
        assert!(python.exists(), "this test needs the Python SDK in a virtual environment at {}", python.display());
        python.to_owned()
    }

    /// Writes the worker's program into the folder.
    pub(crate) fn program(folder: &Folder) -> PathBuf {
        let program = folder.path().join("counter.py");
        std::fs::write(&program, WORKER).expect("written");
        program
    }

    /// Starts a worker for the gateways of this folder.
    pub(crate) fn start(folder: &Folder) -> Self {
        let program = Self::program(folder);
        let log = std::fs::File::create(folder.path().join("worker.log")).expect("a log");
        let mut command = Command::new(Self::interpreter());
        let bridge = format!("unix://{}", folder.bridge().display());
        command.arg(program).env("TRUNKLINE_BRIDGE", bridge).stderr(log).kill_on_drop(true);
        Self(command.spawn().expect("python starts"))
    }

    /// Keeps it from doing anything from now on, without an end of its connections.
    pub(crate) fn freeze(&self) {
        let pid = self.0.id().and_then(|pid| Pid::from_raw(pid.cast_signed())).expect("it lives");
        kill_process(pid, Signal::STOP).expect("signalled");
    }

    /// Ends it without its say.
    pub(crate) async fn kill(mut self) {
        within(self.0.kill()).await.expect("killed");
    }
}

/// Every `fdatasync` of this thread, and of what it starts, fails with EIO from now on.
#[cfg(target_os = "linux")]
fn break_the_disk() {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

    let errno = u32::try_from(libc::EIO).expect("a number");
    let architecture = std::env::consts::ARCH.try_into().expect("one that has filters");
    let syncs = [(libc::SYS_fdatasync, Vec::new())].into_iter().collect();
    let filter = SeccompFilter::new(syncs, SeccompAction::Allow, SeccompAction::Errno(errno), architecture);
    let program = BpfProgram::try_from(filter.expect("a filter")).expect("a program");
    apply_filter(&program).expect("the kernel has filters");
}
