//! `[auth]`: who may connect with which token.

use std::collections::HashMap;

use trunkline_core::channel::SUBJECT_BYTES_MAX;
use trunkline_core::scope::Scope;

use super::finding::{Place, Wrong};
use super::node::{Node, Value};
use super::secret::Secret;
use super::section::Section;
use super::value;

/// Shortest token that is accepted, in characters: shorter ones can be guessed.
const TOKEN_CHARS_MIN: usize = 16;

/// Who may connect with which token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Auth {
    /// Tokens that never expire (`[[auth.tokens]]`). Default: none, and everyone may open an anonymous session.
    pub tokens: Vec<StaticToken>,
    /// What clients may do that have shown no token, where there are none. Default: nothing with topics.
    pub anonymous_scopes: Vec<Scope>,
}

/// A token and whom it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticToken {
    /// What the client sends; at least 16 characters.
    pub token: Secret,
    /// The user it stands for.
    pub subject: String,
    /// The one realm that it opens. Default: every realm.
    pub realm: Option<String>,
    /// What its clients may do with topics and other users, such as `subscribe:news.*`. Default: nothing.
    pub scopes: Vec<Scope>,
}

impl Auth {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let tokens = section.sections("tokens", |entry| {
            let place = entry.place("token");
            let token = entry.required("token", "\"<at least 16 characters>\"", secret);
            let subject = entry.required("subject", "\"alice\"", subject);
            let realm = entry.optional("realm", value::name);
            let scopes = entry.list("scopes", scope);
            Some((place, StaticToken { token: token?, subject: subject?, realm, scopes }))
        });
        refuse_repeated(section, &tokens);
        let anonymous_scopes = section.list("anonymous_scopes", scope);
        if !tokens.is_empty() && !anonymous_scopes.is_empty() {
            let wrong = Wrong::new("has no effect: with tokens, nobody is anonymous");
            section.warning("anonymous_scopes", wrong.hint("give scopes to the tokens"));
        }
        Self { tokens: tokens.into_iter().map(|(_, token)| token).collect(), anonymous_scopes }
    }
}

/// A name that can have a channel of its own.
fn subject(node: &Node) -> Result<String, Wrong> {
    let expected = || Wrong::expected(format!("a text of at most {SUBJECT_BYTES_MAX} bytes"), node.describe());
    value::text(node).ok().filter(|subject| subject.len() <= SUBJECT_BYTES_MAX).ok_or_else(expected)
}

fn scope(node: &Node) -> Result<Scope, Wrong> {
    let text = value::text(node)?;
    Scope::parse(&text).map_err(|error| {
        let hint =
            "for example \"subscribe:news.*\", \"publish:news.sport\", \"presence:news.*\" or \"publish:user:*\"";
        Wrong::expected("a scope", node.describe()).hint(format!("{error}; {hint}"))
    })
}

fn secret(node: &Node) -> Result<Secret, Wrong> {
    let expected = format!("a text of at least {TOKEN_CHARS_MIN} characters");
    match &node.value {
        Value::Text(token) | Value::Loose(token) => match token.chars().count() {
            TOKEN_CHARS_MIN.. => Ok(Secret::new(token)),
            chars => {
                let wrong = Wrong::expected(expected, format!("one of {chars}"));
                Err(wrong.hint("make one: openssl rand -base64 32"))
            }
        },
        _ => Err(Wrong::expected(expected, node.kind())),
    }
}

/// One token cannot stand for two users.
fn refuse_repeated(section: &Section<'_>, tokens: &[(Place, StaticToken)]) {
    let mut seen: HashMap<&str, &Place> = HashMap::new();
    for (place, token) in tokens {
        if let Some(first) = seen.insert(token.token.reveal(), place) {
            section.mistake_at(place, "tokens", Wrong::new(format!("the same token stands at {first}")));
        }
    }
}
