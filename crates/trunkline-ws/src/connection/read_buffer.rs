//! One read buffer per thread, lent to whichever connection has something to read.
//!
//! A connection that waits for its peer thus holds no buffer, however many of them there are.

use std::cell::Cell;

/// Room for one burst. A socket that fills it is read again at once.
pub(super) const READ_BUFFER_BYTES: usize = 64 << 10;

thread_local! {
    static BUFFER: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// Runs `work` with this thread's buffer. Inside of `work` the buffer is taken: a nested call gets one of its own.
pub(super) fn with<T>(work: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut buffer = BUFFER.take().unwrap_or_else(|| vec![0; READ_BUFFER_BYTES].into_boxed_slice());
    let result = work(&mut buffer);
    BUFFER.set(Some(buffer));
    result
}
