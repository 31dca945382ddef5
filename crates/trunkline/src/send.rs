//! `trunkline send`: one message to a service, and what comes back until its run ends.

use std::collections::VecDeque;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::oneshot;
use trunkline_client::{Client, Outgoing, Received, Verdict, Welcome};
use trunkline_core::identity::hex;
use trunkline_protocol::{Envelope, Payload};

use crate::conversation::{Target, block_on, come_back, connect, print};
use crate::question::Question;

/// How long a gateway that was lost is looked for: longer than most take to start again.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was printed cannot be taken back, so an answer with a gap is none.
const INCOMPLETE: &str = "the gateway no longer has all of the answer; what was printed is not complete";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What to say: JSON, or plain text, which is sent as {"message": TEXT}
    payload: String,
    /// The message's type
    #[arg(long = "type", default_value = "user_message", value_name = "TYPE")]
    kind: String,
    /// The service, where the route has no own for this type
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// How long to wait for the run, in milliseconds
    #[arg(long, value_name = "MS")]
    deadline_ms: Option<u64>,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    block_on(send(arguments))
}

async fn send(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { payload, kind, service, deadline_ms, target } = arguments;
    let payload = as_json(&payload)?;
    let mut client = connect(&target).await?;
    let mut answer = Answer { json: target.json, ..Answer::to(random_id()?) };
    let message = Outgoing { kind, id: answer.id.clone(), service, payload, deadline_ms, run: None };
    if let Err(lost) = client.send(&message).await {
        come_back(&mut client, lost, PATIENCE).await?;
    }
    loop {
        let heard = tokio::select! {
            heard = client.receive() => heard,
            line = typed(&mut answer.asked) => {
                reply(&mut client, &mut answer, line).await?;
                continue;
            }
        };
        match heard {
            Ok(received) => {
                if let Some(code) = answer.take(&received)? {
                    return Ok(code);
                }
                answer.show_question(&client.welcome().session);
            }
            Err(lost) => {
                come_back(&mut client, lost, PATIENCE).await?;
                answer.goes_on(client.welcome())?;
            }
        }
    }
}

/// What the person types to the question that is shown.
async fn typed(asked: &mut Option<(Question, oneshot::Receiver<String>)>) -> Option<String> {
    match asked {
        Some((_, line)) => line.await.ok(),
        None => std::future::pending().await,
    }
}

/// Sends what the person typed; without a line nobody answers.
async fn reply(client: &mut Client, answer: &mut Answer, line: Option<String>) -> anyhow::Result<()> {
    let (Some((question, _)), Some(line), Some(run)) = (answer.asked.take(), line, &answer.run) else { return Ok(()) };
    let payload = serde_json::value::to_raw_value(&question.answer(&line))?;
    let id = random_id()?;
    let run = Some(run.clone());
    let message =
        Outgoing { kind: "answer".to_owned(), id: id.clone(), service: None, payload, deadline_ms: None, run };
    answer.replies.push(id);
    if let Err(lost) = client.send(&message).await {
        come_back(client, lost, PATIENCE).await?;
        answer.goes_on(client.welcome())?;
    }
    answer.show_question(&client.welcome().session);
    Ok(())
}

/// What comes back for one message.
struct Answer {
    /// The message's id.
    id: String,
    /// Its run, once it is known.
    run: Option<String>,
    json: bool,
    /// Questions that are open, the oldest first.
    questions: VecDeque<Question>,
    /// The one that is shown, and what the person will have typed.
    asked: Option<(Question, oneshot::Receiver<String>)>,
    /// Ids of the answers that were sent.
    replies: Vec<String>,
}

impl Answer {
    const fn to(id: String) -> Self {
        Self { id, run: None, json: false, questions: VecDeque::new(), asked: None, replies: Vec::new() }
    }

    /// Shows the next question to the person, if there is one and nothing is asked already.
    fn show_question(&mut self, session: &str) {
        while self.asked.is_none()
            && let Some(question) = self.questions.pop_front()
        {
            if Question::can_be_asked() {
                let line = question.ask();
                self.asked = Some((question, line));
            } else if let Some(run) = &self.run {
                eprintln!("\ntrunkline: {}", question.how_to_answer(run, session));
            }
        }
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
        let is_reply = envelope.reply_to.as_deref() == Some(&*self.id);
        let is_of_run = self.run.is_some() && envelope.run.as_deref() == self.run.as_deref();
        // After a reconnect the run may be heard of before its message is acknowledged.
        if is_reply
            && envelope.error.is_none()
            && let Some(run) = &envelope.run
        {
            self.run = Some(run.clone().into_owned());
        }
        let answers = envelope.reply_to.as_ref().is_some_and(|id| self.replies.iter().any(|reply| **reply == **id));
        let end = match &*envelope.kind {
            "ack" if answers => return Ok(None),
            "error" if answers => None,
            "ack" if is_reply => return Ok(None),
            "error" if is_reply => Some(ExitCode::FAILURE),
            // What has no run is answered by one message, as the built-in echo does.
            _ if is_reply && envelope.run.is_none() => Some(ExitCode::SUCCESS),
            "reset" if self.is_channel(envelope.channel.as_deref()) => return Err(anyhow::anyhow!(INCOMPLETE)),
            _ if !is_of_run || envelope.id.as_deref() == Some(&*self.id) => return Ok(None),
            "run_completed" => Some(ExitCode::SUCCESS),
            "run_failed" | "run_cancelled" | "run_expired" => Some(ExitCode::FAILURE),
            "answer" => {
                self.is_answered(&envelope);
                None
            }
            _ => None,
        };
        match Question::read(&envelope) {
            // A person is shown it as a question.
            Some(question) if !self.json => self.questions.push_back(question),
            _ => print(received, &envelope, self.json)?,
        }
        Ok(end)
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

/// JSON as it is; anything else as the text of a message.
fn as_json(text: &str) -> anyhow::Result<Box<RawValue>> {
    let looks_like_json = text.trim_start().starts_with(['{', '[', '"']);
    if looks_like_json {
        return RawValue::from_string(text.trim().to_owned()).context("the payload looks like JSON but is not");
    }
    Ok(serde_json::value::to_raw_value(&serde_json::json!({ "message": text }))?)
}

/// A message id that nobody else chooses.
fn random_id() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("there is no random source: {error}"))?;
    Ok(hex(&bytes))
}
