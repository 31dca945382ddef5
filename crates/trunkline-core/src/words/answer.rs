//! A run's whole answer in the words of each dialect.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use trunkline_protocol::{Dialect, Envelope, Payload, belongs_to_gateway};

use super::raw;
use crate::log::Record;
use crate::record::{self, RecordKind, UnknownForm};

/// Most bytes of a whole text, spelled in JSON: with what stands around it it is a message within the limit of 1 MiB.
pub const TEXT_BYTES_MAX: usize = 1024 * 1024 - 16 * 1024;

/// The text of a run, gathered from its log.
#[derive(Clone, Debug, Default)]
pub struct WholeText {
    text: String,
    /// Bytes that it takes in JSON.
    spelled: usize,
    cut: bool,
    /// Its beginning is no longer in the log.
    lost: bool,
    began: Option<String>,
}

impl WholeText {
    /// No text yet, with room for what the run's end itself holds.
    pub fn before(end: &Record) -> Self {
        Self { spelled: end.data.len(), ..Self::default() }
    }

    /// Whether nothing more fits.
    pub const fn is_full(&self) -> bool {
        self.cut
    }

    /// Adds a record of the run's channel, in order. What is beyond [`TEXT_BYTES_MAX`] is left out.
    pub fn add(&mut self, record: &Record) -> Result<(), UnknownForm> {
        let (kind, message) = record::message(&record.data)?;
        if self.began.is_none() {
            self.began = message.ts.as_deref().map(str::to_owned);
            self.lost = record.previous.offset != 0;
        }
        if kind != RecordKind::Text || self.cut {
            return Ok(());
        }
        for character in record::text_of(&message)?.chars() {
            self.spelled += spelled_bytes(character);
            if self.spelled > TEXT_BYTES_MAX {
                self.cut = true;
                break;
            }
            self.text.push(character);
        }
        Ok(())
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Bytes of a character in a JSON string.
const fn spelled_bytes(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        other => other.len_utf8(),
    }
}

/// What the message that a run answers said of itself, as the run's end keeps it in `meta`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The service that was asked.
    pub service: String,
    /// When the message was accepted, RFC 3339.
    pub accepted: String,
    /// The conversation, in dialect `payload`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<String>,
    /// The agent that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The pillar of a liaison agent, in dialect `flat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pillar: Option<String>,
}

impl Origin {
    /// Reads what a client's payload says of the conversation and of whom it asks.
    pub fn of(service: &str, accepted: &str, payload: Option<&Payload<'_>>) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Asked<'a> {
            #[serde(borrow)]
            chat_id: Word<'a>,
            #[serde(borrow)]
            agent: Word<'a>,
            #[serde(borrow)]
            agent_id: Word<'a>,
            #[serde(borrow)]
            pillar: Word<'a>,
            #[serde(borrow)]
            message: Inner<'a>,
        }
        let payload = payload.and_then(Payload::as_json);
        let asked: Asked<'_> = payload.and_then(|payload| serde_json::from_str(payload.get()).ok()).unwrap_or_default();
        Self {
            service: service.to_owned(),
            accepted: accepted.to_owned(),
            chat_id: asked.chat_id.0.map(Cow::into_owned),
            agent: asked.agent.0.or(asked.agent_id.0).or(asked.message.agent).map(Cow::into_owned),
            pillar: asked.pillar.0.map(Cow::into_owned),
        }
    }
}

/// Whom a message asked, as each piece of the text that answers it keeps it in `meta`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked<'a> {
    /// The agent.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Cow<'a, str>>,
    /// The pillar of a liaison agent.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub pillar: Option<Cow<'a, str>>,
}

impl<'a> Asked<'a> {
    /// What stands in a piece's `meta`.
    pub(super) fn read(meta: &'a RawValue) -> Self {
        serde_json::from_str(meta.get()).unwrap_or_default()
    }

    /// What an [`Origin`] says of it, to be kept; `None` where it says nothing.
    pub(crate) fn in_origin(origin: &RawValue) -> Option<Box<RawValue>> {
        let asked = Asked::read(origin);
        (asked != Asked::default()).then(|| raw(&asked))
    }
}

/// A text; anything else is as if it were not there.
#[derive(Default)]
struct Word<'a>(Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Word<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = <&RawValue>::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(value.get()).ok().filter(|word: &Cow<'_, str>| is_short(word))))
    }
}

/// Most bytes of a word that is kept for the answer; the schema allows no longer ones.
const WORD_BYTES_MAX: usize = 256;

fn is_short(word: &str) -> bool {
    word.len() <= WORD_BYTES_MAX
}

