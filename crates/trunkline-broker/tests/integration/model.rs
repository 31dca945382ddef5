//! Random histories on each implementation, compared with the simplest model that can be
//! thought of: lists of everything that was ever written.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::future::join_all;
use proptest::prelude::*;
use trunkline_broker::{
    Append, BrokerError, Committed, Duplicate, Expect, Idempotency, Op, Options, Put, Refusal, Written,
};
use trunkline_core::channel::ChannelKey;
use trunkline_core::log::{AppendRefused, Record, ResetReason, Retention};
use trunkline_protocol::Position;

use crate::support::{Kind, World, batch, channel};

const RETENTION: Retention = Retention { records_max: 5, bytes_max: 40 };
const IDEMPOTENCY_MS: u64 = 1_000;

/// Stands for a tag that the model does not know.
const UNKNOWN: u64 = 0;

#[derive(Clone, Debug)]
enum Action {
    /// Batches that are committed without waiting in between, so that they are written in groups.
    Commit(Vec<Vec<Step>>),
    Read {
        channel: u8,
        cursor: Cursor,
        bytes_max: usize,
    },
    List {
        prefix: bool,
        after: Option<u8>,
        count_max: usize,
    },
    Advance(u64),
    Sweep,
    Reopen,
}

/// An operation, by small numbers.
#[derive(Clone, Debug)]
enum Step {
    Open {
        channel: u8,
        unique: Option<u8>,
    },
    Append {
        channel: u8,
        length: usize,
        expected: Option<Believed>,
        seals: bool,
        key: Option<(u8, u8)>,
    },
    Put {
        key: u8,
        value: u8,
        expect: Expected,
        keep_ms: Option<u64>,
    },
    Delete {
        key: u8,
    },
    /// `expected`: the channel's top, or another place.
    Remove {
        channel: u8,
        expected: Option<Removed>,
    },
}

/// What a writer believes to be the top.
#[derive(Clone, Copy, Debug)]
enum Believed {
    Rightly,
    Offset(u64),
}

/// What somebody who removes a channel believes to be its top.
#[derive(Clone, Copy, Debug)]
enum Removed {
    Rightly,
    At(Position),
}

#[derive(Clone, Copy, Debug)]
enum Expected {
    Anything,
    Absent,
    Value(u8),
}

/// Where a reader believes to be.
#[derive(Clone, Copy, Debug)]
enum Cursor {
    Nowhere,
    /// A position that was given out at some time.
    Seen(prop::sample::Index),
    /// One with another tag.
    Forged(prop::sample::Index),
    /// One after the top.
    Ahead(u64),
}

fn removed() -> impl Strategy<Value = Removed> {
    let elsewhere = Position { epoch: 1, offset: 99, tag: 1 };
    prop_oneof![3 => Just(Removed::Rightly), 1 => Just(Removed::At(elsewhere))]
}

