//! From a compressed payload, piece by piece, to the message (RFC 7692 §7.2.2).
//!
//! Work and memory are bounded by what is fed and by the limit that the caller gives. Knows nothing of frames.

use std::cell::Cell;

use flate2::{Decompress, DecompressError, FlushDecompress, Status};

use crate::Violation;

/// What one inflater allocates: zlib's window of 32 KiB and its tables.
pub(crate) const INFLATER_BYTES: usize = 48 << 10;

/// What the sender cut off (§7.2.1), and an empty last block, which is one only where a block may begin: so a message
/// that breaks off inside a block is told from a whole one.
const TAIL: [u8; 6] = [0x00, 0x00, 0xFF, 0xFF, 0x03, 0x00];

/// The first guess at how much longer a message is than its compressed form.
const RATIO_GUESSED: usize = 4;

/// The smallest buffer of a message.
const OUTPUT_BYTES_MIN: usize = 256;

thread_local! {
    static SPARE: Cell<Option<Box<Inflater>>> = const { Cell::new(None) };
}

/// Inflates one message at a time.
#[derive(Debug)]
pub(crate) struct Inflater {
    stream: Decompress,
    /// Whether nothing has been fed since the start of the message, or since a block that calls itself the last.
    at_start: bool,
    /// What the message has taken so far, in bytes.
    taken: usize,
}

impl Inflater {
    /// This thread's inflater, or one more.
    pub(crate) fn take() -> Box<Self> {
        SPARE.take().unwrap_or_else(|| Box::new(Self { stream: Decompress::new(false), at_start: true, taken: 0 }))
    }

    /// Leaves the inflater to this thread's next message.
    pub(crate) fn give_back(mut self: Box<Self>) {
        self.stream.reset(false);
        self.at_start = true;
        self.taken = 0;
        SPARE.set(Some(self));
    }

    /// The compressed bytes of the message so far.
    pub(crate) fn taken(&self) -> usize {
        self.taken
    }

    /// The longest compressed form of a message of `bytes_max` bytes: zlib's bound for data that cannot be compressed,
    /// and room for the flushes of a sender that gives many small messages. Without it, blocks without content could
    /// go on for ever.
    pub(crate) fn taken_max(bytes_max: usize) -> usize {
        bytes_max.saturating_add(bytes_max / 8).saturating_add(bytes_max / 64).saturating_add(64)
    }

    /// Appends to `output` what `input` adds to the message.
    ///
    /// # Errors
    /// [`Violation::MessageTooBig`] when the message grows beyond `bytes_max`: `output` then has that much of it.
    /// [`Violation::CorruptCompression`] when `input` cannot be inflated: `output` has what came before.
    pub(crate) fn inflate(&mut self, input: &[u8], output: &mut Vec<u8>, bytes_max: usize) -> Result<(), Violation> {
        self.taken += input.len();
        self.feed(input, output, bytes_max)
    }

    /// As [`inflate`](Self::inflate), at the end of the message.
    pub(crate) fn finish(&mut self, output: &mut Vec<u8>, bytes_max: usize) -> Result<(), Violation> {
        // A sender that marks its last block as such owes a byte more (§7.2.3.4), which some forget.
        if self.at_start {
            return Ok(());
        }
        self.feed(&TAIL, output, bytes_max)?;
        if self.at_start { Ok(()) } else { Err(Violation::CorruptCompression) }
    }

    fn feed(&mut self, mut input: &[u8], output: &mut Vec<u8>, bytes_max: usize) -> Result<(), Violation> {
        loop {
            let full = output.len() >= bytes_max;
            let progress = if full {
                self.step(|stream| stream.decompress(input, &mut [0], FlushDecompress::Sync))
            } else {
                make_room(output, input.len(), bytes_max);
                self.step(|stream| stream.decompress_vec(input, output, FlushDecompress::Sync))
            };
            input = &input[progress.taken..];
            if output.len() > bytes_max || (full && progress.gave) {
                return Err(Violation::MessageTooBig);
            }
            let stuck = progress.taken == 0 && !progress.gave && !input.is_empty();
            if progress.failed || stuck {
                return Err(Violation::CorruptCompression);
            }
            // Room that is left over says that there is nothing more to come out.
            if input.is_empty() && (full || output.len() < output.capacity()) {
                return Ok(());
            }
        }
    }

