//! The load's WebSocket client: as little as a measurement needs, and the same for every peer.
//!
//! It checks neither the server's accept key nor UTF-8: servers are measured here, not tested.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use flate2::{Decompress, FlushDecompress};
use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// How long any single answer may take before the measurement is given up.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Connections from one loopback address: fewer than the system's ephemeral ports.
const CONNECTIONS_PER_ADDRESS: usize = 20_000;

/// Room for each read. Without it a read takes what the buffer happens to have left, and the load would break up the
/// bursts of one peer and not of another.
pub(crate) const READ_BYTES: usize = 64 << 10;

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Bits and values of a frame's first two bytes (RFC 6455 §5.2).
const FINAL: u8 = 0x80;
const COMPRESSED: u8 = 0x40;
const MASKED: u8 = 0x80;
const LENGTH_16: u8 = 0x7e;
const LENGTH_64: u8 = 0x7f;
const OPCODE_TEXT: u8 = 1;
const OPCODE_CLOSE: u8 = 8;
const OPCODE_PING: u8 = 9;
const OPCODE_PONG: u8 = 10;

/// A WebSocket connection.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    received: BytesMut,
    to_send: BytesMut,
    /// All that came, as it was on the wire.
    pub(crate) bytes_received: u64,
}

/// What a path over a network has, and loopback has not: packets of this size, and a receiver with room for few of them.
/// Without, the kernel would hold megabytes for a slow reader.
pub(crate) const NARROW_SEGMENT_BYTES: u32 = 1_400;
pub(crate) const NARROW_RECEIVE_BYTES: u32 = 4_096;

/// Connects to loopback; `number` is the connection's, so that many do not run out of ports.
pub(crate) async fn connect_tcp(server: SocketAddr, number: usize) -> anyhow::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    let last = 1 + u8::try_from(number / CONNECTIONS_PER_ADDRESS)?;
    socket.bind((IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), 0).into())?;
    let stream = timeout(ANSWER_WITHIN, socket.connect(server)).await.context("connecting took too long")??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Connects to loopback as over a narrow path.
async fn connect_narrow_tcp(server: SocketAddr) -> anyhow::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    SockRef::from(&socket).set_tcp_mss(NARROW_SEGMENT_BYTES)?;
    socket.set_recv_buffer_size(NARROW_RECEIVE_BYTES)?;
    let stream = timeout(ANSWER_WITHIN, socket.connect(server)).await.context("connecting took too long")??;
    Ok(stream)
}

impl Client {
    /// Connects and upgrades over a narrow path, for a reader that is slow.
    pub(crate) async fn connect_narrow(server: SocketAddr, path: &str, subprotocol: &str) -> anyhow::Result<Self> {
        Self::upgrade(connect_narrow_tcp(server).await?, server, path, Some(subprotocol), "").await
    }

    /// Connects and upgrades; `subprotocol` is offered if there is one.
    pub(crate) async fn connect(
        server: SocketAddr,
        path: &str,
        subprotocol: Option<&str>,
        number: usize,
    ) -> anyhow::Result<Self> {
        Self::connect_offering(server, path, subprotocol, number, "").await
    }

    /// The same with compression, if the server agrees to it.
    pub(crate) async fn connect_compressed(
        server: SocketAddr,
        path: &str,
        subprotocol: Option<&str>,
        number: usize,
    ) -> anyhow::Result<Self> {
        let extension = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
        Self::connect_offering(server, path, subprotocol, number, extension).await
    }

    async fn connect_offering(
        server: SocketAddr,
        path: &str,
        subprotocol: Option<&str>,
        number: usize,
        extension: &str,
    ) -> anyhow::Result<Self> {
        Self::upgrade(connect_tcp(server, number).await?, server, path, subprotocol, extension).await
    }

    async fn upgrade(
        mut stream: TcpStream,
        server: SocketAddr,
        path: &str,
        subprotocol: Option<&str>,
        extension: &str,
    ) -> anyhow::Result<Self> {
        let offer = subprotocol.map(|name| format!("Sec-WebSocket-Protocol: {name}\r\n")).unwrap_or_default();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{offer}{extension}\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut client = Self { stream, received: BytesMut::new(), to_send: BytesMut::new(), bytes_received: 0 };
        timeout(ANSWER_WITHIN, client.upgraded()).await.context("the upgrade took too long")??;
        Ok(client)
    }

