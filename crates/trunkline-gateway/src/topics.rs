//! Topics and users' channels: what is published to everybody who listens, on whatever connection.
//!
//! A message is stored in the channel of its topic or user, once, and its sender is answered; the hub tells everybody
//! else. Who may do so was decided before; what is kept for how long, [`crate::retention`] says.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_util::task::TaskTracker;
use trunkline_broker::{
    Append, Batch, Broker, BrokerError, Committed, Duplicate, Durability, Idempotency, Op, Refusal,
};
use trunkline_core::channel::{ChannelKey, ChannelKind, SUBJECT_BYTES_MAX};
use trunkline_core::identity::{content_digest, hex};
use trunkline_core::log::Retention;
use trunkline_core::record::{RecordKind, data};
use trunkline_core::scope::{Target, fits};
use trunkline_protocol::{Codec, Envelope, ErrorBody, ErrorCode, Payload};

use crate::clock::{timestamp, wall_ms};
use crate::config;
use crate::connection::InFlight;
use crate::hub::Hub;
use crate::message;
use crate::retention::{Keep, Review};
use crate::telemetry::Metrics;

/// The payload of `publish`, as far as it matters to the gateway.
#[derive(Deserialize)]
pub(crate) struct Publication<'a> {
    #[serde(borrow)]
    topic: Option<Cow<'a, str>>,
    #[serde(borrow)]
    user: Option<Cow<'a, str>>,
    /// Must be there, and is nothing to look at.
    #[serde(borrow, rename = "payload")]
    _payload: &'a RawValue,
}

impl<'a> Publication<'a> {
    /// Reads the JSON form of the payload.
    pub(crate) fn read(payload: &'a RawValue) -> Result<Self, String> {
        let publication: Self = serde_json::from_str(payload.get()).map_err(|error| format!("payload: {error}"))?;
        match (&publication.topic, &publication.user) {
            (Some(_), Some(_)) => Err("payload: topic and user exclude each other".to_owned()),
            (None, None) => Err("payload: topic or user: missing".to_owned()),
            _ => Ok(publication),
        }
    }

    /// To whom it goes.
    pub(crate) fn target(&self) -> Target<'_> {
        match (&self.topic, &self.user) {
            (Some(topic), _) => Target::Topic(topic),
            (None, user) => Target::User(user.as_deref().unwrap_or_default()),
        }
    }

    /// The channel that it goes to.
    pub(crate) fn channel(&self, realm: &str) -> Result<ChannelKey, String> {
        match self.target() {
            Target::Topic(topic) => channel_of_topic(realm, topic),
            Target::User(user) => ChannelKey::user(realm, user)
                .ok_or_else(|| format!("payload.user: a user's name has 1 to {SUBJECT_BYTES_MAX} bytes")),
        }
    }
}

/// The channel of a topic that a client names, or what is wrong with the name.
pub(crate) fn channel_of_topic(realm: &str, topic: &str) -> Result<ChannelKey, String> {
    let wrong = || "payload.topic: a topic has 1 to 256 letters, digits and _ . -".to_owned();
    ChannelKey::topic(realm, topic).ok_or_else(wrong)
}

/// A message on its way to a topic or user.
pub(crate) struct Post<'a> {
    pub(crate) channel: ChannelKey,
    /// The verified name of whoever sends it.
    pub(crate) from: Option<&'a str>,
    /// Tells the ids of its sender from those of all others.
    pub(crate) sender: &'a str,
    pub(crate) message: &'a Envelope<'a>,
    pub(crate) message_id: &'a str,
}

/// How much of a topic or a user's channel is kept, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rule {
    retention: Retention,
    keep: Keep,
}

/// The topics and users' channels of this node.
pub(crate) struct Topics {
    broker: Arc<dyn Broker>,
    hub: Arc<Hub>,
    durability: Durability,
    rules: Vec<(String, Rule)>,
    metrics: Arc<Metrics>,
    tracker: TaskTracker,
    /// Channels that this process has listed for review. One that goes, or was not used since the start, is not here.
    listed: Mutex<HashSet<ChannelKey>>,
}

