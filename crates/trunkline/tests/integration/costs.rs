//! What hostile clients cost: memory of the whole process, as the system counts it, and how much of what they send is read.

use std::fs;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::process::{Folder, Serving, within};

/// Resident memory of a process, in KiB.
fn memory_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

async fn upgraded(gateway: &Serving) -> TcpStream {
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        gateway.address
    );
    let mut stream = within(TcpStream::connect(gateway.address)).await.expect("it listens");
    within(stream.write_all(request.as_bytes())).await.expect("sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(stream.read_u8()).await.expect("a whole head"));
    }
    assert!(head.starts_with(b"HTTP/1.1 101"));
    stream
}

/// What the gateway sends until it ends the connection.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut received = Vec::new();
    let _ = within(stream.read_to_end(&mut received)).await;
    received
}

#[tokio::test]
async fn row_04_an_endless_header_in_one_byte_writes_is_431_at_16_kib() {
    let folder = Folder::with("");
    let gateway = Serving::start(&folder).await;
    let mut stream = within(TcpStream::connect(gateway.address)).await.expect("it listens");
    stream.set_nodelay(true).expect("set");
    within(stream.write_all(b"GET /ws HTTP/1.1\r\nX-Long: ")).await.expect("sent");
    let mut sent = 0;
    // One byte a write until the gateway ends the connection.
    while sent < 1 << 20 && within(stream.write_all(b"x")).await.is_ok() {
        sent += 1;
    }
    let answer = String::from_utf8_lossy(&rest(&mut stream).await).into_owned();
    assert!(answer.starts_with("HTTP/1.1 431"), "after {sent} bytes: {answer}");
    assert!(sent > 16_000, "{sent} bytes are not too much");
}

#[tokio::test]
async fn row_20_an_announced_length_allocates_nothing() {
    let folder = Folder::with("");
    let gateway = Serving::start(&folder).await;
    drop(upgraded(&gateway).await);
    let before = memory_kib(gateway.pid());
    let header = [&[0x81, 0xFF, 0x40][..], &[0; 7], &[1, 2, 3, 4]].concat();
    let mut streams = Vec::new();
    for _ in 0..100 {
        let mut stream = upgraded(&gateway).await;
        within(stream.write_all(&header)).await.expect("sent");
        streams.push(stream);
    }
    for stream in &mut streams {
        let received = rest(stream).await;
        assert!(received.windows(2).any(|code| code == 1009_u16.to_be_bytes()), "{received:?}");
    }
    let grown = memory_kib(gateway.pid()).saturating_sub(before);
    println!("grown by {grown} KiB");
    assert!(grown < 100 * 80, "{grown} KiB for 100 connections: more than a read buffer each");
}

#[tokio::test]
async fn row_21_tiny_fragments_cost_what_their_bytes_do() {
    let folder = Folder::with("");
    let gateway = Serving::start(&folder).await;
    drop(upgraded(&gateway).await);
    let fragment = |opcode: u8| [opcode, 0x81, 0, 0, 0, 0, b'x'];

    // At the limit, unfinished: memory stays near the bytes of the message.
    let before = memory_kib(gateway.pid());
    let mut streams = Vec::new();
    let at_limit = [fragment(1).to_vec(), fragment(0).repeat(1_000)].concat();
    for _ in 0..100 {
        let mut stream = upgraded(&gateway).await;
        // The pong shows that all before it was taken in.
        within(stream.write_all(&[at_limit.as_slice(), &[0x89, 0x80, 0, 0, 0, 0]].concat())).await.expect("sent");
        streams.push(stream);
    }
    for stream in &mut streams {
        let mut pong = [0; 2];
        while pong != [0x8A, 0] {
            pong[0] = pong[1];
            pong[1] = within(stream.read_u8()).await.expect("open");
        }
    }
    let grown = memory_kib(gateway.pid()).saturating_sub(before);
    println!("grown by {grown} KiB");
    assert!(grown < 100 * 80, "{grown} KiB for 100 unfinished messages of 1,001 bytes");

    let endless = [fragment(1).to_vec(), fragment(0).repeat(131_000)].concat();
    let mut stream = upgraded(&gateway).await;
    let _ = within(stream.write_all(&endless)).await;
    let received = rest(&mut stream).await;
    assert!(received.windows(2).any(|code| code == 1008_u16.to_be_bytes()), "{received:?}");
}
