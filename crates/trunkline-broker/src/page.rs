//! Reading: a cursor goes in, records or the reason why not come out.
//!
//! The chain is checked record by record, so that a hole in the store is an error and
//! never a silent skip.

use std::convert::Infallible;

use trunkline_core::channel::ChannelKey;
use trunkline_core::log::{Head, Record, ResetReason, check_cursor};
use trunkline_protocol::Position;

use crate::interface::{PAGE_RECORDS_MAX, Page};
use crate::view::{StoreError, View};

/// Reads what follows `cursor`; see [`crate::Broker::read`].
pub(crate) fn read(
    view: &impl View,
    channel: &ChannelKey,
    cursor: Option<Position>,
    bytes_max: usize,
) -> Result<Result<Page, ResetReason>, StoreError> {
    let Some(head) = view.head(channel)? else {
        return Ok(Err(ResetReason::Unknown));
    };
    let from = cursor.map_or(head.oldest, |cursor| cursor.offset.max(head.oldest));
    let mut stored = view.records(channel, head.top.epoch, from);
    let first = stored.next().transpose()?;
    if let Some(cursor) = cursor {
        let tag_at = |offset| Ok::<_, StoreError>(first.as_ref().and_then(|record| tag_near(record, offset)));
        if let Err(reason) = check_cursor(&head, cursor, tag_at)? {
            return Ok(Err(reason));
        }
    }
    let after = cursor.map_or(0, |cursor| cursor.offset);
    let following = first.into_iter().map(Ok).chain(stored).filter(|record| is_after(record, after));
    collect(channel, head, following, bytes_max).map(Ok)
}

/// Answers a cursor that is not before the top, for which no record is needed; this is what most readers ask.
pub(crate) fn at_the_top(head: Head, cursor: Position) -> Option<Result<Page, ResetReason>> {
    if cursor.epoch == head.top.epoch && cursor.offset < head.top.offset {
        return None;
    }
    let Ok(verdict) = check_cursor(&head, cursor, |_| Ok::<_, Infallible>(None));
    Some(verdict.map(|()| Page { records: Vec::new(), head }))
}

/// The tag at an offset, as far as one record knows it: its own, or that of the one before it.
fn tag_near(record: &Record, offset: u64) -> Option<u64> {
    [record.position, record.previous].into_iter().find(|position| position.offset == offset).map(|found| found.tag)
}

fn is_after(record: &Result<Record, StoreError>, offset: u64) -> bool {
    record.as_ref().map_or(true, |record| record.position.offset > offset)
}

fn collect(
    channel: &ChannelKey,
    head: Head,
    following: impl Iterator<Item = Result<Record, StoreError>>,
    bytes_max: usize,
) -> Result<Page, StoreError> {
    let mut records: Vec<Record> = Vec::new();
    let mut bytes = 0;
    for record in following {
        let record = record?;
        bytes += record.data.len();
        if !records.is_empty() && (bytes > bytes_max || records.len() == PAGE_RECORDS_MAX) {
            return Ok(Page { records, head });
        }
        if records.last().is_some_and(|last| last.position != record.previous) {
            return Err(StoreError::Corrupt(format!("{channel} has a gap before {}", record.position)));
        }
        records.push(record);
    }
    match records.last() {
        Some(last) if last.position != head.top => {
            Err(StoreError::Corrupt(format!("{channel} ends at {} instead of {}", last.position, head.top)))
        }
        _ => Ok(Page { records, head }),
    }
}
