//! `trunkline tail`: every message of a session as it comes, across reconnects.

use std::process::ExitCode;
use std::time::Duration;

use trunkline_client::{Client, ClientError};

use crate::conversation::{Target, block_on, come_back, connect, print};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    block_on(tail(arguments.target))
}

async fn tail(target: Target) -> anyhow::Result<ExitCode> {
    let mut client = connect(&target, target.session()).await?;
    let welcome = client.welcome();
    match &welcome.secret {
        Some(secret) => eprintln!("session {} secret {secret}", welcome.session),
        None => eprintln!("session {}", welcome.session),
    }
    loop {
        let lost = follow(&mut client, target.json).await?;
        come_back(&mut client, lost, Duration::MAX).await?;
    }
}

/// Prints until the connection is over, and says why it is.
async fn follow(client: &mut Client, json: bool) -> anyhow::Result<ClientError> {
    loop {
        match client.receive().await {
            Ok(received) => print(&received, &received.envelope()?, json)?,
            Err(error) => return Ok(error),
        }
    }
}
