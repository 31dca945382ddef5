//! Why a connection cannot be used, or can be no longer.
//!
//! Knows what an answer to an upgrade may say, and nothing of sockets.

use std::time::Duration;

use serde::Deserialize;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::http::header::CONTENT_TYPE;
use tokio_tungstenite::tungstenite::http::{Response, StatusCode};
use trunkline_protocol::{CloseCode, DecodeError};

/// The most characters that are taken from the body of an HTTP answer: a sentence or two, not a page.
const HINT_CHARS_MAX: usize = 300;

/// Why a connection cannot be used, or can be no longer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Socket(#[source] Box<tungstenite::Error>),
    /// The gateway, or a proxy before it, answered the upgrade with something else.
    #[error("the connection was refused with {}{}{hint}", status_line(*.status), if hint.is_empty() { "" } else { ": " })]
    NoUpgrade {
        /// The HTTP status.
        status: u16,
        /// What the answer says, on one line; empty where it says nothing to people.
        hint: String,
    },
    /// The gateway closed it.
    #[error("the gateway closed the connection with {code}{}{reason}", if reason.is_empty() { "" } else { ": " })]
    Closed {
        /// The close code; 1005 when there was none.
        code: u16,
        /// Its name.
        reason: String,
    },
    /// The gateway sent something that is no envelope.
    #[error("the gateway sent something that is no envelope: {0}")]
    Envelope(#[from] DecodeError),
    /// The gateway did not answer `hello` with `welcome`.
    #[error("the gateway refused the connection: {0}")]
    Refused(String),
    /// Nothing came for so long: two of the gateway's heartbeats, or the time that a connection may take.
    #[error("nothing came from the gateway for {0:?}")]
    Silent(Duration),
    /// The gateway does not give the session that was to be resumed to this client.
    #[error("the session is unknown, has expired, or its secret is wrong")]
    SessionLost,
    /// No connection could be had for so long.
    #[error("the gateway could not be reached again for {patience:?}: {last}")]
    GivenUp {
        /// How long it was tried.
        patience: Duration,
        /// Why the last attempt failed.
        #[source]
        last: Box<ClientError>,
    },
}

impl ClientError {
    /// Whether another connection may go well where this one did not ([`Client::reconnect`](crate::Client::reconnect)).
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Socket(_) | Self::Silent(_) => true,
            Self::Closed { code, .. } => {
                let known = CloseCode::ALL.into_iter().find(|known| known.number() == *code);
                known.map_or(!(4500..5000).contains(code), CloseCode::reconnect)
            }
            Self::NoUpgrade { status, .. } => matches!(status, 408 | 429 | 500..=599),
            Self::Envelope(_) | Self::Refused(_) | Self::SessionLost | Self::GivenUp { .. } => false,
        }
    }
}

impl From<tungstenite::Error> for ClientError {
    fn from(error: tungstenite::Error) -> Self {
        match error {
            tungstenite::Error::Http(answer) => {
                Self::NoUpgrade { status: answer.status().as_u16(), hint: hint_of(&answer) }
            }
            error => Self::Socket(Box::new(error)),
        }
    }
}

fn status_line(status: u16) -> String {
    StatusCode::from_u16(status).map_or_else(|_| status.to_string(), |status| status.to_string())
}

/// The body of an error as the gateway writes it for HTTP clients.
#[derive(Deserialize)]
struct HttpError {
    error: HttpErrorBody,
}

#[derive(Deserialize)]
struct HttpErrorBody {
    message: String,
}

/// What an answer says to people: the gateway's error, or plain text. Another's page says nothing here.
fn hint_of(answer: &Response<Option<Vec<u8>>>) -> String {
    let body = answer.body().as_deref().unwrap_or_default();
    let content_type = answer.headers().get(CONTENT_TYPE).map_or(&b"text/plain"[..], |value| value.as_bytes());
    if content_type.starts_with(b"application/json") {
        serde_json::from_slice(body).map(|HttpError { error }| one_line(&error.message)).unwrap_or_default()
    } else if content_type.starts_with(b"text/plain") {
        one_line(&String::from_utf8_lossy(body))
    } else {
        String::new()
    }
}

/// A text on one line, bounded, and without anything that moves the cursor.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split(|character: char| character.is_whitespace() || character.is_control()).collect();
    let words = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    words.chars().take(HINT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, content_type: &str, body: &str) -> String {
        let answer = Response::builder().status(status).header(CONTENT_TYPE, content_type);
        let answer = answer.body(Some(body.as_bytes().to_vec())).unwrap();
        ClientError::from(tungstenite::Error::Http(Box::new(answer))).to_string()
    }

    #[test]
    fn coming_back_makes_sense_after_a_loss_and_not_after_a_verdict() {
        let closed = |code| ClientError::Closed { code, reason: String::new() }.is_passing();
        let refused = |status| ClientError::NoUpgrade { status, hint: String::new() }.is_passing();
        assert_eq!([1005, 1006, 1011, 4000, 4003, 4499].map(closed), [true; 6]);
        // A message that was too big would be sent again for ever.
        assert_eq!([1000, 1008, 1009, 4500, 4505, 4999].map(closed), [false; 6]);
        assert_eq!([429, 500, 502, 503].map(refused), [true; 4]);
        assert_eq!([400, 401, 403, 404, 421].map(refused), [false; 5]);
        assert!(!ClientError::SessionLost.is_passing());
    }

    #[test]
    fn an_http_answer_is_told_with_what_it_says_to_people() {
        let error = r#"{"error":{"code":"unknown_route","message":"no route has this path; the nearest is /ws"}}"#;
        assert_eq!(
            told(404, "application/json", error),
            "the connection was refused with 404 Not Found: no route has this path; the nearest is /ws"
        );
        let page = "<html>sorry</html>";
        assert_eq!(told(502, "text/html", page), "the connection was refused with 502 Bad Gateway");
        assert_eq!(told(401, "application/json", page), "the connection was refused with 401 Unauthorized");
        assert_eq!(
            told(403, "text/plain; charset=utf-8", "not\x1b[2J from\r\nhere\n"),
            "the connection was refused with 403 Forbidden: not [2J from here"
        );
        assert!(told(400, "text/plain", &"word ".repeat(10_000)).len() < 400);
    }
}
