//! A log, a connection that reads at random, and an outbox between them: whatever happens, the client gets
//! every record once and in order, and the outbox stays within its bounds.

use proptest::prelude::*;

use super::*;
use crate::log::Head;

fn frame(bytes: usize) -> Bytes {
    Bytes::from(vec![b'x'; bytes])
}

fn channel(name: &str) -> ChannelKey {
    ChannelKey::run("realm", name)
}

/// Attaches the channel of a run that has no record yet.
fn attach_new(outbox: &mut Outbox<Bytes>, channel: ChannelKey) -> bool {
    outbox.add(channel, None, Priority::Interactive, Delivery::Live, None)
}

/// A channel's log with everything ever appended.
struct Log {
    channel: ChannelKey,
    head: Head,
    records: Vec<Record>,
}

impl Log {
    fn new(name: &str) -> Self {
        Self { channel: channel(name), head: Head::new(1), records: Vec::new() }
    }

    fn append(&mut self, bytes: usize, seals: bool) -> Record {
        let record = self.head.append(frame(bytes), seals, None, 0).unwrap();
        self.records.push(record.clone());
        record
    }

    fn after(&self, cursor: Option<Position>, count: usize) -> &[Record] {
        let start = usize::try_from(cursor.map_or(0, |position| position.offset)).unwrap();
        &self.records[start..self.records.len().min(start + count)]
    }
}

/// The frame of a record is its data with the channel's number and its offset, so that the client can check it.
fn render(number: usize, record: &Record) -> Bytes {
    let mut out = vec![u8::try_from(number).unwrap()];
    out.extend_from_slice(&record.position.offset.to_be_bytes());
    out.extend_from_slice(&record.data);
    out.into()
}

#[derive(Clone, Debug)]
enum Step {
    Append { log: usize, bytes: usize },
    Read { count: usize },
    Take { bytes: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0_usize..3, prop_oneof![1_usize..200, 30_000_usize..70_000]).prop_map(|(log, bytes)| Step::Append { log, bytes }),
        2 => (1_usize..6).prop_map(|count| Step::Read { count }),
        3 => (1_usize..100_000).prop_map(|bytes| Step::Take { bytes }),
    ];
    proptest::collection::vec(step, 0..120)
}

struct World {
    outbox: Outbox<Bytes>,
    logs: Vec<Log>,
    received: Vec<Vec<u64>>,
}

impl World {
    fn new() -> Self {
        let logs: Vec<_> = ["a", "b", "c"].into_iter().map(Log::new).collect();
        let mut outbox: Outbox<Bytes> = Outbox::default();
        attach_new(&mut outbox, logs[0].channel.clone());
        outbox.attach(logs[1].channel.clone(), Priority::Interactive, None);
        outbox.attach(logs[2].channel.clone(), Priority::Bulk, None);
        Self { outbox, received: vec![Vec::new(); logs.len()], logs }
    }

    fn append(&mut self, log: usize, bytes: usize) {
        let record = self.logs[log].append(bytes, false);
        let channel = self.logs[log].channel.clone();
        self.outbox.offer(&channel, std::slice::from_ref(&record), |_, _| Some(render(log, &record)));
    }

    fn read(&mut self, count: usize) {
        let Some(Wanted { channel, cursor, .. }) = self.outbox.wanted() else { return };
        let number = self.logs.iter().position(|log| log.channel == channel).unwrap();
        let page = self.logs[number].after(cursor, count).to_vec();
        for record in &page {
            self.outbox.push_read(&channel, record, |_| Some(render(number, record)));
        }
        if page.last().is_none_or(|record| record.position == self.logs[number].head.top) {
            let top = self.logs[number].head.top;
            assert!(self.outbox.caught_up(&channel, Some(top)));
        }
    }

    fn take(&mut self, bytes: usize) {
        let received = &mut self.received;
        self.outbox.take(bytes, |frame| {
            let offset = u64::from_be_bytes(frame[1..9].try_into().unwrap());
            received[usize::from(frame[0])].push(offset);
        });
    }
}

