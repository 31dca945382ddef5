//! What a worker prints, as events of the gateway's log.
//!
//! The rules are plain code: lines and the time go in, events come out. A line that is indented belongs to the one before
//! it, and a Python traceback is one event, together with the log line or the exception that it follows. The time at the
//! beginning of a line is left out: the event has one. Knows nothing of processes.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::Instant;
use tracing::Level;

use crate::bridge::Bridge;

/// The longest line that is taken as one, in bytes; a longer one is taken in pieces.
const LINE_BYTES_MAX: usize = 8 * 1024;
/// The longest event in bytes, plus one line; what follows is a further event.
const EVENT_BYTES_MAX: usize = 32 * 1024;
/// How long an event waits for lines that belong to it.
const EVENT_WAIT: Duration = Duration::from_millis(100);
/// The most events that one stream of a worker may log in a second. Further ones are counted, and dropped: a worker that
/// is made to wait for the log could not do its work, and one that prints without end would fill the disk.
const EVENTS_PER_SECOND_MAX: u32 = 200;

const TRACEBACK: &str = "Traceback (most recent call last):";
/// What stands between the tracebacks of two exceptions that belong together.
const LINKS: [&str; 2] = ["During handling of the above exception, ", "The above exception was the direct cause "];

/// Which of its two outputs a worker prints on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    const fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }

    /// The level of a line that does not name one.
    const fn level(self) -> Level {
        match self {
            Self::Stdout => Level::INFO,
            Self::Stderr => Level::WARN,
        }
    }
}

/// Logs what a worker prints, until it ends.
pub(super) async fn log_output(mut output: impl AsyncRead + Unpin, worker: String, stream: Stream, bridge: Bridge) {
    let mut log = Log { worker, stream, bridge, allowance: Allowance::new(Instant::now()) };
    let mut events = Events::new(stream);
    let mut line = Vec::new();
    let mut read = vec![0; LINE_BYTES_MAX];
    loop {
        let waits = events.is_waiting() || log.allowance.dropped > 0;
        let next = tokio::select! {
            next = output.read(&mut read) => Some(next),
            () = tokio::time::sleep(EVENT_WAIT), if waits => None,
        };
        let count = match next {
            Some(Ok(0)) => break,
            Some(Ok(count)) => count,
            Some(Err(error)) => {
                tracing::warn!(worker = log.worker, stream = stream.name(), %error, "a worker's output could not be read");
                break;
            }
            None => {
                log.write(events.take());
                continue;
            }
        };
        for byte in &read[..count] {
            if *byte != b'\n' {
                line.push(*byte);
            }
            if *byte == b'\n' || line.len() == LINE_BYTES_MAX {
                log.write(events.line(&String::from_utf8_lossy(&line)));
                line.clear();
            }
        }
    }
    log.write(events.line(&String::from_utf8_lossy(&line)));
    log.write(events.take());
}

/// The gateway's log, as far as one stream of one worker may use it.
struct Log {
    worker: String,
    stream: Stream,
    /// Whose metrics count what is dropped.
    bridge: Bridge,
    allowance: Allowance,
}

impl Log {
    fn write(&mut self, event: Option<Event>) {
        let now = Instant::now();
        let (worker, stream) = (self.worker.as_str(), self.stream.name());
        if let Some(events) = self.allowance.dropped_until(now) {
            self.bridge.metrics().output_dropped.add(events);
            tracing::warn!(worker, stream, events, "a worker printed too much; a part is not logged");
        }
        let Some(Event { level, text }) = event.filter(|_| self.allowance.admits()) else { return };
        if level == Level::ERROR {
            tracing::error!(worker, stream, %text, "worker output");
        } else if level == Level::WARN {
            tracing::warn!(worker, stream, %text, "worker output");
        } else {
            tracing::info!(worker, stream, %text, "worker output");
        }
    }
}

/// How many events may still be logged in this second.
#[derive(Debug)]
struct Allowance {
    second: Instant,
    left: u32,
    dropped: u64,
}

impl Allowance {
    fn new(now: Instant) -> Self {
        Self { second: now, left: EVENTS_PER_SECOND_MAX, dropped: 0 }
    }

    /// What was dropped in a second that is over.
    fn dropped_until(&mut self, now: Instant) -> Option<u64> {
        if now.duration_since(self.second) < Duration::from_secs(1) {
            return None;
        }
        let dropped = std::mem::replace(self, Self::new(now)).dropped;
        (dropped > 0).then_some(dropped)
    }

    /// Whether one event more may be logged; one that may not is counted.
    fn admits(&mut self) -> bool {
        let admits = self.left > 0;
        self.left = self.left.saturating_sub(1);
        self.dropped += u64::from(!admits);
        admits
    }
}

