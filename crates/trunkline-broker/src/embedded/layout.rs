//! How keys and values are spelled on disk. Store format 2.
//!
//! | keyspace | key | value, after its version byte |
//! |---|---|---|
//! | lives | channel | epoch, digest if it was opened with one |
//! | records | channel, 0, epoch, offset | seals, tag, tag before, accepted, oldest retained offset, retained bytes, data |
//! | idempotency | channel, 0, epoch, key | offset, tag, digest, expires |
//! | values | key | expires, data |
//! | expiries | time, kind, key there | nothing |
//! | removals | channel, 0, epoch | first offset, offset after the last |
//!
//! Numbers are big-endian, so that keys sort by them. A channel's name has no control
//! character, so the 0 ends it. The epoch in a key keeps the lives of a channel apart: what a removed
//! one left behind is never seen by the next.
//!
//! Every value and idempotency key that expires has an expiry with that same time. An expiry with another time is
//! outdated: the key was set again or deleted since, for which nothing is read. The sweep tells them apart.
//!
//! A channel's state stands in its newest record: nothing but an append changes it, and the trimming that this causes is
//! done before the record is written. What an older record says of the channel is past.

use bytes::Bytes;
use trunkline_core::channel::ChannelKey;
use trunkline_core::log::{Head, Record};
use trunkline_protocol::Position;

use crate::rules::Span;
use crate::view::{IdempotencyKey, Life, Remembered, StoreError, Value};

/// The version of every stored value. To change one: read this and the next, write this one until told.
const VERSION: u8 = 2;

/// Stands for a value that does not expire.
const NEVER: u64 = u64::MAX;

/// Which keyspace an expiry belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiring {
    Value = 1,
    Idempotency = 2,
}

pub(super) fn life_prefix(channel: &ChannelKey, epoch: u64) -> Vec<u8> {
    let name = channel.as_str().as_bytes();
    // Room for an offset: most callers go on to add one.
    let mut key = Vec::with_capacity(name.len() + 17);
    key.extend_from_slice(name);
    key.push(0);
    key.extend_from_slice(&epoch.to_be_bytes());
    key
}

pub(super) fn record_key(channel: &ChannelKey, epoch: u64, offset: u64) -> Vec<u8> {
    let mut key = life_prefix(channel, epoch);
    key.extend_from_slice(&offset.to_be_bytes());
    key
}

pub(super) fn idempotency_key(key: &IdempotencyKey) -> Vec<u8> {
    let mut bytes = life_prefix(&key.channel, key.epoch);
    bytes.extend_from_slice(key.key.as_bytes());
    bytes
}

pub(super) fn expiry_key(expires_ms: u64, kind: Expiring, key: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(key.len() + 9);
    bytes.extend_from_slice(&expires_ms.to_be_bytes());
    bytes.push(kind as u8);
    bytes.extend_from_slice(key);
    bytes
}

pub(super) fn expiry_value() -> Vec<u8> {
    vec![VERSION]
}

/// The time, the kind and the key of what expires.
pub(super) fn parse_expiry_key(bytes: &[u8]) -> Result<(u64, Expiring, &[u8]), StoreError> {
    let mut fields = Fields { what: "expiry", rest: bytes };
    let expires_ms = fields.number()?;
    match fields.rest.split_first() {
        Some((1, key)) => Ok((expires_ms, Expiring::Value, key)),
        Some((2, key)) => Ok((expires_ms, Expiring::Idempotency, key)),
        _ => Err(corrupt("expiry")),
    }
}

pub(super) fn life_value(life: &Life) -> Vec<u8> {
    let digest = life.digest.as_ref().map_or(&[][..], |digest| digest);
    let mut bytes = versioned(&[life.epoch], digest.len());
    bytes.extend_from_slice(digest);
    bytes
}

pub(super) fn parse_life(bytes: &[u8]) -> Result<Life, StoreError> {
    let mut fields = Fields::of("life", bytes)?;
    let epoch = fields.number()?;
    let digest = match fields.rest {
        [] => None,
        digest => Some(digest.try_into().map_err(|_| corrupt("life"))?),
    };
    Ok(Life { epoch, digest })
}

