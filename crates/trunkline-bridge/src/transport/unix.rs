//! Workers over a Unix socket.
//!
//! One task reads a socket and writes what others could not write at once ([`SocketWire`]). Knows no frame's meaning;
//! [`stream`](crate::frame::stream) has the form of what travels.

use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use rustix::net::Shutdown;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};

use super::socket_file::{SocketFile, SocketPlace, bind_error};
use super::{Service, Transport, farewell};
use crate::config::StartError;
use crate::frame::stream::{take_message, write_message};
use crate::frame::{Frame, decode, encode};
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::frame::CallFrame;

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
}
