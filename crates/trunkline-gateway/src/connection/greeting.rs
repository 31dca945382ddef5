//! What a client of an older dialect is told as soon as it is connected.

use bytes::Bytes;
use serde::Serialize;
use trunkline_protocol::{Dialect, Wire};

use crate::config::Route;
use crate::message;

/// What a client hears before it has said anything.
pub(super) fn greeting(wire: Wire, connection: &str, route: &Route) -> Option<Bytes> {
    #[derive(Serialize)]
    struct Established {
        message: &'static str,
    }
    #[derive(Serialize)]
    struct Status {
        status: &'static str,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Connected<'a> {
        client_id: &'a str,
        route: &'a str,
        capabilities: &'a [String],
    }
    let frame = match wire.dialect() {
        Dialect::Native | Dialect::Flat => return None,
        Dialect::Payload => {
            let content = Established { message: "WebSocket connected successfully" };
            message::reply_frame(wire, "connection_established", None, &content)
        }
        Dialect::Data => message::reply_frame(wire, "connection_status", None, &Status { status: "connected" }),
        Dialect::Open => {
            let (client_id, capabilities) = (connection, &*route.capabilities);
            let content = Connected { client_id, route: route.path.as_str(), capabilities };
            message::reply_frame(wire, "connected", None, &content)
        }
    };
    Some(frame)
}
