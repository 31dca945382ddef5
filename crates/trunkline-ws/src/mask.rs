//! The masking of client frames (RFC 6455 §5.3).
//!
//! The loop works on words, which the compiler turns into vector instructions without `unsafe`.

/// Unmasks `bytes` in place with `mask`, whose first byte applies to the first of `bytes`.
pub(crate) fn unmask(bytes: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let key = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ key).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
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
