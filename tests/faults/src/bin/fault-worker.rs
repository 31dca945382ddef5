//! The simulation's worker as a process: `fault-worker SOCKET` connects there again and again, until it is killed.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use simulation::{Chance, History, Worker};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use trunkline_bridge::frame::stream::{take_message, write_message};
use trunkline_bridge::frame::{Frame, Load, decode, encode};

/// How often the worker looks what is due.
const LOOKS_EVERY: Duration = Duration::from_millis(5);

/// The protocol's (`protocol/worker.md` §1).
const MESSAGE_BYTES_MAX: usize = 4 << 20;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(socket) = std::env::args_os().nth(1) else {
        eprintln!("fault-worker SOCKET");
        return ExitCode::from(2);
    };
    let worker = Arc::into_inner(Worker::new(0, 0)).and_then(|worker| worker.into_inner().ok());
    let mut worker = worker.expect("nobody else has it");
    let mut chance = Chance::new(u64::from(std::process::id()), 0);
    loop {
        if let Ok(stream) = UnixStream::connect(&socket).await
            && let Err(error) = serve(&mut worker, stream).await
        {
            eprintln!("the connection broke: {error}");
        }
        tokio::time::sleep(Duration::from_millis(chance.between(10, 200))).await;
    }
}

/// One connection.
async fn serve(worker: &mut Worker, mut stream: UnixStream) -> std::io::Result<()> {
    let mut hello = worker.hello();
    hello.instance = format!("process {}", std::process::id());
    send(&mut stream, vec![Frame::Hello(hello)]).await?;
    let (mut incoming, mut look) = (BytesMut::new(), tokio::time::interval(LOOKS_EVERY));
    let (mut is_welcome, mut draining) = (false, false);
    loop {
        tokio::select! {
            read = stream.read_buf(&mut incoming) => if read? == 0 {
                return Ok(());
            },
            _ = look.tick() => {}
        }
        while let Some(parts) = take_message(&mut incoming, MESSAGE_BYTES_MAX).map_err(std::io::Error::other)? {
            match decode(parts).map_err(std::io::Error::other)? {
                Frame::Ping => send(&mut stream, vec![Frame::Pong(Load::default())]).await?,
                Frame::Drain => draining = true,
                Frame::Call(call) => worker.accept(&call),
                // What it was told is in the store, which the history is made of.
                frame => {
                    is_welcome |= matches!(frame, Frame::Welcome(_));
                    worker.take(frame, &History::default());
                }
            }
        }
        // What it says before its calls have their numbers of this connection would be of no call.
        let due = if is_welcome { worker.due() } else { Vec::new() };
        send(&mut stream, due).await?;
        if draining && worker.hello().open.is_empty() {
            // The next gateway may have work.
            return send(&mut stream, vec![Frame::Drain]).await;
        }
    }
}

async fn send(stream: &mut UnixStream, frames: Vec<Frame>) -> std::io::Result<()> {
    let mut bytes = BytesMut::new();
    for frame in frames {
        write_message(&encode(frame), &mut bytes);
    }
    stream.write_all(&bytes).await
}