/// The member `message` of dialect `data`'s `chat_message`.
#[derive(Default)]
struct Inner<'a> {
    agent: Option<Cow<'a, str>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Inner<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Message<'a> {
            #[serde(borrow, rename = "agentId")]
            agent: Cow<'a, str>,
        }
        let value = <&'de RawValue>::deserialize(deserializer)?;
        let message = serde_json::from_str::<Message<'a>>(value.get()).ok();
        Ok(Self { agent: message.map(|message| message.agent).filter(|agent| is_short(agent)) })
    }
}

/// What there is to say at the end of a run.
pub(super) struct Answer<'a> {
    message: &'a Envelope<'a>,
    origin: Origin,
    whole: &'a WholeText,
    text: Cow<'a, str>,
    /// What the service returned, unless that is the text.
    result: Option<Box<RawValue>>,
}

/// Nesting of a result that is read as a frame: it was bounded when its worker sent it.
const RESULT_DEPTH_MAX: usize = 128;

impl<'a> Answer<'a> {
    /// Reads the end of a run; `None` if its service said nothing.
    pub(super) fn read(
        message: &'a Envelope<'a>,
        meta: Option<&RawValue>,
        whole: &'a WholeText,
    ) -> Result<Option<Self>, UnknownForm> {
        #[derive(Default, Deserialize)]
        struct Completed {
            result: Option<Box<RawValue>>,
        }
        // Old dialects are JSON: bytes stand in it as base64.
        let payload = message.payload.as_ref().map(Payload::to_json);
        let payload = payload.as_deref().map(|payload| serde_json::from_str(payload.get()));
        let Completed { result } = payload.transpose().map_err(|_| UnknownForm)?.unwrap_or_default();
        let origin = meta.and_then(|meta| serde_json::from_str(meta.get()).ok()).unwrap_or_default();
        let mut answer = Self { message, origin, whole, text: Cow::Borrowed(&whole.text), result };
        let returned_text =
            answer.result.as_deref().and_then(|result| serde_json::from_str::<String>(result.get()).ok());
        if let (true, Some(text)) = (whole.text.is_empty(), returned_text) {
            answer.text = Cow::Owned(text);
            answer.result = None;
        }
        let is_something = !answer.text.is_empty() || answer.result.is_some();
        Ok(is_something.then_some(answer))
    }

    /// An answer without a word.
    pub(super) fn nothing(message: &'a Envelope<'a>, whole: &'a WholeText) -> Self {
        Self { message, origin: Origin::default(), whole, text: Cow::Borrowed(""), result: None }
    }

    /// Appends the frame: the one that the service returned, if it returned one.
    pub(super) fn say(&self, dialect: Dialect, out: &mut Vec<u8>) {
        let members = self.result_members();
        if members.as_ref().is_some_and(|members| members.get("type").is_some())
            && let Some(Ok(own)) = self.result.as_deref().map(|frame| dialect.decode(frame.get(), RESULT_DEPTH_MAX))
            && is_the_services(&own.kind)
        {
            let Envelope { kind, payload, extra, .. } = own;
            return dialect.encode(&Envelope { extra, ..self.placed(kind, payload) }, out);
        }
        let (kind, payload) = match dialect {
            Dialect::Payload => ("llm_response", self.llm_response(members)),
            Dialect::Data => ("chat_response", self.chat_response(members)),
            Dialect::Flat => ("agent_complete", self.agent_complete()),
            Dialect::Native | Dialect::Open => ("response", self.response(members)),
        };
        dialect.encode(&self.placed(Cow::Borrowed(kind), Some(raw(&payload).into())), out);
    }

