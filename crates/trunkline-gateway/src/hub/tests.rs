//! What connections are told, whenever they have their turns, and what is kept for them.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use trunkline_core::log::Head;
use trunkline_protocol::{Envelope, Wire};

use super::*;

/// A run's log, of which everything is published as it is appended.
struct Log {
    hub: Hub,
    channel: ChannelKey,
    head: Head,
}

impl Log {
    fn new() -> Self {
        let (metrics, _) = Metrics::new();
        Self { hub: Hub::for_tests(&metrics), channel: ChannelKey::run("default", "r"), head: Head::new(1) }
    }

    fn append(&mut self, seals: bool) -> Record {
        let record = self.next(seals);
        self.hub.appended(&self.channel, std::slice::from_ref(&record));
        record
    }

    /// A record that is not published yet.
    fn next(&mut self, seals: bool) -> Record {
        let event = trunkline_protocol::Envelope::new("run_event");
        self.head.append(record::data(RecordKind::Event, &event), seals, None, 0).unwrap()
    }
}

#[test]
fn a_run_that_ends_while_its_log_is_read_is_read_to_its_end() {
    let mut log = Log::new();
    let subscriber = Subscriber::for_tests(Wire::json(Dialect::Native));
    log.hub.attach(&log.channel, &subscriber, Priority::Interactive, None);
    let first = log.append(false);
    subscriber.outbox().push_read(&log.channel, &first, |_| Some(Frame::Own(Bytes::new())));
    let end = log.append(true);
    assert!(!log.hub.caught_up(&log.channel, &subscriber), "the end was published since the log was read");
    assert!(subscriber.outbox().wanted().is_some());
    subscriber.outbox().push_read(&log.channel, &end, |_| Some(Frame::Own(Bytes::new())));
    log.hub.detach(&log.channel, &subscriber);
    assert!(log.hub.shard(&log.channel).is_empty(), "nothing of the run is left behind");
}

#[test]
fn live_listeners_of_a_run_that_ended_are_forgotten() {
    let mut log = Log::new();
    let subscriber = Subscriber::for_tests(Wire::json(Dialect::Native));
    let session = ChannelKey::session("default", "s");
    log.hub.attach(&session, &subscriber, Priority::Interactive, None);
    log.hub.attach_with(&log.channel, &subscriber, |outbox| outbox.attach_new_run(log.channel.clone(), &session));
    log.append(true);
    assert!(!log.hub.shard(&log.channel).contains_key(&log.channel));
    assert!(!subscriber.outbox().is_attached(&log.channel));
}

#[test]
fn nobody_is_told_of_a_run_that_finds_no_place() {
    for _ in 0..300 {
        let (metrics, _) = Metrics::new();
        let (hub, subscriber) = (Hub::for_tests(&metrics), Subscriber::for_tests(Wire::json(Dialect::Native)));
        let sessions = ["s", "t", "u"].map(|id| ChannelKey::session("default", id));
        for session in &sessions {
            hub.attach_new(session, None, &subscriber);
        }
        for number in 1..outbox::CHANNELS_MAX {
            subscriber.outbox().attach_new_run(ChannelKey::run("default", &number.to_string()), &sessions[0]);
        }
        // One place is left, and each of these wants it at the same time.
        std::thread::scope(|scope| {
            for session in &sessions {
                let run = format!("of-{}", session.id());
                let start = Envelope { run: Some(run.into()), ..Envelope::new("run_started") };
                let data = record::data(RecordKind::RunStarted, &start);
                let record = Head::new(1).append(data, false, None, 0).unwrap();
                let hub = &hub;
                scope.spawn(move || hub.appended(session, &[record]));
            }
        });
        let mut told = 0;
        subscriber.outbox().take(usize::MAX, |_| told += 1);
        assert_eq!(told, 1, "the others are read from their logs when there is a place");
        let runs = sessions.iter().map(|session| ChannelKey::run("default", &format!("of-{}", session.id())));
        assert_eq!(runs.filter(|run| hub.has_listeners(run)).count(), 1);
    }
}

fn state(content: &str) -> State {
    State::new("progress", "r", "s", content.as_bytes()).unwrap()
}

/// How many values of state a connection is told that attaches now.
fn told(log: &Log) -> usize {
    let subscriber = Subscriber::for_tests(Wire::json(Dialect::Native));
    log.hub.attach(&log.channel, &subscriber, Priority::Interactive, None);
    log.hub.caught_up(&log.channel, &subscriber);
    let mut told = 0;
    subscriber.outbox().take(usize::MAX, |_| told += 1);
    log.hub.detach(&log.channel, &subscriber);
    told
}

