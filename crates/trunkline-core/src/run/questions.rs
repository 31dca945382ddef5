//! The questions of one run: which are open, and who answered the others.
//!
//! Knows neither the run's channel nor its worker; a question that was answered never opens again.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use trunkline_protocol::{Codec, Envelope, ErrorBody, ErrorCode, Payload, is_message_id};

use super::events;
use crate::Moment;
use crate::identity::content_digest;

/// Most questions of one run that are open at once; one more fails it.
pub const OPEN_QUESTIONS_MAX: usize = 16;

/// Most questions of one run, answered ones too: each is remembered, so that it is answered once.
pub const QUESTIONS_MAX: usize = 256;

/// Most bytes of an answer's payload.
pub const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// Most characters in which the choices of a question are named to who chose something else.
const CHOICES_TOLD_CHARS_MAX: usize = 1_000;

/// Most bytes of what a service keeps with a question.
pub const CHECKPOINT_BYTES_MAX: usize = 64 * 1024;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Wanted {
    /// A yes or no: `granted`.
    Approval,
    /// A value: `value`.
    Question,
}

/// A question as clients see it: the payload of `run_waiting`.
#[derive(Debug, Serialize, Deserialize)]
struct Content<'a> {
    #[serde(borrow, default)]
    request_id: Cow<'a, str>,
    kind: Wanted,
    #[serde(borrow)]
    message: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    action: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    details: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    choices: Option<Vec<String>>,
    /// How long the worker wants to wait at most.
    #[serde(default, skip_serializing)]
    expires_in_ms: Option<u64>,
    #[serde(default, skip_deserializing)]
    expires_at: String,
}

/// A question, read.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) wanted: Wanted,
    /// The answers that are possible; empty where any is.
    pub(super) choices: Vec<String>,
    /// How long it may be open.
    pub(super) expires_in: Duration,
    /// What clients are told.
    pub(super) told: Payload<'static>,
}

/// Reads what a worker asks, and says what clients are told. A question is open for `expires_in_max` at most;
/// `wall_clock` gives the time after such a while.
pub(super) fn content(
    request: &str,
    codec: Codec,
    bytes: &[u8],
    expires_in_max: Duration,
    wall_clock: impl FnOnce(Duration) -> String,
) -> Result<Asked, ErrorBody<'static>> {
    let wrong = |reason: String| ErrorCode::WorkerProtocol.with_message(format!("the worker's question: {reason}"));
    if !is_message_id(request) {
        return Err(wrong("its request is no id".to_owned()));
    }
    let payload = events::payload(codec, bytes)?;
    let json = payload.to_json();
    let content: Content<'_> = serde_json::from_str(json.get()).map_err(|error| wrong(error.to_string()))?;
    if content.choices.as_ref().is_some_and(Vec::is_empty) {
        return Err(wrong("choices without a choice".to_owned()));
    }
    let (wanted, choices) = (content.kind, content.choices.clone().unwrap_or_default());
    let expires_in = content.expires_in_ms.map_or(expires_in_max, Duration::from_millis).min(expires_in_max);
    let told = Content { request_id: Cow::Borrowed(request), expires_at: wall_clock(expires_in), ..content };
    Ok(Asked { wanted, choices, expires_in, told: Payload::from(raw(&told)) })
}

fn raw(value: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("a message serialises into memory")
}

/// A question that stands in a channel.
fn read_question(payload: &RawValue) -> Option<Question> {
    #[derive(Deserialize)]
    struct Asked<'a> {
        #[serde(borrow)]
        request_id: Cow<'a, str>,
        kind: Wanted,
        #[serde(default)]
        choices: Vec<String>,
    }
    let Asked { request_id, kind, choices } = serde_json::from_str(payload.get()).ok()?;
    Some(Question { request: request_id.into_owned(), wanted: kind, choices, expires: None, answered: None })
}

/// A client's answer, read.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The question.
    pub request: String,
    /// The id of the client's message.
    pub message: String,
    /// The payload of its record, and what the worker is told.
    pub content: Box<RawValue>,
    /// Tells a repetition of the message from another one with its id.
    digest: [u8; 16],
    has_granted: bool,
    has_value: bool,
}

