//! What is wrong with a configuration, where, and what to do about it.
//!
//! Knows how a finding reads, not what any field means.

use std::cell::RefCell;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Where a value was set. Ordered as findings are listed: the file from top to bottom, variables, flags.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Nowhere: it is the default.
    Default,
    /// Somewhere in a file.
    File {
        /// The file, as it was named by the user.
        file: Arc<Path>,
        /// The line, counted from 1; 0 where the whole file is meant.
        line: usize,
        /// The column, counted from 1 in characters.
        column: usize,
    },
    /// The environment variable of this name.
    Variable(String),
    /// The command-line flag of this name.
    Flag(String),
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File { file, line: 0, .. } => write!(formatter, "{}", file.display()),
            Self::File { file, line, column } => write!(formatter, "{}:{line}:{column}", file.display()),
            Self::Variable(name) | Self::Flag(name) => formatter.write_str(name),
        }
    }
}

/// One mistake or warning.
///
/// Reads `trunkline.toml:12:9: server.listen: expected an address, got "foo"`, and a second line with the hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where it is.
    pub place: Place,
    /// The dotted field, such as `server.listen` or `route[2].path`; empty where no field is meant.
    pub field: String,
    /// What was expected and what was found. Never holds a secret.
    pub problem: String,
    /// What may help: the nearest known key or value, or another way.
    pub hint: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.place)?;
        if !self.field.is_empty() {
            write!(formatter, "{}: ", self.field)?;
        }
        formatter.write_str(&self.problem)?;
        match &self.hint {
            Some(hint) => write!(formatter, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// Everything that keeps a configuration from being used, in the order of [`Place`]. Never empty.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistakes {
    /// The mistakes.
    pub mistakes: Vec<Finding>,
    /// What was noticed beside them.
    pub warnings: Vec<Finding>,
}

impl fmt::Display for Mistakes {
    /// One mistake after the other, without the warnings.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, mistake) in self.mistakes.iter().enumerate() {
            let separator = if number == 0 { "" } else { "\n" };
            write!(formatter, "{separator}{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

/// What is wrong with one value, before it is known which field it belongs to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) problem: String,
    pub(super) hint: Option<String>,
}

impl Wrong {
    pub(super) fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), hint: None }
    }

    pub(super) fn expected(expected: impl fmt::Display, found: impl fmt::Display) -> Self {
        Self::new(format!("expected {expected}, got {found}"))
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Adds what it is probably meant to be, if there is such a thing.
    pub(super) fn did_you_mean<'a>(self, word: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(word, known) {
            Some(near) => self.hint(format!("did you mean \"{near}\"?")),
            None => self,
        }
    }
}

/// The known word that `word` was probably meant to be: at most a third of its letters differ, but two may always.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Longer words are nobody's typing mistake, and comparing them takes long.
    const WORD_BYTES_MAX: usize = 128;
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    let word = word.to_lowercase();
    let ranked = known.into_iter().map(|known| (strsim::osa_distance(&word, known), known));
    let (distance, near) = ranked.min()?;
    let is_near = distance <= 2.max(near.len() / 3) && distance < near.len();
    is_near.then_some(near)
}

/// Collects findings while a configuration is read.
#[derive(Debug, Default)]
pub(super) struct Report {
    mistakes: RefCell<Vec<Finding>>,
    warnings: RefCell<Vec<Finding>>,
}

impl Report {
    pub(super) fn mistake(&self, place: &Place, field: impl Into<String>, wrong: Wrong) {
        self.mistakes.borrow_mut().push(finding(place, field, wrong));
    }

    pub(super) fn warning(&self, place: &Place, field: impl Into<String>, wrong: Wrong) {
        self.warnings.borrow_mut().push(finding(place, field, wrong));
    }

    /// The warnings, or the mistakes if there are any; both in order of place.
    pub(super) fn finish(self) -> Result<Vec<Finding>, Mistakes> {
        let Mistakes { mistakes, warnings } = self.refuse();
        if mistakes.is_empty() { Ok(warnings) } else { Err(Mistakes { mistakes, warnings }) }
    }

    /// Everything that was found, in order of place, where it is known that there are mistakes.
    pub(super) fn refuse(self) -> Mistakes {
        let [mut mistakes, mut warnings] = [self.mistakes.into_inner(), self.warnings.into_inner()];
        for findings in [&mut mistakes, &mut warnings] {
            findings.sort_by(|left, right| left.place.cmp(&right.place));
        }
        Mistakes { mistakes, warnings }
    }
}

fn finding(place: &Place, field: impl Into<String>, wrong: Wrong) -> Finding {
    let Wrong { problem, hint } = wrong;
    Finding { place: place.clone(), field: plain(field.into()), problem: plain(problem), hint: hint.map(plain) }
}

/// The text without control characters, which a value or key may hold and a terminal would obey.
fn plain(text: String) -> String {
    if text.contains(char::is_control) { text.replace(char::is_control, "\u{fffd}") } else { text }
}
