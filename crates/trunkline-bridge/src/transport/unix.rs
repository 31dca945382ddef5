//! Workers over a Unix socket: each message is a big-endian u32 length of the rest, then for each part a u32 length
//! and its bytes. `protocol/worker.md` §1.
//!
//! One task reads a socket and writes what others could not write at once ([`SocketWire`]). Parts are slices of what was
//! read, not copies. Knows no frame's meaning.

use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use rustix::net::Shutdown;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};

use super::socket_file::{SocketFile, SocketPlace, bind_error};
use super::{Service, Transport, farewell};
use crate::config::StartError;
use crate::frame::{Frame, PARTS_MAX, Parts, decode, encode};
use crate::outbox::{Outbox, Outgoing, Wire};
use crate::registry::LinkId;
use crate::switchboard::Switchboard;

/// Room for one read: what the kernel holds for a socket, roughly.
const READ_BYTES: usize = 64 * 1024;
/// Less room than this is not read into.
const READ_BYTES_MIN: usize = 4 * 1024;
/// A write buffer that grew beyond this for one large message is given back.
const KEPT_BYTES: usize = 4 * READ_BYTES;
/// Pause after a failed accept (such as too many open files), which would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound Unix socket.
#[derive(Debug)]
pub(crate) struct UnixTransport {
    listener: UnixListener,
    file: SocketFile,
}

impl UnixTransport {
    pub(crate) fn bind(path: &Path) -> Result<Self, StartError> {
        let place = SocketPlace::free(path)?;
        let listener = UnixListener::bind(place.hidden()).map_err(|source| bind_error(path, source))?;
        Ok(Self { listener, file: place.publish()? })
    }
}

