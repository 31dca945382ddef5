//! `protocol/vectors/messages`: the accepted frames of every type are read and written without loss, in their own dialect and
//! through every other. Which frames are accepted is the catalogue's to know.

use serde::Deserialize;
use serde_json::Value;
use trunkline_protocol::{Dialect, Limits};

#[derive(Deserialize)]
struct Vectors {
    messages: Vec<Cases>,
}

#[derive(Deserialize)]
struct Cases {
    accepted: Vec<Value>,
}

fn accepted(dialect: Dialect) -> Vec<Value> {
    let text = match dialect {
        Dialect::Native => include_str!("../../../../protocol/vectors/messages/native.json"),
        Dialect::Payload => include_str!("../../../../protocol/vectors/messages/payload.json"),
        Dialect::Data => include_str!("../../../../protocol/vectors/messages/data.json"),
        Dialect::Flat => include_str!("../../../../protocol/vectors/messages/flat.json"),
        Dialect::Open => include_str!("../../../../protocol/vectors/messages/open.json"),
    };
    let vectors: Vectors = serde_json::from_str(text).expect("vectors of this form");
    vectors.messages.into_iter().flat_map(|cases| cases.accepted).collect()
}

#[test]
fn accepted_frames_are_written_as_they_were_read() {
    for dialect in Dialect::ALL {
        for frame in accepted(dialect) {
            let text = frame.to_string();
            let mut again = Vec::new();
            let envelope =
                dialect.decode(&text, Limits::default().depth_max).unwrap_or_else(|error| panic!("{text}: {error}"));
            dialect.encode(&envelope, &mut again);
            assert_eq!(serde_json::from_slice::<Value>(&again).expect("JSON"), frame, "{}", dialect.name());
            for other in Dialect::ALL {
                let (mut there, mut back) = (Vec::new(), Vec::new());
                other.encode(&envelope, &mut there);
                let there = String::from_utf8(there).expect("text");
                dialect
                    .encode(&other.decode(&there, Limits::default().depth_max).expect("what was written"), &mut back);
                assert_eq!(serde_json::from_slice::<Value>(&back).expect("JSON"), frame, "through {there}");
            }
        }
    }
}
