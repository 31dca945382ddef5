//! Sessions: whose they are, how they are found again, which of their runs is next, and whether anybody is there.
//!
//! A session is one value in the broker and a channel. It has a [`Session`] in memory
//! while a connection or a run needs it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use trunkline_broker::{Batch, Broker, BrokerError, Expect, Op, Put};
use trunkline_core::channel::ChannelKey;
use trunkline_core::identity::secret_hash;
use trunkline_core::turns::Turns;

use crate::random;
use crate::retention::Keep;

/// How long a session may have no connection before its client counts as gone: a page that is loaded anew, or a network
/// that changes, is back by then.
pub(crate) const LEFT_AFTER: Duration = Duration::from_secs(10);

/// Who is at the other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Nobody in particular: a session is found again by its secret.
    Anonymous,
    /// A verified subject of the realm.
    Subject(String),
}

/// A session that somebody needs now.
pub(crate) struct Session {
    pub(crate) realm: String,
    pub(crate) id: String,
    pub(crate) channel: ChannelKey,
    pub(crate) user: Option<String>,
    turns: Mutex<Turns>,
    connections: AtomicUsize,
    /// The number of connections has become 0 or more than 0.
    came_or_left: Notify,
    live: Weak<LiveSessions>,
}

impl Session {
    pub(crate) fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a connection until the result is dropped.
    pub(crate) fn attend(self: Arc<Self>) -> Attendance {
        if self.connections.fetch_add(1, Ordering::AcqRel) == 0 {
            self.came_or_left.notify_waiters();
        }
        Attendance { session: self, was_sent_away: false }
    }

    /// Resolves when nobody has been there for [`LEFT_AFTER`]; for `first` where nobody is there now.
    pub(crate) async fn left(&self, first: Duration) {
        let mut patience = first;
        loop {
            let came_or_left = self.came_or_left.notified();
            if self.connections.load(Ordering::Acquire) > 0 {
                came_or_left.await;
                patience = LEFT_AFTER;
            } else if tokio::time::timeout(patience, came_or_left).await.is_err() {
                return;
            }
        }
    }
}

/// A connection's presence in its session.
pub(crate) struct Attendance {
    session: Arc<Session>,
    was_sent_away: bool,
}

impl Attendance {
    pub(crate) const fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// The gateway ends the connection, not its client: it counts as there for as long as this process is.
    pub(crate) const fn mark_sent_away(&mut self) {
        self.was_sent_away = true;
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        if !self.was_sent_away && self.session.connections.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.session.came_or_left.notify_waiters();
        }
    }
}

#[cfg(test)]
impl Session {
    /// A session that nobody keeps.
    pub(crate) fn for_tests(realm: &str, id: &str) -> Arc<Self> {
        Arc::<LiveSessions>::default().get(realm, id, None)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(live) = self.live.upgrade() {
            live.forget(&self.channel);
        }
    }
}

/// How often a session's time begins anew within that time, at most.
const RENEWALS_MAX: u64 = 1_000;

/// A session as it is kept.
#[derive(Serialize, Deserialize)]
struct StoredSession {
    owner: Owner,
    /// When the time that it is kept began.
    renewed_ms: u64,
}

/// Who may resume a session.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Owner {
    /// Whoever knows the secret with this hash.
    Secret(String),
    /// This subject of the session's realm.
    Subject(String),
}

impl Owner {
    /// The user that its runs act for.
    fn user(&self) -> Option<String> {
        match self {
            Self::Secret(_) => None,
            Self::Subject(subject) => Some(subject.clone()),
        }
    }
}

/// A session that was just made.
pub(crate) struct NewSession {
    pub(crate) session: Arc<Session>,
    /// What its owner needs to come back; only for anonymous ones.
    pub(crate) secret: Option<String>,
}

/// Makes sessions and finds them again.
pub(crate) struct Sessions {
    broker: Arc<dyn Broker>,
    live: Arc<LiveSessions>,
    keep: Keep,
}

impl Sessions {
    /// `keep` is how long a session that nobody comes back to is kept.
    pub(crate) fn new(broker: Arc<dyn Broker>, keep: Keep) -> Self {
        Self { broker, live: Arc::default(), keep }
    }

    /// Makes a session.
    pub(crate) async fn create(
        &self,
        realm: &str,
        identity: &Identity,
        now_ms: u64,
    ) -> Result<NewSession, BrokerError> {
        let id = random::id();
        let (owner, secret) = match identity {
            Identity::Anonymous => {
                let secret = random::secret();
                (Owner::Secret(secret_hash(&secret)), Some(secret))
            }
            Identity::Subject(subject) => (Owner::Subject(subject.clone()), None),
        };
        let stored = StoredSession { owner, renewed_ms: now_ms };
        let channel = ChannelKey::session(realm, &id);
        let review = self.keep.session_used(&channel, now_ms);
        let ops = vec![Op::Put(self.put(realm, &id, &stored)), Op::Open { channel, unique: None }, review];
        self.broker.commit(Batch { ops, ..Batch::default() }).await?;
        Ok(NewSession { session: self.live.get(realm, &id, stored.owner.user()), secret })
    }

