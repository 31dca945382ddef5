//! How much a path looks like a pattern.
//!
//! Paths are compared segment by segment: changing one segment into another costs the edit distance of the two texts,
//! a missing or additional segment has a fixed price. Knows nothing of the tree that paths are looked up in.

use std::borrow::Cow;

use super::pattern::{Pattern, Segment};

/// Price of a segment that only one of the two has. Low, because a forgotten or doubled segment is a common mistake.
const SEGMENT_COST: usize = 3;

/// The routes that look like the path of these segments, nearest first; of equally near ones, in the order of routes.
pub(super) fn rank(patterns: &[Pattern], path: &[Cow<str>]) -> impl Iterator<Item = usize> + use<> {
    let path = without_trailing(path, |segment| segment.is_empty());
    let path: Vec<String> = path.iter().map(|segment| segment.to_lowercase()).collect();
    let mut ranked: Vec<(usize, usize)> =
        patterns.iter().enumerate().filter_map(|(route, pattern)| Some((distance(&path, pattern)?, route))).collect();
    ranked.sort_unstable();
    ranked.into_iter().map(|(_, route)| route)
}

/// What it costs to turn the path into the pattern; `None` if they have less than half in common, by characters (short
/// segments) or by segments (long ones, of which many characters may go at the price of one segment).
fn distance(path: &[String], pattern: &Pattern) -> Option<usize> {
    let known = without_trailing(pattern.segments(), |segment| *segment == Segment::Static(String::new()));
    let cost = alignment_cost(path, known);
    let path_chars: usize = path.iter().map(|segment| segment.chars().count()).sum();
    let known_chars: usize = known.iter().map(Segment::chars).sum();
    let nothing_kept = (path.len() + known.len()) * SEGMENT_COST;
    (cost * 2 <= path_chars.max(known_chars).min(nothing_kept)).then_some(cost)
}

/// The cheapest alignment of two lists of segments (Wagner and Fischer), one row at a time.
fn alignment_cost(path: &[String], known: &[Segment]) -> usize {
    let mut row: Vec<usize> = (0..=known.len()).map(|column| column * SEGMENT_COST).collect();
    for segment in path {
        let mut diagonal = row[0];
        row[0] += SEGMENT_COST;
        for (column, other) in known.iter().enumerate() {
            let changed = diagonal + change_cost(segment, other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(row[column].min(row[column + 1]) + SEGMENT_COST);
        }
    }
    row[known.len()]
}

/// What it costs to turn one segment into another. Texts of which one is more than twice as long as the other are
/// simply different: that keeps a long hostile segment cheap to judge.
fn change_cost(segment: &str, known: &Segment) -> usize {
    let Segment::Static(known) = known else { return 0 };
    let (shorter, longer) = (segment.len().min(known.len()), segment.len().max(known.len()));
    if longer > 2 * shorter { longer } else { strsim::osa_distance(segment, &known.to_lowercase()) }
}

fn without_trailing<T>(segments: &[T], is_empty: impl Fn(&T) -> bool) -> &[T] {
    match segments.split_last() {
        Some((last, rest)) if is_empty(last) => rest,
        _ => segments,
    }
}

impl Segment {
    fn chars(&self) -> usize {
        match self {
            Self::Static(text) => text.chars().count(),
            Self::Parameter(_) => 1,
        }
    }
}
