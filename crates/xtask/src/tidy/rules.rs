//! The rules. To add one: write a function `fn(&Source) -> Vec<Finding>`, name it in [`RULES`],
//! and give it a case in the tests below.

use super::source::{Language, Source};
use crate::report::Finding;

/// Longest file that is read without asking what second thing it does; tests are not counted.
const LINES_MAX: usize = 500;

/// What lives here has a clock that jumps from event to event.
const SIMULATION: &str = "tests/simulation/src/";

/// What lives here makes the faults, and delays are among them; tests do not.
const FAULTS: &str = "tests/faults/src/";

const RULES: &[fn(&Source) -> Vec<Finding>] =
    &[length, module_comment, unfinished, skipped_test, lock_address, sleeping_test];

/// Every finding of every rule in one file.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    RULES.iter().flat_map(|rule| rule(source)).collect()
}

fn length(source: &Source) -> Vec<Finding> {
    let lines = source.lines_before_tests();
    let code = !matches!(source.language, Language::Toml | Language::Other);
    if !code || source.is_test() || source.is_generated() || lines <= LINES_MAX {
        return Vec::new();
    }
    vec![Finding::whole(&source.path, "length", format!("has {lines} lines of code; at most {LINES_MAX}"))]
}

fn module_comment(source: &Source) -> Vec<Finding> {
    if source.language != Language::Rust || source.text.starts_with("//!") {
        return Vec::new();
    }
    vec![Finding::at(&source.path, 1, "module-comment", "starts without a //! comment that says its purpose")]
}

fn unfinished(source: &Source) -> Vec<Finding> {
    if source.language == Language::Other {
        return Vec::new();
    }
    // Spelled in parts, so that this file does not find itself.
    let words = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("unimplemented", "!("), concat!("todo", "!(")];
    find(source.lines(), &words)
        .map(|(line, word)| {
            Finding::at(&source.path, line, "unfinished", format!("says {word}; finish it or leave it out"))
        })
        .collect()
}

fn skipped_test(source: &Source) -> Vec<Finding> {
    let words: &[&str] = match source.language {
        Language::Rust => &[concat!("#[ig", "nore]"), concat!("#[ig", "nore =")],
        Language::TypeScript => &[
            "it.skip(",
            "it.only(",
            "it.todo(",
            "test.skip(",
            "test.only(",
            "test.todo(",
            "describe.skip(",
            "describe.only(",
            ".skipIf(",
            ".runIf(",
        ],
        Language::Python => &["pytest.mark.skip", "pytest.mark.xfail", "pytest.skip("],
        _ => &[],
    };
    find(source.lines(), words)
        .map(|(line, word)| {
            let message = format!("{word} hides a test; assert today's behaviour and say what is wrong with it");
            Finding::at(&source.path, line, "skipped-test", message)
        })
        .collect()
}

/// Lock files say what is used, not from where one machine fetched it.
fn lock_address(source: &Source) -> Vec<Finding> {
    let name = source.file_name();
    let words: &[&str] = match name {
        // Those of `funding`, too, which npm adds for its own use.
        "package-lock.json" => &["://"],
        "Cargo.lock" => &["registry+http", "git+http", "sparse+http"],
        _ if name.starts_with("requirements") => &["-index-url", "--find-links", "://"],
        _ => &[],
    };
    let crates_io = "registry+https://github.com/rust-lang/crates.io-index";
    find(source.lines().filter(|(_, line)| !line.contains(crates_io)), words)
        .map(|(line, word)| Finding::at(&source.path, line, "lock-address", format!("records an address ({word})")))
        .collect()
}

/// A test waits for an event. Under a paused clock `time::sleep` moves the clock, so it is fine there.
fn sleeping_test(source: &Source) -> Vec<Finding> {
    let words: &[&str] = match source.language {
        Language::Rust => &["thread::sleep(", "time::sleep("],
        Language::Python => &["time.sleep("],
        _ => &[],
    };
    let may_wait = [SIMULATION, FAULTS].iter().any(|folder| source.path.starts_with(folder));
    let mut paused = may_wait;
    let waking = source.test_lines().filter(|(_, line)| {
        if line.contains("#[tokio::test") {
            paused = may_wait || line.contains("start_paused = true");
        }
        !(paused && line.contains("time::sleep("))
    });
    find(waking, words)
        .map(|(line, word)| {
            let message = format!("{word}…) in a test; wait for an event or move the clock");
            Finding::at(&source.path, line, "sleeping-test", message)
        })
        .collect()
}