impl Answer {
    /// Reads the payload of a client's `answer`. `by` is who says it, where that is known.
    pub fn from_client(payload: &RawValue, message: &str, by: Option<&str>) -> Result<Self, ErrorBody<'static>> {
        if payload.get().len() > ANSWER_BYTES_MAX {
            let reason = format!("an answer may have {ANSWER_BYTES_MAX} bytes");
            return Err(ErrorCode::PayloadTooLarge.with_message(reason));
        }
        Self::read(payload, message, by)
    }

    fn read(payload: &RawValue, message: &str, by: Option<&str>) -> Result<Self, ErrorBody<'static>> {
        #[derive(Deserialize, Serialize)]
        struct Given<'a> {
            #[serde(borrow)]
            request_id: Cow<'a, str>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            granted: Option<bool>,
            #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
            value: Option<Box<RawValue>>,
            #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
            message: Option<Cow<'a, str>>,
            #[serde(default, skip_deserializing, skip_serializing_if = "Option::is_none")]
            by: Option<&'a str>,
        }
        let wrong = |reason: String| ErrorCode::BadRequest.with_message(format!("the answer is refused: {reason}"));
        let mut given: Given<'_> = serde_json::from_str(payload.get()).map_err(|error| wrong(error.to_string()))?;
        let (has_granted, has_value) = (given.granted.is_some(), given.value.is_some());
        if !has_granted && !has_value {
            return Err(wrong("it has neither granted nor value".to_owned()));
        }
        if !is_message_id(&given.request_id) {
            return Err(wrong("request_id is no id".to_owned()));
        }
        let request = given.request_id.clone().into_owned();
        // Without the name, so that it comes out the same when the record is read again.
        let digest = content_digest(&[raw(&given).get().as_bytes()]);
        given.by = by;
        let content = raw(&given);
        Ok(Self { request, message: message.to_owned(), content, digest, has_granted, has_value })
    }

    fn is_one_of(&self, choices: &[String]) -> bool {
        #[derive(Deserialize)]
        struct Chosen<'a> {
            #[serde(borrow)]
            value: Cow<'a, str>,
        }
        let chosen = serde_json::from_str::<Chosen<'_>>(self.content.get());
        chosen.is_ok_and(|chosen| choices.iter().any(|choice| *choice == chosen.value))
    }

    const fn fits(&self, wanted: Wanted) -> bool {
        match wanted {
            Wanted::Approval => self.has_granted,
            Wanted::Question => self.has_value,
        }
    }
}

/// A member that is there, also where it is null.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

/// Which message answered a question.
#[derive(Clone, Debug)]
struct Answered {
    message: String,
    digest: [u8; 16],
    stored: bool,
}

impl Answered {
    fn by(answer: &Answer, stored: bool) -> Self {
        Self { message: answer.message.clone(), digest: answer.digest, stored }
    }

    /// Whether a message is the one that answered, sent again.
    fn is_by(&self, answer: &Answer) -> bool {
        self.message == answer.message && self.digest == answer.digest
    }
}

/// What becomes of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is the answer, once it is stored.
    Accepted,
    /// It came before and is stored, or will be.
    Repeated {
        /// Whether it is stored.
        stored: bool,
    },
    /// Another one was accepted before.
    AlreadyAnswered,
    /// Nobody asked this, or not in this way, or the run has ended.
    Refused(Cow<'static, str>),
}

/// What a record says of a question.
#[derive(Clone, Debug)]
pub enum Said {
    /// That it is asked.
    Question,
    /// What was answered.
    Answer {
        /// The question.
        request: String,
        /// The answer.
        content: Box<RawValue>,
    },
}

impl Question {
    /// Why this is no answer to it, if it is none.
    fn refusal(&self, answer: &Answer) -> Option<Cow<'static, str>> {
        if !answer.fits(self.wanted) {
            return Some(Cow::Borrowed("an approval is answered with granted, a question with value"));
        }
        let is_possible = self.wanted == Wanted::Approval || self.choices.is_empty() || answer.is_one_of(&self.choices);
        (!is_possible).then(|| format!("value: expected one of {}", self.told_choices()).into())
    }

    fn told_choices(&self) -> String {
        let choices: Vec<String> = self.choices.iter().map(|choice| format!("{choice:?}")).collect();
        let choices = choices.join(", ");
        match choices.char_indices().nth(CHOICES_TOLD_CHARS_MAX) {
            Some((end, _)) => format!("{} …", &choices[..end]),
            None => choices,
        }
    }
}

