//! Whether programs of the last release still understand the message types.
//!
//! `protocol/schema/baseline.json` has the rules of the schema as they were last accepted, without words and examples. It is
//! a file and no commit because CI clones without history, and because a change of it shows in review what is being
//! accepted. [`compare`] says what an old client would stumble over; [`shapes`] knows what one value may be instead of
//! another. What is only added is fine.
//!
//! To release, or to break something on purpose (with a line under *Breaking* in the changelog): run
//! `cargo xtask compatibility --accept`.

mod compare;
mod shapes;

use std::fs;
use std::path::Path;

use anyhow::Context;
use trunkline_catalogue::reader::{EMBEDDED, Files, read};
use trunkline_catalogue::{Catalogue, Json};

use crate::layout::laid_out;
use crate::report::Finding;

const BASELINE: &str = "protocol/schema/baseline.json";
const BREAKING: &str = "compatibility";

/// The names of the files in the baseline, in the order of [`Files`].
const NAMES: [&str; 7] = ["envelope", "shared", "native", "payload", "data", "flat", "open"];

/// What only people read.
const WORDS: [&str; 4] = ["description", "examples", "title", "$schema"];

/// Finds what old clients would stumble over.
pub(crate) fn run(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let text = fs::read_to_string(root.join(BASELINE)).with_context(|| format!("failed to read {BASELINE}"))?;
    let baseline = from_baseline(&text).with_context(|| format!("failed to read {BASELINE}"))?;
    let finding = |broken: compare::Break| {
        let place = format!("protocol/schema/messages/{}.schema.json", broken.dialect.name());
        Finding::whole(place, BREAKING, broken.to_string())
    };
    Ok(compare::compare(&baseline, Catalogue::embedded()).into_iter().map(finding).collect())
}

/// Makes the schema as it is the one that later ones are compared with.
pub(crate) fn accept(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let text = to_baseline(&EMBEDDED)?;
    fs::write(root.join(BASELINE), text).with_context(|| format!("failed to write {BASELINE}"))?;
    Ok(Vec::new())
}

fn to_baseline(files: &Files<&str>) -> anyhow::Result<String> {
    let texts = [files.envelope, files.shared].into_iter().chain(files.messages);
    let mut members =
        vec![("about".to_owned(), Json::Text("Written by `cargo xtask compatibility --accept`.".to_owned()))];
    for (name, text) in NAMES.into_iter().zip(texts) {
        let file: Json = serde_json::from_str(text).with_context(|| format!("failed to read {name}"))?;
        members.push((name.to_owned(), rules_of(&file, false)));
    }
    Ok(laid_out(&Json::Object(members)) + "\n")
}

fn from_baseline(text: &str) -> anyhow::Result<Catalogue> {
    let files: Json = serde_json::from_str(text)?;
    let mut texts = Vec::with_capacity(NAMES.len());
    for name in NAMES {
        texts.push(files.get(name).with_context(|| format!("it has no {name}"))?.to_string());
    }
    let file = |name: &str| NAMES.iter().position(|known| *known == name).map_or("", |place| texts[place].as_str());
    let messages = ["native", "payload", "data", "flat", "open"].map(file);
    Ok(read(&Files { envelope: file("envelope"), shared: file("shared"), messages })?)
}

/// A schema without what only people read. `names` says whether the members are named by the schema's author.
fn rules_of(schema: &Json, names: bool) -> Json {
    match schema {
        Json::Array(elements) => Json::Array(elements.iter().map(|element| rules_of(element, false)).collect()),
        Json::Object(members) => {
            let kept = members.iter().filter(|(name, _)| names || !WORDS.contains(&name.as_str()));
            let member = |(name, value): &(String, Json)| {
                let of_author = !names && ["properties", "$defs"].contains(&name.as_str());
                (name.clone(), rules_of(value, of_author))
            };
            Json::Object(kept.map(member).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_baseline_has_every_rule_and_no_words() {
        let text = to_baseline(&EMBEDDED).unwrap();
        let again = from_baseline(&text).unwrap();
        assert_eq!(compare::compare(&again, Catalogue::embedded()), []);
        assert_eq!(compare::compare(Catalogue::embedded(), &again), []);
        assert!(!text.contains("The client's first message"));
        // A field may be called like a keyword for words.
        assert!(text.contains(r#""description": {"#), "{text}");
    }

    #[test]
    fn a_break_is_found_until_it_is_accepted() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(BASELINE);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        assert!(run(root.path()).is_err(), "without a baseline nothing is compatible");
        accept(root.path()).unwrap();
        assert_eq!(run(root.path()).unwrap(), []);

        let text = fs::read_to_string(&path).unwrap();
        let older = text.replacen(r#""enum": ["stdout", "stderr"]"#, r#""enum": ["stdout"]"#, 1);
        assert_ne!(text, older);
        fs::write(&path, older).unwrap();
        let found: Vec<String> = run(root.path()).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            ["protocol/schema/messages/native.schema.json: [compatibility] command_output: payload.stream may now be \
              \"stderr\", which old clients do not expect"]
        );
        accept(root.path()).unwrap();
        assert_eq!(run(root.path()).unwrap(), []);
    }
}
