//! One client's connection to either peer, and what outlives it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::client::Client;
use crate::peers::{NATIVE, Session, open_session};
use crate::scenario::run::{is_end, message};
use crate::socketio::{Recovery, Socket};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    Gateway,
    SocketIo,
}

/// A client's connection.
#[derive(Debug)]
pub(super) enum Link {
    Gateway(Client, Kept),
    SocketIo(Socket),
}

/// What a client keeps while it is not connected.
#[derive(Clone, Debug)]
pub(super) enum Left {
    Gateway(Kept),
    SocketIo(Recovery),
}

/// Of the gateway: the session, and the position in each of its channels; none where nothing came yet.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    session: Session,
    channels: BTreeMap<String, Option<String>>,
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Text(String),
    End,
    /// A record that does not follow the one before it, or a run that failed.
    Broken(String),
    Other,
}

/// The fields of a record that matter here.
#[derive(Deserialize)]
struct Frame<'m> {
    r#type: &'m str,
    channel: Option<&'m str>,
    pos: Option<&'m str>,
    prev: Option<&'m str>,
    #[serde(borrow)]
    payload: Option<&'m RawValue>,
}

impl Link {
    /// Connects for the first time.
    pub(super) async fn open(peer: Peer, server: SocketAddr, number: usize) -> anyhow::Result<Self> {
        match peer {
            Peer::Gateway => {
                let (client, session) = open_session(server, "/ws", number).await?;
                Ok(Self::Gateway(client, Kept { session, channels: BTreeMap::new() }))
            }
            Peer::SocketIo => Ok(Self::SocketIo(Socket::connect(server, number, Recovery::default()).await?.0)),
        }
    }

    /// Connects again: whether the server goes on where the last connection ended stands beside.
    pub(super) async fn resume(left: Left, server: SocketAddr, number: usize) -> anyhow::Result<(Self, bool)> {
        match left {
            Left::Gateway(kept) => resume_gateway(kept, server, number).await,
            Left::SocketIo(recovery) => {
                let (socket, recovered) = Socket::connect(server, number, recovery).await?;
                Ok((Self::SocketIo(socket), recovered))
            }
        }
    }

    /// What is left when the connection is cut, now.
    pub(super) fn cut(self) -> Left {
        match self {
            Self::Gateway(_, kept) => Left::Gateway(kept),
            Self::SocketIo(socket) => Left::SocketIo(socket.recovery),
        }
    }

    /// Asks for a stream of so many tokens.
    pub(super) async fn ask(&mut self, count: u32, every_ms: u32) -> anyhow::Result<()> {
        let request = serde_json::json!({ "count": count, "every_ms": every_ms });
        match self {
            Self::Gateway(client, _) => client.send(message(0, "numbered", &request.to_string()).as_bytes()).await,
            Self::SocketIo(socket) => socket.emit("stream", &[request]).await,
        }
    }

    /// What comes next.
    pub(super) async fn receive(&mut self) -> anyhow::Result<Heard> {
        match self {
            Self::Gateway(client, kept) => {
                let text = client.receive().await?;
                Ok(kept.hear(&text).unwrap_or_else(|error| Heard::Broken(format!("{error:#}"))))
            }
            Self::SocketIo(socket) => {
                let event = socket.receive().await?;
                Ok(match &event.name[..] {
                    "token" => Heard::Text(event.argument),
                    "end" => Heard::End,
                    _ => Heard::Other,
                })
            }
        }
    }
}

async fn resume_gateway(kept: Kept, server: SocketAddr, number: usize) -> anyhow::Result<(Link, bool)> {
    #[derive(Deserialize)]
    struct Welcome {
        payload: Verdicts,
    }
    #[derive(Deserialize)]
    struct Verdicts {
        session: String,
        channels: BTreeMap<String, Verdict>,
    }
    #[derive(Deserialize)]
    struct Verdict {
        verdict: String,
    }
    let mut client = Client::connect(server, "/ws", Some(NATIVE), number).await?;
    let Session { session, secret } = &kept.session;
    let hello = serde_json::json!({
        "type": "hello",
        "payload": { "session": session, "secret": secret, "resume": kept.channels },
    });
    client.send(hello.to_string().as_bytes()).await?;
    let welcome = client.answer().await?;
    let Welcome { payload } = serde_json::from_slice(&welcome)
        .with_context(|| format!("expected a welcome, got {}", String::from_utf8_lossy(&welcome)))?;
    let is_reset = payload.channels.values().any(|channel| channel.verdict == "reset");
    let resumed = payload.session == *session && !is_reset;
    Ok((Link::Gateway(client, kept), resumed))
}

impl Kept {
    /// Takes in a message of the gateway. A record must follow the one before it.
    fn hear(&mut self, text: &[u8]) -> anyhow::Result<Heard> {
        let frame: Frame<'_> = serde_json::from_slice(text)?;
        if let (Some(channel), Some(pos)) = (frame.channel, frame.pos) {
            let last = self.channels.entry(channel.to_owned()).or_default();
            let follows = last.is_none() || last.as_deref() == frame.prev;
            ensure!(follows, "a gap after {last:?}: {}", String::from_utf8_lossy(text));
            *last = Some(pos.to_owned());
        }
        match frame.r#type {
            "run_started" => self.expect_run(frame.payload)?,
            "run_event" => return said(frame.payload),
            "run_completed" => return Ok(Heard::End),
            _ => ensure!(!is_end(text), "a run failed: {}", String::from_utf8_lossy(text)),
        }
        Ok(Heard::Other)
    }

    /// From now on the run's channel is asked for too.
    fn expect_run(&mut self, payload: Option<&RawValue>) -> anyhow::Result<()> {
        #[derive(Deserialize)]
        struct Started {
            channel: String,
        }
        let started: Started = serde_json::from_str(payload.context("a run has a channel")?.get())?;
        self.channels.entry(started.channel).or_default();
        Ok(())
    }
}

fn said(payload: Option<&RawValue>) -> anyhow::Result<Heard> {
    #[derive(Deserialize)]
    struct Said {
        text: String,
    }
    let said: Said = serde_json::from_str(payload.context("a text has content")?.get())?;
    Ok(Heard::Text(said.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Kept {
        let session = Session { session: "s".to_owned(), secret: None };
        Kept { session, channels: BTreeMap::new() }
    }

    #[test]
    fn a_record_that_does_not_follow_is_noticed() {
        let mut kept = kept();
        let first = br#"{"type":"run_event","channel":"run:r","pos":"1-1-a","payload":{"text":"0:1 "}}"#;
        assert_eq!(kept.hear(first).unwrap(), Heard::Text("0:1 ".to_owned()));
        let gap = br#"{"type":"run_event","channel":"run:r","pos":"1-3-c","prev":"1-2-b","payload":{"text":"2:1 "}}"#;
        assert!(kept.clone().hear(gap).is_err());
        let next = br#"{"type":"run_completed","channel":"run:r","pos":"1-2-b","prev":"1-1-a","payload":{}}"#;
        assert_eq!(kept.hear(next).unwrap(), Heard::End);
    }

    #[test]
    fn a_run_that_has_begun_is_resumed_from_its_start() {
        let mut kept = kept();
        let started = br#"{"type":"run_started","channel":"session:s","pos":"1-2-b","payload":{"channel":"run:r"}}"#;
        kept.hear(started).unwrap();
        assert_eq!(kept.channels.get("run:r"), Some(&None));
    }
}