proptest! {
    #[test]
    fn every_record_once_and_in_order(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            match step {
                Step::Append { log, bytes } => world.append(log, bytes),
                Step::Read { count } => world.read(count),
                Step::Take { bytes } => world.take(bytes),
            }
            prop_assert!(world.outbox.bytes() <= QUEUE_BYTES_MAX + READ_BELOW_BYTES + 6 * 70_100);
        }
        for _ in 0..1000 {
            world.read(4);
            world.take(usize::MAX);
        }
        for (log, received) in world.logs.iter().zip(&world.received) {
            let expected: Vec<_> = (1..=log.head.top.offset).collect();
            prop_assert_eq!(received, &expected);
            let sent = world.outbox.positions().find(|(key, _)| **key == log.channel).map(|(_, position)| position);
            prop_assert_eq!(sent, (log.head.top.offset > 0).then_some(log.head.top), "a heartbeat tells what was sent");
        }
    }
}

#[test]
fn control_comes_before_everything_and_is_bounded() {
    let mut world = World::new();
    world.append(0, 100);
    world.outbox.push_control(Bytes::from_static(b"pong")).unwrap();
    let mut first = None;
    world.outbox.take(1, |frame| first = Some(frame));
    assert_eq!(first.as_deref(), Some(&b"pong"[..]));
    world.outbox.push_control(frame(CONTROL_BYTES_MAX)).unwrap();
    assert_eq!(world.outbox.push_control(frame(1)), Err(ControlFull));
}

#[test]
fn bulk_gets_its_share_and_no_more() {
    let mut outbox: Outbox<Bytes> = Outbox::default();
    let (mut live, mut past) = (Log::new("live"), Log::new("past"));
    attach_new(&mut outbox, live.channel.clone());
    outbox.attach(past.channel.clone(), Priority::Bulk, None);
    for _ in 0..90 {
        let record = past.append(100, false);
        outbox.push_read(&past.channel, &record, |_| Some(Bytes::from(vec![b'b'; 100])));
        let record = live.append(100, false);
        outbox.offer(&live.channel, &[record], |_, _| Some(Bytes::from(vec![b'i'; 100])));
    }
    let mut order = String::new();
    outbox.take(9_000, |frame| order.push(char::from(frame[0])));
    assert_eq!(order.matches('b').count(), 10, "{order}");
    assert!(!order.contains("bb"), "{order}");
}

#[test]
fn a_record_that_does_not_follow_is_read_from_the_log() {
    let mut outbox: Outbox<Bytes> = Outbox::default();
    let mut log = Log::new("a");
    attach_new(&mut outbox, log.channel.clone());
    log.append(1, false);
    let second = log.append(1, false);
    assert_eq!(outbox.offer(&log.channel, &[second], |_, _| Some(frame(1))), Offer::FellBehind);
    assert_eq!(outbox.wanted(), Some(Wanted { channel: log.channel.clone(), cursor: None, attachment: Slot(1) }));
    assert!(!outbox.caught_up(&log.channel, Some(log.head.top)), "a read that missed what was published goes on");
}

#[test]
fn the_end_of_a_channel_detaches_it_and_its_newest_state_comes_before() {
    let mut outbox: Outbox<Bytes> = Outbox::default();
    let mut log = Log::new("a");
    attach_new(&mut outbox, log.channel.clone());
    outbox.push_latest(&log.channel, "progress", Bytes::from_static(b"1"));
    outbox.push_latest(&log.channel, "progress", Bytes::from_static(b"2"));
    let end = log.append(1, true);
    outbox.offer(&log.channel, &[end], |_, _| Some(Bytes::from_static(b"end")));
    outbox.push_latest(&log.channel, "progress", Bytes::from_static(b"3"));
    let mut written = Vec::new();
    outbox.take(usize::MAX, |frame| written.push(frame));
    assert_eq!(written, [Bytes::from_static(b"2"), Bytes::from_static(b"end")]);
    assert_eq!(outbox.close(), []);
}