    async fn upgraded(&mut self) -> anyhow::Result<()> {
        loop {
            if let Some(end) = self.received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let head = self.received.split_to(end + 4);
                let accepted = head.starts_with(b"HTTP/1.1 101");
                ensure!(accepted, "the upgrade was refused: {}", String::from_utf8_lossy(&head));
                return Ok(());
            }
            self.fill().await?;
        }
    }

    /// Queues a text for [`Client::flush`].
    pub(crate) fn queue(&mut self, text: &[u8]) {
        put_frame(&mut self.to_send, OPCODE_TEXT, text);
    }

    /// Queues a frame that was made before, with [`text_frame`].
    pub(crate) fn queue_frame(&mut self, frame: &[u8]) {
        self.to_send.extend_from_slice(frame);
    }

    /// Writes what is queued.
    pub(crate) async fn flush(&mut self) -> anyhow::Result<()> {
        self.stream.write_all_buf(&mut self.to_send).await.context("the connection was lost")
    }

    /// Sends one text.
    pub(crate) async fn send(&mut self, text: &[u8]) -> anyhow::Result<()> {
        self.queue(text);
        self.flush().await
    }

    /// A text that has been received already.
    pub(crate) fn try_receive(&mut self) -> anyhow::Result<Option<Bytes>> {
        while let Some((opcode, payload)) = take_frame(&mut self.received) {
            match opcode {
                OPCODE_TEXT => return Ok(Some(payload)),
                OPCODE_PING => put_frame(&mut self.to_send, OPCODE_PONG, &payload),
                OPCODE_CLOSE => bail!("the server closed the connection: {}", String::from_utf8_lossy(&payload)),
                _ => {}
            }
        }
        Ok(None)
    }

    /// The next text. Answers pings meanwhile.
    pub(crate) async fn receive(&mut self) -> anyhow::Result<Bytes> {
        loop {
            if let Some(text) = self.try_receive()? {
                return Ok(text);
            }
            self.flush().await?;
            self.fill().await?;
        }
    }

    /// The next text, within [`ANSWER_WITHIN`].
    pub(crate) async fn answer(&mut self) -> anyhow::Result<Bytes> {
        timeout(ANSWER_WITHIN, self.receive()).await.context("an answer took too long")?
    }

    /// Reads a few bytes of what has arrived, and answers nothing: the texts are for [`Client::try_receive`].
    pub(crate) async fn read_at_most(&mut self, bytes: usize) -> anyhow::Result<()> {
        self.received.reserve(bytes);
        let mut few = (&mut self.received).limit(bytes);
        let read = self.stream.read_buf(&mut few).await.context("the connection was lost")?;
        ensure!(read > 0, "the server ended the connection");
        self.bytes_received += read as u64;
        Ok(())
    }

    async fn fill(&mut self) -> anyhow::Result<()> {
        self.received.reserve(READ_BYTES);
        let read = self.stream.read_buf(&mut self.received).await.context("the connection was lost")?;
        ensure!(read > 0, "the server ended the connection");
        self.bytes_received += read as u64;
        Ok(())
    }
}

/// A client's frame (RFC 6455 §5.2): final, masked.
pub(crate) fn put_frame(buffer: &mut BytesMut, opcode: u8, payload: &[u8]) {
    buffer.put_u8(FINAL | opcode);
    match u16::try_from(payload.len()) {
        Ok(length @ ..126) => buffer.put_u8(MASKED | length.to_be_bytes()[1]),
        Ok(length) => {
            buffer.put_u8(MASKED | LENGTH_16);
            buffer.put_u16(length);
        }
        Err(_) => {
            buffer.put_u8(MASKED | LENGTH_64);
            buffer.put_u64(payload.len() as u64);
        }
    }
    buffer.put_slice(&MASK);
    buffer.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
}

/// A client's text frame.
pub(crate) fn text_frame(payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    put_frame(&mut frame, OPCODE_TEXT, payload);
    frame.freeze()
}

/// Takes a server's frame, if all of it is there: its opcode and payload.
fn take_frame(buffer: &mut BytesMut) -> Option<(u8, Bytes)> {
    let mut head = &buffer[..];
    let first = head.try_get_u8().ok()?;
    let opcode = first & 0x0f;
    let length = match head.try_get_u8().ok()? & 0x7f {
        LENGTH_16 => u64::from(head.try_get_u16().ok()?),
        LENGTH_64 => head.try_get_u64().ok()?,
        short => u64::from(short),
    };
    let header = buffer.len() - head.len();
    let length = usize::try_from(length).ok().filter(|length| *length <= head.len())?;
    buffer.advance(header);
    let payload = buffer.split_to(length).freeze();
    Some((opcode, if first & COMPRESSED == 0 { payload } else { inflated(&payload)? }))
}

/// The message in a compressed payload (RFC 7692 §7.2.2); no scenario has one of more than [`READ_BYTES`].
fn inflated(payload: &[u8]) -> Option<Bytes> {
    let mut text = Vec::with_capacity(READ_BYTES);
    let whole = [payload, &[0x00, 0x00, 0xff, 0xff]].concat();
    Decompress::new(false).decompress_vec(&whole, &mut text, FlushDecompress::Sync).ok()?;
    Some(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server's frame: the client's without the mask.
    fn server_frame(length: usize) -> BytesMut {
        let mut frame = BytesMut::new();
        put_frame(&mut frame, OPCODE_TEXT, &vec![b'x'; length]);
        let mask_at = frame.len() - length - MASK.len();
        let mut unmasked = BytesMut::from(&frame[..mask_at]);
        unmasked[1] &= 0x7f;
        unmasked.extend(std::iter::repeat_n(b'x', length));
        unmasked
    }

    #[test]
    fn frames_of_every_length_are_taken_when_they_are_complete() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let whole = server_frame(length);
            let mut cut = BytesMut::from(&whole[..whole.len() - 1]);
            assert_eq!(take_frame(&mut cut), None);
            let mut two = whole.clone();
            two.extend_from_slice(&whole);
            assert_eq!(take_frame(&mut two).map(|(_, payload)| payload.len()), Some(length));
            assert_eq!(two, whole);
        }
    }

    /// A load that breaks bursts up measures itself: what came together must be answered together.
    #[tokio::test]
    async fn a_burst_is_read_at_once() {
        const FRAMES: usize = 16;
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let stream = connect_tcp(listener.local_addr().unwrap(), 0).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        server.write_all(&server_frame(200).repeat(FRAMES)).await.unwrap();
        let mut client = Client { stream, received: BytesMut::new(), to_send: BytesMut::new(), bytes_received: 0 };
        client.receive().await.unwrap();
        let more = std::iter::from_fn(|| client.try_receive().unwrap()).count();
        assert_eq!(more, FRAMES - 1);
    }

    #[test]
    fn a_frame_is_masked() {
        let frame = text_frame(b"Hello");
        assert_eq!(frame[..], [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]); // RFC 6455 §5.7
    }
}
