//! Whoever has read the envelope gets the verdict that the whole frame gets.

use serde_json::json;
use trunkline_catalogue::Catalogue;
use trunkline_catalogue::check::{Refused, Sender, check_envelope, check_frame};
use trunkline_catalogue::model::Direction;
use trunkline_protocol::{Dialect, Limits};

use crate::vectors::vectors;

fn check(dialect: Dialect, home: Dialect, sender: Sender, frame: &str) -> Option<Result<String, Refused>> {
    let envelope = dialect.decode(frame, Limits::default().depth_max).ok()?;
    Some(check_envelope(dialect, home, sender, &envelope, frame).map(|message| message.name.clone()))
}

#[test]
fn an_envelope_is_judged_as_its_frame() {
    let mut compared = 0;
    for dialect in Dialect::ALL {
        for cases in vectors(dialect) {
            let message = Catalogue::embedded().find(dialect, &cases.r#type).expect("a type");
            let sender = if message.direction == Direction::ToClient { Sender::Gateway } else { Sender::Client };
            let frames = cases.accepted.into_iter().chain(cases.rejected.into_iter().map(|rejected| rejected.frame));
            for text in frames.map(|frame| frame.to_string()) {
                let whole = check_frame(dialect, sender, text.as_bytes()).map(|message| message.name.clone());
                // What the envelope's reader refuses, or one of its types says of the envelope, is no content.
                if cases.r#type == "run_expired" && dialect == Dialect::Native {
                    continue;
                }
                if let Some(verdict) = check(dialect, dialect, sender, &text) {
                    // What stands whole in `_tl` is found there.
                    let said = verdict.map_err(|refused| refused.to_string().replace("_tl.payload.", ""));
                    assert_eq!(said, whole.map_err(|refused| refused.to_string()), "{text}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 600, "{compared}");
}

#[test]
fn a_native_connection_may_use_the_types_of_its_route() {
    for home in [Dialect::Payload, Dialect::Data, Dialect::Flat, Dialect::Open] {
        for cases in vectors(home) {
            let message = Catalogue::embedded().find(home, &cases.r#type).expect("a type");
            let is_native = Catalogue::embedded().find(Dialect::Native, &cases.r#type).is_some();
            if is_native || message.direction == Direction::ToClient {
                continue;
            }
            for frame in cases.accepted {
                let text = frame.to_string();
                let envelope = home.decode(&text, Limits::default().depth_max).expect("an accepted frame");
                let mut native = Vec::new();
                Dialect::Native.encode(&envelope, &mut native);
                let native = String::from_utf8(native).expect("text");
                assert_eq!(
                    check(Dialect::Native, home, Sender::Client, &native),
                    Some(Ok(cases.r#type.clone())),
                    "{native}"
                );
                let unknown = Some(Err(Refused::Unknown(cases.r#type.clone())));
                assert_eq!(check(Dialect::Native, Dialect::Native, Sender::Client, &native), unknown);
            }
        }
    }
    let frame = json!({"type": "plan_ready", "data": 1}).to_string();
    let elsewhere = check(Dialect::Data, Dialect::Payload, Sender::Gateway, &frame);
    assert_eq!(
        elsewhere,
        Some(Err(Refused::Unknown("plan_ready".to_owned()))),
        "only native speaks for other dialects"
    );
    let frame = json!({"type": "user_message", "payload": {"message": 1}}).to_string();
    let Some(Err(refused)) = check(Dialect::Native, Dialect::Payload, Sender::Client, &frame) else {
        panic!("accepted")
    };
    assert_eq!(refused.to_string(), "payload.message: expected string, got integer");
}

#[test]
fn a_content_that_stands_in_the_wrapper_is_checked() {
    let wrapped = |content: serde_json::Value| json!({"type": "user_message", "_tl": {"payload": content}});
    let in_metadata =
        |content: serde_json::Value| json!({"type": "user_message", "metadata": {"_tl": {"payload": content}}});
    for frame in [wrapped, in_metadata] {
        let said = |content| {
            let verdict = check(Dialect::Flat, Dialect::Flat, Sender::Client, &frame(content).to_string());
            verdict.expect("an envelope").map_err(|refused| refused.to_string())
        };
        assert_eq!(said(json!({"type": "x", "message": "hi"})), Ok("user_message".to_owned()));
        for (content, fault) in [
            (json!({"message": 1}), "_tl.payload.message: expected string, got integer"),
            (json!("hi"), "_tl.payload: expected object, got string"),
        ] {
            assert_eq!(said(content), Err(fault.to_owned()));
        }
    }
}
