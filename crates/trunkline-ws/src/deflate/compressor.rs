//! From a message to the payload of a compressed frame (RFC 7692 §7.2.1).

use std::cell::Cell;

use flate2::{Compress, Compression, FlushCompress};

use super::WindowBits;

/// Level 2 finds in short messages what level 6 finds; of long ones it makes a sixth more bytes, in a seventh of the
/// time. Level 1 takes half as long and makes a quarter more (ADR 011).
const LEVEL: u32 = 2;

/// What a flush ends with, and a message leaves out.
const TAIL_BYTES: usize = 4;

/// Largest buffer that is kept for the next message.
const OUTPUT_BYTES_MAX: usize = 64 << 10;

thread_local! {
    static COMPRESSOR: Cell<Option<Box<Compressor>>> = const { Cell::new(None) };
}

/// One per thread: what it allocates is 370 KiB, whatever it compresses.
struct Compressor {
    stream: Compress,
    output: Vec<u8>,
}

/// Calls `then` with the compressed form of `payload` for a peer with that `window`, unless it is no shorter.
pub(crate) fn compress<T>(payload: &[u8], window: WindowBits, then: impl FnOnce(&[u8]) -> T) -> Option<T> {
    let mut compressor = COMPRESSOR.take().unwrap_or_else(|| Box::new(Compressor::new()));
    // No message refers to what lies before it, so one that fits into the window needs no smaller one. Narrow windows
    // are rare: they are not kept.
    let narrow = payload.len() > window.bytes() && window < WindowBits::MAX;
    let result = if narrow {
        run(&mut stream(window), payload, &mut compressor.output).map(then)
    } else {
        compressor.stream.reset();
        run(&mut compressor.stream, payload, &mut compressor.output).map(then)
    };
    compressor.output.clear();
    compressor.output.shrink_to(OUTPUT_BYTES_MAX);
    COMPRESSOR.set(Some(compressor));
    result
}

impl Compressor {
    fn new() -> Self {
        Self { stream: stream(WindowBits::MAX), output: Vec::new() }
    }
}

fn stream(window: WindowBits) -> Compress {
    Compress::new_with_window_bits(Compression::new(LEVEL), false, window.get())
}

/// Compresses into a buffer that has no room for more than would be worth sending.
fn run<'o>(stream: &mut Compress, payload: &[u8], output: &'o mut Vec<u8>) -> Option<&'o [u8]> {
    output.clear();
    output.reserve(payload.len() + TAIL_BYTES);
    stream.compress_vec(payload, output, FlushCompress::Sync).ok()?;
    // Room that is left over says that nothing is missing.
    let whole = stream.total_in() == payload.len() as u64 && output.len() < output.capacity();
    let compressed = output.strip_suffix(&[0x00, 0x00, 0xFF, 0xFF])?;
    (whole && compressed.len() < payload.len()).then_some(compressed)
}