#[test]
fn state_that_nobody_listened_to_waits_for_whoever_attaches_and_is_gone_with_its_run() {
    let mut log = Log::new();
    log.hub.publish_latest(&log.channel, "progress/".to_owned(), state("1"));
    log.hub.publish_latest(&log.channel, "progress/".to_owned(), state("2"));
    assert_eq!((told(&log), told(&log)), (1, 1), "the newest value of each piece, to everyone");
    log.append(true);
    assert!(log.hub.shard(&log.channel).is_empty(), "nothing of the run is left behind");
    log.hub.publish_latest(&log.channel, "progress/".to_owned(), state("3"));
    log.hub.forget_latest(&log.channel);
    assert!(log.hub.shard(&log.channel).is_empty(), "also where its end was not published");
}

#[test]
fn state_that_is_kept_is_bounded_in_number_and_bytes() {
    let log = Log::new();
    for number in 0..LATEST_PER_CHANNEL_MAX + 3 {
        log.hub.publish_latest(&log.channel, number.to_string(), state("1"));
    }
    assert_eq!(told(&log), LATEST_PER_CHANNEL_MAX);
    let large = format!("\"{}\"", "x".repeat(LATEST_BYTES_PER_CHANNEL_MAX / 4 - 2));
    for number in 0..5 {
        log.hub.publish_latest(&log.channel, format!("large {number}"), state(&large));
    }
    assert_eq!(log.hub.shard(&log.channel)[&log.channel].latest.len(), 4, "the oldest went");
    assert_eq!(log.hub.metrics.latest_displaced.get(), 3 + 16 + 1);
}

/// One connection as its task would treat it, and the offsets that its client was told.
struct Reader {
    subscriber: Arc<Subscriber>,
    in_pages: bool,
    told: Vec<u64>,
}

impl Reader {
    fn attach(log: &Log, in_pages: bool) -> Self {
        let subscriber = Subscriber::for_tests(Wire::json(Dialect::Native));
        log.hub.attach(&log.channel, &subscriber, Priority::Interactive, None);
        Self { subscriber, in_pages, told: Vec::new() }
    }

    /// Has a turn, in which it writes about so many bytes. Says whether something of the log was read.
    fn turn(&mut self, log: &Log, records: &[Record], bytes: usize) -> bool {
        self.subscriber.looks_now();
        let (told, mut outbox) = (&mut self.told, self.subscriber.outbox());
        outbox.take(bytes, |frame| told.extend(offsets(&frame)));
        let wanted = outbox.wanted();
        drop(outbox);
        let Some(wanted) = wanted else { return false };
        if log.hub.bring_on(&wanted, &self.subscriber, bytes, self.in_pages) {
            return false;
        }
        let after = wanted.cursor.map_or(0, |cursor| cursor.offset);
        let mut is_over = false;
        for record in records.iter().filter(|record| record.position.offset > after).take(3) {
            let offset = Bytes::copy_from_slice(&record.position.offset.to_be_bytes());
            self.subscriber.outbox().push_read(&log.channel, record, |_| Some(Frame::Own(offset)));
            is_over = record.seals;
        }
        if is_over {
            log.hub.detach(&log.channel, &self.subscriber);
        } else if records.last().is_none_or(|top| top.position.offset <= after + 3) {
            log.hub.caught_up(&log.channel, &self.subscriber);
        }
        true
    }
}

fn offsets(frame: &Frame) -> Vec<u64> {
    let offset = |message: &Arc<Shared>| message.as_record().unwrap().position.offset;
    match frame {
        Frame::Own(read) | Frame::Read(read) => vec![u64::from_be_bytes(read[..].try_into().unwrap())],
        Frame::Shared(message, _) => vec![offset(message)],
        Frame::Page(page) => page.messages().iter().map(offset).collect(),
        Frame::Presence(_) => Vec::new(),
    }
}

proptest! {
    #[test]
    fn whoever_has_its_turn_when_is_told_everything_once_and_in_order(
        steps in vec((0..4_usize, 1..6_usize, 0..4_000_usize), 1..200),
        pages in vec(any::<bool>(), 4),
        budget in prop_oneof![Just(usize::MAX), Just(40 * 1024)],
    ) {
        let mut log = Log::new();
        log.hub.budget = Arc::new(Budget::new(budget));
        let mut readers: Vec<_> = pages.into_iter().map(|in_pages| Reader::attach(&log, in_pages)).collect();
        let mut records = Vec::new();
        for (reader, count, bytes) in steps {
            let news: Vec<_> = (0..count).map(|_| log.next(false)).collect();
            log.hub.appended(&log.channel, &news);
            records.extend(news);
            readers[reader].turn(&log, &records, bytes);
        }
        let end = log.next(true);
        log.hub.appended(&log.channel, std::slice::from_ref(&end));
        records.push(end);
        let all: Vec<_> = (1..=records.len() as u64).collect();
        for reader in &mut readers {
            // Each turn brings it on by one record at least.
            for _ in 0..2 * records.len() {
                reader.turn(&log, &records, 2_000);
            }
            prop_assert_eq!(&reader.told, &all);
        }
        prop_assert!(log.hub.shard(&log.channel).is_empty(), "nothing of the run is left behind");
    }
}

