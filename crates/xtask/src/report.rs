//! What a task found, and how it is told. Knows no rule.

use std::fmt;
use std::process::ExitCode;

/// One place where a rule is broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// File, relative to the repository; or a crate's name.
    pub(crate) place: String,
    /// Line from 1, or 0 where the finding is about the whole file.
    pub(crate) line: usize,
    /// Name of the rule, as allow lists use it.
    pub(crate) rule: &'static str,
    /// What is wrong and what to do.
    pub(crate) message: String,
}

impl Finding {
    /// A finding about a whole file or crate.
    pub(crate) fn whole(place: impl Into<String>, rule: &'static str, message: impl Into<String>) -> Self {
        Self::at(place, 0, rule, message)
    }

    /// A finding about one line, counted from 1.
    pub(crate) fn at(place: impl Into<String>, line: usize, rule: &'static str, message: impl Into<String>) -> Self {
        Self { place: place.into(), line, rule, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, line, rule, message } = self;
        match line {
            0 => write!(formatter, "{place}: [{rule}] {message}"),
            _ => write!(formatter, "{place}:{line}: [{rule}] {message}"),
        }
    }
}

/// Prints every finding and turns them into the exit code.
pub(crate) fn print(findings: &[Finding]) -> ExitCode {
    for finding in findings {
        eprintln!("{finding}");
    }
    if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