/// One event of the log.
#[derive(Debug, PartialEq, Eq)]
struct Event {
    level: Level,
    /// One line or several, all but the first of them indented, so that none can pass for an event of its own.
    text: String,
}

/// Where in a traceback the last line stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In none.
    Outside,
    /// Before the line with the exception.
    Within,
    /// On that line or after it.
    Exception,
}

/// Puts lines together to events.
#[derive(Debug)]
struct Events {
    stream: Stream,
    /// Further lines may belong to it.
    waiting: Option<Event>,
    place: Place,
}

impl Events {
    const fn new(stream: Stream) -> Self {
        Self { stream, waiting: None, place: Place::Outside }
    }

    const fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Takes a line in, and gives the event that is complete with it. An empty line says nothing.
    fn line(&mut self, line: &str) -> Option<Event> {
        let line = line.trim_end();
        if line.is_empty() {
            return None;
        }
        let belongs = self.belongs(line);
        self.place = match self.place {
            _ if line == TRACEBACK => Place::Within,
            place if line.starts_with([' ', '\t']) => place,
            Place::Within => Place::Exception,
            _ => Place::Outside,
        };
        match &mut self.waiting {
            Some(event) if belongs && event.text.len() < EVENT_BYTES_MAX => {
                event.text.push_str("\n  ");
                push_printable(&mut event.text, line);
                None
            }
            waiting => {
                let level = waiting.as_ref().filter(|_| belongs).map(|event| event.level);
                let mut text = String::new();
                push_printable(&mut text, without_time(line));
                waiting.replace(Event { level: level.unwrap_or_else(|| level_of(line, self.stream)), text })
            }
        }
    }

    /// Gives the event to which no line was added for a while.
    fn take(&mut self) -> Option<Event> {
        self.place = Place::Outside;
        self.waiting.take()
    }

    /// Whether a line belongs to the event that waits.
    fn belongs(&self, line: &str) -> bool {
        let Some(event) = &self.waiting else { return false };
        let is_link = LINKS.iter().any(|link| line.starts_with(link));
        line.starts_with([' ', '\t'])
            || match self.place {
                Place::Within => true,
                Place::Exception => is_link,
                // The line that told of the error, or one of the links.
                Place::Outside => line == TRACEBACK && event.level <= Level::WARN,
            }
    }
}

/// The level that a line names as loggers do: in capitals among its first words, or after the time, as the SDK does.
fn level_of(line: &str, stream: Stream) -> Level {
    let mut words = line.split_whitespace();
    let after_time = line.starts_with(|first: char| first.is_ascii_digit()).then(|| words.clone().nth(1)).flatten();
    let named = after_time.and_then(|word| level_named(&word.to_ascii_uppercase()));
    let named = named.or_else(|| words.by_ref().take(6).find_map(level_named));
    named.unwrap_or(stream.level())
}

/// A line without the date and time that it begins with: `2026-01-01T00:00:00.000Z` and what loggers write like it.
fn without_time(line: &str) -> &str {
    const FORM: &[u8] = b"0000-00-00T00:00:00";
    let fits = |(byte, form): (u8, &u8)| match form {
        b'0' => byte.is_ascii_digit(),
        b'T' => matches!(byte, b'T' | b' '),
        form => byte == *form,
    };
    if line.len() < FORM.len() || !line.bytes().zip(FORM).all(fits) {
        return line;
    }
    let rest = line[FORM.len()..].trim_start_matches(|part: char| part.is_ascii_digit() || ".,+:Z".contains(part));
    match rest.strip_prefix(' ') {
        Some(said) if !said.trim().is_empty() => said.trim_start(),
        _ => line,
    }
}

fn level_named(word: &str) -> Option<Level> {
    let word = word.trim_start_matches(|first: char| !first.is_ascii_alphabetic());
    let end = word.find(|next: char| !next.is_ascii_alphabetic()).unwrap_or(word.len());
    match &word[..end] {
        // The worker's own setting has let it through.
        "TRACE" | "DEBUG" | "INFO" | "NOTICE" => Some(Level::INFO),
        "WARN" | "WARNING" => Some(Level::WARN),
        "ERROR" | "CRITICAL" | "FATAL" => Some(Level::ERROR),
        _ => None,
    }
}