fn step() -> impl Strategy<Value = Step> {
    let key = prop::option::weighted(0.3, (0..3_u8, 0..2_u8));
    let expected = prop::option::weighted(
        0.3,
        prop_oneof![3 => Just(Believed::Rightly), 1 => (0..4_u64).prop_map(Believed::Offset)],
    );
    let expect = prop_oneof![Just(Expected::Anything), Just(Expected::Absent), (0..3_u8).prop_map(Expected::Value)];
    prop_oneof![
        2 => (0..3_u8, prop::option::of(0..2_u8)).prop_map(|(channel, unique)| Step::Open { channel, unique }),
        8 => (0..3_u8, 0..16_usize, expected, prop::bool::weighted(0.03), key).prop_map(
            |(channel, length, expected, seals, key)| Step::Append { channel, length, expected, seals, key }
        ),
        3 => (0..4_u8, 0..3_u8, expect, prop::option::of(0..2_000_u64))
            .prop_map(|(key, value, expect, keep_ms)| Step::Put { key, value, expect, keep_ms }),
        1 => (0..4_u8).prop_map(|key| Step::Delete { key }),
        1 => (0..3_u8, prop::option::of(removed())).prop_map(|(channel, expected)| Step::Remove { channel, expected }),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let batches = prop::collection::vec(prop::collection::vec(step(), 0..4), 1..6);
    let cursor = prop_oneof![
        2 => Just(Cursor::Nowhere),
        5 => any::<prop::sample::Index>().prop_map(Cursor::Seen),
        1 => any::<prop::sample::Index>().prop_map(Cursor::Forged),
        1 => (1..3_u64).prop_map(Cursor::Ahead),
    ];
    prop_oneof![
        8 => batches.prop_map(Action::Commit),
        6 => (0..3_u8, cursor, 0..50_usize)
            .prop_map(|(channel, cursor, bytes_max)| Action::Read { channel, cursor, bytes_max }),
        2 => (any::<bool>(), prop::option::of(0..4_u8), 0..4_usize)
            .prop_map(|(prefix, after, count_max)| Action::List { prefix, after, count_max }),
        2 => (1..1_500_u64).prop_map(Action::Advance),
        1 => Just(Action::Sweep),
        1 => Just(Action::Reopen),
    ]
}

/// Everything that was ever written.
#[derive(Default)]
struct Model {
    channels: BTreeMap<u8, Life>,
    remembered: BTreeMap<(u8, u64, u8), (Position, u8, u64)>,
    values: BTreeMap<String, (u8, Option<u64>)>,
    /// Every position that was given out, by channel.
    seen: BTreeMap<u8, Vec<Position>>,
}

/// One life of a channel.
#[derive(Clone, Default)]
struct Life {
    /// Known from the first record or head that shows it.
    epoch: Option<u64>,
    /// What it was opened with.
    digest: Option<u8>,
    records: Vec<Record>,
    /// Number of records that are trimmed.
    trimmed: usize,
}

impl Life {
    fn top(&self) -> Option<Position> {
        let epoch = self.epoch?;
        Some(self.records.last().map_or(Position::start(epoch), |record| record.position))
    }

    fn sealed(&self) -> bool {
        self.records.last().is_some_and(|record| record.seals)
    }

    fn retained(&self) -> &[Record] {
        &self.records[self.trimmed..]
    }

    fn exceeds(&self, records_max: u64, bytes_max: u64) -> bool {
        let bytes: usize = self.retained().iter().map(|record| record.data.len()).sum();
        self.retained().len() > 1 && (self.retained().len() as u64 > records_max || bytes as u64 > bytes_max)
    }

    fn trim(&mut self) {
        let slack = |limit: u64| limit + limit / 16;
        if self.exceeds(slack(RETENTION.records_max), slack(RETENTION.bytes_max)) {
            while self.exceeds(RETENTION.records_max, RETENTION.bytes_max) {
                self.trimmed += 1;
            }
        }
    }
}

impl Model {
    /// What a batch should have done, learning from the answer only what cannot be known: epochs and tags.
    fn commit(&mut self, steps: &[Step], now_ms: u64, answer: &Result<Committed, BrokerError>) {
        let (channels, remembered) = (self.channels.clone(), self.remembered.clone());
        let (values, seen) = (self.values.clone(), self.seen.clone());
        for (index, step) in steps.iter().enumerate() {
            let written = answer.as_ref().ok().map(|committed| committed.written[index]);
            if let Err(refusal) = self.step(step, now_ms, written) {
                assert_refused(answer, index, &refusal);
                (self.channels, self.remembered, self.values, self.seen) = (channels, remembered, values, seen);
                return;
            }
        }
        assert_eq!(answer.as_ref().map(|committed| committed.written.len()), Ok(steps.len()));
    }

    fn step(&mut self, step: &Step, now_ms: u64, written: Option<Written>) -> Result<(), Refusal> {
        match step {
            Step::Open { channel, unique } => match (self.channels.get(channel), unique) {
                (None, _) => {
                    self.channels.insert(*channel, Life { digest: *unique, ..Life::default() });
                }
                (Some(_), None) => {}
                (Some(life), Some(_)) => return Err(Refusal::Exists { same_content: life.digest == *unique }),
            },
            Step::Remove { channel, expected } => {
                let top = self.channels.get(channel).map(|life| life.top().unwrap_or(Position::start(0)));
                if let (Some(top), Some(Removed::At(expected))) = (top, expected)
                    && top != *expected
                {
                    return Err(AppendRefused::Conflict { top }.into());
                }
                self.channels.remove(channel);
            }
            Step::Delete { key } => drop(self.values.remove(&key_name(*key))),
            Step::Put { key, value, expect, keep_ms } => {
                let current = self.value(&key_name(*key), now_ms);
                let met = match expect {
                    Expected::Anything => true,
                    Expected::Absent => current.is_none(),
                    Expected::Value(expected) => current == Some(*expected),
                };
                if !met {
                    return Err(Refusal::Value(current.map(value_bytes)));
                }
                self.values.insert(key_name(*key), (*value, keep_ms.map(|keep_ms| now_ms + keep_ms)));
            }
            Step::Append { channel, length, seals, key, .. } => {
                self.append((*channel, *length, *seals, *key), expected_offset(step, self), now_ms, written)?;
            }
        }
        Ok(())
    }

    fn append(
        &mut self,
        (channel, length, seals, key): (u8, usize, bool, Option<(u8, u8)>),
        expected: Option<u64>,
        now_ms: u64,
        written: Option<Written>,
    ) -> Result<(), Refusal> {
        let mut life = self.channels.get(&channel).cloned().unwrap_or_default();
        let epoch = life.epoch.unwrap_or_default();
        let first = key.and_then(|(key, digest)| Some((self.remembered.get(&(channel, epoch, key))?, digest)));
        if let Some((&(position, digest, expires_ms), given)) = first
            && now_ms < expires_ms
        {
            return Err(Refusal::Duplicate(Duplicate { position, same_content: digest == given }));
        }
        if life.sealed() {
            return Err(AppendRefused::Sealed.into());
        }
        if expected.is_some_and(|expected| expected != life.records.len() as u64) {
            return Err(AppendRefused::Conflict { top: life.top().unwrap_or(Position::start(0)) }.into());
        }
        let position = match written {
            Some(Written::Appended(position)) => position,
            // The batch is refused further on, and all this will be undone.
            _ => Position { epoch, offset: life.records.len() as u64 + 1, tag: UNKNOWN },
        };
        let epoch = *life.epoch.get_or_insert(position.epoch);
        let previous = life.top().unwrap();
        assert_eq!((position.epoch, position.offset), (epoch, previous.offset + 1));
        life.records.push(Record { position, previous, accepted_ms: now_ms, seals, data: data_of(length) });
        life.trim();
        self.channels.insert(channel, life);
        self.seen.entry(channel).or_default().extend([previous, position]);
        if let Some((key, digest)) = key {
            self.remembered.insert((channel, epoch, key), (position, digest, now_ms + IDEMPOTENCY_MS));
        }
        Ok(())
    }

    fn value(&self, key: &str, now_ms: u64) -> Option<u8> {
        let (value, expires_ms) = self.values.get(key)?;
        expires_ms.is_none_or(|expires_ms| now_ms < expires_ms).then_some(*value)
    }

    /// The verdict on a cursor, and what follows it.
    fn read(&self, channel: u8, cursor: Option<Position>) -> Result<&[Record], ResetReason> {
        let life = self.channels.get(&channel).ok_or(ResetReason::Unknown)?;
        let Some(cursor) = cursor else { return Ok(life.retained()) };
        let top = life.top().ok_or(ResetReason::EpochChanged)?;
        if cursor.epoch != top.epoch {
            return Err(ResetReason::EpochChanged);
        }
        let offset = usize::try_from(cursor.offset).unwrap();
        if offset > life.records.len() {
            return Err(ResetReason::Forked);
        }
        if offset < life.trimmed {
            return Err(ResetReason::TooFar);
        }
        let start = Position::start(top.epoch);
        let there = offset.checked_sub(1).map_or(start, |index| life.records[index].position);
        if there == cursor { Ok(&life.records[offset..]) } else { Err(ResetReason::Forked) }
    }
}

fn assert_refused(answer: &Result<Committed, BrokerError>, index: usize, refusal: &Refusal) {
    let Err(BrokerError::Refused { index: at, refusal: given }) = answer else {
        panic!("step {index} should be refused with {refusal:?}, but: {answer:?}");
    };
    assert_eq!(*at, index);
    match (given, refusal) {
        (Refusal::Append(AppendRefused::Conflict { top: given }), Refusal::Append(AppendRefused::Conflict { top })) => {
            assert_place(*given, *top);
        }
        (Refusal::Duplicate(given), Refusal::Duplicate(duplicate)) => {
            assert_eq!(given.same_content, duplicate.same_content);
            assert_place(given.position, duplicate.position);
        }
        _ => assert_eq!(given, refusal),
    }
}

/// Of a record in the refused batch itself, and of the start, the model knows the offset alone.
fn assert_place(given: Position, expected: Position) {
    assert_eq!(given.offset, expected.offset);
    if expected.tag != UNKNOWN {
        assert_eq!(given, expected);
    }
}

fn expected_offset(step: &Step, model: &Model) -> Option<u64> {
    match step {
        Step::Append { channel, expected: Some(Believed::Rightly), .. } => {
            Some(model.channels.get(channel).map_or(0, |life| life.records.len() as u64))
        }
        Step::Append { expected: Some(Believed::Offset(offset)), .. } => Some(*offset),
        _ => None,
    }
}

fn key_name(key: u8) -> String {
    format!("acme/{}/{key}", ["a", "b"][usize::from(key % 2)])
}

fn value_bytes(value: u8) -> Bytes {
    vec![value; 3].into()
}

fn data_of(length: usize) -> Bytes {
    vec![b'x'; length].into()
}

fn name_of(number: u8) -> ChannelKey {
    channel(&format!("r{number}"))
}

/// The operation that a step stands for.
fn op_of(step: &Step, model: &Model) -> Op {
    match step {
        Step::Open { channel, unique } => {
            Op::Open { channel: name_of(*channel), unique: unique.map(|digest| [digest; 16]) }
        }
        Step::Remove { channel, expected } => {
            let expected = expected.and_then(|expected| match expected {
                Removed::At(position) => Some(position),
                Removed::Rightly => None,
            });
            Op::Remove { channel: name_of(*channel), expected }
        }
        Step::Delete { key } => Op::Delete { key: key_name(*key) },
        Step::Put { key, value, expect, keep_ms } => {
            let expect = match expect {
                Expected::Anything => Expect::Anything,
                Expected::Absent => Expect::Absent,
                Expected::Value(value) => Expect::Value(value_bytes(*value)),
            };
            Op::Put(Put { key: key_name(*key), value: value_bytes(*value), expect, keep_ms: *keep_ms })
        }
        Step::Append { channel, length, seals, key, .. } => Op::Append(Append {
            channel: name_of(*channel),
            data: data_of(*length),
            expected: expected_offset(step, model),
            seals: *seals,
            idempotency: key.map(|(key, digest)| Idempotency { key: key.to_string(), digest: [digest; 16] }),
            retention: None,
        }),
    }
}

/// Fixes what a writer believes before the batches go out together.
fn settle(batches: Vec<Vec<Step>>, model: &Model) -> Vec<Vec<Step>> {
    let settle_step = |mut step: Step| {
        let believed = expected_offset(&step, model);
        match &mut step {
            Step::Append { expected, .. } => *expected = believed.map(Believed::Offset),
            Step::Remove { channel, expected: expected @ Some(Removed::Rightly) } => {
                *expected = model.channels.get(channel).and_then(Life::top).map(Removed::At);
            }
            _ => {}
        }
        step
    };
    batches.into_iter().map(|steps| steps.into_iter().map(settle_step).collect()).collect()
}

async fn act(action: Action, world: &mut World, model: &mut Model) {
    match action {
        Action::Commit(batches) => {
            let batches = settle(batches, model);
            let ops = batches.iter().map(|steps| steps.iter().map(|step| op_of(step, model)).collect::<Vec<_>>());
            let answers: Vec<_> = ops.map(|ops| world.broker().commit(batch(ops))).collect();
            for (steps, answer) in batches.iter().zip(join_all(answers).await) {
                model.commit(steps, world.now_ms(), &answer);
            }
            learn_epochs(world, model).await;
        }
        Action::Read { channel, cursor, bytes_max } => read(world, model, channel, cursor, bytes_max).await,
        Action::List { prefix, after, count_max } => list(world, model, prefix, after, count_max).await,
        Action::Advance(milliseconds) => world.advance(milliseconds),
        Action::Sweep => world.sweep().await,
        Action::Reopen => world.reopen(),
    }
}

/// The epoch of a channel that was opened but not written to is told by its head alone.
async fn learn_epochs(world: &World, model: &mut Model) {
    for number in 0..3 {
        let head = world.broker().head(&name_of(number)).await.unwrap();
        let Some(life) = model.channels.get_mut(&number) else {
            assert_eq!(head, None);
            continue;
        };
        let head = head.unwrap();
        life.epoch.get_or_insert(head.top.epoch);
        assert_eq!(Some(head.top), life.top());
        assert_eq!(head.retained(), life.retained().len() as u64);
        assert_eq!(head.bytes, life.retained().iter().map(|record| record.data.len() as u64).sum::<u64>());
        assert_eq!(head.sealed, life.sealed());
        assert!(!life.exceeds(RETENTION.records_max, RETENTION.bytes_max + RETENTION.bytes_max / 16));
    }
}

fn pick(model: &Model, channel: u8, cursor: Cursor) -> Option<Position> {
    let seen = model.seen.get(&channel).filter(|seen| !seen.is_empty())?;
    match cursor {
        Cursor::Nowhere => None,
        Cursor::Seen(index) => Some(*index.get(seen)),
        Cursor::Forged(index) => Some(*index.get(seen)).map(|position| Position { tag: !position.tag, ..position }),
        Cursor::Ahead(by) => seen.last().map(|last| Position { offset: last.offset + by, ..*last }),
    }
}

async fn read(world: &World, model: &Model, number: u8, cursor: Cursor, bytes_max: usize) {
    let cursor = pick(model, number, cursor);
    let answer = world.broker().read(&name_of(number), cursor, bytes_max).await.unwrap();
    let expected = model.read(number, cursor);
    let page = match (answer, expected) {
        (Ok(page), Ok(expected)) => {
            assert_eq!(page.records, expected[..page.records.len()]);
            assert_eq!(page.records.is_empty(), expected.is_empty());
            let missed = &expected[page.records.len()..];
            let bytes: usize = page.records.iter().map(|record| record.data.len()).sum();
            assert!(bytes <= bytes_max || page.records.len() == 1);
            assert!(missed.first().is_none_or(|next| bytes + next.data.len() > bytes_max));
            page
        }
        (answer, expected) => {
            assert_eq!(answer.err(), expected.err());
            return;
        }
    };
    assert_eq!(Some(page.head.top), model.channels[&number].top());
}

async fn list(world: &World, model: &Model, prefix: bool, after: Option<u8>, count_max: usize) {
    let prefix = if prefix { "acme/a" } else { "acme/" };
    let after = after.map(key_name);
    let found = world.broker().list(prefix, after.as_deref(), count_max).await.unwrap();
    let now_ms = world.now_ms();
    let expected = model.values.keys().filter(|key| key.starts_with(prefix) && Some(*key) > after.as_ref());
    let expected = expected.filter_map(|key| Some((key.clone(), value_bytes(model.value(key, now_ms)?))));
    assert_eq!(found, expected.take(count_max).collect::<Vec<_>>());
    for number in 0..4 {
        let got = world.broker().get(&key_name(number)).await.unwrap();
        assert_eq!(got, model.value(&key_name(number), now_ms).map(value_bytes));
    }
}

/// The listener heard every record of a channel, in order; `seen` has each one once.
fn check_listener(world: &World, model: &Model) {
    for number in 0..3 {
        let heard = world.recorder.heard();
        let heard = heard.iter().filter(|(name, _)| *name == name_of(number)).map(|(_, record)| record.position);
        let seen = model.seen.get(&number).into_iter().flatten().copied();
        let mut given: Vec<_> = seen.filter(|position| position.offset > 0).collect();
        // Each position was seen as a record's own, and perhaps as the next one's previous.
        given.dedup();
        assert_eq!(heard.collect::<Vec<_>>(), given);
    }
}

fn check(kind: Kind, heads_cached_max: usize, actions: Vec<Action>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let options = Options {
            retention: RETENTION,
            idempotency: std::time::Duration::from_millis(IDEMPOTENCY_MS),
            heads_cached_max,
            ..Options::default()
        };
        let mut world = World::new(kind, options);
        let mut model = Model::default();
        for action in actions {
            act(action, &mut world, &mut model).await;
        }
        check_listener(&world, &model);
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_memory_broker_is_the_model(actions in prop::collection::vec(action(), 1..40)) {
        check(Kind::Memory, 0, actions);
    }
}

proptest! {
    // Each opens a store on disk, and most open it several times.
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_embedded_broker_is_the_model(
        // With so few in memory, most states are read from disk.
        heads_cached_max in prop_oneof![Just(1_usize), Just(100)],
        actions in prop::collection::vec(action(), 1..60),
    ) {
        check(Kind::Embedded, heads_cached_max, actions);
    }
}
