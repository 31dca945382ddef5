//! Numbered tokens: each says which it is and when it was made, so that nothing can be lost, doubled or late unseen.

use std::time::Duration;

/// One token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) number: u32,
    /// By the monotonic clock.
    pub(super) made: Duration,
}

/// The tokens of a text: `<number>:<nanoseconds>` between spaces, with dots behind that only make them larger.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = Token> {
    text.split_whitespace().filter_map(|word| {
        let (number, made) = word.trim_end_matches('.').split_once(':')?;
        Some(Token { number: number.parse().ok()?, made: Duration::from_nanos(made.parse().ok()?) })
    })
}

/// What a client has of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// In their order, each once.
    pub(super) received: u32,
    /// Passed over.
    pub(super) lost: u32,
    /// Received again, or after a later one.
    pub(super) repeated: u32,
    next: u32,
}

impl Tally {
    /// Counts a token.
    pub(super) fn add(&mut self, token: Token) {
        if token.number < self.next {
            self.repeated += 1;
            return;
        }
        self.lost += token.number - self.next;
        self.received += 1;
        self.next = token.number + 1;
    }

    /// Counts what never came of so many.
    pub(super) fn close(&mut self, count: u32) {
        self.lost += count.saturating_sub(self.next);
        self.next = self.next.max(count);
    }

    /// Counts another client's.
    pub(super) fn merge(&mut self, other: Self) {
        self.received += other.received;
        self.lost += other.lost;
        self.repeated += other.repeated;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(text: &str) -> Tally {
        let mut tally = Tally::default();
        tokens(text).for_each(|token| tally.add(token));
        tally
    }

    #[test]
    fn tokens_say_which_they_are_and_when_they_were_made() {
        let read: Vec<_> = tokens("0:5 1:1000000000..... ").collect();
        let token = |number, made| Token { number, made };
        assert_eq!(read, [token(0, Duration::from_nanos(5)), token(1, Duration::from_secs(1))]);
    }

    #[test]
    fn what_is_lost_and_what_comes_twice_is_counted() {
        let whole = tally("0:1 1:1 2:1 ");
        assert_eq!((whole.received, whole.lost, whole.repeated), (3, 0, 0));
        let mut broken = tally("0:1 3:1 2:1 3:1 ");
        broken.close(6);
        assert_eq!((broken.received, broken.lost, broken.repeated), (2, 4, 2));
    }
}
