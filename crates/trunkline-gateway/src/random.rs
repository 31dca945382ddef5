//! Ids and secrets that nobody can guess.

use rand::Rng as _;
use trunkline_core::identity::hex;

/// 128 random bits as 32 hexadecimal digits: an id.
pub(crate) fn id() -> String {
    hex(&bytes::<16>())
}

/// 256 random bits as 64 hexadecimal digits: a secret.
pub(crate) fn secret() -> String {
    hex(&bytes::<32>())
}

/// The trace context of a run that came with none (W3C Trace Context): a new trace, not sampled.
pub(crate) fn traceparent() -> String {
    format!("00-{}-{}-00", id(), hex(&bytes::<8>()))
}

/// 64 random bits.
pub(crate) fn number() -> u64 {
    u64::from_be_bytes(bytes())
}

/// A random number from 0 to 1.
pub(crate) fn fraction() -> f64 {
    f64::from(u32::from_be_bytes(bytes())) / f64::from(u32::MAX)
}

fn bytes<const COUNT: usize>() -> [u8; COUNT] {
    let mut bytes = [0; COUNT];
    #[cfg(feature = "simulation")]
    if crate::simulation::fill(&mut bytes) {
        return bytes;
    }
    // Of this thread, seeded by the operating system: a call of the system for each id would cost a microsecond.
    rand::rng().fill_bytes(&mut bytes);
    bytes
}
