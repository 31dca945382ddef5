//! Runs as a client sees them: sending the message that starts one, and waiting for its end.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use tokio::time::timeout;

use crate::client::Client;

/// How long a run may take; the longest that are measured take some seconds.
const RUN_WITHIN: Duration = Duration::from_mins(1);

/// A message with its own id that starts a run of `service`. `payload` is JSON.
pub(crate) fn message(number: usize, service: &str, payload: &str) -> String {
    format!(r#"{{"type":"user_message","id":"m{number:08}","to":{{"service":"{service}"}},"payload":{payload}}}"#)
}

/// The type of a message of the gateway; empty if it is no envelope.
fn kind(message: &[u8]) -> &str {
    #[derive(Deserialize)]
    struct Typed<'m> {
        r#type: &'m str,
    }
    serde_json::from_slice::<Typed<'_>>(message).map_or("", |typed| typed.r#type)
}

/// Whether this message of the gateway is of this type.
pub(crate) fn is_type(message: &[u8], wanted: &str) -> bool {
    kind(message) == wanted
}

/// Whether this message ends a run, or refuses it.
pub(crate) fn is_end(message: &[u8]) -> bool {
    matches!(kind(message), "run_completed" | "run_failed" | "run_cancelled" | "run_expired" | "error")
}

/// Receives a run to its end, which must be a good one, within [`RUN_WITHIN`]; every message is shown to `observe`.
pub(crate) async fn finish(client: &mut Client, mut observe: impl FnMut(&[u8])) -> anyhow::Result<()> {
    let end = async {
        loop {
            let text = client.receive().await?;
            observe(&text);
            if is_end(&text) {
                return anyhow::Ok(text);
            }
        }
    };
    // Over the whole run: heartbeats go on while nothing else comes.
    let end = timeout(RUN_WITHIN, end).await.context("a run did not end")??;
    ensure!(is_type(&end, "run_completed"), "a run failed: {}", String::from_utf8_lossy(&end));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_compared_whole_wherever_it_stands() {
        assert!(is_end(br#"{"channel":"run:r","pos":"1-1-1","type":"run_completed","payload":{"type":"other"}}"#));
        assert!(is_type(br#"{"type":"run_event","run":"r"}"#, "run_event"));
        assert!(!is_type(br#"{"type":"run_events"}"#, "run_event"));
        assert!(is_end(br#"{"type":"error","error":{"code":"busy"}}"#) && is_end(br#"{"type":"run_completed"}"#));
        assert!(!is_end(br#"{"type":"run_started"}"#));
    }
}
