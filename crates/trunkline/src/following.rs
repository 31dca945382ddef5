//! A run as it goes on, printed to its end: what `send` and `answer` share.
//!
//! Asks the person at the terminal what the run asks; where there is none, says how it is answered and ends. Does not know
//! how the run began.

use std::collections::VecDeque;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;
use trunkline_client::{Client, ClientError, Outgoing, Received, Verdict, Welcome};
use trunkline_protocol::{Envelope, Payload};

use crate::conversation::{Target, come_back, print, random_id};
use crate::interrupt::{INTERRUPTED, Interrupt};
use crate::question::Question;

/// The exit code where the run asks and nobody is there to answer.
pub(crate) const ASKS: u8 = 3;

/// How long a gateway that was lost is looked for: longer than most take to start again.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was printed cannot be taken back, so an answer with a gap is none.
const INCOMPLETE: &str = "the gateway no longer has all of the answer; what was printed is not complete";

/// Sends a message and prints what comes back, until its run is over or asks what nobody here can answer.
pub(crate) async fn follow(
    client: &mut Client,
    target: &Target,
    message: Outgoing,
    mut following: Following,
    interrupt: &Interrupt,
) -> anyhow::Result<ExitCode> {
    let mut said = client.send(&message).await;
    loop {
        if let Err(lost) = said {
            come_back(client, lost, PATIENCE).await?;
            following.goes_on(client.welcome())?;
            following.is_on_next_connection();
        }
        if let Some(question) = following.unanswerable() {
            return Ok(following.leave_asking(&question, target, client.welcome()));
        }
        said = tokio::select! {
            received = client.receive() => match received {
                Ok(received) => match following.take(&received)? {
                    Some(code) => return Ok(code),
                    None => Ok(()),
                },
                Err(lost) => Err(lost),
            },
            line = typed(&mut following.asked) => match following.reply(line)? {
                Some(answer) => client.send(&answer).await,
                None => Ok(()),
            },
            () = interrupt.first(), if following.stop != Stop::Asked && following.run.is_some() => following.ask_to_stop(client).await,
        };
    }
}

/// What the person types to the question that is shown.
async fn typed(asked: &mut Option<(Question, oneshot::Receiver<String>)>) -> Option<String> {
    match asked {
        Some((_, line)) => line.await.ok(),
        None => std::future::pending().await,
    }
}

/// What comes back for one message.
pub(crate) struct Following {
    /// The message's id.
    message: String,
    /// Its run, once it is known.
    run: Option<String>,
    json: bool,
    /// Nothing is printed before the message itself stands in its run's channel.
    is_silent: bool,
    /// Questions that are open, the oldest first.
    questions: VecDeque<Question>,
    /// The one that is shown, and what the person will have typed.
    asked: Option<(Question, oneshot::Receiver<String>)>,
    /// Where the person gave no answer.
    refused: Option<Question>,
    /// The answers that were sent, and to what.
    replies: Vec<(String, Question)>,
    stop: Stop,
}

/// Whether the run was asked to stop.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    No,
    /// On this connection.
    Asked,
    /// On one that is lost: it may not have come to that.
    AskedBefore,
}

impl Following {
    /// What comes back for a message that begins a run.
    pub(crate) const fn new(message: String, json: bool) -> Self {
        Self {
            message,
            run: None,
            json,
            is_silent: false,
            questions: VecDeque::new(),
            asked: None,
            refused: None,
            replies: Vec::new(),
            stop: Stop::No,
        }
    }

    /// What comes of a run after an answer to its question.
    pub(crate) fn after_answer(message: String, run: String, json: bool) -> Self {
        Self { run: Some(run), is_silent: true, ..Self::new(message, json) }
    }

    /// Shows the next question to the person, if nothing is asked already. The question that nobody here can answer.
    fn unanswerable(&mut self) -> Option<Question> {
        if self.is_silent || self.asked.is_some() {
            return None;
        }
        if let Some(question) = self.refused.take() {
            return Some(question);
        }
        let question = self.questions.pop_front()?;
        if self.json || !Question::can_be_asked() {
            return Some(question);
        }
        let line = question.ask();
        self.asked = Some((question, line));
        None
    }

    /// Says what is asked and how it is answered from elsewhere: the run goes on waiting.
    fn leave_asking(&self, question: &Question, target: &Target, welcome: &Welcome) -> ExitCode {
        let run = self.run.as_deref().unwrap_or_default();
        eprintln!("{}", question.how_to_answer(run, &target.arguments(welcome)));
        ExitCode::from(ASKS)
    }

