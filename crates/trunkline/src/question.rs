//! Questions of a run to the person at the terminal, and how to answer where there is none.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use trunkline_protocol::{Envelope, Payload};

/// What a run asks.
#[derive(Debug, Deserialize)]
pub(crate) struct Question {
    pub(crate) request_id: String,
    kind: String,
    message: String,
    action: Option<String>,
    details: Option<Value>,
    #[serde(default)]
    choices: Vec<String>,
}

impl Question {
    /// The question in a `run_waiting`.
    pub(crate) fn read(message: &Envelope<'_>) -> Option<Self> {
        let payload = message.payload.as_ref().filter(|_| message.kind == "run_waiting").map(Payload::to_json)?;
        serde_json::from_str(payload.get()).ok()
    }

    /// Whether there is a person to ask.
    pub(crate) fn can_be_asked() -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Shows the question, and gives what the person types. A thread of its own waits for that: it ends with the process.
    pub(crate) fn ask(&self) -> oneshot::Receiver<String> {
        let (typed, answer) = oneshot::channel();
        let prompt = self.prompt();
        std::thread::spawn(move || {
            let mut line = String::new();
            let shown = write!(io::stderr(), "{prompt}").and_then(|()| io::stderr().flush());
            // At the end of the input nobody answers.
            if shown.is_ok() && io::stdin().lock().read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
                let _ = typed.send(line.trim().to_owned());
            }
        });
        answer
    }

    fn asked(&self) -> String {
        let action = self.action.as_ref().map(|action| format!(" [{action}]")).unwrap_or_default();
        let details = self.details.as_ref().map(|details| format!("\n{details:#}")).unwrap_or_default();
        format!("{}{action}{details}", self.message)
    }

    fn prompt(&self) -> String {
        let choices = match (self.is_approval(), &self.choices[..]) {
            (true, _) => "y/N".to_owned(),
            (false, []) => "answer".to_owned(),
            (false, choices) => choices.join(", "),
        };
        format!("\n{}\n({choices}) ", self.asked())
    }

    /// The payload of the answer that a typed line is. Only a plain yes is one.
    pub(crate) fn answer(&self, line: &str) -> Value {
        let request_id = &self.request_id;
        if self.is_approval() {
            let granted = ["y", "yes"].contains(&line.to_lowercase().as_str());
            return json!({ "request_id": request_id, "granted": granted });
        }
        json!({ "request_id": request_id, "value": line })
    }

    /// What is asked, and the command that answers it from elsewhere: `arguments` name its session.
    pub(crate) fn how_to_answer(&self, run: &str, arguments: &str) -> String {
        let asked = self.asked();
        let quotes = || self.choices.iter().map(|choice| quoted(choice));
        let (possible, example) = match (self.is_approval(), quotes().next()) {
            (true, _) => ("approve or deny".to_owned(), "approve".to_owned()),
            (false, None) => ("text or JSON".to_owned(), "'…'".to_owned()),
            (false, Some(first)) => (quotes().collect::<Vec<_>>().join(" or "), first),
        };
        let request = &self.request_id;
        format!(
            "\ntrunkline: the run waits for an answer: {asked}\nthere is no terminal to ask at; answer it ({possible}) with\n  \
             trunkline answer{arguments} --run {run} --question {request} {example}"
        )
    }

    fn is_approval(&self) -> bool {
        self.kind == "approval"
    }
}

/// A word of a shell's command.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(payload: &str) -> Question {
        serde_json::from_str(payload).expect("a question")
    }

    #[test]
    fn only_a_plain_yes_grants() {
        let approval =
            question(r#"{"request_id":"q1","kind":"approval","message":"Delete it?","action":"delete_file"}"#);
        assert_eq!(approval.prompt(), "\nDelete it? [delete_file]\n(y/N) ");
        for (line, granted) in [("y", true), ("YES", true), ("", false), ("no", false), ("yes please", false)] {
            assert_eq!(approval.answer(line), json!({ "request_id": "q1", "granted": granted }), "{line}");
        }
    }

    #[test]
    fn a_question_takes_the_line_as_it_is() {
        let branch = question(r#"{"request_id":"q2","kind":"question","message":"Which?","choices":["main","next"]}"#);
        assert_eq!(branch.prompt(), "\nWhich?\n(main, next) ");
        assert_eq!(branch.answer("next"), json!({ "request_id": "q2", "value": "next" }));
    }

    #[test]
    fn where_nobody_can_be_asked_the_command_that_answers_is_told() {
        let approval =
            question(r#"{"request_id":"q1","kind":"approval","message":"Delete it?","details":{"file":"a.txt"}}"#);
        let told = "\ntrunkline: the run waits for an answer: Delete it?\n{\n  \"file\": \"a.txt\"\n}\n\
            there is no terminal to ask at; answer it (approve or deny) with\n  \
            trunkline answer --session s --run r --question q1 approve";
        assert_eq!(approval.how_to_answer("r", " --session s"), told);
        let choice = question(r#"{"request_id":"q2","kind":"question","message":"Which?","choices":["it's","b"]}"#);
        let told = choice.how_to_answer("r", " --session s");
        assert!(told.contains("\nthere is no terminal to ask at; answer it ('it'\\''s' or 'b') with\n"), "{told}");
        assert!(told.ends_with(" --run r --question q2 'it'\\''s'"), "{told}");
    }
}
