//! Compressed frames to clients.

use std::fmt::Write as _;

use proptest::prelude::*;
use tokio::io::AsyncReadExt as _;
use trunkline_ws::{
    Options,
    deflate::{PAYLOAD_BYTES_MIN, WindowBits},
    frame,
};

use crate::{reference::inflate, wire::pipe};

/// JSON, as long as asked for or somewhat longer.
fn json(bytes: usize) -> String {
    let mut text = String::from("[");
    for number in 0_u64.. {
        if text.len() >= bytes {
            break;
        }
        let id = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        write!(text, r#"{{"id":"{id:016x}","text":"the agent said something"}},"#).expect("text takes text");
    }
    text + "null]"
}

/// Bytes that do not get shorter.
pub(crate) fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(step).take(bytes).collect()
}

/// What a compressed text frame says, and how far back it refers.
fn read(frame: &[u8]) -> (Vec<u8>, usize) {
    let header = match frame {
        [0xC1, 126, ..] => 4,
        [0xC1, 127, ..] => 10,
        [0xC1, ..] => 2,
        other => panic!("{:02x?} is no compressed text", &other[..2]),
    };
    inflate(&[&frame[header..], &[0, 0, 0xFF, 0xFF]].concat())
}

#[test]
fn a_frame_keeps_to_the_window_that_it_was_made_for() {
    // Lines that come again beyond the smaller windows.
    let text = json(3000).repeat(20);
    for bits in 9..=15 {
        let window = WindowBits::new(bits).expect("in range");
        let frame = frame::compressed_text(text.as_bytes(), window).expect("it gets shorter");
        assert!(frame.len() * 2 < text.len());
        let (content, distance) = read(&frame);
        assert!(content == text.as_bytes());
        assert!(distance <= 1 << bits, "{distance} bytes back, in a window of {bits} bits");
        assert!(bits < 12 || distance > 2900, "a window that holds a line uses it");
    }
    assert_eq!([8, 16].map(WindowBits::new), [None, None]);
}

#[test]
fn no_frame_depends_on_another() {
    let text = json(5000);
    let first = frame::compressed_text(text.as_bytes(), WindowBits::MAX).expect("it gets shorter");
    let second = frame::compressed_text(text.as_bytes(), WindowBits::MAX).expect("it gets shorter");
    assert_eq!(first, second);
}

#[test]
fn what_compression_does_not_pay_for_is_not_compressed() {
    let text = json(PAYLOAD_BYTES_MIN);
    let short = &text.as_bytes()[..PAYLOAD_BYTES_MIN - 1];
    assert_eq!(frame::compressed_text(short, WindowBits::MAX), None);
    assert!(frame::compressed_text(text.as_bytes(), WindowBits::MAX).is_some());
    for bytes in [PAYLOAD_BYTES_MIN, 100_000] {
        assert_eq!(frame::compressed_binary(&noise(bytes), WindowBits::MAX), None);
    }
    let after = frame::compressed_text(text.as_bytes(), WindowBits::MAX).expect("it gets shorter");
    assert!(read(&after).0 == text.as_bytes(), "what was given up leaves nothing behind");
}

#[test]
fn long_messages_have_the_long_header() {
    let text: Vec<u8> = noise(400_000).iter().map(|byte| b'a' + byte % 16).collect();
    let frame = frame::compressed_text(&text, WindowBits::MAX).expect("a few letters get shorter");
    assert_eq!(frame[..2], [0xC1, 127]);
    assert!(read(&frame).0 == text);
    assert_eq!(frame::compressed_binary(&text, WindowBits::MAX).map(|frame| frame[0]), Some(0xC2));
}

#[tokio::test(start_paused = true)]
async fn one_frame_serves_many_connections_as_it_is() {
    let frame = frame::compressed_text(json(5000).as_bytes(), WindowBits::MAX).expect("it gets shorter");
    for _ in 0..3 {
        let (mut client, mut connection) = pipe(10_000, &Options::default());
        connection.queue(frame.clone()).expect("there is room");
        connection.drive(|_, _| {}).await.expect("open");
        let mut received = vec![0; frame.len()];
        client.read_exact(&mut received).await.expect("a pipe does not fail");
        assert_eq!(received, frame);
        assert_eq!(connection.buffered_bytes(), 0);
    }
}

proptest! {
    #[test]
    fn what_is_sent_compressed_can_be_inflated_in_its_window(
        content in prop_oneof!["[a-f \n]{1024,6000}", "(.{200}){6,20}"],
        bits in 9..16_u8,
    ) {
        let window = WindowBits::new(bits).expect("in range");
        if let Some(frame) = frame::compressed_text(content.as_bytes(), window) {
            prop_assert!(frame.len() < content.len() + 4);
            let (inflated, distance) = read(&frame);
            prop_assert!(inflated == content.as_bytes());
            prop_assert!(distance <= 1 << bits);
        }
    }
}