/// The lines that contain one of `words`, each once, with the first such word.
fn find<'a>(
    lines: impl Iterator<Item = (usize, &'a str)>,
    words: &'a [&'a str],
) -> impl Iterator<Item = (usize, &'a str)> {
    lines.filter_map(|(number, line)| words.iter().find(|word| line.contains(**word)).map(|word| (number, *word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in `text` at `path`, as `line rule`.
    fn check_file(path: &str, text: &str, expected: &[&str]) {
        let found: Vec<String> = check(&Source::new(path.to_owned(), text.to_owned()))
            .iter()
            .map(|finding| format!("{} {}", finding.line, finding.rule))
            .collect();
        assert_eq!(found, expected, "{path}: {text}");
    }

    #[test]
    fn long_files_are_found_but_tests_do_not_count() {
        let long = "fn a() {}\n".repeat(LINES_MAX);
        check_file("a.rs", &format!("//! A.\n{long}"), &["0 length"]);
        check_file("a.ts", &format!("// A.\n{long}"), &["0 length"]);
        check_file("tests/a.ts", &format!("// A.\n{long}"), &[]);
        check_file("a.rs", &format!("//! A.\n#[cfg(test)]\n{long}"), &[]);
        check_file("a.md", &format!("A.\n{long}"), &[]);
        check_file("a.py", &format!("\"\"\"A.\n\nGenerated from b.json.\n{long}"), &[]);
    }

    #[test]
    fn a_rust_file_starts_with_its_purpose() {
        check_file("a.rs", "use std::fmt;\n", &["1 module-comment"]);
        check_file("a.rs", "//! Formats.\nuse std::fmt;\n", &[]);
        check_file("a.py", "import os\n", &[]);
    }

    #[test]
    fn unfinished_work_is_found() {
        check_file(
            "a.rs",
            concat!("//! A.\n// TO", "DO: more\nfn a() { todo", "!() }\n"),
            &["2 unfinished", "3 unfinished"],
        );
        check_file("Cargo.toml", concat!("description = \"TO", "DO\"\n"), &["1 unfinished"]);
        check_file("a.md", concat!("No TO", "DO here.\n"), &[]);
    }

    #[test]
    fn hidden_tests_are_found() {
        check_file("a.rs", concat!("//! A.\n#[ig", "nore]\n"), &["2 skipped-test"]);
        check_file("a.test.ts", "it.skip(\"x\", () => {});\n", &["1 skipped-test"]);
        check_file("tests/test_a.py", "@pytest.mark.skip\n", &["1 skipped-test"]);
    }

    #[test]
    fn lock_files_record_no_addresses() {
        check_file("package-lock.json", "\"resolved\": \"https://example.org/a.tgz\",\n", &["1 lock-address"]);
        check_file("package-lock.json", "\"url\": \"https://example.org/donate\"\n", &["1 lock-address"]);
        check_file("package-lock.json", "\"resolved\": \"sdk/typescript/packages/core\",\n", &[]);
        check_file("sdk/requirements-dev.txt", "--index-url x\nmsgspec==1\n", &["1 lock-address"]);
        check_file("Cargo.lock", "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n", &[]);
        check_file("Cargo.lock", "source = \"git+https://example.org/a\"\n", &["1 lock-address"]);
    }

    #[test]
    fn tests_do_not_sleep_but_code_may() {
        let sleep = concat!("thread::sl", "eep(second);\n");
        check_file("tests/a.rs", &format!("//! A.\n{sleep}"), &["2 sleeping-test"]);
        check_file("a.rs", &format!("//! A.\n{sleep}#[cfg(test)]\n{sleep}"), &["4 sleeping-test"]);
        let simulated = concat!("time::sl", "eep(second);\n");
        check_file("tests/simulation/src/a.rs", &format!("//! A.\n{simulated}{sleep}"), &["3 sleeping-test"]);
        check_file("tests/faults/src/a.rs", &format!("//! A.\n{simulated}{sleep}"), &["3 sleeping-test"]);
        check_file("tests/faults/tests/a.rs", &format!("//! A.\n{simulated}"), &["2 sleeping-test"]);
        let paused = concat!("#[tokio::test(start_paused = true)]\ntime::sl", "eep(second)\n");
        let running = concat!("#[tokio::test]\ntime::sl", "eep(second)\n");
        check_file("tests/a.rs", &format!("//! A.\n{paused}{running}"), &["5 sleeping-test"]);
        check_file("tests/test_a.py", "time.sleep(1)\n", &["1 sleeping-test"]);
        check_file("a.py", "time.sleep(1)\n", &[]);
    }
}