    /// Gives a session to somebody who may have it. Unknown, expired and another's are the same answer.
    pub(crate) async fn resume(
        &self,
        realm: &str,
        id: &str,
        identity: &Identity,
        secret: Option<&str>,
        now_ms: u64,
    ) -> Result<Option<Arc<Session>>, BrokerError> {
        let Some(value) = self.broker.get(&key(realm, id)).await? else { return Ok(None) };
        let Ok(mut stored) = serde_json::from_slice::<StoredSession>(&value) else {
            tracing::error!(session = id, "a stored session cannot be read by this version");
            return Ok(None);
        };
        let may = match (&stored.owner, identity) {
            (Owner::Secret(hash), _) => secret.is_some_and(|secret| secret_hash(secret) == *hash),
            (Owner::Subject(owner), Identity::Subject(subject)) => owner == subject,
            (Owner::Subject(_), Identity::Anonymous) => false,
        };
        if !may {
            return Ok(None);
        }
        // Not each time: whoever comes and goes all day would leave a trail of expiries in the store.
        if now_ms.saturating_sub(stored.renewed_ms) >= self.keep.ms() / RENEWALS_MAX {
            stored.renewed_ms = now_ms;
            let renewal = Op::Put(self.put(realm, id, &stored));
            self.broker.commit(Batch { ops: vec![renewal], ..Batch::default() }).await?;
        }
        Ok(Some(self.live.get(realm, id, stored.owner.user())))
    }

    /// Says whether a session may still be asked for, and starts its time anew if somebody uses it now.
    pub(crate) async fn renew_if_wanted(&self, channel: &ChannelKey) -> Result<bool, BrokerError> {
        let (realm, id) = (channel.realm(), channel.id());
        let is_live = self.live.is_live(channel);
        // One that is in use keeps its channel, even if it could not be renewed in time.
        let Some(value) = self.broker.get(&key(realm, id)).await? else { return Ok(is_live) };
        if is_live {
            let put = Put { key: key(realm, id), value, expect: Expect::Anything, keep_ms: Some(self.keep.ms()) };
            self.broker.commit(Batch { ops: vec![Op::Put(put)], ..Batch::default() }).await?;
        }
        Ok(true)
    }

    /// The session of a run that goes on after a restart.
    pub(crate) fn of_recovered_run(&self, realm: &str, id: &str, user: Option<String>) -> Arc<Session> {
        self.live.get(realm, id, user)
    }

    /// Number of sessions that a connection or a run needs now.
    pub(crate) fn live_count(&self) -> usize {
        self.live.lock().len()
    }

    fn put(&self, realm: &str, id: &str, stored: &StoredSession) -> Put {
        Put {
            key: key(realm, id),
            value: serde_json::to_vec(stored).expect("a session serialises into memory").into(),
            expect: Expect::Anything,
            keep_ms: Some(self.keep.ms()),
        }
    }
}

fn key(realm: &str, id: &str) -> String {
    format!("session/{realm}/{id}")
}

/// The sessions in memory. Each is held by its connections and runs, and leaves with the last of them.
#[derive(Default)]
struct LiveSessions(Mutex<HashMap<ChannelKey, Weak<Session>>>);

impl LiveSessions {
    fn get(self: &Arc<Self>, realm: &str, id: &str, user: Option<String>) -> Arc<Session> {
        let channel = ChannelKey::session(realm, id);
        let mut sessions = self.lock();
        if let Some(session) = sessions.get(&channel).and_then(Weak::upgrade) {
            return session;
        }
        let session = Arc::new(Session {
            realm: realm.to_owned(),
            id: id.to_owned(),
            channel: channel.clone(),
            user,
            turns: Mutex::default(),
            connections: AtomicUsize::new(0),
            came_or_left: Notify::new(),
            live: Arc::downgrade(self),
        });
        sessions.insert(channel, Arc::downgrade(&session));
        session
    }

    fn is_live(&self, channel: &ChannelKey) -> bool {
        self.lock().get(channel).is_some_and(|session| session.strong_count() > 0)
    }

    /// The last holder of a session is gone; somebody may have made a new one of the same name since.
    fn forget(&self, channel: &ChannelKey) {
        let mut sessions = self.lock();
        if sessions.get(channel).is_some_and(|session| session.strong_count() == 0) {
            sessions.remove(channel);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ChannelKey, Weak<Session>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;

    use tokio::time::Instant;

    use super::*;

    /// When a session is left, in seconds, that nobody is in at first; `what_happens` goes on meanwhile.
    async fn left_after(session: &Session, first_s: u64, what_happens: impl Future<Output = ()>) -> u64 {
        let begun = Instant::now();
        let mut left = pin!(session.left(Duration::from_secs(first_s)));
        tokio::select! {
            biased;
            () = &mut left => {}
            () = what_happens => left.await,
        }
        begun.elapsed().as_secs()
    }

    async fn seconds(count: u64) {
        // Whoever waits sees what has happened so far before time goes on.
        tokio::task::yield_now().await;
        tokio::time::advance(Duration::from_secs(count)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_is_left_when_nobody_was_there_for_a_while() {
        let session = Session::for_tests("default", "s");
        let attend = || Arc::clone(&session).attend();
        assert_eq!(left_after(&session, 30, async {}).await, 30, "nobody came at all");
        let after = left_after(&session, 30, async {
            seconds(29).await;
            let first = attend();
            seconds(60).await;
            let second = attend();
            drop(first);
            seconds(60).await;
            drop(second);
        });
        assert_eq!(after.await, 29 + 60 + 60 + 10, "ten seconds after the last one left");
        let after = left_after(&session, 10, async {
            for _ in 0..5 {
                seconds(9).await;
                drop(attend());
            }
        });
        assert_eq!(after.await, 5 * 9 + 10, "whoever comes back in time is there");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_sent_away_has_not_left() {
        let session = Session::for_tests("default", "s");
        let mut attendance = Arc::clone(&session).attend();
        attendance.mark_sent_away();
        drop(attendance);
        let left = tokio::time::timeout(Duration::from_hours(1), session.left(LEFT_AFTER)).await;
        assert!(left.is_err(), "its client is told to come back");
    }
}
