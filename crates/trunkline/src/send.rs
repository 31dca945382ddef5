//! `trunkline send`: one message to a service, and what comes back until its run ends.

use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::value::RawValue;
use trunkline_client::Outgoing;
use trunkline_core::identity::hex;

use crate::conversation::{Target, block_on, connect, print};

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
    let mut client = connect(&target).await?;
    let id = random_id()?;
    let message = Outgoing { kind, id: id.clone(), service, payload: as_json(&payload)?, deadline_ms };
    client.send(&message).await?;
    let mut run = None;
    loop {
        let received = client.receive().await?;
        let envelope = received.envelope()?;
        let ours = envelope.reply_to.as_deref() == Some(&*id);
        match &*envelope.kind {
            "ack" if ours => run = envelope.run.clone().map(std::borrow::Cow::into_owned),
            "error" if ours => {
                print(&received, &envelope, target.json)?;
                return Ok(ExitCode::FAILURE);
            }
            // What has no run is answered by one message, as the built-in echo does.
            _ if ours && envelope.run.is_none() => {
                print(&received, &envelope, target.json)?;
                return Ok(ExitCode::SUCCESS);
            }
            kind if run.is_some()
                && envelope.run.as_deref() == run.as_deref()
                && envelope.id.as_deref() != Some(&*id) =>
            {
                print(&received, &envelope, target.json)?;
                match kind {
                    "run_completed" => return Ok(ExitCode::SUCCESS),
                    "run_failed" | "run_cancelled" | "run_expired" => return Ok(ExitCode::FAILURE),
                    _ => {}
                }
            }
            _ => {}
        }
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