impl Topics {
    /// Of the `rules` the first whose pattern fits counts; `tracker` knows the tasks that wait for the store.
    pub(crate) fn new(
        broker: Arc<dyn Broker>,
        hub: Arc<Hub>,
        durability: Durability,
        rules: Vec<config::TopicRule>,
        metrics: Arc<Metrics>,
        tracker: TaskTracker,
    ) -> Self {
        let known_ms = broker.capabilities().idempotency_ms;
        let rules = rules.into_iter().map(|rule| (rule.pattern.clone(), Rule::new(&rule, known_ms)));
        let rules = rules.chain([(String::new(), Rule::new(&config::TopicRule::default(), known_ms))]).collect();
        Self { broker, hub, durability, rules, metrics, tracker, listed: Mutex::default() }
    }

    /// What a topic's name says of it. The last rule is for users, and for topics that no other one fits.
    fn rule(&self, channel: &ChannelKey) -> Rule {
        let is_topic = channel.kind() == ChannelKind::Topic;
        let (last, configured) = self.rules.split_last().expect("there is always the default");
        let fitting = configured.iter().find(|(pattern, _)| is_topic && fits(pattern, channel.id()));
        fitting.unwrap_or(last).1
    }

    /// Looks at a channel that was listed when its newest record stood at `noted`: it is listed anew, unless nobody
    /// listens and nothing was published since.
    pub(crate) async fn review(&self, channel: &ChannelKey, noted: &[u8], now_ms: u64) -> Result<Review, BrokerError> {
        let Some(head) = self.broker.head(channel).await? else { return Ok(Review::Over) };
        let top = head.top.to_string();
        let is_wanted = top.as_bytes() != noted || self.hub.has_listeners(channel);
        let again = || Review::Again(self.rule(channel).keep.topic_used(channel, &top, now_ms));
        Ok(if is_wanted { again() } else { Review::OverAt(head.top) })
    }

    /// Makes the channel of a topic or user, if it is not there, so that it has a position.
    pub(crate) async fn open(&self, channel: &ChannelKey, now_ms: u64) -> Result<(), BrokerError> {
        let ops = self.ops(channel, Op::Open { channel: channel.clone(), unique: None }, now_ms);
        let outcome = self.broker.commit(Batch { ops, ..Batch::default() }).await;
        outcome.map(|_| ()).inspect_err(|_| self.forget(channel))
    }

    /// Stores a message, and tells its sender. What is stored keeps the order of these calls.
    pub(crate) fn publish(self: &Arc<Self>, post: &Post<'_>, origin: InFlight) {
        let (channel, message_id) = (post.channel.clone(), post.message_id.to_owned());
        let append = Append {
            channel: channel.clone(),
            data: data_of(post),
            expected: None,
            seals: false,
            idempotency: Some(idempotency_of(post)),
            retention: Some(self.rule(&channel).retention),
        };
        let ops = self.ops(&channel, Op::Append(append), wall_ms());
        // Written or queued now, so that messages are stored in the order in which they came.
        let commit = self.broker.commit(Batch { ops, durability: self.durability });
        let mut answer = Box::pin(Arc::clone(self).answer(channel, message_id, commit, origin));
        if (&mut answer).now_or_never().is_none() {
            self.tracker.spawn(answer);
        }
    }

    async fn answer(self: Arc<Self>, channel: ChannelKey, message: String, commit: Commit, origin: InFlight) {
        let duplicate = match commit.await {
            Ok(_) => {
                self.metrics.published.inc();
                false
            }
            Err(error) => {
                // Nothing was written, what would list the channel neither.
                self.forget(&channel);
                let repetition = repetition(&error);
                if repetition.is_none_or(|first| !first.same_content) {
                    let error = repetition.map_or_else(|| failure(&error), |_| ErrorCode::DuplicateId.body());
                    self.metrics.client_error(&error.code);
                    return origin.refuse(&message, |wire| message::error_frame(wire, Some(&message), error));
                }
                true
            }
        };
        origin.acknowledge(|wire| message::ack_frame(wire, &message, None, duplicate));
    }

    /// An operation, and what lists its channel for review if it may not be listed yet.
    fn ops(&self, channel: &ChannelKey, op: Op, now_ms: u64) -> Vec<Op> {
        let is_new = self.listed().insert(channel.clone());
        let review = is_new.then(|| self.rule(channel).keep.topic_used(channel, "", now_ms));
        std::iter::once(op).chain(review).collect()
    }