/// Adds a line without anything that moves the cursor or ends the line.
fn push_printable(text: &mut String, line: &str) {
    for character in line.chars() {
        if character.is_control() && character != '\t' {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is logged of these lines, the level before each event.
    fn logged(stream: Stream, lines: &str) -> String {
        let mut events = Events::new(stream);
        let mut complete: Vec<Event> = lines.lines().filter_map(|line| events.line(line)).collect();
        complete.extend(events.take());
        complete.into_iter().map(|Event { level, text }| format!("{level} {text}\n")).collect::<Vec<_>>().concat()
    }

    #[test]
    fn a_traceback_is_one_event_with_the_line_that_tells_of_it() {
        let printed = "\
2026-01-01T00:00:00.000Z info trunkline gateway connected
2026-01-01T00:00:00.001Z error trunkline handler failed run=r
Traceback (most recent call last):
  File \"a.py\", line 1, in a
    {}[\"x\"]
KeyError: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File \"a.py\", line 2, in a
ValueError: boom
2026-01-01T00:00:00.002Z info trunkline run failed
";
        let expected = "\
INFO info trunkline gateway connected
ERROR error trunkline handler failed run=r
  Traceback (most recent call last):
    File \"a.py\", line 1, in a
      {}[\"x\"]
  KeyError: 'x'
  During handling of the above exception, another exception occurred:
  Traceback (most recent call last):
    File \"a.py\", line 2, in a
  ValueError: boom
INFO info trunkline run failed
";
        assert_eq!(logged(Stream::Stderr, printed), expected);
    }

    #[test]
    fn tracebacks_that_do_not_belong_together_are_events_of_their_own() {
        let one = "Traceback (most recent call last):\n  File \"a.py\"\nValueError: boom\n";
        let event = "WARN Traceback (most recent call last):\n    File \"a.py\"\n  ValueError: boom\n";
        assert_eq!(logged(Stream::Stderr, &one.repeat(2)), event.repeat(2));
        assert_eq!(logged(Stream::Stderr, &format!("INFO starting\n{one}")), format!("INFO INFO starting\n{event}"));
    }

    #[test]
    fn a_line_has_the_level_that_it_names_or_that_of_its_stream() {
        for (line, stdout, stderr) in [
            ("hello", Level::INFO, Level::WARN),
            ("no error so far", Level::INFO, Level::WARN),
            ("ERROR:root:it failed", Level::ERROR, Level::ERROR),
            ("INFO:     Started server", Level::INFO, Level::INFO),
            ("2026-01-01 00:00:00,001 - app - WARNING - low", Level::WARN, Level::WARN),
            ("[DEBUG] detail", Level::INFO, Level::INFO),
            ("2026-01-01T00:00:00Z warning trunkline gateway away", Level::WARN, Level::WARN),
        ] {
            assert_eq!((level_of(line, Stream::Stdout), level_of(line, Stream::Stderr)), (stdout, stderr), "{line}");
        }
    }

    #[test]
    fn the_time_that_a_line_begins_with_is_left_out() {
        for (line, said) in [
            ("2026-01-01T00:00:00.000Z info trunkline hello", "info trunkline hello"),
            ("2026-01-01 00:00:00,001 - app - WARNING - low", "- app - WARNING - low"),
            ("2026-01-01T00:00:00+01:00 hello", "hello"),
            ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
            ("2026-01-01T00:00:00Zulu hello", "2026-01-01T00:00:00Zulu hello"),
            ("2026-01-01 is a day", "2026-01-01 is a day"),
            ("2026-01-01T00:00:0é hello", "2026-01-01T00:00:0é hello"),
            ("hello 2026-01-01T00:00:00Z", "hello 2026-01-01T00:00:00Z"),
        ] {
            assert_eq!(without_time(line), said, "{line}");
        }
    }

    #[test]
    fn an_event_is_bounded_and_no_line_can_pass_for_another_event() {
        let lines = "  indented\n".repeat(20_000);
        let mut events = Events::new(Stream::Stdout);
        let complete: Vec<Event> = lines.lines().filter_map(|line| events.line(line)).collect();
        assert!(complete.len() > 5 && complete.iter().all(|event| event.text.len() < 2 * EVENT_BYTES_MAX));
        assert_eq!(logged(Stream::Stdout, "a\x1b[2Jb\rc\n"), "INFO a\\u{1b}[2Jb\\rc\n");
    }

    #[test]
    fn what_a_worker_prints_beyond_its_share_is_counted() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        let admitted = (0..1_000).filter(|_| allowance.admits()).count();
        assert_eq!(admitted, 200);
        assert_eq!(allowance.dropped_until(start), None);
        let next = start + Duration::from_secs(1);
        assert_eq!(allowance.dropped_until(next), Some(800));
        assert!(allowance.admits());
        assert_eq!(allowance.dropped_until(next + Duration::from_secs(1)), None);
    }
}