#[test]
fn a_log_that_never_ends_does_not_keep_others_from_being_read() {
    let mut outbox: Outbox<Bytes> = Outbox::default();
    for name in ["a", "b", "c"] {
        outbox.attach(channel(name), Priority::Interactive, None);
    }
    outbox.attach(channel("past"), Priority::Bulk, None);
    let mut order = Vec::new();
    for _ in 0..4 {
        order.push(outbox.wanted().unwrap().channel);
    }
    assert_eq!(order, ["a", "b", "c", "a"].map(channel));
    outbox.detach(&channel("a"));
    assert_eq!(outbox.wanted().unwrap().channel, channel("b"));
}

#[test]
fn a_session_waits_while_its_runs_cannot_be_attached() {
    let mut outbox: Outbox<Bytes> = Outbox::default();
    let session = ChannelKey::session("realm", "s");
    outbox.attach(session.clone(), Priority::Interactive, None);
    for number in 1..=CHANNELS_MAX {
        assert!(outbox.attach(channel(&number.to_string()), Priority::Bulk, None));
    }
    assert!(!outbox.attach(channel("one more"), Priority::Bulk, None));
    assert_eq!(outbox.bring_run(channel("one more"), &session, Priority::Bulk), Brought::NoPlace);
    assert_eq!(outbox.bring_run(channel("1"), &session, Priority::Bulk), Brought::Known);
    assert_eq!(outbox.wanted().map(|wanted| wanted.channel), Some(channel("1")));
    outbox.detach(&channel("1"));
    assert_eq!(outbox.wanted().map(|wanted| wanted.channel), Some(session));
}

#[test]
fn what_a_client_asks_for_and_its_runs_have_room_of_their_own() {
    let mut outbox: Outbox<Bytes> = Outbox::default();
    let topic = |number: usize| ChannelKey::topic("realm", &number.to_string()).unwrap();
    let session = ChannelKey::session("realm", "s");
    assert!(outbox.attach(session.clone(), Priority::Interactive, None));
    for number in 1..CHANNELS_MAX {
        assert!(outbox.attach(topic(number), Priority::Interactive, None));
    }
    assert!(!outbox.attach(topic(CHANNELS_MAX), Priority::Interactive, None));
    for number in 0..CHANNELS_MAX {
        assert!(outbox.attach_new_run(channel(&number.to_string()), &session));
    }
    assert!(!outbox.attach_new_run(channel("one more"), &session));
    assert!(!outbox.can_attach(ChannelKind::Topic) && !outbox.can_attach(ChannelKind::Run));
    outbox.detach(&topic(1));
    assert!(outbox.can_attach(ChannelKind::User) && !outbox.can_attach(ChannelKind::Run));
}

#[test]
fn a_run_comes_with_its_session_only() {
    let mut outbox: Outbox<Bytes> = Outbox::default();
    let sessions = ["s", "t"].map(|id| ChannelKey::session("realm", id));
    assert!(!outbox.attach_new_run(channel("a"), &sessions[0]), "its session was detached meanwhile");
    for (session, run) in sessions.iter().zip(["a", "b"]) {
        outbox.attach(session.clone(), Priority::Interactive, None);
        assert!(outbox.attach_run(channel(run), session, Priority::Bulk, None));
    }
    assert_eq!(outbox.runs_of(&sessions[1]), [channel("b")]);
}

#[test]
fn a_closed_outbox_takes_nothing_more() {
    let mut outbox: Outbox<Bytes> = Outbox::default();
    let mut log = Log::new("a");
    attach_new(&mut outbox, log.channel.clone());
    assert_eq!(outbox.close(), [log.channel.clone()]);
    assert!(!attach_new(&mut outbox, log.channel.clone()));
    let record = log.append(1, false);
    assert_eq!(outbox.offer(&log.channel, &[record], |_, _| Some(frame(1))), Offer::Ignored);
    assert_eq!(outbox.push_control(frame(1)), Ok(()));
    assert!(outbox.is_empty());
}

