//! Attaches one more session, topic or user's channel to a connection, as its client asked for it.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use trunkline_broker::BrokerError;
use trunkline_core::channel::ChannelKey;
use trunkline_core::channel::ChannelKind;
use trunkline_protocol::{Envelope, Position, Wire};

use super::opening::{Judge, Place, Verdict};
use crate::auth::Caller;
use crate::message;
use crate::node::Node;
use crate::sessions::Session;

/// What is to be done with a channel.
pub(super) enum Request {
    /// Attach it, from a position.
    Attach { id: Option<String>, wanted: Wanted, cursor: Option<Position> },
    /// Give it up, if it is attached.
    Detach(ChannelKey),
}

/// What a client wants to attach.
pub(super) enum Wanted {
    /// A session that may be its own.
    Session { id: String, secret: Option<String> },
    /// A channel that it may read.
    Channel(ChannelKey),
}

impl Wanted {
    /// The channel's name as clients see it.
    pub(super) fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Session { id, .. } => Cow::Owned(format!("session:{id}")),
            Self::Channel(channel) => Cow::Borrowed(channel.public_name()),
        }
    }
}

/// Who asks, and how to answer.
pub(super) struct Asker {
    pub(super) caller: Caller,
    pub(super) realm: String,
    pub(super) wire: Wire,
}

/// What became of a wish.
pub(super) struct Attached {
    /// `attached`, which stands in the channel's order if there is a place.
    pub(super) told: Bytes,
    pub(super) place: Option<Place>,
    pub(super) session: Option<Arc<Session>>,
    /// Runs that the session has now, where reading on does not bring them.
    pub(super) runs: Vec<ChannelKey>,
}

#[derive(Serialize)]
struct Payload<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<bool>,
    #[serde(flatten)]
    verdict: &'a Verdict,
}

/// Finds out whether and from where a channel can be attached.
pub(super) async fn attach(
    node: Arc<Node>,
    asker: Asker,
    id: Option<String>,
    wanted: Wanted,
    cursor: Option<Position>,
) -> Result<Attached, BrokerError> {
    let Asker { caller, realm, wire } = asker;
    let mut judge = Judge::new(&node, &caller, &realm);
    let session = match &wanted {
        Wanted::Session { id, secret } => judge.session(id, secret.as_deref()).await?,
        Wanted::Channel(_) => None,
    };
    let (verdict, place) = judge.place(&wanted.name(), cursor).await?;
    let goes_on = session.as_ref().filter(|_| verdict.is_resumed());
    let runs = goes_on.map(|session| runs_of(session)).unwrap_or_default();
    let payload = match &wanted {
        Wanted::Session { id, .. } => Payload { session: Some(id), topic: None, user: None, verdict: &verdict },
        Wanted::Channel(channel) => {
            let topic = (channel.kind() == ChannelKind::Topic).then(|| channel.id());
            Payload { session: None, topic, user: topic.is_none().then_some(true), verdict: &verdict }
        }
    };
    let payload = message::payload(&payload);
    let envelope = Envelope {
        channel: Some(wanted.name()),
        reply_to: id.as_deref().map(Cow::Borrowed),
        payload: Some((&payload).into()),
        ..Envelope::new("attached")
    };
    Ok(Attached { told: message::frame(wire, &envelope), place, session, runs })
}

fn runs_of(session: &Session) -> Vec<ChannelKey> {
    session.turns().runs().map(|run| ChannelKey::run(&session.realm, run)).collect()
}
