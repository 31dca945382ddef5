//! Fewer, larger messages for a client that reads slower than an answer is said.
//!
//! Works on what is next to be written; it does not know who is slow.

use std::collections::VecDeque;

use trunkline_core::record::fold;
use trunkline_core::words::{Surroundings, Voice};

use crate::frame::{Frame, frame_of};

/// Makes one message of neighbouring pieces of an answer, as far as one message may hold them, and gives the number of
/// messages that are saved. Whoever is told the place of each piece is told each piece.
pub(super) fn coalesce(frames: &mut VecDeque<Frame>, voice: Voice) -> u64 {
    if voice.counts_pieces() || frames.len() < 2 {
        return 0;
    }
    let before = frames.len();
    let mut rest = std::mem::take(frames).into_iter().peekable();
    while let Some(first) = rest.next() {
        let mut neighbours = vec![first];
        while let Some(next) = rest.next_if(|next| is_of_one_answer(&neighbours[0], next)) {
            neighbours.push(next);
        }
        match merged(&neighbours, voice) {
            Some(merged) => frames.extend(merged),
            None => frames.extend(neighbours),
        }
    }
    (before - frames.len()) as u64
}

fn is_of_one_answer(one: &Frame, next: &Frame) -> bool {
    matches!((one.piece(), next.piece()), (Some((channel, _)), Some((other, _))) if channel == other)
}

/// `None` where there is nothing to merge, or a record that this version cannot read, which is told as such.
fn merged(pieces: &[Frame], voice: Voice) -> Option<Vec<Frame>> {
    let (channel, _) = pieces.first().filter(|_| pieces.len() > 1)?.piece()?;
    let records = pieces.iter().filter_map(|piece| Some(piece.piece()?.1.clone())).collect();
    let spelled = |record| frame_of(voice, channel, &record, Surroundings::default()).map(Frame::Read);
    Some(fold(records).ok()?.into_iter().filter_map(spelled).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use trunkline_core::channel::ChannelKey;
    use trunkline_core::log::{Head, Record};
    use trunkline_core::record::{self, RecordKind};
    use trunkline_protocol::{Dialect, Envelope, Wire};

    use super::*;
    use crate::connection::Subscriber;
    use crate::frame::Shared;

    const NATIVE: Voice = Voice { wire: Wire::json(Dialect::Native), knows_runs: true };

    fn record(head: &mut Head, seq: u64, text: Option<&str>) -> Record {
        let content = text.map_or_else(|| "1".to_owned(), |text| serde_json::json!({ "text": text }).to_string());
        let payload = serde_json::value::RawValue::from_string(content).unwrap();
        let event = Envelope { seq: Some(seq), payload: Some((&payload).into()), ..Envelope::new("run_event") };
        let kind = if text.is_some() { RecordKind::Text } else { RecordKind::Event };
        head.append(record::data(kind, &event), false, None, 0).unwrap()
    }

    /// What a client of frames reads: of each its text or nothing, its position and the one before.
    fn read(frames: VecDeque<Frame>) -> Vec<(Option<String>, String, String)> {
        let client = Subscriber::for_tests(NATIVE.wire);
        let messages = frames.into_iter().map(|frame| {
            let bytes = frame.into_bytes(&client, None).unwrap();
            let start = if bytes[1] < 126 { 2 } else { 4 };
            serde_json::from_slice::<serde_json::Value>(&bytes[start..]).unwrap()
        });
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        messages
            .map(|message| {
                let piece = message["payload"]["text"].as_str().map(str::to_owned);
                (piece, text(&message["prev"]), text(&message["pos"]))
            })
            .collect()
    }

    proptest! {
        #[test]
        fn the_text_and_the_chain_stay_and_no_two_neighbours_are_left(
            said in prop::collection::vec((0_usize..2, prop::option::weighted(0.8, "[a-zé\\\"]{1,6}")), 0..40),
        ) {
            let channels = ["r", "s"].map(|run| ChannelKey::run("default", run));
            let mut heads = [Head::new(1), Head::new(2)];
            let mut frames = VecDeque::new();
            for (seq, (run, text)) in said.iter().enumerate() {
                let record = record(&mut heads[*run], seq as u64, text.as_deref());
                frames.push_back(Frame::Shared(Shared::record(&channels[*run], &record), 0));
            }
            let plain = read(frames.clone());
            let fewer = coalesce(&mut frames, NATIVE);
            let coalesced = read(frames);

            prop_assert_eq!(plain.len() as u64, coalesced.len() as u64 + fewer);
            let mut rest = plain.into_iter().peekable();
            for (text, previous, position) in coalesced {
                let (first, first_previous, mut last) = rest.next().unwrap();
                prop_assert_eq!(&previous, &first_previous);
                let mut whole = first;
                while last != position {
                    let (piece, _, next) = rest.next().unwrap();
                    whole = whole.zip(piece).map(|(whole, piece)| whole + &piece);
                    last = next;
                }
                prop_assert_eq!(text, whole);
            }
            prop_assert_eq!(rest.next(), None);
            let neighbours = said.windows(2).filter(|pair| pair[0].0 == pair[1].0 && pair.iter().all(|(_, text)| text.is_some()));
            prop_assert_eq!(fewer, neighbours.count() as u64);
        }
    }

    #[test]
    fn whoever_counts_pieces_is_told_each() {
        let channel = ChannelKey::run("default", "r");
        let mut head = Head::new(1);
        let mut frames: VecDeque<_> = (0..3)
            .map(|seq| Frame::Shared(Shared::record(&channel, &record(&mut head, seq, Some("x"))), seq))
            .collect();
        let fewer = coalesce(&mut frames, Voice { wire: Wire::json(Dialect::Flat), knows_runs: false });
        assert_eq!((fewer, frames.len()), (0, 3));
    }
}
