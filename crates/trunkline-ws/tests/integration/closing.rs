//! How connections end.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::Instant,
};
use trunkline_ws::{Closed, Options, Violation, close::Code, connection::QueueError, frame as server_frame};

use crate::{
    splitting::Owned,
    wire::{BINARY, CLOSE, TEXT, close, converse, echo_until_closed, frame, pipe},
};

/// The code of the close frame at the end of what a client received.
async fn code_for(bytes: &[u8]) -> (Option<u16>, Closed) {
    let (story, received) = converse(&Options::default(), bytes).await;
    let code = match received.as_slice() {
        [0x88, 0] => None,
        [0x88, _, high, low, ..] => Some(u16::from_be_bytes([*high, *low])),
        other => panic!("{other:02x?} is no close frame"),
    };
    (code, story.closed)
}

#[tokio::test(start_paused = true)]
async fn the_peers_code_is_echoed() {
    for code in [1000, 1001, 1011, 3000, 4999] {
        let (echoed, closed) = code_for(&close(code)).await;
        assert_eq!(echoed, Some(code));
        assert_eq!(closed.code().get(), code);
    }
    let (echoed, closed) = code_for(&frame(CLOSE, b"")).await;
    assert_eq!(echoed, None);
    assert!(matches!(closed, Closed::Peer { code: None, .. }));
    assert_eq!(closed.code(), Code::NO_STATUS);
}

#[tokio::test(start_paused = true)]
async fn violations_are_told_to_the_peer() {
    let cases: [(&[u8], u16); 8] = [
        (b"GET / HTTP/1.1\r\n", 1002),                       // row 07
        (b"\x81\x02hi", 1002),                               // row 18
        (b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff", 1002), // row 19
        (b"\x82\xff\x40\0\0\0\0\0\0\0mask", 1009),           // row 20
        (&frame(TEXT, b"\xff"), 1007),                       // row 25
        (&frame(CLOSE, b"\x03"), 1002),                      // row 26
        (&close(1005), 1002),                                // row 26
        (&frame(CLOSE, b"\x03\xe8\xff"), 1007),              // row 26
    ];
    for (bytes, code) in cases {
        let (told, closed) = code_for(bytes).await;
        assert_eq!(told, Some(code), "for {bytes:02x?}");
        assert_eq!(closed.code().get(), code);
        assert!(matches!(closed, Closed::Violation(_)), "{closed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn row_27_data_after_close_is_ignored() {
    let stream = [close(1000), frame(TEXT, b"late"), frame(BINARY, &[0; 100])].concat();
    let (story, _) = converse(&Options::default(), &stream).await;
    assert_eq!(story.messages, [Owned::Close(Some(1000), String::new())]);
}

#[tokio::test(start_paused = true)]
async fn row_27_a_peer_that_never_answers_is_cut_after_5_s() {
    let (_client, mut connection) = pipe(1024, &Options::default());
    let start = Instant::now();
    connection.close(Code::GOING_AWAY, "drain");
    let story = echo_until_closed(connection).await;
    assert!(matches!(story.closed, Closed::Local { code: Code::GOING_AWAY, answered: false }));
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_keeps_talking_instead_of_closing_is_cut_all_the_same() {
    let (client, mut connection) = pipe(1024, &Options::default());
    let (mut receive, mut send) = tokio::io::split(client);
    let start = Instant::now();
    connection.close(Code::NORMAL, "");
    let talk = async {
        while send.write_all(&frame(TEXT, b"and another thing")).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let (story, ()) = tokio::join!(echo_until_closed(connection), talk);
    assert_eq!(story.messages, []);
    assert_eq!(start.elapsed().as_secs(), 5);
    assert_eq!(receive.read_u8().await.ok(), Some(0x88));
}

#[tokio::test(start_paused = true)]
async fn a_close_goes_out_behind_what_was_queued_and_its_answer_ends_the_connection() {
    let (mut client, mut connection) = pipe(1024, &Options::default());
    connection.queue(server_frame::text(b"last words")).expect("there is room");
    connection.close(Code::new(4000).expect("an application's code"), "drain");
    assert_eq!(connection.queue(server_frame::text(b"late")), Err(QueueError::Closing));
    assert!(connection.is_closing());
    let start = Instant::now();
    client.write_all(&close(4000)).await.expect("room");
    let story = echo_until_closed(connection).await;
    assert!(matches!(story.closed, Closed::Local { code, answered: true } if code.get() == 4000));
    assert_eq!(start.elapsed().as_secs(), 0);
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.expect("a pipe does not fail");
    let expected = [server_frame::text(b"last words"), server_frame::close(Code::new(4000).expect("valid"), "drain")];
    assert_eq!(received, expected.concat());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_cannot_hold_a_closing_connection() {
    let (_client, mut connection) = pipe(16, &Options::default());
    connection.queue(server_frame::binary(&[0; 1000])).expect("there is room");
    connection.close(Code::NORMAL, "");
    let start = Instant::now();
    let story = echo_until_closed(connection).await;
    assert!(matches!(story.closed, Closed::Local { answered: false, .. }));
    assert_eq!(start.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn after_a_violation_the_rest_is_read_and_ignored_until_the_peer_leaves() {
    let stream = [frame(TEXT, b"\xff"), frame(TEXT, b"ignored"), vec![0xFF; 100_000]].concat();
    let (story, received) = converse(&Options::default(), &stream).await;
    assert!(matches!(story.closed, Closed::Violation(Violation::InvalidUtf8)));
    assert_eq!(story.messages, []);
    assert_eq!(received[2..4], 1007_u16.to_be_bytes());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_without_a_close_frame_is_reported() {
    let (mut client, connection) = pipe(1024, &Options::default());
    client.write_all(&frame(TEXT, b"hi")[..3]).await.expect("room");
    drop(client);
    let closed = echo_until_closed(connection).await.closed;
    assert!(matches!(closed, Closed::Disconnected));
    assert_eq!(closed.code(), Code::ABNORMAL);
}
