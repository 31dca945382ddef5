//! A type's examples as whole frames on the wire.

use trunkline_protocol::Dialect;

use crate::json::Json;
use crate::model::{Kind, Literal, MessageType, Object, Place};

/// The envelope's fields in their order, with what stands there in an example, as JSON.
const ENVELOPE: [(&str, &str); 14] = [
    ("id", r#""m1""#),
    ("ts", r#""2026-01-02T03:04:05.678Z""#),
    ("channel", r#""run:r1""#),
    ("pos", r#""1-a-f00d""#),
    ("prev", r#""1-9-beef""#),
    ("session", r#""s1""#),
    ("run", r#""r1""#),
    ("seq", "0"),
    ("seq_end", "7"),
    ("to", r#"{"service":"guide"}"#),
    ("reply_to", r#""m1""#),
    ("deadline_ms", "60000"),
    ("error", r#"{"code":"worker_lost","message":"the worker was lost before it finished","retryable":true}"#),
    ("meta", "{}"),
];

impl MessageType {
    /// The examples as whole frames: each has its content and what the type always carries, nothing else.
    pub fn example_frames(&self) -> Vec<Json> {
        self.examples.iter().map(|example| self.frame_around(example)).collect()
    }

    fn frame_around(&self, content: &Json) -> Json {
        let name = match self.place {
            Place::Frame => return content.clone(),
            Place::Payload => "payload",
            Place::Data => "data",
        };
        let is_empty = content.as_object().is_some_and(<[_]>::is_empty);
        let has_content = !is_empty || self.requires.iter().any(|field| field == "payload");
        let content = has_content.then(|| (name.to_owned(), content.clone()));
        let around: Vec<(String, Json)> = ENVELOPE
            .iter()
            .filter(|(field, _)| self.requires.iter().any(|required| required == field))
            .map(|(field, sample)| ((*field).to_owned(), self.sample(field, sample)))
            .collect();
        let mut members = vec![("type".to_owned(), Json::Text(self.name.clone()))];
        if self.dialect == Dialect::Native {
            members.extend(around);
            members.extend(content);
        } else {
            members.extend(content);
            members.extend((!around.is_empty()).then(|| ("_tl".to_owned(), Json::Object(around))));
        }
        Json::Object(members)
    }

    /// What stands in a field of the envelope: the sample, with the values that this type alone may have there.
    fn sample(&self, field: &str, sample: &str) -> Json {
        if field == "channel" && !self.requires.iter().any(|required| required == "seq") {
            return Json::Text("session:s1".to_owned());
        }
        let mut value = serde_json::from_str(sample).unwrap_or(Json::Null);
        let known = self.object().and_then(|frame| frame.field(field));
        if let (Some(Kind::Object(object)), Json::Object(members)) = (known.map(|field| &field.shape.kind), &mut value)
        {
            for (name, member) in members {
                if let Some(Kind::Literal(Literal::Text(text))) = object.field(name).map(|field| &field.shape.kind) {
                    *member = Json::Text(text.clone());
                }
            }
        }
        value
    }

    /// The rules of the whole frame.
    pub fn object(&self) -> Option<&Object> {
        if let Kind::Object(object) = &self.frame.kind { Some(object) } else { None }
    }
}
