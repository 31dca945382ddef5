//! Which route a request's path belongs to, and which known paths are near one that has no route.
//!
//! A [`Pattern`] is a path whose segments are static or `{parameter}`; a [`Router`] is a table of patterns, looked up
//! segment by segment in a tree. Where several patterns fit, the leftmost static segment decides, so an exact path
//! always wins. Two patterns of the same shape are a [`Tie`] and never get into a table.
//!
//! The router knows numbers of routes, not what a route means; it sees no query, host or method.

mod nearest;
mod pattern;

use std::borrow::Cow;
use std::collections::BTreeMap;

pub use pattern::{Pattern, PatternError, SEGMENTS_MAX};
use pattern::{Segment, decode_segment};

/// Longest path that is looked up, in bytes. No pattern needs more; a longer path is [`Miss::Malformed`].
pub const PATH_BYTES_MAX: usize = 2048;

/// A table of routes. Routes are numbered from 0 in the order in which their patterns were given.
#[derive(Clone, Debug)]
pub struct Router {
    patterns: Vec<Pattern>,
    nodes: Vec<Node>,
}

/// A place in the tree: what has been read of a path so far.
#[derive(Clone, Debug, Default)]
struct Node {
    statics: BTreeMap<Box<str>, usize>,
    parameter: Option<usize>,
    route: Option<usize>,
}

/// The route of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match<'router> {
    /// The number of the route.
    pub route: usize,
    /// The parameters' names and percent-decoded values, from left to right.
    pub params: Vec<(&'router str, String)>,
}

/// Why a path has no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Miss {
    /// No pattern fits. [`Router::nearest`] may know what was meant.
    #[error("no route has this path")]
    Unknown,
    /// No route can have such a path: too long, not absolute, a broken percent-encoding, an encoded slash, a control
    /// character, or a dot segment.
    #[error("the path is malformed")]
    Malformed,
}

/// Two patterns that fit the same paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("routes {first} and {second} fit the same paths")]
pub struct Tie {
    /// The number of the route that was there first.
    pub first: usize,
    /// The number of the route that came later.
    pub second: usize,
}

impl Router {
    /// A table of these patterns, or every pattern whose shape was taken by an earlier one.
    pub fn new(patterns: Vec<Pattern>) -> Result<Self, Vec<Tie>> {
        let mut nodes = vec![Node::default()];
        let mut ties = Vec::new();
        for (second, pattern) in patterns.iter().enumerate() {
            let node = insert(&mut nodes, pattern);
            match nodes[node].route {
                Some(first) => ties.push(Tie { first, second }),
                None => nodes[node].route = Some(second),
            }
        }
        if ties.is_empty() { Ok(Self { patterns, nodes }) } else { Err(ties) }
    }

    /// The route of a request's path, which begins with a slash and comes without a query.
    ///
    /// Each segment is percent-decoded once (RFC 3986 §2.1). A trailing slash counts: `/ws/` is not `/ws`.
    pub fn find(&self, path: &str) -> Result<Match<'_>, Miss> {
        let segments = split(path)?;
        let route = self.descend(0, &segments).ok_or(Miss::Unknown)?;
        let params = self.patterns[route].parameters(segments);
        Ok(Match { route, params })
    }

    /// The patterns of at most `count` routes that look most like `path`, nearest first.
    ///
    /// Compared are whole segments by their edit distance, in lower case and without a trailing slash. A parameter is
    /// like any segment. Patterns that share less than half with the path are left out, and a path that
    /// [`Router::find`] calls malformed is like none. The work is bounded by [`PATH_BYTES_MAX`] and [`SEGMENTS_MAX`].
    pub fn nearest(&self, path: &str, count: usize) -> Vec<&str> {
        let Ok(segments) = split(path) else { return Vec::new() };
        nearest::rank(&self.patterns, &segments).take(count).map(|route| self.patterns[route].as_str()).collect()
    }

    /// The patterns, by number of route.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// The route below `node` that fits the rest of a path. Every node is visited at most once, because a tree has one
    /// way to each; the depth is that of the longest pattern.
    fn descend(&self, node: usize, rest: &[Cow<str>]) -> Option<usize> {
        let node = &self.nodes[node];
        let Some((segment, rest)) = rest.split_first() else { return node.route };
        let below_static = node.statics.get(segment.as_ref()).and_then(|&next| self.descend(next, rest));
        below_static.or_else(|| {
            let parameter = node.parameter.filter(|_| !segment.is_empty())?;
            self.descend(parameter, rest)
        })
    }
}

/// The node of a pattern's shape, made where it is missing.
fn insert(nodes: &mut Vec<Node>, pattern: &Pattern) -> usize {
    pattern.segments().iter().fold(0, |node, segment| {
        let fresh = nodes.len();
        let next = match segment {
            Segment::Static(text) => *nodes[node].statics.entry(text.as_str().into()).or_insert(fresh),
            Segment::Parameter(_) => *nodes[node].parameter.get_or_insert(fresh),
        };
        if next == fresh {
            nodes.push(Node::default());
        }
        next
    })
}

/// The decoded segments of a path: `/` has one, empty; `/a/` has two. A path with more segments than any pattern may
/// have is unknown before it is decoded.
fn split(path: &str) -> Result<Vec<Cow<'_, str>>, Miss> {
    if path.len() > PATH_BYTES_MAX {
        return Err(Miss::Malformed);
    }
    let segments = path.strip_prefix('/').ok_or(Miss::Malformed)?;
    if segments.split('/').nth(SEGMENTS_MAX).is_some() {
        return Err(Miss::Unknown);
    }
    segments.split('/').map(|segment| decode_segment(segment).ok_or(Miss::Malformed)).collect()
}

#[cfg(test)]
mod tests;