/// `head` is the channel's state after this record.
pub(super) fn record_value(record: &Record, head: &Head) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(42 + record.data.len());
    bytes.extend_from_slice(&[VERSION, u8::from(record.seals)]);
    for number in [record.position.tag, record.previous.tag, record.accepted_ms, head.oldest, head.bytes] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes.extend_from_slice(&record.data);
    bytes
}

/// The record of this key and value. The data is copied: a slice would keep the whole block in memory.
pub(super) fn parse_record(key: &[u8], value: &[u8]) -> Result<Record, StoreError> {
    let StoredRecord { head, previous_tag, accepted_ms, data } = StoredRecord::parse(key, value)?;
    let position = head.top;
    let previous = Position { offset: position.offset - 1, tag: previous_tag, ..position };
    Ok(Record { position, previous, accepted_ms, seals: head.sealed, data: Bytes::copy_from_slice(data) })
}

/// The state of a channel after the record of this key and value.
pub(super) fn parse_head(key: &[u8], value: &[u8]) -> Result<Head, StoreError> {
    StoredRecord::parse(key, value).map(|stored| stored.head)
}

/// All that a record's key and value say.
struct StoredRecord<'a> {
    /// The channel after it; its offset is not 0.
    head: Head,
    previous_tag: u64,
    accepted_ms: u64,
    data: &'a [u8],
}

impl<'a> StoredRecord<'a> {
    fn parse(key: &[u8], value: &'a [u8]) -> Result<Self, StoreError> {
        let place = key.len().checked_sub(16).and_then(|start| key.get(start..));
        let mut place = Fields { what: "record", rest: place.unwrap_or_default() };
        let (epoch, offset) = (place.number()?, place.number()?);
        let mut fields = Fields::of("record", value)?;
        let sealed = fields.flag()?;
        let top = Position { epoch, offset, tag: fields.number()? };
        let (previous_tag, accepted_ms) = (fields.number()?, fields.number()?);
        let (oldest, bytes) = (fields.number()?, fields.number()?);
        // The newest record is always retained.
        if !(1..=offset).contains(&oldest) {
            return Err(corrupt("record"));
        }
        Ok(Self { head: Head { top, oldest, bytes, sealed }, previous_tag, accepted_ms, data: fields.rest })
    }
}

pub(super) fn remembered_value(remembered: &Remembered) -> Vec<u8> {
    let Position { epoch: _, offset, tag } = remembered.position;
    let mut bytes = versioned(&[offset, tag, remembered.expires_ms], 16);
    bytes.extend_from_slice(&remembered.digest);
    bytes
}

pub(super) fn remembered_expires_ms(bytes: &[u8]) -> Result<u64, StoreError> {
    parse_remembered(0, bytes).map(|remembered| remembered.expires_ms)
}

pub(super) fn parse_remembered(epoch: u64, bytes: &[u8]) -> Result<Remembered, StoreError> {
    let mut fields = Fields::of("idempotency key", bytes)?;
    let position = Position { epoch, offset: fields.number()?, tag: fields.number()? };
    let expires_ms = fields.number()?;
    let digest = fields.rest.try_into().map_err(|_| corrupt("idempotency key"))?;
    Ok(Remembered { position, digest, expires_ms })
}

pub(super) fn value_value(value: &Value) -> Vec<u8> {
    let mut bytes = versioned(&[value.expires_ms.unwrap_or(NEVER)], value.data.len());
    bytes.extend_from_slice(&value.data);
    bytes
}

pub(super) fn parse_value(bytes: &[u8]) -> Result<Value, StoreError> {
    let (expires_ms, data) = value_fields(bytes)?;
    Ok(Value { data: Bytes::copy_from_slice(data), expires_ms })
}

pub(super) fn value_expires_ms(bytes: &[u8]) -> Result<Option<u64>, StoreError> {
    value_fields(bytes).map(|(expires_ms, _)| expires_ms)
}

fn value_fields(bytes: &[u8]) -> Result<(Option<u64>, &[u8]), StoreError> {
    let mut fields = Fields::of("value", bytes)?;
    let expires_ms = Some(fields.number()?).filter(|expires_ms| *expires_ms != NEVER);
    Ok((expires_ms, fields.rest))
}

pub(super) fn removal_value(span: &Span) -> Vec<u8> {
    removal_rest(span.first, span.end)
}

