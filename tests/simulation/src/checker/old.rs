//! What old front ends are told in words of their own: pieces that are numbered, whole answers, and not what they have said
//! themselves on the same connection.

use super::{Checker, Property};
use crate::history::{Old, Told, offset};
use crate::store::RECORDS_KEPT;

/// Whether an old front end was told of this record, in its words.
pub(super) fn is_told_of(told: &Told, stored: &Told) -> bool {
    let content = if told.is_terminal() { &stored.payload } else { &told.payload };
    let in_its_words = Told { payload: content.clone(), old: None, ..told.clone() };
    in_its_words == *stored
}

impl Checker {
    /// Whether all that stands between the place of an old client in a channel and a record that it is told are messages that
    /// it has sent on this connection.
    pub(super) fn passes_over_its_own(&mut self, client: usize, cursor: Option<&str>, told: &Told) -> bool {
        if told.old.is_none() {
            return false;
        }
        let (after, until) = (cursor.map_or(0, offset), offset(&told.prev));
        let log = self.logs.get(&told.channel).map_or(&[][..], Vec::as_slice);
        let passed: Vec<_> = log.iter().filter(|record| (after + 1..=until).contains(&record.offset())).collect();
        let own = self.clients.get(&client).map(|client| &client.sent);
        let is_own = |record: &&Told| record.id.as_ref().zip(own).is_some_and(|(id, own)| own.contains(id));
        let are_own = after < until && passed.len() as u64 == until - after && passed.iter().all(is_own);
        if are_own {
            self.reached("own message passed over");
        }
        are_own
    }

    /// What an old front end is told beside the record itself.
    pub(super) fn compare_with_words(&mut self, client: usize, told: &Told) {
        let Some(Old { dialect, index, whole, is_cut }) = &told.old else { return };
        self.reached(&format!("told in {dialect}"));
        if let Some(index) = index {
            self.compare_index(client, told, *index);
        }
        if let Some(whole) = whole {
            self.compare_whole(client, told, whole, *is_cut);
        }
    }

    fn compare_index(&mut self, client: usize, told: &Told, index: u64) {
        let before = self.client(client).pieces.entry(told.channel.clone()).or_default();
        let expected = std::mem::replace(before, index + 1);
        if index != expected {
            let what = format!("client {client} was told piece {index} of {} after {expected} of them", told.channel);
            self.violated(Property::WholeAnswer, what);
        }
    }

    /// The text of a run that was longer than what is kept of it may lack its beginning.
    fn compare_whole(&mut self, client: usize, told: &Told, whole: &str, is_cut: bool) {
        let log = self.logs.get(&told.channel).map_or(&[][..], Vec::as_slice);
        let full: String = log.iter().filter_map(Told::text).collect();
        let may_lack = log.len() as u64 > RECORDS_KEPT;
        let is_whole = whole == full && !is_cut;
        if is_whole && !full.is_empty() {
            self.reached("whole answer");
        }
        let is_end = may_lack && full.ends_with(whole);
        if !is_whole && !is_end {
            let what = format!("client {client} was told {whole:?} (cut: {is_cut}) of {full:?}");
            self.violated(Property::WholeAnswer, what);
        }
    }
}
