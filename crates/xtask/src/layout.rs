//! JSON as people write it: what fits on a line stands on one.

use trunkline_catalogue::Json;

/// Most characters of a line.
const WIDTH: usize = 110;

/// The value, broken where it is too wide.
pub(crate) fn laid_out(value: &Json) -> String {
    let mut text = String::new();
    push(&mut text, value, 0, 0);
    text
}

/// `taken` characters stand on the line already; what is broken is indented by `indent`.
fn push(text: &mut String, value: &Json, indent: usize, taken: usize) {
    let line = one_line(value);
    let parts: Vec<(String, &Json)> = match value {
        Json::Array(elements) => elements.iter().map(|element| (String::new(), element)).collect(),
        Json::Object(members) => members.iter().map(|(name, member)| (format!("{}: ", quoted(name)), member)).collect(),
        _ => Vec::new(),
    };
    if parts.is_empty() || taken + line.chars().count() <= WIDTH {
        text.push_str(&line);
        return;
    }
    let (open, close) = if matches!(value, Json::Array(_)) { ('[', ']') } else { ('{', '}') };
    let inner = indent + 2;
    text.push(open);
    for (place, (name, part)) in parts.iter().enumerate() {
        text.push('\n');
        text.push_str(&" ".repeat(inner));
        text.push_str(name);
        let comma = usize::from(place + 1 < parts.len());
        push(text, part, inner, inner + name.chars().count() + comma);
        if comma == 1 {
            text.push(',');
        }
    }
    text.push('\n');
    text.push_str(&" ".repeat(indent));
    text.push(close);
}

/// The value on one line, with spaces where people put them.
fn one_line(value: &Json) -> String {
    let join = |parts: Vec<String>| parts.join(", ");
    match value {
        Json::Array(elements) => format!("[{}]", join(elements.iter().map(one_line).collect())),
        Json::Object(members) if members.is_empty() => "{}".to_owned(),
        Json::Object(members) => {
            let member = |(name, value): &(String, Json)| format!("{}: {}", quoted(name), one_line(value));
            format!("{{ {} }}", join(members.iter().map(member).collect()))
        }
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> String {
    Json::Text(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_stands_on_one_line() {
        let text = format!(r#"{{"a":[1,{{}}],"b":{{"c":"{}"}},"d":null}}"#, "x".repeat(100));
        let value: Json = serde_json::from_str(&text).unwrap();
        let x = "x".repeat(100);
        assert_eq!(
            laid_out(&value),
            format!("{{\n  \"a\": [1, {{}}],\n  \"b\": {{\n    \"c\": \"{x}\"\n  }},\n  \"d\": null\n}}")
        );
        assert_eq!(serde_json::from_str::<Json>(&laid_out(&value)).unwrap(), value);
    }
}
