//! What waits for the caller of one call.
//!
//! Bounded without refusing anything that counts: numbered events by the call's window, which the registry
//! enforces, and latest state by conflation per key. Knows no workers and no wire.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::call::CallEvent;

/// Different latest-state values that may wait at a time. A call reports a handful; more is misuse.
const LATEST_MAX: usize = 32;

/// The queue between the registry and one caller.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<CallEvent>,
    latest_waiting: usize,
    terminal: Terminal,
}

#[derive(Debug, Default, PartialEq)]
enum Terminal {
    #[default]
    Open,
    Queued,
    Taken,
}

impl Inbox {
    /// Adds an event; after the terminal one nothing is added any more. False when a latest value was dropped.
    pub(crate) fn push(&self, event: CallEvent) -> bool {
        let kept = self.lock().push(event);
        self.arrived.notify_one();
        kept
    }

    /// The next event; `None` after the terminal one. Cancel-safe: nothing is taken before it is returned.
    pub(crate) async fn next(&self) -> Option<CallEvent> {
        loop {
            // `notify_one` stores a permit, so a push between this check and the wait is not missed.
            if let Some(event) = self.try_next() {
                return Some(event);
            }
            if self.lock().terminal == Terminal::Taken {
                return None;
            }
            self.arrived.notified().await;
        }
    }

    /// The next event, if one waits.
    pub(crate) fn try_next(&self) -> Option<CallEvent> {
        self.lock().pop()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is plain data that is whole after each statement, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, event: CallEvent) -> bool {
        if self.terminal != Terminal::Open {
            return true;
        }
        if let CallEvent::Latest { .. } = &event {
            return self.push_latest(event);
        }
        if event.is_terminal() {
            self.terminal = Terminal::Queued;
        }
        self.events.push_back(event);
        true
    }

    /// A newer value takes the place of the one that waits, so that it does not overtake numbered events.
    fn push_latest(&mut self, event: CallEvent) -> bool {
        if let Some(waiting) = self.events.iter_mut().find(|waiting| same_state(waiting, &event)) {
            *waiting = event;
            return true;
        }
        if self.latest_waiting == LATEST_MAX {
            return false;
        }
        self.latest_waiting += 1;
        self.events.push_back(event);
        true
    }

    fn pop(&mut self) -> Option<CallEvent> {
        let event = self.events.pop_front()?;
        match &event {
            CallEvent::Latest { .. } => self.latest_waiting -= 1,
            event if event.is_terminal() => self.terminal = Terminal::Taken,
            _ => {}
        }
        Some(event)
    }
}

fn same_state(left: &CallEvent, right: &CallEvent) -> bool {
    match (left, right) {
        (
            CallEvent::Latest { name: left, key: left_key, .. },
            CallEvent::Latest { name: right, key: right_key, .. },
        ) => left == right && left_key == right_key,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::call::Outcome;

    fn latest(key: &str, value: &'static str) -> CallEvent {
        CallEvent::Latest {
            name: "progress".into(),
            key: Some(key.into()),
            payload: Bytes::from_static(value.as_bytes()),
        }
    }

    #[tokio::test]
    async fn one_terminal_and_then_nothing() {
        let inbox = Inbox::default();
        inbox.push(CallEvent::Ended { seq: 0, outcome: Outcome::End });
        inbox.push(CallEvent::Ended { seq: 1, outcome: Outcome::End });
        inbox.push(latest("a", "1"));
        assert_eq!(inbox.next().await, Some(CallEvent::Ended { seq: 0, outcome: Outcome::End }));
        assert_eq!(inbox.next().await, None);
        assert_eq!(inbox.next().await, None);
    }

    #[test]
    fn only_the_newest_latest_value_waits() {
        let inbox = Inbox::default();
        inbox.push(latest("a", "1"));
        inbox.push(latest("b", "1"));
        inbox.push(latest("a", "2"));
        assert_eq!(inbox.try_next(), Some(latest("a", "2")));
        assert_eq!(inbox.try_next(), Some(latest("b", "1")));
        assert_eq!(inbox.try_next(), None);
    }

    #[test]
    fn too_many_keys_are_dropped_and_said_so() {
        let inbox = Inbox::default();
        for key in 0..LATEST_MAX {
            assert!(inbox.push(latest(&key.to_string(), "1")));
        }
        assert!(!inbox.push(latest("one more", "1")));
        assert!(inbox.push(latest("0", "2")));
    }
}
