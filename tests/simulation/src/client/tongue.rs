//! How a client spells what it says, and what it makes of what it reads: in dialect native, or as an old front end.
//!
//! What an old front end is told in words of its own is given in those of native, so that nobody else here has to know
//! them; what native has no word for stands beside it, as `old`.

use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio_tungstenite::tungstenite::Message;
use trunkline_gateway::simulation::Handle;
use trunkline_protocol::Dialect;

/// Nesting of any frame here.
const DEPTH_MAX: usize = 64;

/// One dialect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tongue(Dialect);

impl Tongue {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self(dialect)
    }

    /// Connects by a route, which has this dialect or is spoken to in native.
    pub(super) fn connect(self, handle: &Handle, path: &str) -> Option<DuplexStream> {
        match self.0 {
            Dialect::Native => handle.connect(path),
            _ => handle.connect_old(path),
        }
    }

    /// The frame of a message that is written as native has it.
    pub(super) fn say(self, message: &Value) -> Message {
        let native = message.to_string();
        if self.0 == Dialect::Native {
            return Message::text(native);
        }
        Message::text(respelled(Dialect::Native, &native, self.0))
    }

    /// What a frame says, as native has it.
    pub(super) fn hear(self, frame: &str) -> Value {
        let read = |text: &str| serde_json::from_str(text).expect("the gateway writes JSON");
        if self.0 == Dialect::Native {
            return read(frame);
        }
        let mut message = read(&respelled(self.0, frame, Dialect::Native));
        self.put_in_native_words(&mut message);
        message
    }

    fn put_in_native_words(self, message: &mut Value) {
        let is_record = message["pos"].is_string();
        let mut old = json!({ "dialect": self.0.name() });
        let content = message["payload"].take();
        let mut end = |kind: &str, whole: &Value| {
            old["whole"] = whole.as_str().unwrap_or_default().into();
            kind.to_owned()
        };
        let kind = match message["type"].as_str().expect("a type") {
            "session_created" => {
                message["payload"] = content["data"].clone();
                "welcome".to_owned()
            }
            "agent_streaming" => {
                message["payload"] = json!({ "text": content["message"] });
                old["index"] = content["stream_index"].clone();
                "run_event".to_owned()
            }
            "llm_response" => end("run_completed", &content["response"]),
            "chat_response" => end("run_completed", &content["message"]["content"]),
            "response" => end("run_completed", &content["message"]),
            "agent_complete" => {
                let is_cancelled = content["status"] == "cancelled";
                let kind = end(if is_cancelled { "run_cancelled" } else { "run_completed" }, &content["message"]);
                old["is_cut"] = (content["status"] == "cut").into();
                kind
            }
            "error" | "error_message" if !is_record => "error".to_owned(),
            "error" | "error_message" if message["error"]["code"] == "deadline_exceeded" => "run_expired".to_owned(),
            "error" | "error_message" => "run_failed".to_owned(),
            other => {
                let other = other.to_owned();
                message["payload"] = content;
                other
            }
        };
        message["type"] = kind.into();
        if is_record {
            message["old"] = old;
        }
    }
}

/// The same message in another dialect.
fn respelled(from: Dialect, text: &str, to: Dialect) -> String {
    let envelope = from.decode(text, DEPTH_MAX).unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut spelled = Vec::new();
    to.encode(&envelope, &mut spelled);
    String::from_utf8(spelled).expect("the encoder writes JSON, which is UTF-8")
}
