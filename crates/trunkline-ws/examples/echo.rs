//! `cargo run --release -p trunkline-ws --example echo -- --port 9001`: sends every message back.
//!
//! The peer of conformance suites, of other implementations and of benchmarks: nothing but the driver. With `--port 0`
//! the system chooses; the address is printed. `--message-bytes` and `--fragments` raise the limits, and with `--deflate`
//! compression is agreed to.

#[path = "shared/accepting.rs"]
mod accepting;

use std::{env, net::Ipv4Addr};

use anyhow::{Context as _, bail};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use trunkline_ws::{
    Closed, Connection, Deflate, Limits, Message, Options, connection::WriteQueue, deflate::WindowBits, frame,
};

/// Where reading stops until the peer has read some of its echo, in bytes.
const QUEUE_BYTES_MAX: usize = 256 << 10;

#[derive(Clone, Copy)]
struct Arguments {
    port: u16,
    limits: Limits,
    deflate: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = arguments()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port)).await?;
    println!("listening on {}", listener.local_addr()?);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                connections.spawn(serve(accepted?.0, arguments));
            }
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended.context("failed to serve a connection").and_then(|outcome| outcome) {
                    eprintln!("{error:#}");
                }
            }
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}

async fn serve(stream: TcpStream, arguments: Arguments) -> anyhow::Result<()> {
    let Some((transport, deflate)) = accepting::open(stream, arguments.deflate).await? else { return Ok(()) };
    let options = Options { limits: arguments.limits, deflate, queue_bytes: usize::MAX, ..Options::default() };
    let window = deflate.map(Deflate::server_window);
    let mut connection = Connection::new(transport.stream, transport.early, &options);
    loop {
        match connection.drive(|message, replies| echo(message, window, replies)).await {
            Ok(_) if connection.queued_bytes() >= QUEUE_BYTES_MAX => connection.pause_reading(),
            Ok(_) => connection.resume_reading(),
            Err(Closed::Io(error)) => return Err(error.into()),
            Err(_) => return Ok(()),
        }
    }
}

/// The queue has no bound of its own here: reading pauses instead, and one burst is the most that is added to it.
fn echo(message: Message<'_>, window: Option<WindowBits>, replies: &mut WriteQueue) {
    let compressed = window.and_then(|window| match message {
        Message::Text(text) => frame::compressed_text(text.as_bytes(), window),
        Message::Binary(bytes) => frame::compressed_binary(bytes, window),
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) => None,
    });
    let _only_full_or_closing = match (compressed, message) {
        (Some(frame), _) => replies.push(frame),
        (None, Message::Text(text)) => replies.push_text(text),
        (None, Message::Binary(bytes)) => replies.push_binary(bytes),
        (None, Message::Ping(_) | Message::Pong(_) | Message::Close(_)) => Ok(()),
    };
}

fn arguments() -> anyhow::Result<Arguments> {
    let mut arguments = Arguments { port: 9001, limits: Limits::AUTHENTICATED, deflate: false };
    let mut given = env::args().skip(1);
    while let Some(name) = given.next() {
        if name == "--deflate" {
            arguments.deflate = true;
            continue;
        }
        let value = given.next().with_context(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--port" => arguments.port = value.parse()?,
            "--message-bytes" => arguments.limits.message_bytes = value.parse()?,
            "--fragments" => arguments.limits.fragments = value.parse()?,
            _ => bail!("there is no {name}: only --port, --message-bytes, --fragments and --deflate"),
        }
    }
    Ok(arguments)
}
