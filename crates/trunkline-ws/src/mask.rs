//! The masking of client frames (RFC 6455 §5.3).
//!
//! The loop works on fixed-size arrays, which the compiler turns into vector instructions without `unsafe`.

/// Bytes per step: two AVX2 registers, four SSE ones.
const STEP: usize = 64;

/// Unmasks `bytes` in place with `mask`, whose first byte applies to the first of `bytes`.
pub(crate) fn unmask(bytes: &mut [u8], mask: [u8; 4]) {
    let mut pattern = [0; STEP];
    for (index, byte) in pattern.iter_mut().enumerate() {
        *byte = mask[index % 4];
    }
    let (steps, rest) = bytes.as_chunks_mut::<STEP>();
    for step in steps {
        for (byte, key) in step.iter_mut().zip(&pattern) {
            *byte ^= key;
        }
    }
    let (words, rest) = rest.as_chunks_mut::<4>();
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(mask)).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask) {
        *byte ^= key;
    }
}

/// The mask as it applies after `count` bytes of the payload.
pub(crate) fn advance(mut mask: [u8; 4], count: usize) -> [u8; 4] {
    mask.rotate_left(count % 4);
    mask
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_the_definition(bytes: Vec<u8>, mask: [u8; 4]) {
            let expected: Vec<u8> = bytes.iter().enumerate().map(|(index, byte)| byte ^ mask[index % 4]).collect();
            let mut actual = bytes;
            unmask(&mut actual, mask);
            prop_assert_eq!(actual, expected);
        }

        #[test]
        fn can_be_done_in_two_parts(bytes: Vec<u8>, mask: [u8; 4], at: prop::sample::Index) {
            let at = at.index(bytes.len() + 1);
            let mut whole = bytes.clone();
            unmask(&mut whole, mask);
            let mut parts = bytes;
            unmask(&mut parts[..at], mask);
            unmask(&mut parts[at..], advance(mask, at));
            prop_assert_eq!(parts, whole);
        }
    }
}