    /// The channel is gone, or what lists it may not be stored: whoever uses it next lists it.
    pub(crate) fn forget(&self, channel: &ChannelKey) {
        self.listed().remove(channel);
    }

    fn listed(&self) -> MutexGuard<'_, HashSet<ChannelKey>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rule {
    /// A channel is kept for as long as its messages are known again: `known_ms`.
    fn new(rule: &config::TopicRule, known_ms: u64) -> Self {
        let retention = Retention { records_max: rule.keep_records, bytes_max: rule.keep_bytes };
        Self { retention, keep: Keep::new(rule.keep.max(Duration::from_millis(known_ms))) }
    }
}

type Commit = BoxFuture<'static, Result<Committed, BrokerError>>;

/// The message as it is kept: as it was sent, and who sent it.
fn data_of(post: &Post<'_>) -> bytes::Bytes {
    let Post { message, message_id, from, .. } = *post;
    let ts = timestamp();
    let meta = meta_of(message.meta, from);
    let stored = Envelope {
        kind: Cow::Borrowed("publish"),
        id: Some(Cow::Borrowed(message_id)),
        ts: Some(Cow::Borrowed(&ts)),
        reply_to: message.reply_to.clone(),
        payload: message.payload.as_ref().map(Payload::borrowed),
        meta: meta.as_deref(),
        extra: message.extra.clone(),
        ..Envelope::default()
    };
    data(RecordKind::Message, &stored)
}

/// What the sender says in `meta`, and in `meta.from` its verified name, which only the gateway can say.
fn meta_of(meta: Option<&RawValue>, from: Option<&str>) -> Option<Box<RawValue>> {
    let said = meta.map_or("{}", RawValue::get);
    let mut said: serde_json::Map<String, serde_json::Value> = serde_json::from_str(said).unwrap_or_default();
    match from {
        Some(from) => said.insert("from".to_owned(), from.into()),
        None => said.remove("from"),
    };
    (!said.is_empty()).then(|| message::payload(&said))
}

/// A message is known by who sent it and its id, and is the same one if its payload is.
fn idempotency_of(post: &Post<'_>) -> Idempotency {
    let key = content_digest(&[post.sender.as_bytes(), post.message_id.as_bytes()]);
    let (codec, content) = post.message.payload.as_ref().map_or((Codec::Json, &b""[..]), Payload::as_kept);
    Idempotency { key: hex(&key), digest: content_digest(&[codec.name().as_bytes(), content]) }
}

fn repetition(error: &BrokerError) -> Option<Duplicate> {
    match error {
        BrokerError::Refused { refusal: Refusal::Duplicate(duplicate), .. } => Some(*duplicate),
        _ => None,
    }
}

/// Why a message is not stored, in the client's words.
fn failure(error: &BrokerError) -> ErrorBody<'static> {
    if matches!(error, BrokerError::Overloaded) {
        return ErrorCode::Overloaded.body();
    }
    tracing::error!(%error, "a message cannot be published");
    ErrorCode::Internal.with_message("the message cannot be stored")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_gateway_says_who_sent_a_message() {
        let said: Box<RawValue> = serde_json::from_str(r#"{"from":"somebody else","trace":1}"#).unwrap();
        let told = |from| meta_of(Some(&said), from).unwrap().get().to_owned();
        assert_eq!(told(Some("alice")), r#"{"from":"alice","trace":1}"#);
        assert_eq!(told(None), r#"{"trace":1}"#);
        let nothing: Box<RawValue> = serde_json::from_str(r#"{"from":"x"}"#).unwrap();
        assert!(meta_of(Some(&nothing), None).is_none() && meta_of(None, None).is_none());
    }

    #[test]
    fn a_publication_goes_to_one_topic_or_one_user() {
        for (payload, said) in [
            (r#"{"payload":1}"#, "payload: topic or user: missing"),
            (r#"{"topic":"a","user":"b","payload":1}"#, "payload: topic and user exclude each other"),
            (r#"{"topic":"a"}"#, "missing field `payload`"),
            (r#"{"topic":7,"payload":1}"#, "invalid type"),
        ] {
            let payload: Box<RawValue> = serde_json::from_str(payload).unwrap();
            let error = Publication::read(&payload).err().expect("refused");
            assert!(error.contains(said), "{error}");
        }
    }
}
