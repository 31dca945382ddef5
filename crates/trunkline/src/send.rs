//! `trunkline send`: one message to a service, and what comes back until its run ends.

use std::process::ExitCode;

use serde_json::value::RawValue;
use trunkline_client::Outgoing;

use crate::conversation::{Target, block_on, connect, json_in, random_id};
use crate::following::{Following, follow};
use crate::interrupt::{INTERRUPTED, Interrupt};

/// What the first Ctrl-C does.
const STOPS: &str = "the run is asked to stop; Ctrl-C again leaves at once";

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
    let payload = as_payload(&payload)?;
    let mut client = connect(&target, target.session()).await?;
    let message = Outgoing { kind, id: random_id()?, service, payload, deadline_ms, run: None };
    let following = Following::new(message.id.clone(), target.json);
    let interrupt = Interrupt::listen(STOPS)?;
    tokio::select! {
        code = follow(&mut client, &target, message, following, &interrupt) => code,
        () = interrupt.second() => Ok(ExitCode::from(INTERRUPTED)),
    }
}

/// JSON as it is; anything else as the text of a message.
fn as_payload(text: &str) -> anyhow::Result<Box<RawValue>> {
    match json_in(text)? {
        Some(json) => Ok(json),
        None => Ok(serde_json::value::to_raw_value(&serde_json::json!({ "message": text }))?),
    }
}
