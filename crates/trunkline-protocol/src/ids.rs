//! The form of a message id.

/// Most characters that a client's message id may have.
pub const MESSAGE_ID_CHARS_MAX: usize = 64;

/// Says whether `text` may be a message id: 1–64 of `A-Za-z0-9_.:-` (`protocol/client.md` §1).
pub fn is_message_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'-');
    (1..=MESSAGE_ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(allowed)
}