impl Transport for UnixTransport {
    async fn serve(self, service: Service) {
        let Self { listener, file } = self;
        loop {
            let accepted = tokio::select! {
                biased;
                () = service.shutdown.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => begin(stream, &service),
                Err(error) => {
                    tracing::warn!(%error, "a worker's connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(file);
    }
}

fn begin(stream: UnixStream, service: &Service) {
    let Some((link, outbox)) = service.switchboard.connect() else {
        tracing::warn!("a worker's connection is refused: there are too many");
        return;
    };
    let connection = Connection {
        switchboard: Arc::clone(&service.switchboard),
        link,
        outbox,
        message_bytes_max: service.message_bytes_max,
    };
    service.tracker.spawn(connection.run(stream));
}

struct Connection {
    switchboard: Arc<Switchboard>,
    link: LinkId,
    outbox: Arc<Outbox>,
    message_bytes_max: usize,
}

/// Also when its task panics: the outbox keeps half of the socket, so the worker would hear of nothing.
impl Drop for Connection {
    fn drop(&mut self) {
        self.switchboard.disconnected(self.link);
    }
}

impl Connection {
    async fn run(self, stream: UnixStream) {
        let (mut reader, writer) = stream.into_split();
        let wire = Arc::new(SocketWire { writer, unsent: Mutex::default() });
        self.outbox.attach(Box::new(Arc::clone(&wire)));
        let mut incoming = BytesMut::new();
        if let Err(error) = self.pump(&mut reader, &mut incoming, &wire).await {
            tracing::debug!(link = ?self.link, %error, "a worker's connection broke");
            // Calls among them go to another worker.
            self.outbox.put_back(wire.take_unsent());
            self.hear_out(&mut reader, &mut incoming).await;
        }
    }

    /// Reads what a worker has sent that takes nothing more.
    async fn hear_out(&self, reader: &mut OwnedReadHalf, incoming: &mut BytesMut) {
        let mut farewell = pin!(farewell(&self.outbox));
        loop {
            tokio::select! {
                read = read_some(reader, incoming) => match read {
                    Ok(1..) => self.take_messages(incoming),
                    Ok(0) | Err(_) => return,
                },
                () = &mut farewell => return,
            }
        }
    }

    /// Moves bytes both ways until either side has had enough.
    async fn pump(
        &self,
        reader: &mut OwnedReadHalf,
        incoming: &mut BytesMut,
        wire: &Arc<SocketWire>,
    ) -> io::Result<()> {
        let mut sending = false;
        let mut farewell = pin!(farewell(&self.outbox));
        loop {
            tokio::select! {
                read = read_some(reader, incoming) => {
                    if read? == 0 {
                        return Ok(());
                    }
                    self.take_messages(incoming);
                }
                sent = wire.send_rest(), if sending => {
                    sent?;
                    sending = false;
                }
                next = self.outbox.next(), if !sending => match next {
                    // The outbox keeps the other half of the socket, so that it does not close by itself.
                    Outgoing::Close => return Ok(rustix::net::shutdown(wire.writer.as_ref(), Shutdown::Write)?),
                    Outgoing::Rest => sending = true,
                    Outgoing::Send { frames, relieved } => {
                        sending = !wire.send_now(frames);
                        if relieved {
                            self.switchboard.relieved(self.link);
                        }
                    }
                },
                () = &mut farewell => return Ok(()),
            }
        }
    }

    fn take_messages(&self, incoming: &mut BytesMut) {
        loop {
            match take_message(incoming, self.message_bytes_max) {
                Ok(Some(parts)) => self.switchboard.message(self.link, parts),
                Ok(None) => return,
                Err(reason) => {
                    incoming.clear();
                    return self.switchboard.garbage(self.link, reason);
                }
            }
        }
    }
}

/// The writing half of a socket. The outbox sees to it that one at a time sends.
#[derive(Debug)]
struct SocketWire {
    writer: OwnedWriteHalf,
    unsent: Mutex<Unsent>,
}

/// What the system has not taken yet.
#[derive(Debug, Default)]
struct Unsent {
    /// Encoded frames.
    bytes: BytesMut,
    /// Whether the first of them has left in part.
    is_cut: bool,
}

impl Wire for Arc<SocketWire> {
    fn send_now(&self, frames: Vec<Frame>) -> bool {
        let mut unsent = self.unsent();
        write_messages(frames, &mut unsent.bytes);
        // An error is met again by the connection's task, whose matter it is.
        self.write(&mut unsent).is_ok_and(|()| unsent.bytes.is_empty())
    }
}

impl SocketWire {
    /// Sends what is left over. Cancel-safe.
    async fn send_rest(&self) -> io::Result<()> {
        loop {
            self.writer.writable().await?;
            let mut unsent = self.unsent();
            self.write(&mut unsent)?;
            if unsent.bytes.is_empty() {
                return Ok(());
            }
        }
    }

    /// The frames of which no byte has left.
    fn take_unsent(&self) -> Vec<Frame> {
        let Unsent { mut bytes, is_cut } = std::mem::take(&mut *self.unsent());
        if is_cut {
            return Vec::new();
        }
        let messages = std::iter::from_fn(|| take_message(&mut bytes, usize::MAX / 2).ok().flatten());
        messages.filter_map(|parts| decode(parts).ok()).collect()
    }

    /// Writes as much as the system takes now.
    fn write(&self, unsent: &mut Unsent) -> io::Result<()> {
        while !unsent.bytes.is_empty() {
            match self.writer.try_write(&unsent.bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    unsent.bytes.advance(written);
                    unsent.is_cut = !unsent.bytes.is_empty();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn unsent(&self) -> MutexGuard<'_, Unsent> {
        // Bytes are whole after each statement, so a panic elsewhere does not spoil them.
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cancel-safe, as `read_buf` is.
async fn read_some(reader: &mut OwnedReadHalf, incoming: &mut BytesMut) -> io::Result<usize> {
    // Messages that are still in use keep the block that they were read into, so small ones share it.
    if incoming.capacity() - incoming.len() < READ_BYTES_MIN {
        incoming.reserve(READ_BYTES);
    }
    reader.read_buf(incoming).await
}

/// Takes one whole message off the front of what was read; `None` when there is none yet.
fn take_message(incoming: &mut BytesMut, bytes_max: usize) -> Result<Option<Parts>, &'static str> {
    let Some(length) = peek_length(incoming) else {
        return Ok(None);
    };
    if length > bytes_max + PARTS_MAX * LENGTH_BYTES {
        return Err("a message that is too long");
    }
    if incoming.len() < LENGTH_BYTES + length {
        return Ok(None);
    }
    incoming.advance(LENGTH_BYTES);
    split_parts(incoming.split_to(length).freeze()).map(Some)
}

fn split_parts(mut rest: Bytes) -> Result<Parts, &'static str> {
    let mut parts = Vec::with_capacity(2);
    while !rest.is_empty() {
        let length = peek_length(&rest).ok_or("a part without its length")?;
        rest.advance(LENGTH_BYTES);
        if length > rest.len() {
            return Err("a part that is longer than its message");
        }
        if parts.len() == PARTS_MAX {
            return Err("a message with too many parts");
        }
        parts.push(rest.split_to(length));
    }
    Ok(parts)
}

const LENGTH_BYTES: usize = 4;

fn peek_length(bytes: &[u8]) -> Option<usize> {
    let length = bytes.first_chunk::<LENGTH_BYTES>()?;
    usize::try_from(u32::from_be_bytes(*length)).ok()
}

/// Encodes frames into an empty buffer, which is a new one if it has grown too large.
fn write_messages(frames: Vec<Frame>, buffer: &mut BytesMut) {
    debug_assert!(buffer.is_empty(), "the outbox gives nothing more while something is left");
    if buffer.capacity() > KEPT_BYTES {
        *buffer = BytesMut::new();
    }
    for frame in frames {
        write_message(&encode(frame), buffer);
    }
}

fn write_message(parts: &[Bytes], buffer: &mut BytesMut) {
    let length =
        |bytes: usize| u32::try_from(bytes).expect("messages are bounded far below 4 GiB when they are accepted");
    let total: usize = parts.iter().map(|part| LENGTH_BYTES + part.len()).sum();
    buffer.reserve(LENGTH_BYTES + total);
    buffer.put_u32(length(total));
    for part in parts {
        buffer.put_u32(length(part.len()));
        buffer.put_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::CallFrame;

    fn message(parts: &[&'static [u8]]) -> BytesMut {
        let parts: Vec<Bytes> = parts.iter().map(|part| Bytes::from_static(part)).collect();
        let mut buffer = BytesMut::new();
        write_message(&parts, &mut buffer);
        buffer
    }

    #[test]
    fn a_message_is_taken_when_its_last_byte_is_there() {
        let whole = message(&[b"header", b"", b"buffer"]);
        let mut incoming = BytesMut::new();
        for (index, byte) in whole.iter().enumerate() {
            incoming.put_u8(*byte);
            let taken = take_message(&mut incoming, 1024).expect("well formed");
            assert_eq!(taken.is_some(), index + 1 == whole.len());
            if let Some(parts) = taken {
                assert_eq!(parts, vec![Bytes::from_static(b"header"), Bytes::new(), Bytes::from_static(b"buffer")]);
            }
        }
    }

    #[test]
    fn messages_follow_each_other() {
        let mut incoming = message(&[b"a"]);
        incoming.unsplit(message(&[b"b"]));
        assert_eq!(take_message(&mut incoming, 1024), Ok(Some(vec![Bytes::from_static(b"a")])));
        assert_eq!(take_message(&mut incoming, 1024), Ok(Some(vec![Bytes::from_static(b"b")])));
        assert_eq!(take_message(&mut incoming, 1024), Ok(None));
    }

    #[test]
    fn lies_about_lengths_are_refused_before_memory_is_taken() {
        let refused = |bytes: &[u8]| take_message(&mut BytesMut::from(bytes), 1024).is_err();
        assert!(refused(&u32::MAX.to_be_bytes()));
        assert!(refused(&[0, 0, 0, 4, 0, 0, 0, 1]));
        assert!(refused(&[0, 0, 0, 3, 0, 0, 0]));
        let too_many = message(&[b"".as_slice(); PARTS_MAX + 1]);
        assert!(refused(&too_many));
    }

    /// The peer's end, and a wire and its outbox as a connection has them.
    fn connected() -> (UnixStream, Arc<SocketWire>, Arc<Outbox>) {
        let (near, far) = UnixStream::pair().expect("a pair of sockets");
        rustix::net::sockopt::set_socket_send_buffer_size(&near, 4096).expect("a small buffer");
        let (_, writer) = near.into_split();
        let wire = Arc::new(SocketWire { writer, unsent: Mutex::default() });
        let outbox = Arc::new(Outbox::default());
        outbox.attach(Box::new(Arc::clone(&wire)));
        (far, wire, outbox)
    }

    #[tokio::test]
    async fn a_frame_leaves_in_the_thread_that_queued_it() {
        let (mut far, _wire, outbox) = connected();
        assert!(outbox.push(Frame::Drain));
        outbox.flush();
        let mut read = BytesMut::new();
        far.read_buf(&mut read).await.expect("bytes came without anybody else's doing");
        assert!(take_message(&mut read, 1024).expect("well formed").is_some());
    }

    #[tokio::test]
    async fn what_a_closed_socket_did_not_take_is_given_back_whole() {
        let call = |corr| {
            let payload = Bytes::from_static(br#"{"a":1}"#);
            Frame::Call(CallFrame { corr, service: "chat".into(), run: "r".into(), payload, ..CallFrame::default() })
        };
        let (far, wire, outbox) = connected();
        drop(far);
        assert!(outbox.push(call(2)) && outbox.push(call(4)));
        outbox.flush();
        assert_eq!(outbox.cut(), [], "they are on the wire, which is broken");
        assert_eq!(wire.take_unsent(), [call(2), call(4)]);
        assert_eq!(wire.take_unsent(), []);
    }

    /// Many threads send to a worker that reads slowly: every frame arrives once, those of one thread in order.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn callers_and_the_task_send_in_turn() {
        const CALLERS: usize = 4;
        const FRAMES: u64 = 2_000;
        let (mut far, wire, outbox) = connected();
        let task = tokio::spawn({
            let (wire, outbox) = (Arc::clone(&wire), Arc::clone(&outbox));
            async move {
                loop {
                    let sent = match outbox.next().await {
                        // The outbox keeps the other half of the socket, so that it does not close by itself.
                        Outgoing::Close => return,
                        Outgoing::Rest => false,
                        Outgoing::Send { frames, .. } => wire.send_now(frames),
                    };
                    if !sent {
                        wire.send_rest().await.expect("the peer reads");
                    }
                }
            }
        });
        for caller in 0..CALLERS as u64 {
            let outbox = Arc::clone(&outbox);
            tokio::task::spawn_blocking(move || {
                for number in 0..FRAMES {
                    while !outbox.push(Frame::Cancel { corr: 1 + caller * FRAMES + number }) {
                        std::thread::yield_now();
                    }
                    outbox.flush();
                }
            });
        }
        let (mut read, mut next) = (BytesMut::new(), [0; CALLERS]);
        while next != [FRAMES; CALLERS] {
            assert!(far.read_buf(&mut read).await.expect("bytes come") > 0, "nothing more comes after {next:?}");
            while let Some(parts) = take_message(&mut read, 1024).expect("well formed") {
                let Ok(Frame::Cancel { corr }) = crate::frame::decode(parts) else { panic!("another frame") };
                let (caller, number) = ((corr - 1) / FRAMES, (corr - 1) % FRAMES);
                let caller = usize::try_from(caller).expect("small");
                assert_eq!(number, next[caller]);
                next[caller] += 1;
            }
        }
        outbox.close();
        task.await.expect("the task has nothing left and ends");
    }

    /// The golden streams that every implementation of the worker protocol shares.
    #[test]
    fn golden_streams_are_taken_apart() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../protocol/vectors/worker-frames.json");
        let text = std::fs::read_to_string(path).expect("the golden frames are part of the repository");
        let vectors: serde_json::Value = serde_json::from_str(&text).expect("the golden frames are JSON");
        let limit = 4 * 1024 * 1024;
        for case in vectors["streams"].as_array().expect("cases") {
            let mut incoming = unhex(&case["stream_hex"]);
            for message in case["messages"].as_array().expect("messages") {
                let parts: Parts = message.as_array().expect("parts").iter().map(|part| unhex(part).freeze()).collect();
                assert_eq!(take_message(&mut incoming, limit), Ok(Some(parts)), "{}", case["name"]);
            }
            assert_eq!(take_message(&mut incoming, limit), Ok(None), "{}", case["name"]);
            assert_eq!(case["unfinished_bytes"], incoming.len(), "{}", case["name"]);
        }
        for case in vectors["invalid_streams"].as_array().expect("cases") {
            assert!(take_message(&mut unhex(&case["stream_hex"]), limit).is_err(), "{}", case["name"]);
        }
    }

    fn unhex(text: &serde_json::Value) -> BytesMut {
        let text = text.as_str().expect("hexadecimal");
        let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
        (0..text.len()).step_by(2).map(byte).collect()
    }
}
