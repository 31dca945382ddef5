//! A connection to Socket.IO: as much of its protocol (revision 5, over Engine.IO 4) as a measurement needs, over the load's
//! own client, so that the load is the same as for every other peer.

use std::collections::VecDeque;
use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use serde::Deserialize;

use crate::client::Client;

const PATH: &str = "/socket.io/?EIO=4&transport=websocket";

/// What a connection gives to the next one: its private id, and the last event's place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recovery {
    pid: Option<String>,
    offset: Option<String>,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Socket {
    client: Client,
    /// What came before the server said that it had accepted the connection: events that were missed come first.
    early: VecDeque<Bytes>,
    pub(crate) recovery: Recovery,
}

/// An event: its name and first argument, which is empty if there is none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) argument: String,
}

impl Socket {
    /// Connects, and recovers what `recovery` names if there is something: whether it was recovered stands beside.
    pub(crate) async fn connect(server: SocketAddr, number: usize, recovery: Recovery) -> anyhow::Result<(Self, bool)> {
        #[derive(Deserialize)]
        struct Connected {
            pid: Option<String>,
        }
        let mut client = Client::connect(server, PATH, None, number).await?;
        client.answer().await?; // Engine.IO's `open`
        let asks = serde_json::json!({ "pid": recovery.pid, "offset": recovery.offset });
        let packet = if recovery.pid.is_some() { format!("40{asks}") } else { "40".to_owned() };
        client.send(packet.as_bytes()).await?;
        let (mut early, mut answer) = (VecDeque::new(), client.answer().await?);
        while answer.starts_with(b"42") || answer == "2" {
            early.push_back(std::mem::replace(&mut answer, client.answer().await?));
        }
        let content = answer.strip_prefix(b"40").with_context(|| format!("expected `40`, got {answer:?}"))?;
        let Connected { pid } = serde_json::from_slice(content)?;
        let recovered = recovery.pid.is_some() && pid == recovery.pid;
        let offset = recovery.offset.filter(|_| recovered);
        Ok((Self { client, early, recovery: Recovery { pid, offset } }, recovered))
    }

    /// Emits an event; its arguments are JSON.
    pub(crate) async fn emit(&mut self, name: &str, arguments: &[serde_json::Value]) -> anyhow::Result<()> {
        let packet = format!("42{}", packet(name, arguments));
        self.client.send(packet.as_bytes()).await
    }

    /// Emits an event and waits until the server has acknowledged it.
    pub(crate) async fn request(&mut self, name: &str, arguments: &[serde_json::Value]) -> anyhow::Result<()> {
        let packet = format!("420{}", packet(name, arguments));
        self.client.send(packet.as_bytes()).await?;
        while !self.client.answer().await?.starts_with(b"430") {}
        Ok(())
    }

    /// The next event. Answers heartbeats meanwhile.
    pub(crate) async fn receive(&mut self) -> anyhow::Result<Event> {
        loop {
            let packet = match self.early.pop_front() {
                Some(packet) => packet,
                None => self.client.receive().await?,
            };
            match &packet[..] {
                b"2" => self.client.queue(b"3"),
                [b'4', b'2', ..] => return self.event(&packet),
                [b'4', b'1' | b'4', ..] => bail!("the server disconnected the socket"),
                _ => {}
            }
        }
    }

    fn event(&mut self, packet: &Bytes) -> anyhow::Result<Event> {
        let (event, offset) = parse(&packet[2..])?;
        self.recovery.offset = offset;
        Ok(event)
    }
}

fn packet(name: &str, arguments: &[serde_json::Value]) -> serde_json::Value {
    std::iter::once(serde_json::json!(name)).chain(arguments.iter().cloned()).collect()
}

/// An event's name and first argument, and its place, which the server puts last.
fn parse(data: &[u8]) -> anyhow::Result<(Event, Option<String>)> {
    let mut parts: Vec<String> = serde_json::from_slice(data).context("expected an event of texts")?;
    let offset = parts.pop();
    let mut parts = parts.into_iter();
    let mut next = || parts.next().unwrap_or_default();
    Ok((Event { name: next(), argument: next() }, offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_of_an_event_is_its_place() {
        let event = |name: &str, argument: &str| Event { name: name.to_owned(), argument: argument.to_owned() };
        assert_eq!(parse(br#"["token","1:2 ","abc"]"#).unwrap(), (event("token", "1:2 "), Some("abc".to_owned())));
        assert_eq!(parse(br#"["end","abd"]"#).unwrap(), (event("end", ""), Some("abd".to_owned())));
    }

    #[test]
    fn a_packet_is_an_array_with_the_name_first() {
        assert_eq!(packet("join", &[serde_json::json!("room")]).to_string(), r#"["join","room"]"#);
    }
}
