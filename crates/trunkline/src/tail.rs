//! `trunkline tail`: every message of a session as it comes, across reconnects.

use std::process::ExitCode;
use std::time::Duration;

use trunkline_client::{Client, ClientError, SessionState};

use crate::conversation::{Target, block_on, connect, print};

/// Waits between attempts to come back, the last one repeated.
const BACKOFF: [Duration; 5] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    block_on(tail(arguments.target))
}

async fn tail(target: Target) -> anyhow::Result<ExitCode> {
    let mut client = connect(&target).await?;
    let welcome = client.welcome();
    match &welcome.secret {
        Some(secret) => eprintln!("session {} secret {secret}", welcome.session),
        None => eprintln!("session {}", welcome.session),
    }
    loop {
        let error = follow(&mut client, target.json).await?;
        if !comes_back(&error) {
            return Err(error.into());
        }
        eprintln!("{error}; reconnecting");
        let state = client.into_state();
        client = reconnect(&target, &state).await?;
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

async fn reconnect(target: &Target, state: &SessionState) -> anyhow::Result<Client> {
    let mut waits = BACKOFF.into_iter().chain(std::iter::repeat(BACKOFF[BACKOFF.len() - 1]));
    loop {
        tokio::time::sleep(waits.next().unwrap_or_default()).await;
        match Client::connect(&target.options(), state.clone()).await {
            Ok(client) => return Ok(client),
            Err(error) if comes_back(&error) => eprintln!("{error}; trying again"),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether coming back makes sense: not after a refusal for good.
fn comes_back(error: &ClientError) -> bool {
    match error {
        ClientError::Closed { code, .. } => !(4500..5000).contains(code),
        ClientError::Socket(_) => true,
        _ => false,
    }
}
