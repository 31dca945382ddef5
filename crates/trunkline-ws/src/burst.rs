//! The bytes of one read, taken off piece by piece from the front.
//!
//! Knows nothing of frames.

/// What one read brought, as far as it has not been taken.
#[derive(Debug)]
pub struct Burst<'b> {
    rest: &'b mut [u8],
}

impl<'b> Burst<'b> {
    /// All of `bytes`. They are unmasked where they lie.
    pub fn new(bytes: &'b mut [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been taken.
    pub(crate) fn rest(&self) -> &[u8] {
        self.rest
    }

    /// Takes `count` bytes, or what is left if that is less.
    pub(crate) fn take(&mut self, count: usize) -> &'b mut [u8] {
        let count = count.min(self.rest.len());
        let (taken, rest) = std::mem::take(&mut self.rest).split_at_mut(count);
        self.rest = rest;
        taken
    }

    /// Takes everything.
    pub(crate) fn clear(&mut self) {
        self.rest = &mut [];
    }
}
