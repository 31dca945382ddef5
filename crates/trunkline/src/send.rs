//! `trunkline send`: one message to a service, and what comes back until its run ends.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::value::RawValue;
use trunkline_client::{Outgoing, Received, Verdict, Welcome};
use trunkline_core::identity::hex;

use crate::conversation::{Target, block_on, come_back, connect, print};

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
    let mut answer = Answer { id: random_id()?, run: None, json: target.json };
    let message = Outgoing { kind, id: answer.id.clone(), service, payload, deadline_ms };
    if let Err(lost) = client.send(&message).await {
        come_back(&mut client, lost, PATIENCE).await?;
    }
    loop {
        match client.receive().await {
            Ok(received) => {
                if let Some(code) = answer.take(&received)? {
                    return Ok(code);
                }
            }
            Err(lost) => {
                come_back(&mut client, lost, PATIENCE).await?;
                answer.goes_on(client.welcome())?;
            }
        }
    }
}

/// What comes back for one message.
struct Answer {
    /// The message's id.
    id: String,
    /// Its run, once it is known.
    run: Option<String>,
    json: bool,
}

impl Answer {
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
        let end = match &*envelope.kind {
            "ack" if is_reply => return Ok(None),
            "error" if is_reply => Some(ExitCode::FAILURE),
            // What has no run is answered by one message, as the built-in echo does.
            _ if is_reply && envelope.run.is_none() => Some(ExitCode::SUCCESS),
            "reset" if self.is_channel(envelope.channel.as_deref()) => return Err(anyhow::anyhow!(INCOMPLETE)),
            _ if !is_of_run || envelope.id.as_deref() == Some(&*self.id) => return Ok(None),
            "run_completed" => Some(ExitCode::SUCCESS),
            "run_failed" | "run_cancelled" | "run_expired" => Some(ExitCode::FAILURE),
            _ => None,
        };
        print(received, &envelope, self.json)?;
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