    /// A message in the place of the run's end.
    fn placed<'m>(&'m self, kind: Cow<'m, str>, payload: Option<Payload<'m>>) -> Envelope<'m>
    where
        'a: 'm,
    {
        Envelope { kind, payload, ..self.message.clone() }
    }

    fn llm_response<'m>(&'m self, result: Option<Members<'m>>) -> Members<'m> {
        let mut answer = Members::default();
        answer.set("response", &self.text);
        answer.set("chat_id", &self.origin.chat_id.as_deref().or(self.message.session.as_deref()));
        answer.set("model", self.service());
        answer.set("processing_time", &self.processing_seconds());
        self.add_result(&mut answer, result);
        answer
    }

    fn chat_response<'m>(&'m self, result: Option<Members<'m>>) -> Members<'m> {
        let mut metadata = Members::default();
        metadata.set("processing_time", &self.processing_seconds());
        metadata.set("confidence", &0);
        metadata.set("reasoning_path", &[(); 0]);
        let own = result.as_ref().and_then(|result| result.get("metadata"));
        metadata.extend(own.and_then(Members::read).unwrap_or_default());
        let mut message = Members::default();
        message.set("id", &self.message.run);
        message.set("type", "agent");
        message.set("content", &self.text);
        message.set("agentId", self.agent());
        self.add_result(&mut message, result);
        message.set("metadata", &metadata);
        let mut answer = Members::default();
        answer.set("message", &message);
        answer
    }

    fn agent_complete(&self) -> Members<'_> {
        let mut answer = Members::default();
        answer.set("message", &self.text);
        answer.set("is_streaming", &false);
        answer.set_if("agent", self.origin.agent.as_deref());
        answer.set_if("pillar", self.origin.pillar.as_deref());
        answer.set_if("data", self.result.as_deref());
        let cancelled = self.message.kind == "run_cancelled";
        answer.set_if(
            "status",
            if cancelled { Some("cancelled") } else { (self.whole.cut || self.whole.lost).then_some("cut") },
        );
        answer
    }

    fn response<'m>(&'m self, result: Option<Members<'m>>) -> Members<'m> {
        let mut answer = Members::default();
        answer.set_if("message", Some(&*self.text).filter(|text| !text.is_empty()));
        self.add_result(&mut answer, result);
        answer
    }

    /// What the service returned stands in the answer: its members if it is an object, else as `result`.
    fn add_result<'m>(&'m self, answer: &mut Members<'m>, members: Option<Members<'m>>) {
        match members {
            Some(members) => answer.extend(members),
            None => answer.set_if("result", self.result.as_deref()),
        }
    }

    fn result_members(&self) -> Option<Members<'_>> {
        self.result.as_deref().and_then(Members::read)
    }

    fn agent(&self) -> &str {
        self.origin.agent.as_deref().unwrap_or_else(|| self.service())
    }

    /// The service's name. A run that a native message began does not keep it.
    fn service(&self) -> &str {
        if self.origin.service.is_empty() { "service" } else { &self.origin.service }
    }

    /// From the message, or where that is not known from the run's first event, to its end.
    fn processing_seconds(&self) -> f64 {
        let moment = |text: &str| humantime::parse_rfc3339(text).ok();
        let accepted = moment(&self.origin.accepted).or_else(|| moment(self.whole.began.as_deref()?));
        let ended = self.message.ts.as_deref().and_then(moment);
        let took = accepted.zip(ended).and_then(|(accepted, ended)| ended.duration_since(accepted).ok());
        took.unwrap_or_default().as_secs_f64()
    }
}

/// Whether a frame of this type may come from a service: what only the gateway can know does not.
fn is_the_services(kind: &str) -> bool {
    !belongs_to_gateway(kind) || ["error", "error_message"].contains(&kind)
}

/// The members of an object, in their order; values are raw JSON, so that numbers stay what they are.
#[derive(Default)]
struct Members<'a>(Vec<(Cow<'a, str>, Cow<'a, RawValue>)>);

impl<'a> Members<'a> {
    /// The members of a JSON object; `None` for anything else.
    fn read(object: &'a RawValue) -> Option<Self> {
        serde_json::from_str(object.get()).ok()
    }

    fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find_map(|(known, value)| match value {
            Cow::Borrowed(value) if known == name => Some(*value),
            _ => None,
        })
    }

    fn set(&mut self, name: &'static str, value: &(impl Serialize + ?Sized)) {
        self.put(Cow::Borrowed(name), Cow::Owned(raw(value)));
    }

    fn set_if(&mut self, name: &'static str, value: Option<&(impl Serialize + ?Sized)>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// Takes members over, in place of those with their names. There are few of those: a service may return many.
    fn extend(&mut self, members: Self) {
        let own = self.0.len();
        for (name, value) in members.0 {
            match self.0[..own].iter_mut().find(|(known, _)| *known == name) {
                Some((_, old)) => *old = value,
                None => self.0.push((name, value)),
            }
        }
    }

    fn put(&mut self, name: Cow<'a, str>, value: Cow<'a, RawValue>) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, &**value)))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Members::default();
        let mut places = HashMap::<String, usize>::new();
        while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
            // Of equal names the last one counts.
            match places.entry(name) {
                Entry::Occupied(place) => members.0[*place.get()].1 = Cow::Borrowed(value),
                Entry::Vacant(place) => {
                    members.0.push((Cow::Owned(place.key().clone()), Cow::Borrowed(value)));
                    place.insert(members.0.len() - 1);
                }
            }
        }
        Ok(members)
    }
}