#[test]
fn latest_state_is_bounded_and_does_not_push_records_out() {
    let mut outbox: Outbox<Bytes> = Outbox::default();
    let mut log = Log::new("a");
    attach_new(&mut outbox, log.channel.clone());
    for key in 0..100 {
        outbox.push_latest(&log.channel, &key.to_string(), frame(LATEST_BYTES_MAX / 4));
    }
    assert!(outbox.bytes() <= LATEST_BYTES_MAX);
    let record = log.append(1, false);
    assert_eq!(outbox.offer(&log.channel, &[record], |_, _| Some(frame(QUEUE_BYTES_MAX))), Offer::Queued);
}

#[test]
fn a_record_that_a_client_does_not_see_takes_its_place_and_counts_as_a_piece_only_if_it_is_text() {
    let mut log = Log::new("r");
    let mut outbox: Outbox<Bytes> = Outbox::default();
    attach_new(&mut outbox, log.channel.clone());
    let mut pieces = Vec::new();
    let kinds = [RecordKind::Text, RecordKind::Event, RecordKind::Text, RecordKind::Text];
    for kind in kinds {
        let data = crate::record::data(kind, &trunkline_protocol::Envelope::new("x"));
        let record = log.head.append(data, false, None, 0).unwrap();
        let offer = outbox.offer(&log.channel, std::slice::from_ref(&record), |_, before| {
            pieces.push(before);
            (kind == RecordKind::Text).then(|| frame(1))
        });
        assert_eq!(offer, if kind == RecordKind::Text { Offer::Queued } else { Offer::Passed });
    }
    assert_eq!(pieces, [0, 1, 1, 2]);
    let mut frames = 0;
    outbox.take(usize::MAX, |_| frames += 1);
    assert_eq!(frames, 3);
    assert_eq!(outbox.positions().next().unwrap().1, log.head.top);
}

#[test]
fn what_was_read_before_a_channel_was_attached_again_is_not_for_it() {
    let mut outbox: Outbox<Bytes> = Outbox::default();
    let mut log = Log::new("a");
    let first = log.append(1, false);
    outbox.attach(log.channel.clone(), Priority::Interactive, Some(first.position));
    let before = outbox.wanted().unwrap();
    assert!(outbox.still_wants(&before));
    outbox.detach(&log.channel);
    assert!(!outbox.still_wants(&before));
    outbox.attach(log.channel.clone(), Priority::Interactive, None);
    assert!(!outbox.still_wants(&before), "its page would leave out what the client asks for now");
    let wanted = outbox.wanted().unwrap();
    assert!(outbox.still_wants(&wanted));
}

/// A session, and what is sent of it: `s` is one of its records, everything else as it is called.
struct Conversation {
    outbox: Outbox<Bytes>,
    session: Log,
}

impl Conversation {
    fn new() -> Self {
        let mut session = Log::new("s");
        session.channel = ChannelKey::session("realm", "s");
        let mut outbox = Outbox::default();
        outbox.attach(session.channel.clone(), Priority::Interactive, None);
        Self { outbox, session }
    }

    fn notice(&mut self, name: &'static str) {
        self.outbox.push_notice(&self.session.channel, Bytes::from_static(name.as_bytes()));
    }

    fn say(&mut self) {
        let record = self.session.append(1, false);
        self.outbox.push_read(&self.session.channel, &record, |_| Some(Bytes::from_static(b"s")));
    }

    fn tell(&mut self, run: &mut Log, name: &'static str, seals: bool) {
        let record = run.append(1, seals);
        self.outbox.push_read(&run.channel, &record, |_| Some(Bytes::from_static(name.as_bytes())));
    }

    fn written(&mut self) -> String {
        let mut written = Vec::new();
        self.outbox.take(usize::MAX, |frame| written.extend_from_slice(&frame));
        String::from_utf8(written).unwrap()
    }
}

#[test]
fn a_run_that_was_told_before_its_session_tells_of_it_is_not_told_again() {
    // Whether the session is told anew, before or after the run was told to its end.
    let cases = [(false, false, Brought::Known), (true, false, Brought::Known), (false, true, Brought::Attached)];
    for (before, after, brought) in cases {
        let mut at = Conversation::new();
        let (mut run, session) = (Log::new("a"), at.session.channel.clone());
        assert!(at.outbox.attach_run(run.channel.clone(), &session, Priority::Interactive, None));
        for (is_reset, tells) in [(before, true), (after, false)] {
            if is_reset {
                at.outbox.rewind(&session);
                at.notice("reset");
            }
            if tells {
                at.tell(&mut run, "a", true);
            }
        }
        assert_eq!(at.outbox.bring_run(run.channel.clone(), &session, Priority::Interactive), brought);
    }
}