    /// The message that answers what was asked with what the person typed; at the end of the input there is none.
    fn reply(&mut self, line: Option<String>) -> anyhow::Result<Option<Outgoing>> {
        let (Some((question, _)), Some(run)) = (self.asked.take(), &self.run) else { return Ok(None) };
        let Some(line) = line else {
            self.refused = Some(question);
            return Ok(None);
        };
        let message = answer(random_id()?, run.clone(), &question.answer(&line))?;
        self.replies.push((message.id.clone(), question));
        Ok(Some(message))
    }

    async fn ask_to_stop(&mut self, client: &mut Client) -> Result<(), ClientError> {
        self.stop = Stop::Asked;
        client.cancel(self.run.as_deref().unwrap_or_default()).await
    }

    /// Somebody has answered a question.
    fn is_answered(&mut self, message: &Envelope<'_>) {
        let payload = message.payload.as_ref().map(Payload::to_json);
        let payload: Option<Value> = payload.and_then(|payload| serde_json::from_str(payload.get()).ok());
        let Some(request) = payload.as_ref().and_then(|payload| payload["request_id"].as_str()) else { return };
        self.questions.retain(|question| question.request_id != request);
        self.asked.take_if(|(question, _)| question.request_id == request);
    }

    /// Prints what belongs to the answer, and gives the exit code at its end.
    fn take(&mut self, received: &Received) -> anyhow::Result<Option<ExitCode>> {
        let envelope = received.envelope()?;
        let is_reply = envelope.reply_to.as_deref() == Some(&*self.message);
        let is_of_run = self.run.is_some() && envelope.run.as_deref() == self.run.as_deref();
        // After a reconnect the run may be heard of before its message is acknowledged.
        if is_reply
            && envelope.error.is_none()
            && let Some(run) = &envelope.run
        {
            self.run = Some(run.clone().into_owned());
        }
        let reply = self.replies.iter().position(|(id, _)| envelope.reply_to.as_deref() == Some(&**id));
        let answers = reply.is_some();
        if let Some((_, question)) = reply.map(|reply| self.replies.swap_remove(reply))
            && envelope.error.as_ref().is_some_and(|error| error.code != "already_answered")
        {
            // Nothing is stored of the answer: it is asked again.
            self.questions.push_front(question);
        }
        let is_own = envelope.id.as_deref() == Some(&*self.message);
        if is_of_run && envelope.kind == "answer" {
            self.is_answered(&envelope);
            self.is_silent &= !is_own;
        }
        let end = match &*envelope.kind {
            "ack" if answers => return Ok(None),
            "error" if answers => None,
            "ack" if is_reply => return Ok(None),
            "error" if is_reply => Some(ExitCode::FAILURE),
            // What has no run is answered by one message, as the built-in echo does.
            _ if is_reply && envelope.run.is_none() => Some(ExitCode::SUCCESS),
            "reset" if self.is_channel(envelope.channel.as_deref()) && !self.is_silent => {
                return Err(anyhow::anyhow!(INCOMPLETE));
            }
            _ if !is_of_run || is_own => return Ok(None),
            _ if self.is_silent => {
                self.questions.extend(Question::read(&envelope));
                return Ok(None);
            }
            "run_completed" => Some(ExitCode::SUCCESS),
            "run_cancelled" if self.stop != Stop::No => Some(ExitCode::from(INTERRUPTED)),
            "run_failed" | "run_cancelled" | "run_expired" => Some(ExitCode::FAILURE),
            _ => None,
        };
        let question = Question::read(&envelope);
        if question.is_none() || self.json {
            print(received, &envelope, self.json)?;
        }
        // A person is shown it as a question.
        self.questions.extend(question);
        Ok(end)
    }

    const fn is_on_next_connection(&mut self) {
        if matches!(self.stop, Stop::Asked) {
            self.stop = Stop::AskedBefore;
        }
    }

    /// Whether the gateway has all of the answer that is still to come.
    fn goes_on(&self, welcome: &Welcome) -> anyhow::Result<()> {
        let is_reset =
            |(channel, verdict): (&String, &Verdict)| verdict.verdict == "reset" && self.is_channel(Some(channel));
        anyhow::ensure!(!welcome.channels.iter().any(is_reset), INCOMPLETE);
        Ok(())
    }

    fn is_channel(&self, channel: Option<&str>) -> bool {
        let run = channel.and_then(|channel| channel.strip_prefix("run:"));
        run.is_some() && run == self.run.as_deref()
    }
}

/// The message that answers a question of a run.
pub(crate) fn answer(id: String, run: String, content: &Value) -> anyhow::Result<Outgoing> {
    let payload = serde_json::value::to_raw_value(content)?;
    Ok(Outgoing { kind: "answer".to_owned(), id, service: None, payload, deadline_ms: None, run: Some(run) })
}
