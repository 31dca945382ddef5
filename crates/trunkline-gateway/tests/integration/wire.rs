//! Requests and frames as bytes, so that they can be wrong.

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::harness::{TestGateway, within};

pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;

const MASK: [u8; 4] = [0x11, 0x22, 0x33, 0xC4];

/// An upgrade request that is right, for `path` of this gateway.
pub(crate) fn upgrade(gateway: &TestGateway, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        gateway.address
    )
}

/// An upgrade request with one more header.
pub(crate) fn upgrade_with(gateway: &TestGateway, header: &str) -> String {
    upgrade(gateway, "/ws").replace("\r\n\r\n", &format!("\r\n{header}\r\n\r\n"))
}

/// A masked frame that ends its message.
pub(crate) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    masked(0x80 | opcode, payload)
}

/// A masked frame that does not end its message.
pub(crate) fn fragment(opcode: u8, payload: &[u8]) -> Vec<u8> {
    masked(opcode, payload)
}

/// A masked frame with this first byte.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ 0..126), _) => frame.push(0x80 | length),
        (_, Ok(length)) => {
            frame.push(0xFE);
            frame.extend(length.to_be_bytes());
        }
        _ => {
            frame.push(0xFF);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// A connection to `path` that has read the answer to its upgrade.
pub(crate) async fn upgraded(gateway: &TestGateway, path: &str) -> TcpStream {
    let mut stream = gateway.raw(upgrade(gateway, path).as_bytes()).await;
    let head = read_head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    stream
}

/// The head of an HTTP answer.
pub(crate) async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(stream.read_u8()).await.expect("a whole head"));
    }
    String::from_utf8(head).expect("text")
}

/// The next frame that the gateway sends: opcode and payload. `None` when it ends the connection.
pub(crate) async fn read_frame(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let first = within(stream.read_u8()).await.ok()?;
    let length = match within(stream.read_u8()).await.ok()? {
        126 => usize::from(within(stream.read_u16()).await.ok()?),
        127 => usize::try_from(within(stream.read_u64()).await.ok()?).expect("a length"),
        length => usize::from(length),
    };
    let mut payload = vec![0; length];
    within(stream.read_exact(&mut payload)).await.ok()?;
    Some((first & 0x0F, payload))
}

/// Reads to the gateway's close frame and returns its code; `None` when it ends the connection without one.
pub(crate) async fn read_close(stream: &mut TcpStream) -> Option<u16> {
    loop {
        if let (CLOSE, body) = read_frame(stream).await? {
            return Some(u16::from_be_bytes([*body.first()?, *body.get(1)?]));
        }
    }
}
