//! One helper loads a text from a real file; findings are compared as people read them.

mod fields;
mod golden;
mod precedence;
mod property;

use super::*;

/// Loads `text` as `trunkline.toml` in a folder of its own.
fn load(text: &str, environment: &[(&str, &str)], flags: &[(&str, &str, &str)]) -> Result<Loaded, Mistakes> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("trunkline.toml");
    std::fs::write(&file, text).expect("a file");
    let path = [("PATH", "/usr/bin:/bin")];
    let environment = path.iter().chain(environment).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut overrides = Overrides::default();
    for (flag, field, value) in flags {
        overrides.set(*flag, *field, *value);
    }
    let mut outcome = Config::load(Some(&file), environment, overrides);
    shorten_places(&mut outcome, folder.path());
    outcome
}

/// Makes places read `trunkline.toml`, whatever the folder is called.
fn shorten_places(outcome: &mut Result<Loaded, Mistakes>, folder: &Path) {
    let prefix = format!("{}/", folder.display());
    let findings = match outcome {
        Ok(loaded) => loaded.warnings.iter_mut().chain(&mut []),
        Err(mistakes) => mistakes.mistakes.iter_mut().chain(&mut mistakes.warnings),
    };
    for finding in findings {
        if let Place::File { file, .. } = &mut finding.place {
            *file = Arc::from(Path::new("trunkline.toml"));
        }
        finding.problem = finding.problem.replace(&prefix, "");
    }
}

fn config(text: &str) -> Config {
    load(text, &[], &[]).unwrap_or_else(|mistakes| panic!("{mistakes}")).config
}

fn mistakes(text: &str) -> String {
    load(text, &[], &[]).expect_err("mistakes").to_string()
}

fn warnings(text: &str) -> String {
    let loaded = load(text, &[], &[]).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    loaded.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