/// The questions of a run.
#[derive(Clone, Debug, Default)]
pub struct Questions(Vec<Question>);

#[derive(Clone, Debug)]
struct Question {
    request: String,
    wanted: Wanted,
    choices: Vec<String>,
    /// When the run ends if nobody has answered; only an open run needs to know.
    expires: Option<Moment>,
    answered: Option<Answered>,
}

impl Questions {
    /// Reads a record of the run's channel, in order. What it says beside questions and answers is nothing to them.
    pub fn read(&mut self, message: &Envelope<'_>) -> Option<Said> {
        let payload = message.payload.as_ref().map(Payload::to_json)?;
        match &*message.kind {
            "run_waiting" => {
                self.0.push(read_question(&payload)?);
                Some(Said::Question)
            }
            "answer" => {
                let answer = Answer::read(&payload, message.id.as_deref()?, None).ok()?;
                let question = self.0.iter_mut().find(|question| question.request == answer.request)?;
                question.answered = Some(Answered::by(&answer, true));
                Some(Said::Answer { request: answer.request, content: payload.into_owned() })
            }
            _ => None,
        }
    }

    /// Whether nothing was asked.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a question waits for its answer.
    pub fn has_open(&self) -> bool {
        self.open().next().is_some()
    }

    /// When the first question expires that waits for its answer.
    pub(super) fn expire(&self) -> Option<Moment> {
        self.open().filter_map(|question| question.expires).min()
    }

    /// The questions that wait for their answers, and when they expire.
    pub(super) fn expiries(&self) -> Vec<(String, Moment)> {
        self.open().filter_map(|question| Some((question.request.clone(), question.expires?))).collect()
    }

    /// The questions of a run that goes on: `known` says when they expire, and the others do `otherwise`.
    pub(super) fn expiring(mut self, known: &[(String, Moment)], otherwise: Moment) -> Self {
        for question in &mut self.0 {
            let expires = known.iter().find(|(request, _)| *request == question.request).map(|(_, expires)| *expires);
            question.expires = Some(expires.unwrap_or(otherwise));
        }
        self
    }

    fn open(&self) -> impl Iterator<Item = &Question> {
        self.0.iter().filter(|question| question.answered.is_none())
    }

    /// Notes a question; the reason why it may not be asked, if there is one.
    pub(super) fn ask(&mut self, request: &str, asked: &Asked, expires: Moment) -> Result<(), String> {
        let open = self.open().count();
        if self.0.iter().any(|question| question.request == request) {
            return Err(format!("the worker asks {request:?} for a second time"));
        }
        if open >= OPEN_QUESTIONS_MAX || self.0.len() >= QUESTIONS_MAX {
            let reason =
                format!("a run may have {OPEN_QUESTIONS_MAX} questions open and {QUESTIONS_MAX} in all, not more");
            return Err(reason);
        }
        let (request, choices) = (request.to_owned(), asked.choices.clone());
        self.0.push(Question { request, wanted: asked.wanted, choices, expires: Some(expires), answered: None });
        Ok(())
    }

    /// What becomes of an answer to a run that has ended.
    pub fn verdict_at_the_end(&mut self, answer: &Answer) -> Decision {
        self.answer(answer, false)
    }

    /// Decides about an answer; an accepted one counts from now on.
    pub(super) fn answer(&mut self, answer: &Answer, may_accept: bool) -> Decision {
        let Some(question) = self.0.iter_mut().find(|question| question.request == answer.request) else {
            return Decision::Refused("the run has not asked this".into());
        };
        match &question.answered {
            Some(by) if by.is_by(answer) => Decision::Repeated { stored: by.stored },
            Some(_) => Decision::AlreadyAnswered,
            None if !may_accept => Decision::Refused("the run has ended; its questions are withdrawn".into()),
            None => {
                if let Some(reason) = question.refusal(answer) {
                    return Decision::Refused(reason);
                }
                question.answered = Some(Answered::by(answer, false));
                Decision::Accepted
            }
        }
    }

    /// An accepted answer is stored.
    pub(super) fn stored(&mut self, request: &str) {
        let question = self.0.iter_mut().find(|question| question.request == request);
        if let Some(answered) = question.and_then(|question| question.answered.as_mut()) {
            answered.stored = true;
        }
    }
}
