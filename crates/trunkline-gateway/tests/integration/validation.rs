//! Routes that look at a client's messages before a service gets them.

use serde_json::{Value, json};
use trunkline_protocol::Dialect;

use crate::double::Double;
use crate::harness::TestGateway;
use crate::peer::Peer;

const ROUTES: &str = r#"
[[route]]
path = "/off"
service = "chat"
[[route]]
path = "/known"
service = "chat"
types = { "mine.*" = "chat" }
validate = "known types"
[[route]]
path = "/strict"
service = "chat"
types = { "mine.*" = "chat" }
validate = "strict"
[[route]]
path = "/strict/data"
dialect = "data"
service = "chat"
validate = "strict"
[[route]]
path = "/strict/flat"
dialect = "flat"
service = "chat"
validate = "strict"
[[route]]
path = "/strict/open"
dialect = "open"
service = "chat"
validate = "strict"
"#;

fn dialect(path: &str) -> Dialect {
    match path {
        "/strict/data" => Dialect::Data,
        "/strict/flat" => Dialect::Flat,
        "/strict/open" => Dialect::Open,
        _ => Dialect::Payload,
    }
}

/// What the gateway makes of a message: the error's code and message, or nothing where a worker gets it.
async fn verdict(gateway: &TestGateway, worker: &mut Double, path: &str, message: &Value) -> Option<(String, String)> {
    let mut peer = Peer::old(gateway, path, dialect(path)).await;
    peer.send(message.clone()).await;
    let is_error = |answer: &Value| ["error", "error_message"].contains(&answer["type"].as_str().unwrap_or_default());
    let wrapper = |answer: &Value| match path {
        "/strict/flat" => answer["metadata"]["_tl"].clone(),
        _ => answer["_tl"].clone(),
    };
    tokio::select! {
        error = peer.until_one(is_error) => {
            let error = &wrapper(&error)["error"];
            let text = |field: &str| error[field].as_str().expect("text").to_owned();
            Some((text("code"), text("message")))
        }
        call = worker.receive_call() => {
            worker.result(call.corr, 0, "null").await;
            None
        }
    }
}

#[tokio::test]
async fn row_52_a_route_that_validates_refuses_types_that_it_does_not_know() {
    let gateway = TestGateway::with_routes(ROUTES).await;
    let mut worker = Double::join(&gateway, "chat").await;
    let unknown = json!({ "type": "usr_message", "payload": { "message": "hi" } });
    let mine = json!({ "type": "mine.too", "payload": 7 });
    assert_eq!(verdict(&gateway, &mut worker, "/off", &unknown).await, None);
    for path in ["/known", "/strict"] {
        let (code, message) = verdict(&gateway, &mut worker, path, &unknown).await.expect("refused");
        let said =
            "type: usr_message is not in the catalogue; did you mean user_message? the route's `types` can allow it";
        assert_eq!((&*code, &*message), ("unknown_type", said), "{path}");
        assert_eq!(verdict(&gateway, &mut worker, path, &mine).await, None, "{path} names the type itself");
        let others = json!({ "type": "llm_response", "payload": {} });
        let (code, message) = verdict(&gateway, &mut worker, path, &others).await.expect("refused");
        assert_eq!(
            (&*code, &*message),
            ("unknown_type", "type: llm_response is for the gateway to send, not for clients")
        );
    }
}

#[tokio::test]
async fn a_type_that_is_not_known_here_is_told_what_it_is_elsewhere() {
    let gateway = TestGateway::with_routes(ROUTES).await;
    let mut worker = Double::join(&gateway, "chat").await;
    for (path, kind, said) in [
        ("/strict/flat", "chat_message", "type: chat_message is a type of dialect data; this route speaks flat"),
        (
            "/known",
            "request_workspace_analysis",
            "type: request_workspace_analysis is a type of dialect open; this route speaks payload",
        ),
        (
            "/known",
            "something.else.entirely",
            "type: something.else.entirely is not in the catalogue; the route's `types` can allow it",
        ),
    ] {
        let (code, message) = verdict(&gateway, &mut worker, path, &json!({ "type": kind })).await.expect("refused");
        assert_eq!((&*code, &*message), ("unknown_type", said));
    }
}

#[tokio::test]
async fn a_strict_route_names_the_field_that_is_wrong() {
    let gateway = TestGateway::with_routes(ROUTES).await;
    let mut worker = Double::join(&gateway, "chat").await;
    for (path, good, bad, said) in [
        (
            "/strict",
            json!({ "type": "user_message", "payload": { "message": "hi" } }),
            json!({ "type": "user_message", "payload": { "message": 7 } }),
            "payload.message: expected string, got integer",
        ),
        (
            "/strict",
            json!({ "type": "workflow_approval", "payload": { "workflow_id": "w", "approved": true } }),
            json!({ "type": "workflow_approval", "payload": { "workflow_id": "w" } }),
            "payload.approved: missing",
        ),
        (
            "/strict/data",
            json!({ "type": "chat_message", "data": { "message": { "content": "hi", "agentId": "coding", "timestamp": "t" } } }),
            json!({ "type": "chat_message", "data": { "message": { "content": "hi", "agentId": "" , "timestamp": "t" } } }),
            "data.message.agentId: expected at least 1 character, got 0",
        ),
        (
            "/strict/flat",
            json!({ "type": "user_message", "message": "hi", "session_token": "anything" }),
            json!({ "type": "user_message", "message": "hi", "progress": 1.5 }),
            "progress: expected at most 1, got 1.5",
        ),
        (
            "/strict/open",
            json!({ "type": "request_workspace_analysis", "deep": true }),
            json!({ "type": "request_workspace_analysis", "_tl": { "to": { "agent": 7 } } }),
            "",
        ),
    ] {
        let accepted = verdict(&gateway, &mut worker, path, &good).await;
        assert_eq!(accepted, None, "{good}");
        let (code, message) = verdict(&gateway, &mut worker, path, &bad).await.expect("refused");
        if said.is_empty() {
            assert_eq!(code, "bad_envelope", "what the envelope itself refuses");
        } else {
            assert_eq!((&*code, &*message), ("bad_request", said));
        }
    }
    assert_eq!(verdict(&gateway, &mut worker, "/known", &json!({ "type": "user_message", "payload": 7 })).await, None);
}

#[tokio::test]
async fn a_native_connection_is_held_to_the_types_of_its_route() {
    let gateway = TestGateway::with_routes(ROUTES).await;
    let mut worker = Double::join(&gateway, "chat").await;
    let mut peer = Peer::open(&gateway, "/strict", &[("sec-websocket-protocol", crate::peer::NATIVE)]).await;
    peer.hello(json!({})).await;
    peer.ask("m1", json!({ "message": null })).await;
    let error = peer.until("error").await;
    assert_eq!(error["error"]["message"], "payload.message: expected string, got null");
    assert_eq!(error["reply_to"], "m1");
    peer.start("m2", json!({ "message": "hi" })).await;
    assert_eq!(worker.receive_call().await.message, "m2");
}
