//! What is known of a run that has asked a person, kept beside its channel.

use std::time::Duration;

use base64::engine::general_purpose::STANDARD;
use base64::{DecodeError, Engine as _};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use trunkline_broker::{Broker, BrokerError, Expect, Op, Put};
use trunkline_core::Moment;
use trunkline_core::channel::ChannelKey;
use trunkline_core::run::{Mark, TimeLeft};

use crate::clock::wall_ms;

/// A [`Mark`] as it is kept, in the wall clock's time.
#[derive(Serialize, Deserialize)]
struct StoredMark {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deadline_at_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left_ms: Option<u64>,
    attempt: u64,
    base: u64,
    resumable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checkpoint: Option<String>,
    #[serde(default)]
    answered_calls: u32,
    /// Open questions, and when they expire.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    open: Vec<(String, u64)>,
}

impl StoredMark {
    fn of(mark: &Mark, now: Moment) -> Self {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let at_ms = |moment: Moment| wall_ms().saturating_add(ms(moment.saturating_sub(now)));
        let (deadline_at_ms, left_ms) = match mark.time {
            TimeLeft::Unbounded => (None, None),
            TimeLeft::Until(deadline) => (Some(at_ms(deadline)), None),
            TimeLeft::Paused(left) => (None, Some(ms(left))),
        };
        let checkpoint = mark.checkpoint.as_ref().map(|checkpoint| STANDARD.encode(checkpoint));
        let open = mark.open.iter().map(|(request, expires)| (request.clone(), at_ms(*expires))).collect();
        let Mark { attempt, base, resumable, answered_calls, .. } = *mark;
        Self { deadline_at_ms, left_ms, attempt, base, resumable, checkpoint, answered_calls, open }
    }

    fn read(self, now: Moment) -> Result<Mark, DecodeError> {
        let moment = |at: u64| now + Duration::from_millis(at.saturating_sub(wall_ms()));
        let paused = |left| TimeLeft::Paused(Duration::from_millis(left));
        let Self { deadline_at_ms, left_ms, attempt, base, resumable, checkpoint, answered_calls, open } = self;
        let until = deadline_at_ms.map(|at| TimeLeft::Until(moment(at)));
        let time = left_ms.map(paused).or(until).unwrap_or(TimeLeft::Unbounded);
        let checkpoint = checkpoint.map(|checkpoint| STANDARD.decode(checkpoint)).transpose()?.map(Bytes::from);
        let open = open.into_iter().map(|(request, at)| (request, moment(at))).collect();
        Ok(Mark { time, attempt, base, resumable, checkpoint, answered_calls, open })
    }
}

/// Where what is known of a run that has asked something is kept beside its channel.
fn mark_key(run: &ChannelKey) -> String {
    format!("asked-run/{run}")
}

/// Keeps a mark in place of the one before.
pub(super) fn put(run: &ChannelKey, mark: &Mark, now: Moment) -> Op {
    let value = serde_json::to_vec(&StoredMark::of(mark, now)).expect("a mark serialises into memory").into();
    Op::Put(Put { key: mark_key(run), value, expect: Expect::Anything, keep_ms: None })
}

/// Drops the mark of a run that is over.
pub(super) fn forget(run: &ChannelKey) -> Op {
    Op::Delete { key: mark_key(run) }
}

/// The newest mark of a run.
pub(super) async fn mark_of(broker: &dyn Broker, run: &ChannelKey, now: Moment) -> Result<Option<Mark>, BrokerError> {
    let unreadable = |error: &dyn std::fmt::Display| BrokerError::Unavailable(error.to_string());
    let Some(value) = broker.get(&mark_key(run)).await? else { return Ok(None) };
    let stored: StoredMark = serde_json::from_slice(&value).map_err(|error| unreadable(&error))?;
    stored.read(now).map(Some).map_err(|error| unreadable(&error))
}
