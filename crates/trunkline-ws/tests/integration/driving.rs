//! The driver of an open connection: reading, writing, pings, deadlines, memory.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, advance},
};
use trunkline_ws::{
    Closed, Connection, Limits, Options, Violation, connection::QueueError, deflate::negotiate, frame as server_frame,
};

use crate::{
    splitting::Owned,
    wire::{BINARY, CONTINUATION, PING, TEXT, close, converse, echo_until_closed, fragment, frame, pipe, poll_once},
};

#[tokio::test(start_paused = true)]
async fn messages_are_answered_in_order_in_one_burst() {
    let stream = [frame(TEXT, b"one"), frame(PING, b"?"), frame(BINARY, b"two"), close(1000)].concat();
    let (story, received) = converse(&Options::default(), &stream).await;
    let expected = [
        server_frame::text(b"one"),
        server_frame::pong(b"?"),
        server_frame::binary(b"two"),
        server_frame::close(trunkline_ws::close::Code::NORMAL, ""),
    ];
    assert_eq!(received, expected.concat());
    assert_eq!(story.messages.len(), 4);
    assert!(matches!(story.closed, Closed::Peer { code: Some(code), .. } if code.get() == 1000));
}

#[tokio::test(start_paused = true)]
async fn what_came_with_the_handshake_is_read_first() {
    let (mut client, server) = tokio::io::duplex(1024);
    let (early, later) = ([frame(TEXT, b"ear"), frame(TEXT, b"ly")].concat(), close(1000));
    let connection = Connection::new(server, Bytes::from(early), &Options::default());
    client.write_all(&later).await.expect("room");
    let story = echo_until_closed(connection).await;
    assert_eq!(story.messages[..2], [Owned::Text("ear".into()), Owned::Text("ly".into())]);
}

#[tokio::test(start_paused = true)]
async fn dropping_drive_at_any_point_loses_nothing() {
    let (mut client, mut connection) = pipe(7, &Options::default());
    let sent: Vec<String> = (0..50).map(|number| format!("message {number}")).collect();
    let stream: Vec<u8> = sent.iter().flat_map(|text| frame(TEXT, text.as_bytes())).collect();
    let mut received = Vec::new();
    let mut echoed = Vec::new();
    let mut rest = &stream[..];
    let expected: Vec<u8> = sent.iter().flat_map(|text| server_frame::text(text.as_bytes())).collect();
    while echoed.len() < expected.len() {
        if let Some(written) = poll_once(client.write(rest)).await {
            rest = &rest[written.expect("a pipe does not fail")..];
        }
        let drive = connection.drive(|message, replies| {
            if let trunkline_ws::Message::Text(text) = message {
                received.push(text.to_owned());
                replies.push_text(text).expect("there is room");
            }
        });
        let _progress = poll_once(drive).await;
        let mut buffer = [0; 5];
        if let Some(count) = poll_once(client.read(&mut buffer)).await {
            echoed.extend_from_slice(&buffer[..count.expect("a pipe does not fail")]);
        }
    }
    assert_eq!(received, sent);
    assert_eq!(echoed, expected);
}

