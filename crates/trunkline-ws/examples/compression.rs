//! `cargo run --release -p trunkline-ws --example compression`: what compression costs and saves.
//!
//! Prints, for JSON texts of several lengths, the length that is sent and the processor time per message: taking one in
//! and making a frame of one, plain and compressed. Every time is that of the fastest of some rounds, which is the one
//! that others on the machine disturbed least. The corpus is made up: events of an agent, in random words.

use std::{
    fmt::Write as _,
    hint::black_box,
    time::{Duration, Instant},
};

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress};
use http::HeaderValue;
use tokio::io::DuplexStream;
use trunkline_ws::{
    Burst, Connection, Decoder, Limits, Options,
    deflate::{WindowBits, negotiate},
    frame,
};

const ROUNDS: usize = 50;

/// How long one round is to take, roughly.
const ROUND: Duration = Duration::from_millis(5);

const WORDS: &str = "the gateway keeps the order of messages and a worker streams its answer over one connection while \
    clients read slowly or come back with a position so that nothing is lost between them when a process ends and another \
    one goes on with the table of results that the model asked for because where it stopped was written down before";

fn main() {
    println!(
        "| text | sent plain | sent compressed | ratio of level 6 | in plain | in compressed | out plain | out compressed |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for bytes in [200, 512, 1024, 4 << 10, 64 << 10] {
        let text = json(bytes);
        let compressed = deflate(&text);
        let sent = frame::compressed_text(&text, WindowBits::MAX);
        println!(
            "| {bytes} | {} | {} | {} | {} | {} | {} | {} |",
            frame::text(&text).len(),
            sent.as_ref().map_or("as it is".to_owned(), |frame| frame.len().to_string()),
            ratio(bytes, compressed.len()),
            micros(receiving(&masked(0x81, &text))),
            micros(receiving(&masked(0xC1, &compressed))),
            micros(measure(|| drop(black_box(frame::text(black_box(&text)))))),
            micros(measure(|| drop(black_box(frame::compressed_text(black_box(&text), WindowBits::MAX))))),
        );
    }
    println!("\nA connection is {} bytes; idle, it holds beside them:", size_of::<Connection<DuplexStream>>());
    for (name, agreed) in [("without compression", false), ("with compression, after a message", true)] {
        println!("- {name}: {} bytes", idle_bytes(agreed));
    }
}

/// What a connection holds that has received a message and waits for the next.
fn idle_bytes(agreed: bool) -> usize {
    let deflate = negotiate([&HeaderValue::from_static("permessage-deflate")]).filter(|_| agreed);
    let text = json(4 << 10);
    let message = if agreed { masked(0xC1, &self::deflate(&text)) } else { masked(0x81, &text) };
    let options = Options { deflate, ..Options::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let (_client, server) = tokio::io::duplex(1);
        let mut connection = Connection::new(server, Bytes::from(message), &options);
        let activity = connection.drive(|_, _| {}).await.expect("open");
        assert_eq!(activity.messages, 1);
        connection.buffered_bytes()
    })
}

/// Taking in one message that lies whole in a burst.
fn receiving(message: &[u8]) -> Duration {
    let mut decoder = Decoder::new(Limits::AUTHENTICATED);
    decoder.accept_deflate();
    let mut buffer = message.to_vec();
    let now = Instant::now();
    measure(|| {
        buffer.copy_from_slice(message);
        let mut burst = Burst::new(&mut buffer);
        while let Some(message) = decoder.next(&mut burst, now).expect("a good message") {
            black_box(message);
        }
    })
}

fn measure(mut work: impl FnMut()) -> Duration {
    let start = Instant::now();
    let mut times = 0_u32;
    while start.elapsed() < ROUND {
        work();
        times += 1;
    }
    let rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        (0..times).for_each(|_| work());
        start.elapsed() / times
    });
    rounds.min().unwrap_or_default()
}

fn micros(time: Duration) -> String {
    format!("{:.2} µs", time.as_secs_f64() * 1e6)
}

/// How many times smaller, to a hundredth.
fn ratio(plain: usize, compressed: usize) -> String {
    let hundredths = 100 * plain / compressed;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// As a browser compresses: level 6.
fn deflate(text: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(text.len() + 100);
    Compress::new(Compression::new(6), false)
        .compress_vec(text, &mut payload, FlushCompress::Sync)
        .expect("there is room");
    payload.truncate(payload.len() - 4);
    payload
}

/// A client's frame.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x11, 0x22, 0x33, 0xC4];
    let mut frame = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ 0..126), _) => frame.push(0x80 | length),
        (_, Ok(length)) => {
            frame.push(0xFE);
            frame.extend(length.to_be_bytes());
        }
        _ => {
            frame.push(0xFF);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// A message with a list of events, exactly `bytes` long.
fn json(bytes: usize) -> Vec<u8> {
    let words: Vec<_> = WORDS.split_whitespace().collect();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut text = String::from(r#"{"type":"progress","position":"e1:4711:9f3c","seq":12,"payload":{"events":["#);
    while text.len() < bytes {
        let id = random();
        write!(text, r#"{{"id":{},"kind":"text","text":""#, id % 1_000_000).expect("text takes text");
        for _ in 0..12 {
            let at = usize::try_from(random() % words.len() as u64).expect("a small number");
            write!(text, "{} ", words[at]).expect("text takes text");
        }
        text.push_str(r#""},"#);
    }
    text.truncate(bytes - 4);
    text.push_str("\"]}}");
    text.into_bytes()
}