/// What is left of a removal.
pub(super) fn removal_rest(first: u64, end: u64) -> Vec<u8> {
    versioned(&[first, end], 0)
}

pub(super) fn parse_removal(bytes: &[u8]) -> Result<(u64, u64), StoreError> {
    let mut fields = Fields::of("removal", bytes)?;
    Ok((fields.number()?, fields.number()?))
}

fn versioned(numbers: &[u64], room: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + 8 * numbers.len() + room);
    bytes.push(VERSION);
    for number in numbers {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes
}

fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt(format!("a {what} has an unknown form"))
}

/// Takes a stored value apart, from the front.
struct Fields<'a> {
    what: &'static str,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn of(what: &'static str, bytes: &'a [u8]) -> Result<Self, StoreError> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => Ok(Self { what, rest }),
            _ => Err(corrupt(what)),
        }
    }

    fn number(&mut self) -> Result<u64, StoreError> {
        let (number, rest) = self.rest.split_first_chunk().ok_or_else(|| corrupt(self.what))?;
        self.rest = rest;
        Ok(u64::from_be_bytes(*number))
    }

    fn flag(&mut self) -> Result<bool, StoreError> {
        let (flag, rest) = self.rest.split_first().ok_or_else(|| corrupt(self.what))?;
        self.rest = rest;
        match flag {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(corrupt(self.what)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn position() -> impl Strategy<Value = Position> {
        (any::<u64>(), 1_u64.., any::<u64>()).prop_map(|(epoch, offset, tag)| Position { epoch, offset, tag })
    }

    proptest! {
        #[test]
        fn a_record_and_the_head_after_it_come_back(
            (top, oldest) in position().prop_flat_map(|top| (Just(top), 1..=top.offset)),
            (tag, accepted_ms, bytes) in any::<(u64, u64, u64)>(),
            (sealed, data) in any::<(bool, Vec<u8>)>(),
        ) {
            let channel = ChannelKey::run("acme", "r1");
            let previous = Position { offset: top.offset - 1, tag, ..top };
            let record = Record { position: top, previous, accepted_ms, seals: sealed, data: data.into() };
            let head = Head { top, oldest, bytes, sealed };
            let (key, value) = (record_key(&channel, top.epoch, top.offset), record_value(&record, &head));
            prop_assert_eq!(parse_record(&key, &value).unwrap(), record);
            prop_assert_eq!(parse_head(&key, &value).unwrap(), head);
        }

        #[test]
        fn a_life_comes_back(epoch: u64, digest: Option<[u8; 16]>) {
            let life = Life { epoch, digest };
            prop_assert_eq!(parse_life(&life_value(&life)).unwrap(), life);
        }

        #[test]
        fn a_value_and_a_remembered_key_come_back(position in position(), digest: [u8; 16], expires_ms in ..NEVER) {
            let remembered = Remembered { position, digest, expires_ms };
            prop_assert_eq!(parse_remembered(position.epoch, &remembered_value(&remembered)).unwrap(), remembered);
            prop_assert_eq!(remembered_expires_ms(&remembered_value(&remembered)).unwrap(), expires_ms);
            let value = Value { data: digest.to_vec().into(), expires_ms: Some(expires_ms) };
            prop_assert_eq!(parse_value(&value_value(&value)).unwrap(), value.clone());
            prop_assert_eq!(value_expires_ms(&value_value(&value)).unwrap(), Some(expires_ms));
            let expiry = expiry_key(expires_ms, Expiring::Value, b"acme/k");
            prop_assert_eq!(parse_expiry_key(&expiry).unwrap(), (expires_ms, Expiring::Value, &b"acme/k"[..]));
        }

        #[test]
        fn any_bytes_are_parsed_or_refused(key: Vec<u8>, value: Vec<u8>) {
            let _ = parse_record(&key, &value);
            let _ = parse_head(&key, &value);
            let _ = parse_life(&value);
            let _ = parse_value(&value);
            let _ = parse_remembered(1, &value);
            let _ = parse_removal(&value);
            let _ = parse_expiry_key(&key);
        }
    }

    #[test]
    fn another_version_is_refused() {
        let mut bytes = life_value(&Life { epoch: 1, digest: None });
        bytes[0] = VERSION + 1;
        assert!(matches!(parse_life(&bytes), Err(StoreError::Corrupt(_))));
    }
}