#[tokio::test(start_paused = true)]
async fn one_drive_reads_so_much_and_says_that_it_had_enough() {
    let deflate = negotiate([&HeaderValue::from_static("permessage-deflate")]);
    for (deflate, enough) in [(None, 256 << 10), (deflate, 16 << 10)] {
        let (mut client, mut connection) = pipe(1 << 20, &Options { deflate, ..Options::default() });
        let message = frame(BINARY, &[7; 1 << 10]);
        let sent = message.repeat(enough * 5 / 2 / message.len());
        client.write_all(&sent).await.expect("room");
        let mut reads = Vec::new();
        while let Some(activity) = poll_once(connection.drive(|_, _| {})).await {
            let activity = activity.expect("still open");
            reads.push((activity.bytes_read, activity.had_enough));
        }
        assert_eq!(reads, [(enough, true), (enough, true), (sent.len() - 2 * enough, false)], "{deflate:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn row_28_a_flood_of_pings_is_counted_and_answered_sparingly() {
    let flood: Vec<u8> = (0..10_000_u32).flat_map(|number| frame(PING, &number.to_be_bytes())).collect();
    let (story, received) = converse(&Options::default(), &[flood, close(1000)].concat()).await;
    assert_eq!(story.pings, 10_000);
    let pongs = received.len() / server_frame::pong(&[0; 4]).len();
    assert!((1..500).contains(&pongs), "{pongs} pongs");
    let latest = server_frame::pong(&9_999_u32.to_be_bytes());
    assert!(received.windows(latest.len()).any(|window| window == &latest[..]), "the latest ping is answered");
}

#[tokio::test(start_paused = true)]
async fn row_28_pongs_do_not_pile_up_for_a_peer_that_does_not_read() {
    let options = Options { queue_bytes: 1000, ..Options::default() };
    let (mut client, mut connection) = pipe(64, &options);
    for _ in 0..10_000 {
        client.write_all(&frame(PING, &[7; 40])).await.expect("the server reads");
        connection.drive(|_, _| {}).await.expect("still open");
        assert!(connection.queued_bytes() <= 1000 + 127);
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_stops_reading_is_reported() {
    let (_client, mut connection) = pipe(64, &Options::default());
    connection.queue(server_frame::binary(&[0; 1000])).expect("there is room");
    let start = Instant::now();
    let closed = loop {
        if let Err(closed) = connection.drive(|_, _| {}).await {
            break closed;
        }
    };
    assert!(matches!(closed, Closed::WriteStalled), "{closed:?}");
    assert_eq!(start.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_that_makes_progress_is_kept() {
    let (mut client, mut connection) = pipe(64, &Options::default());
    connection.queue(server_frame::binary(&[0; 1020])).expect("there is room");
    while connection.queued_bytes() > 0 {
        while poll_once(connection.drive(|_, _| {})).await.transpose().expect("kept").is_some() {}
        advance(Duration::from_secs(29)).await;
        client.read_exact(&mut [0; 64]).await.expect("something was written");
    }
}

#[tokio::test(start_paused = true)]
async fn the_write_queue_is_bounded() {
    let (_client, mut connection) = pipe(64, &Options { queue_bytes: 100, ..Options::default() });
    connection.queue(server_frame::binary(&[0; 200])).expect("one frame is always accepted");
    assert_eq!(connection.queue(server_frame::text(b"more")), Err(QueueError::Full));
    assert_eq!(connection.queued_bytes(), 204);
}

#[tokio::test(start_paused = true)]
async fn row_22_an_unfinished_message_times_out_in_silence() {
    let (mut client, connection) = pipe(1024, &Options::default());
    client.write_all(&fragment(TEXT, b"never")).await.expect("room");
    let start = Instant::now();
    let client = async {
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.expect("a pipe does not fail");
        drop(client);
        (received, start.elapsed())
    };
    let (story, (received, elapsed)) = tokio::join!(echo_until_closed(connection), client);
    assert!(matches!(story.closed, Closed::Violation(Violation::ReassemblyTimeout)));
    assert_eq!(received[2..4], 1008_u16.to_be_bytes());
    assert_eq!(elapsed.as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn row_30_limits_are_raised_on_a_live_connection() {
    let (mut client, mut connection) = pipe(1 << 20, &Options::default());
    let message = frame(BINARY, &vec![0; 17 << 10]);
    connection.set_limits(Limits::AUTHENTICATED);
    client.write_all(&message).await.expect("room");
    let activity = connection.drive(|_, _| {}).await.expect("within the limit");
    assert_eq!(activity.messages, 1);
    connection.set_limits(Limits::UNAUTHENTICATED);
    client.write_all(&message).await.expect("room");
    client.shutdown().await.expect("a pipe does not fail");
    assert!(matches!(echo_until_closed(connection).await.closed, Closed::Violation(Violation::MessageTooBig)));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_while_reading_is_paused() {
    let (mut client, mut connection) = pipe(1024, &Options::default());
    client.write_all(&frame(TEXT, b"wait")).await.expect("room");
    connection.pause_reading();
    assert!(poll_once(connection.drive(|_, _| panic!("paused"))).await.is_none());
    connection.resume_reading();
    assert_eq!(connection.drive(|_, _| {}).await.expect("open").messages, 1);
}

#[tokio::test(start_paused = true)]
async fn only_time_spent_paused_is_forgiven_to_an_unfinished_message() {
    let (mut client, mut connection) = pipe(1024, &Options::default());
    client.write_all(&fragment(TEXT, b"slow")).await.expect("room");
    connection.drive(|_, _| {}).await.expect("open");
    connection.pause_reading();
    advance(Duration::from_mins(1)).await;
    connection.resume_reading();
    assert!(poll_once(connection.drive(|_, _| {})).await.is_none());
    advance(Duration::from_secs(9)).await;
    connection.resume_reading();
    advance(Duration::from_secs(1)).await;
    connection.drive(|_, _| {}).await.expect("the close frame has yet to be written");
    assert!(connection.is_closing());
}

#[tokio::test(start_paused = true)]
async fn any_frame_is_a_sign_of_life() {
    let (mut client, mut connection) = pipe(1024, &Options::default());
    advance(Duration::from_secs(20)).await;
    client.write_all(&frame(crate::wire::PONG, b"")).await.expect("room");
    let activity = connection.drive(|_, _| {}).await.expect("open");
    assert_eq!((activity.messages, activity.pings), (0, 0));
    assert!(activity.bytes_read > 0);
    assert_eq!(connection.last_received(), Instant::now());
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_owns_no_buffer() {
    let (mut client, mut connection) = pipe(1000, &Options { limits: Limits::AUTHENTICATED, ..Options::default() });
    let half = vec![b'a'; 50_000];
    let message = [fragment(TEXT, &half), frame(PING, &[1; 125]), frame(CONTINUATION, &half)].concat();
    let mut held_most = 0;
    let serve = async {
        let mut echoed = 0;
        while echoed < 1 || connection.queued_bytes() > 0 {
            let activity = connection.drive(|message, replies| {
                if let trunkline_ws::Message::Text(text) = message {
                    replies.push_text(text).expect("there is room");
                }
            });
            echoed += activity.await.expect("open").messages;
            held_most = held_most.max(connection.buffered_bytes());
        }
    };
    let converse = async {
        client.write_all(&message).await.expect("the server reads");
        client.read_exact(&mut vec![0; 127 + 10 + 100_000]).await.expect("pong and echo");
    };
    tokio::join!(serve, converse);
    assert!(held_most >= 100_000, "{held_most}");
    assert_eq!(connection.buffered_bytes(), 0);
}

#[test]
fn a_connection_is_small() {
    let bytes = size_of::<Connection<TcpStream>>();
    assert!(bytes <= 400, "{bytes} bytes");
}
