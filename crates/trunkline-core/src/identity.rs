//! Ids that are derived, so that the same cause always has the same name.

use sha2::{Digest, Sha256};

/// The id of the run that a message starts: the same message of the same session starts the same run, once.
pub fn run_id(realm: &str, session: &str, message: &str) -> String {
    hex(&hash(&[b"run", realm.as_bytes(), session.as_bytes(), message.as_bytes()])[..16])
}

/// The form in which a session's secret is kept.
pub fn secret_hash(secret: &str) -> String {
    hex(&hash(&[b"secret", secret.as_bytes()]))
}

/// What makes two messages the same message: type, address, deadline and payload, byte for byte.
pub fn content_digest(parts: &[&[u8]]) -> [u8; 16] {
    let mut digest = [0; 16];
    digest.copy_from_slice(&hash(parts)[..16]);
    digest
}

/// Hashes parts with their lengths, so that no two lists of parts are hashed alike.
fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// Bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)].into());
        text.push(DIGITS[usize::from(byte & 0xF)].into());
    }
    text
}