    /// Runs the stream once.
    fn step(&mut self, run: impl FnOnce(&mut Decompress) -> Result<Status, DecompressError>) -> Progress {
        let before = (self.stream.total_in(), self.stream.total_out());
        let status = run(&mut self.stream);
        let taken = usize::try_from(self.stream.total_in() - before.0).expect("no more than was there");
        let gave = self.stream.total_out() > before.1;
        if matches!(status, Ok(Status::StreamEnd)) {
            // Blocks may follow the last one (§7.2.3.5).
            self.stream.reset(false);
            self.at_start = true;
        } else if taken > 0 {
            self.at_start = false;
        }
        Progress { taken, gave, failed: status.is_err() }
    }
}

/// What one run of the stream did.
struct Progress {
    /// Bytes of input that it took.
    taken: usize,
    /// Whether it gave any output.
    gave: bool,
    /// Whether it came upon something corrupt, behind the output that it gave.
    failed: bool,
}

/// Makes room for some output at least, by doubling, but not beyond `bytes_max`, which has not been reached.
fn make_room(output: &mut Vec<u8>, input_bytes: usize, bytes_max: usize) {
    if output.len() == output.capacity() {
        let guess = input_bytes.saturating_mul(RATIO_GUESSED).max(OUTPUT_BYTES_MIN);
        let capacity = output.capacity().saturating_mul(2).max(guess).min(bytes_max);
        output.reserve_exact(capacity - output.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: [u8; 7] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];

    fn whole(input: &[u8], bytes_max: usize) -> Result<Vec<u8>, Violation> {
        let mut inflater = Inflater::take();
        let mut output = Vec::new();
        let outcome = inflater
            .inflate(input, &mut output, bytes_max)
            .and_then(|()| inflater.finish(&mut output, bytes_max))
            .map(|()| output);
        inflater.give_back();
        outcome
    }

    #[test]
    fn the_examples_of_the_rfc() {
        let examples: [&[u8]; 4] = [
            &HELLO,
            b"\x00\x05\x00\xfa\xffHello\x00",
            // The last block is marked as such, and a byte is added for the one that is cut off.
            b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00",
            b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
        ];
        for example in examples {
            assert_eq!(whole(example, 5).as_deref(), Ok(&b"Hello"[..]), "{example:02x?}");
            assert_eq!(whole(example, 4), Err(Violation::MessageTooBig), "{example:02x?}");
        }
        assert_eq!(whole(&[0], 0), Ok(vec![]));
    }

    #[test]
    fn what_lenient_peers_send_is_understood() {
        // No byte after the last block, and nothing at all for an empty message.
        assert_eq!(whole(b"\xf3\x48\xcd\xc9\xc9\x07\x00", 5).as_deref(), Ok(&b"Hello"[..]));
        assert_eq!(whole(b"", 0), Ok(vec![]));
    }

    #[test]
    fn a_message_that_breaks_off_is_corrupt() {
        for end in 1..HELLO.len() {
            assert_eq!(whole(&HELLO[..end], 100), Err(Violation::CorruptCompression), "{end}");
        }
        assert_eq!(whole(b"\x00\x05\x00\xfa\xffHel", 100), Err(Violation::CorruptCompression));
        // The rest of the announced block is longer than what is put behind it.
        assert_eq!(whole(b"\x00\x40\x00\xbf\xffHel", 100), Err(Violation::CorruptCompression));
        assert_eq!(whole(b"\x07", 100), Err(Violation::CorruptCompression));
    }

    #[test]
    fn no_message_sees_what_the_window_holds_of_another() {
        let secret = [b"\x00\x40\x00\xbf\xff".as_slice(), &[b's'; 64], &[0]].concat();
        // Three bytes from one byte back, by the fixed code.
        let peek = [0x03, 0x02, 0x00];
        assert_eq!(whole(&secret, 100).map(|message| message.len()), Ok(64));
        assert_eq!(whole(&peek, 100), Err(Violation::CorruptCompression));
        // Nor behind a last block of the same message, where it was declared to be over.
        assert_eq!(whole(&[&[0x03, 0x00], &peek[..]].concat(), 100), Err(Violation::CorruptCompression));
    }

    #[test]
    fn row_23_a_bomb_gives_no_more_than_the_limit() {
        const LIMIT: usize = 1 << 20;
        let zeros = vec![0; 1 << 24];
        let mut bomb = Vec::with_capacity(1 << 20);
        flate2::Compress::new(flate2::Compression::best(), false)
            .compress_vec(&zeros, &mut bomb, flate2::FlushCompress::Sync)
            .expect("there is room");
        let mut inflater = Inflater::take();
        let mut output = Vec::new();
        assert_eq!(inflater.inflate(&bomb, &mut output, LIMIT), Err(Violation::MessageTooBig));
        assert_eq!((output.len(), output.capacity()), (LIMIT, LIMIT));
        assert!(inflater.stream.total_out() <= LIMIT as u64 + 1, "nothing was inflated to be thrown away");
    }
}
