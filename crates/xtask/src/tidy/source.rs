//! One file as the rules see it: its language and which of its lines are tests.

/// What a file is written in, as far as a rule cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Rust,
    TypeScript,
    Python,
    Shell,
    /// Manifests and settings.
    Toml,
    /// Prose, data and everything else.
    Other,
}

/// A file of the repository.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) language: Language,
}

impl Source {
    pub(crate) fn new(path: String, text: String) -> Self {
        let language = language_of(&path);
        Self { path, text, language }
    }

    /// The name without its folder.
    pub(crate) fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Lines with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Whether the whole file is test code.
    pub(crate) fn is_test(&self) -> bool {
        let name = self.file_name();
        self.path.split('/').any(|folder| folder == "tests" || folder == "testkit")
            || name == "tests.rs"
            || name.contains(".test.")
            || name.contains(".test-d.")
    }

    /// Whether a program wrote the file, which says so at its top.
    pub(crate) fn is_generated(&self) -> bool {
        self.lines().take(5).any(|(_, line)| line.contains("Generated from "))
    }

    /// How many lines come before the tests at the end of the file.
    pub(crate) fn lines_before_tests(&self) -> usize {
        match self.language {
            Language::Rust => self.lines().take_while(|(_, line)| *line != "#[cfg(test)]").count(),
            _ => self.text.lines().count(),
        }
    }

    /// Lines of test code with their numbers.
    pub(crate) fn test_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let first = if self.is_test() { 0 } else { self.lines_before_tests() };
        self.lines().skip(first)
    }
}

fn language_of(path: &str) -> Language {
    match path.rsplit('.').next() {
        Some("rs") => Language::Rust,
        Some("ts" | "tsx" | "js" | "mjs" | "vue") => Language::TypeScript,
        Some("py") => Language::Python,
        Some("sh") => Language::Shell,
        Some("toml") => Language::Toml,
        _ if path.starts_with(".ci/") || path.starts_with("scripts/") => Language::Shell,
        _ => Language::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_told_from_code() {
        for (path, expected) in [
            ("crates/a/src/lib.rs", false),
            ("crates/a/src/run/tests.rs", true),
            ("crates/a/tests/it/main.rs", true),
            ("sdk/python/tests/test_call.py", true),
            ("sdk/typescript/packages/core/src/run/run.test.ts", true),
            ("sdk/typescript/packages/core/src/transport/testing.ts", false),
        ] {
            assert_eq!(Source::new(path.to_owned(), String::new()).is_test(), expected, "{path}");
        }
    }

    #[test]
    fn a_module_of_tests_ends_the_code() {
        let source = Source::new("a.rs".to_owned(), "//! A.\nfn a() {}\n#[cfg(test)]\nmod tests {}\n".to_owned());
        assert_eq!(source.lines_before_tests(), 2);
        assert_eq!(source.test_lines().map(|(line, _)| line).collect::<Vec<_>>(), [3, 4]);
    }
}