#[test]
fn those_who_have_their_turns_after_a_burst_are_written_one_page() {
    let mut log = Log::new();
    let mut readers: Vec<_> = (0..3).map(|_| Reader::attach(&log, true)).collect();
    for reader in &mut readers {
        reader.turn(&log, &[], 1);
    }
    for _ in 0..10 {
        log.append(false);
    }
    let pages: Vec<_> = readers
        .iter()
        .map(|reader| {
            let subscriber = &reader.subscriber;
            subscriber.looks_now();
            let wanted = subscriber.outbox().wanted().expect("all but the first are to be fetched");
            assert!(log.hub.bring_on(&wanted, subscriber, usize::MAX, true));
            assert!(subscriber.outbox().is_live(&log.channel));
            let mut frames = Vec::new();
            subscriber.outbox().take(usize::MAX, |frame| frames.push(frame));
            let [Frame::Shared(..), Frame::Page(page)] = &frames[..] else { panic!("{frames:?}") };
            Arc::clone(page)
        })
        .collect();
    assert_eq!(pages[0].messages().len(), 9);
    assert!(pages.iter().all(|page| Arc::ptr_eq(page, &pages[0])), "the same for all");
    assert!(log.hub.shard(&log.channel)[&log.channel].recent.is_none(), "nobody needs it any more");
}

#[test]
fn nothing_is_kept_for_one_who_listens_alone() {
    let mut log = Log::new();
    let _reader = Reader::attach(&log, true);
    log.append(false);
    assert!(log.hub.shard(&log.channel)[&log.channel].recent.is_none());
}

#[test]
fn what_is_kept_goes_when_nobody_can_use_it_or_connections_need_the_memory() {
    let kept = |log: &Log| log.hub.shard(&log.channel)[&log.channel].recent.is_some();
    let publish = |log: &mut Log, count: usize| (0..count).for_each(|_| drop(log.append(false)));
    let mut log = Log::new();
    let readers = [Reader::attach(&log, true), Reader::attach(&log, true)];
    for reader in &readers {
        reader.subscriber.looks_now();
        log.hub.caught_up(&log.channel, &reader.subscriber);
    }
    publish(&mut log, 2);
    assert!(kept(&log), "both are about to have their turns");
    // One has its turns, and the other none any more.
    for _ in 0..20_000 {
        log.append(false);
        readers[0].subscriber.looks_now();
        readers[0].subscriber.outbox().take(usize::MAX, drop);
        let wanted = readers[0].subscriber.outbox().wanted();
        wanted.map(|wanted| log.hub.bring_on(&wanted, &readers[0].subscriber, usize::MAX, true));
    }
    assert!(!kept(&log), "who is further behind reads the log");

    let mut log = Log::new();
    log.hub.budget = Arc::new(Budget::new(1024 * 1024));
    let _readers = [Reader::attach(&log, true), Reader::attach(&log, true)];
    publish(&mut log, 2);
    assert!(kept(&log));
    let mut others = trunkline_core::budget::Share::new(Arc::clone(&log.hub.budget));
    others.hold(900 * 1024);
    publish(&mut log, 1);
    assert_eq!(log.hub.shard(&log.channel)[&log.channel].recent.as_ref().map(|recent| recent.bytes()), Some(0));
}

#[test]
fn state_is_told_once_however_often_messages_are_taken_later() {
    let mut log = Log::new();
    let readers = [Reader::attach(&log, true), Reader::attach(&log, true)];
    for reader in &readers {
        reader.subscriber.looks_now();
        log.hub.caught_up(&log.channel, &reader.subscriber);
    }
    log.hub.publish_latest(&log.channel, "progress/".to_owned(), state("1"));
    let mut told = 0;
    for _ in 0..5 {
        log.append(false);
        log.append(false);
        let subscriber = &readers[0].subscriber;
        subscriber.looks_now();
        let wanted = subscriber.outbox().wanted().expect("the second one is to be fetched");
        assert!(log.hub.bring_on(&wanted, subscriber, usize::MAX, true));
        let is_state = |frame: &Frame| matches!(frame, Frame::Shared(shared, _) if shared.as_record().is_none());
        subscriber.outbox().take(usize::MAX, |frame| told += usize::from(is_state(&frame)));
    }
    assert_eq!(told, 1);
}

#[test]
fn a_channel_does_not_wait_for_the_log_of_another() {
    let mut log = Log::new();
    let readers = [Reader::attach(&log, true), Reader::attach(&log, true)];
    for reader in &readers {
        reader.subscriber.looks_now();
        log.hub.caught_up(&log.channel, &reader.subscriber);
        let past = ChannelKey::run("default", "past");
        log.hub.attach(&past, &reader.subscriber, Priority::Bulk, None);
    }
    log.append(false);
    log.append(false);
    assert!(readers.iter().all(|reader| reader.subscriber.outbox().is_live(&log.channel)));
}
