//! What `send`, `answer` and `tail` share: arguments for a connection, and printing what comes.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::value::RawValue;
use trunkline_client::{Client, ClientError, Options, Received, SessionState, Welcome};
use trunkline_core::identity::hex;
use trunkline_protocol::{Envelope, ErrorBody, Payload};

/// Where a gateway is that was not told otherwise.
const URL_DEFAULT: &str = "ws://127.0.0.1:8001/ws";

/// The most characters of an error's details that a person is shown; `--json` has them all.
const DETAILS_CHARS_MAX: usize = 500;

#[derive(clap::Args)]
pub(crate) struct Target {
    /// The route to connect to
    #[arg(long, default_value = URL_DEFAULT, value_name = "URL")]
    url: String,
    /// A token, where the gateway asks for one
    #[arg(long, env = "TRUNKLINE_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// A session to take part in, instead of a new one
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// The secret of that session, if it is anonymous
    #[arg(long, env = "TRUNKLINE_SESSION_SECRET", hide_env_values = true, requires = "session")]
    secret: Option<String>,
    /// Print every message as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl Target {
    pub(crate) fn options(&self) -> Options {
        Options { url: self.url.clone(), token: self.token.clone() }
    }

    /// An error with the address that could not be connected to. What the gateway itself says stays as it is.
    fn unreachable(&self, error: ClientError) -> anyhow::Error {
        match error {
            ClientError::Socket(_) | ClientError::Silent(_) => {
                // What follows may be a token.
                let address = self.url.split('?').next().unwrap_or_default();
                anyhow::anyhow!("{address}: {error}")
            }
            answered => answered.into(),
        }
    }

    /// What another command is told to take part in the same session. What this one was given in secret is named by its
    /// variable.
    pub(crate) fn arguments(&self, welcome: &Welcome) -> String {
        let mut arguments = Vec::new();
        let mut add = |argument: &str, value: &str| arguments.push(format!(" {argument} {value}"));
        if self.url != URL_DEFAULT {
            add("--url", &format!("'{}'", self.url));
        }
        if self.token.is_some() {
            add("--token", "\"$TRUNKLINE_TOKEN\"");
        }
        add("--session", &welcome.session);
        match (&welcome.secret, &self.secret) {
            (Some(secret), _) => add("--secret", secret),
            (None, Some(_)) => add("--secret", "\"$TRUNKLINE_SESSION_SECRET\""),
            (None, None) => {}
        }
        arguments.concat()
    }

    /// Whether a session was named.
    pub(crate) const fn has_session(&self) -> bool {
        self.session.is_some()
    }

    pub(crate) fn session(&self) -> SessionState {
        SessionState { id: self.session.clone(), secret: self.secret.clone(), ..SessionState::default() }
    }
}

/// Connects to the session that was asked for, or to a new one; another one than asked for is a failure.
pub(crate) async fn connect(target: &Target, state: SessionState) -> anyhow::Result<Client> {
    let asked_for = state.id.clone();
    anyhow::ensure!(
        target.url.starts_with("ws://") || target.url.starts_with("wss://"),
        "--url: expected an address that begins with ws:// or wss://, got {}",
        target.url
    );
    let client = Client::connect(&target.options(), state).await.map_err(|error| target.unreachable(error))?;
    anyhow::ensure!(
        asked_for.is_none_or(|id| id == client.welcome().session),
        "the session is unknown, has expired, or its secret is wrong"
    );
    Ok(client)
}

/// Connects again where a connection was lost, and says so.
pub(crate) async fn come_back(client: &mut Client, lost: ClientError, patience: Duration) -> Result<(), ClientError> {
    if lost.is_passing() {
        // What was printed so far need not end with a line's end.
        eprintln!("\ntrunkline: {lost}; reconnecting");
    }
    client.reconnect(lost, patience).await
}

/// Runs a client's part to its exit code.
pub(crate) fn block_on(part: impl Future<Output = anyhow::Result<ExitCode>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(part));
    outcome.unwrap_or_else(|error| {
        eprintln!("trunkline: {error}");
        ExitCode::FAILURE
    })
}

/// Prints a message: as it came, or what a person wants to read of it.
pub(crate) fn print(received: &Received, message: &Envelope<'_>, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", received.text())?;
    } else {
        write_for_people(&mut out, message)?;
    }
    out.flush()
}

fn write_for_people(out: &mut impl io::Write, message: &Envelope<'_>) -> io::Result<()> {
    let payload = message.payload.as_ref().and_then(Payload::as_json).map(RawValue::get);
    let text = payload.filter(|_| message.kind == "run_event").and_then(text_of);
    match (&*message.kind, text, &message.error) {
        (_, Some(text), _) => write!(out, "{text}"),
        ("ack" | "cancel_ack" | "heartbeat" | "run_started" | "progress", ..) => Ok(()),
        ("run_completed", ..) => match payload {
            Some(r#"{"result":null}"#) | None => writeln!(out),
            Some(payload) => writeln!(out, "{payload}"),
        },
        ("run_cancelled", ..) => writeln!(out, "\n[run_cancelled]"),
        (kind, _, Some(error)) => {
            writeln!(out, "\n[{kind}] {}: {}{}", error.code, error.message, particulars_of(error))
        }
        (kind, ..) => writeln!(out, "[{kind}] {}", payload.unwrap_or("")),
    }
}

/// What helps to act on an error, after its message; nothing where there is nothing.
fn particulars_of(error: &ErrorBody<'_>) -> String {
    let details = error.details.as_ref().map(|details| {
        let text = details.to_string();
        let cut: String = text.chars().take(DETAILS_CHARS_MAX).collect();
        let rest = if cut.len() < text.len() { " …" } else { "" };
        format!("details {cut}{rest}")
    });
    let trace = error.trace_id.as_ref().map(|trace_id| format!("trace_id {trace_id}"));
    let parts: Vec<String> = details.into_iter().chain(trace).collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

/// The text of a text event.
fn text_of(payload: &str) -> Option<String> {
    let payload: serde_json::Value = serde_json::from_str(payload).ok()?;
    Some(payload.get("text")?.as_str()?.to_owned())
}

/// A message id that nobody else chooses.
pub(crate) fn random_id() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("there is no random source: {error}"))?;
    Ok(hex(&bytes))
}

/// What a person writes as JSON; `None` where it is plain text.
pub(crate) fn json_in(text: &str) -> anyhow::Result<Option<Box<RawValue>>> {
    let looks_like_json = text.trim_start().starts_with(['{', '[', '"']);
    let json = looks_like_json.then(|| RawValue::from_string(text.trim().to_owned()));
    json.transpose().context("the payload looks like JSON but is not")
}
