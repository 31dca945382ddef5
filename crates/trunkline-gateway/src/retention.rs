//! Removes channels whose time is over: runs that ended, sessions that nobody came back to, and topics and users'
//! channels that nobody listens or publishes to.
//!
//! Every such channel stands in a list that is ordered by the time at which to look at it
//! again. One that is still wanted then is listed anew.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use trunkline_broker::{Batch, Broker, BrokerError, Expect, Op, Put};
use trunkline_core::channel::{ChannelKey, ChannelKind};
use trunkline_protocol::Position;

use crate::clock::wall_ms;
use crate::sessions::Sessions;
use crate::topics::Topics;

/// Where channels are listed that are to be looked at.
const REVIEWS: &str = "review/";

/// Time between two passes.
const PASS_EVERY: Duration = Duration::from_secs(30);

/// Channels that one page of a pass has.
const PER_PAGE_MAX: usize = 512;

/// Channels that one batch removes: a millisecond for the broker, which does nothing else meanwhile.
const PER_BATCH_MAX: usize = 32;

/// How long an entry that cannot be looked at is left alone, at most: see [`Keep::again_ms`].
const AGAIN_AFTER_MS_MAX: u64 = 10 * 60 * 1000;

/// What becomes of a channel whose time has come.
pub(crate) enum Review {
    /// It is wanted still: what lists it anew.
    Again(Op),
    /// It goes, whatever is in it.
    Over,
    /// It goes, unless somebody has stored something in it since: its top was here.
    OverAt(Position),
}

/// How long channels are kept after their end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Keep {
    ms: u64,
}

impl Keep {
    pub(crate) fn new(keep: Duration) -> Self {
        Self { ms: u64::try_from(keep.as_millis()).unwrap_or(u64::MAX) }
    }

    /// The time itself, in milliseconds.
    pub(crate) const fn ms(self) -> u64 {
        self.ms
    }

    /// The time itself.
    pub(crate) const fn time(self) -> Duration {
        Duration::from_millis(self.ms)
    }

    /// Lists a run that ends now.
    pub(crate) fn run_ended(self, run: &ChannelKey, now_ms: u64) -> Op {
        review(run, now_ms.saturating_add(self.ms), "1")
    }

    /// Lists a session that is in use now. It is looked at before its time is over, so that one in use is renewed.
    pub(crate) fn session_used(self, session: &ChannelKey, now_ms: u64) -> Op {
        review(session, now_ms.saturating_add(self.ms / 2), "1")
    }

    /// How long an entry that cannot be looked at is left alone. A session in use is looked at when half of its time is over,
    /// and must be once more in the other half.
    const fn again_ms(self) -> u64 {
        let ms = self.ms / 8;
        if ms < AGAIN_AFTER_MS_MAX { ms } else { AGAIN_AFTER_MS_MAX }
    }

    /// How long it takes at most until a channel that is listed now is looked at again, but for the pass itself.
    pub(crate) const fn next_look_ms(self) -> u64 {
        self.ms + self.ms / 4 + 1
    }

    /// Lists a topic or a user's channel that is in use now, and whose newest record stands at `top`. It is looked at when
    /// its time is over, or up to a quarter later: a channel that is listed again, as after a restart, has few places.
    pub(crate) fn topic_used(self, channel: &ChannelKey, top: &str, now_ms: u64) -> Op {
        let step = (self.ms / 4).max(1);
        review(channel, (now_ms / step).saturating_add(5).saturating_mul(step), top.to_owned())
    }
}

fn review(channel: &ChannelKey, at_ms: u64, noted: impl Into<Bytes>) -> Op {
    let key = format!("{REVIEWS}{at_ms:016x}/{channel}");
    Op::Put(Put { key, value: noted.into(), expect: Expect::Anything, keep_ms: None })
}

/// The time and the channel of an entry.
fn parse(key: &str) -> Option<(u64, ChannelKey)> {
    let (time, channel) = key.strip_prefix(REVIEWS)?.split_once('/')?;
    let (realm, name) = channel.split_once('/')?;
    Some((u64::from_str_radix(time, 16).ok()?, ChannelKey::from_public_name(realm, name)?))
}

/// Looks at channels whose time has come, until `stop`.
pub(crate) async fn keep_tidy(tidier: Tidier, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PASS_EVERY) => {}
        }
        match tidier.pass(wall_ms()).await {
            Ok(removed) if removed > 0 => tracing::debug!(removed, "channels were removed"),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "channels whose time is over were not removed; they are tried again"),
        }
    }
}

/// Who knows whether a channel is wanted still.
pub(crate) struct Tidier {
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) topics: Arc<Topics>,
    pub(crate) keep: Keep,
}

impl Tidier {
    /// Looks at every channel whose time has come, a page at a time, and gives the number of those removed.
    async fn pass(&self, now_ms: u64) -> Result<usize, BrokerError> {
        let (mut removed, mut after) = (0, None);
        loop {
            let page = self.broker.list(REVIEWS, after.as_deref(), PER_PAGE_MAX).await?;
            let mut ops = Vec::new();
            let mut is_last = page.len() < PER_PAGE_MAX;
            for (key, noted) in page {
                after = Some(key.clone());
                let Some((due_ms, channel)) = parse(&key) else {
                    tracing::error!(key, "an entry for review cannot be read by this version");
                    continue;
                };
                if due_ms > now_ms {
                    is_last = true;
                    break;
                }
                ops.push(match self.review(&channel, &noted, now_ms).await {
                    Ok(Review::Again(listed)) => listed,
                    Ok(Review::Over) => {
                        removed += 1;
                        Op::Remove { channel, expected: None }
                    }
                    Ok(Review::OverAt(top)) => {
                        removed += usize::from(self.remove(channel, top, key).await?);
                        continue;
                    }
                    // What is behind it is not to wait for it.
                    Err(error) => {
                        tracing::error!(%channel, %error, "a channel cannot be looked at; it is kept for now");
                        review(&channel, now_ms.saturating_add(self.keep.again_ms()), noted)
                    }
                });
                ops.push(Op::Delete { key });
                if ops.len() >= 2 * PER_BATCH_MAX {
                    self.broker.commit(Batch { ops: std::mem::take(&mut ops), ..Batch::default() }).await?;
                }
            }
            self.broker.commit(Batch { ops, ..Batch::default() }).await?;
            if is_last {
                return Ok(removed);
            }
        }
    }

    /// Removes a channel, unless its top is elsewhere by now: then it is looked at again in the next pass.
    async fn remove(&self, channel: ChannelKey, top: Position, key: String) -> Result<bool, BrokerError> {
        let ops = vec![Op::Remove { channel, expected: Some(top) }, Op::Delete { key }];
        match self.broker.commit(Batch { ops, ..Batch::default() }).await {
            Ok(_) => Ok(true),
            Err(BrokerError::Refused { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What becomes of a channel that was listed.
    async fn review(&self, channel: &ChannelKey, noted: &[u8], now_ms: u64) -> Result<Review, BrokerError> {
        match channel.kind() {
            ChannelKind::Run => Ok(Review::Over),
            ChannelKind::Session => {
                let wanted = self.sessions.renew_if_wanted(channel).await?;
                Ok(if wanted { Review::Again(self.keep.session_used(channel, now_ms)) } else { Review::Over })
            }
            ChannelKind::User | ChannelKind::Topic => {
                let review = self.topics.review(channel, noted, now_ms).await?;
                // Before it goes: whoever makes it anew from now on lists it.
                if !matches!(review, Review::Again(_)) {
                    self.topics.goes(channel);
                }
                Ok(review)
            }
        }
    }
}

#[cfg(test)]
mod tests;
