//! `cargo run --release -p trunkline-ws --example broadcast`: one message to every connection, encoded once.
//!
//! The bare peer of the benchmark of fan-out: nothing but the driver and a queue. A client's text `<count> <every ms> <bytes>`
//! has so many messages of so many bytes sent to all, and then the text `end`. It prints where it listens.

#[path = "shared/accepting.rs"]
mod accepting;

use std::{net::Ipv4Addr, time::Duration};

use anyhow::Context as _;
use bytes::Bytes;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::broadcast,
    task::JoinSet,
};
use trunkline_ws::{Closed, Connection, Message, Options, frame};

/// Messages that a connection may be behind: more than are ever asked for.
const BEHIND_MAX: usize = 4_096;

/// Messages between two turns of the connections, where they are as fast as they are taken: the window of Trunkline's workers.
const BURST: u32 = 64;

#[derive(Clone, Copy)]
struct Request {
    count: u32,
    every: Duration,
    bytes: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("listening on {}", listener.local_addr()?);
    let (frames, _) = broadcast::channel(BEHIND_MAX);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                connections.spawn(serve(accepted?.0, frames.clone()));
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

async fn serve(stream: TcpStream, frames: broadcast::Sender<Bytes>) -> anyhow::Result<()> {
    let mut received = frames.subscribe();
    let Some((transport, _)) = accepting::open(stream, false).await? else { return Ok(()) };
    let options = Options { queue_bytes: usize::MAX, ..Options::default() };
    let mut connection = Connection::new(transport.stream, transport.early, &options);
    let mut publishing = JoinSet::new();
    loop {
        let mut asked = None;
        tokio::select! {
            frame = received.recv() => {
                connection.queue(frame?)?;
                while let Ok(frame) = received.try_recv() {
                    connection.queue(frame)?;
                }
            }
            driven = connection.drive(|message, _| asked = request(message)) => match driven {
                Ok(_) => {}
                Err(Closed::Io(error)) => return Err(error.into()),
                Err(_) => return Ok(()),
            },
        }
        if let Some(request) = asked {
            publishing.spawn(publish(request, frames.clone()));
        }
    }
}

fn request(message: Message<'_>) -> Option<Request> {
    let Message::Text(text) = message else { return None };
    let mut numbers = text.split(' ').map(|number| number.parse::<u32>().ok());
    let mut next = || numbers.next().flatten();
    let (count, every_ms, bytes) = (next()?, next()?, next()?);
    Some(Request { count, every: Duration::from_millis(every_ms.into()), bytes: bytes as usize })
}

async fn publish(Request { count, every, bytes }: Request, frames: broadcast::Sender<Bytes>) {
    let message = "x".repeat(bytes);
    for number in 1..=count {
        let _nobody_listens = frames.send(frame::text(message.as_bytes()));
        if !every.is_zero() {
            tokio::time::sleep(every).await;
        } else if number % BURST == 0 {
            tokio::task::yield_now().await;
        }
    }
    let _nobody_listens = frames.send(frame::text(b"end"));
}
