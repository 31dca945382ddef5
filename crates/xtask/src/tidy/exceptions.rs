//! Exceptions from the rules. Knows no rule by name.

use serde::Deserialize;

use crate::report::Finding;

const EXCEPTION: &str = "exception";

/// The list in `tidy.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exceptions {
    #[serde(default)]
    allow: Vec<Exception>,
}

/// One file that may break one rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    path: String,
    rule: String,
    reason: String,
}

impl Exceptions {
    /// Reads the list.
    pub(crate) fn read(text: &str) -> anyhow::Result<Self> {
        Ok(toml::from_str(text)?)
    }

    /// Takes away what is allowed and adds exceptions (of the list at `list`) without use or reason.
    pub(crate) fn apply(&self, findings: Vec<Finding>, list: &str) -> Vec<Finding> {
        let mut left: Vec<Finding> = self.allow.iter().filter_map(|entry| entry.complaint(&findings, list)).collect();
        left.extend(findings.into_iter().filter(|finding| !self.allow.iter().any(|entry| entry.covers(finding))));
        left
    }
}

impl Exception {
    fn covers(&self, finding: &Finding) -> bool {
        self.path == finding.place && self.rule == finding.rule
    }

    fn complaint(&self, findings: &[Finding], list: &str) -> Option<Finding> {
        let Self { path, rule, reason } = self;
        if reason.trim().is_empty() {
            return Some(Finding::whole(list, EXCEPTION, format!("{path} may break {rule} without a reason")));
        }
        let needed = findings.iter().any(|finding| self.covers(finding));
        (!needed).then(|| Finding::whole(list, EXCEPTION, format!("{path} does not break {rule}; delete the entry")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(list: &str, findings: Vec<Finding>) -> Vec<String> {
        let left = Exceptions::read(list).unwrap().apply(findings, "tidy.toml");
        left.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_exception_covers_its_file_and_rule_only() {
        let list = "[[allow]]\npath = 'a.rs'\nrule = 'length'\nreason = 'one table'\n";
        let findings = vec![
            Finding::whole("a.rs", "length", "x"),
            Finding::at("a.rs", 7, "unfinished", "x"),
            Finding::whole("b.rs", "length", "x"),
        ];
        assert_eq!(apply(list, findings), ["a.rs:7: [unfinished] x", "b.rs: [length] x"]);
    }

    #[test]
    fn an_exception_needs_a_use_and_a_reason() {
        let list = "[[allow]]\npath = 'a.rs'\nrule = 'length'\nreason = 'one table'\n\
                    [[allow]]\npath = 'b.rs'\nrule = 'length'\nreason = ' '\n";
        assert_eq!(
            apply(list, vec![Finding::whole("b.rs", "length", "x")]),
            [
                "tidy.toml: [exception] a.rs does not break length; delete the entry",
                "tidy.toml: [exception] b.rs may break length without a reason",
            ]
        );
    }
}
