//! `trunkline answer`: what a person says to a question of a run, and what comes of it.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::check::UNUSABLE;
use crate::conversation::{Target, block_on, connect, json_in, random_id};
use crate::following::{self, Following, follow};
use crate::interrupt::Interrupt;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// approve or deny, where something is to be approved; else the answer: text, or JSON
    answer: String,
    /// The run that asks
    #[arg(long, value_name = "ID")]
    run: String,
    /// Its question
    #[arg(long, value_name = "ID")]
    question: String,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    if !arguments.target.has_session() {
        eprintln!("trunkline: --session is missing: a run is answered in its session");
        return ExitCode::from(UNUSABLE);
    }
    block_on(answer(arguments))
}

async fn answer(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { answer, run, question, target } = arguments;
    let mut state = target.session();
    // The run is heard from its start: where the answer stands in it, its printing begins.
    state.positions.insert(format!("run:{run}"), None);
    let mut client = connect(&target, state).await?;
    let message = following::answer(random_id()?, run.clone(), &content(&question, &answer)?)?;
    let following = Following::after_answer(message.id.clone(), run, target.json);
    follow(&mut client, &target, message, following, &Interrupt::ends_process()).await
}

/// The payload of an answer.
fn content(question: &str, answer: &str) -> anyhow::Result<Value> {
    if let "approve" | "deny" = answer {
        return Ok(json!({ "request_id": question, "granted": answer == "approve" }));
    }
    let value = match json_in(answer)? {
        Some(json) => serde_json::from_str(json.get())?,
        None => Value::from(answer),
    };
    Ok(json!({ "request_id": question, "value": value }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approval_is_a_word_and_anything_else_a_value() {
        for (answer, expected) in [
            ("approve", json!({ "request_id": "q", "granted": true })),
            ("deny", json!({ "request_id": "q", "granted": false })),
            ("7", json!({ "request_id": "q", "value": "7" })),
            ("main", json!({ "request_id": "q", "value": "main" })),
            ("\"approve\"", json!({ "request_id": "q", "value": "approve" })),
            ("{\"from\":1}", json!({ "request_id": "q", "value": { "from": 1 } })),
        ] {
            assert_eq!(content("q", answer).expect("an answer"), expected, "{answer}");
        }
    }
}