#[test]
fn a_run_that_goes_on_while_its_session_is_told_anew_is_told_once() {
    let mut at = Conversation::new();
    let (mut run, session) = (Log::new("a"), at.session.channel.clone());
    assert_eq!(at.outbox.bring_run(run.channel.clone(), &session, Priority::Bulk), Brought::Attached);
    at.tell(&mut run, "a", false);
    at.outbox.rewind(&session);
    at.notice("reset");
    at.tell(&mut run, "b", true);
    assert_eq!(at.outbox.bring_run(run.channel.clone(), &session, Priority::Bulk), Brought::Known);
    assert_eq!(at.outbox.bring_run(run.channel.clone(), &session, Priority::Bulk), Brought::Attached, "another reset");
}

#[test]
fn a_run_of_the_past_is_behind_what_its_session_was_told_before() {
    let mut at = Conversation::new();
    let (mut run, session) = (Log::new("a"), at.session.channel.clone());
    at.notice("(attached)");
    assert!(at.outbox.attach_run(run.channel.clone(), &session, Priority::Bulk, None));
    at.tell(&mut run, "a", false);
    (0..20).for_each(|_| at.say());
    at.tell(&mut run, "b", true);
    (0..20).for_each(|_| at.say());
    // By weight alone it would be the first, and its end the second.
    assert_eq!(at.written(), format!("(attached)a{0}b{0}", "s".repeat(20)));
}

#[test]
fn where_a_session_goes_on_anew_is_told_behind_what_was_queued_of_its_runs() {
    let mut at = Conversation::new();
    let (mut run, session) = (Log::new("a"), at.session.channel.clone());
    assert!(at.outbox.attach_run(run.channel.clone(), &session, Priority::Bulk, None));
    for _ in 0..3 {
        at.say();
        at.tell(&mut run, "a", false);
    }
    at.tell(&mut run, "b", true);
    at.notice("(reset)");
    at.say();
    let written = at.written();
    assert!(written.ends_with("(reset)s"), "{written}");
    assert_eq!(written.matches(['a', 'b']).collect::<String>(), "aaab");
}

#[test]
fn what_is_made_when_it_is_written_waits_once_holds_nothing_and_has_half_of_what_is_taken() {
    let mut outbox: Outbox<Bytes> = Outbox::default();
    let mut log = Log::new("a");
    attach_new(&mut outbox, log.channel.clone());
    let due = [Bytes::from_static(b"1"), Bytes::from_static(b"2")];
    for _ in 0..3 {
        (1..).zip(&due).for_each(|(key, frame)| outbox.push_due(key, frame.clone()));
    }
    outbox.push_due(3, frame(1));
    outbox.forget_due(3);
    assert!(outbox.bytes() == 0 && !outbox.is_empty());
    let mut order = Vec::new();
    for _ in 0..24 {
        let record = log.append(8 * 1024, false);
        outbox.offer(&log.channel, &[record], |_, _| Some(frame(8 * 1024)));
    }
    outbox.push_control(Bytes::from_static(b"c")).unwrap();
    while !outbox.is_empty() {
        let before = order.len();
        outbox.take(20 * 1024, |frame| order.push(char::from(frame[0])));
        let takes_one = order[before..].iter().position(char::is_ascii_digit);
        assert!(
            takes_one.is_none_or(|index| before + index + 1 == order.len()),
            "nothing is taken behind it: {order:?}"
        );
    }
    let order: String = order.into_iter().collect();
    assert_eq!(order, format!("c{0}1{0}2{0}", "x".repeat(8)), "each had its turn, while much was waiting");
    outbox.push_due(1, frame(1));
    outbox.close();
    outbox.push_due(1, frame(1));
    assert!(outbox.is_empty());
}
