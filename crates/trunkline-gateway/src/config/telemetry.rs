//! `[telemetry]`: what the gateway says about itself, and how.

use tracing_subscriber::EnvFilter;

use super::finding::{Wrong, nearest};
use super::node::Node;
use super::section::Section;
use super::value;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// What the gateway says about itself, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telemetry {
    /// How log lines are spelled. Default: text.
    pub format: LogFormat,
    /// Which log lines are written: a level, or a filter such as `info,trunkline_bridge=debug`. Default: `info`.
    pub level: String,
}

/// How log lines are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

impl Telemetry {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        Self {
            format: section.or("format", LogFormat::Text, value::choice(&formats)),
            level: section.or("level", "info".to_owned(), filter),
        }
    }
}

/// A filter. A single word is a level or a module's name to the filter's parser, so a mistyped level would silently
/// hide everything: a module needs its level here.
fn filter(node: &Node) -> Result<String, Wrong> {
    let wrong = || Wrong::expected("a level or a filter such as \"info,trunkline_bridge=debug\"", node.describe());
    let text = value::text(node)?;
    EnvFilter::try_new(&text).map_err(|_| wrong())?;
    for word in text.split(',').filter(|word| !word.contains(['=', ':', '['])) {
        let word = word.trim().to_lowercase();
        if LEVELS.contains(&word.as_str()) {
            continue;
        }
        return Err(wrong().hint(match nearest(&word, LEVELS) {
            Some(level) => format!("did you mean \"{level}\"?"),
            None => format!("levels are {}; a module needs one, as in \"hyper=info\"", LEVELS.join(", ")),
        }));
    }
    Ok(text)
}
