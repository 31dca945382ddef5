//! What a client may do with topics and other users: default deny, and patterns that allow.
//!
//! A scope is `<action>:<pattern>`. The action is `subscribe`, `publish` or `presence`; the pattern fits names of topics, or
//! with `user:` before it, and only to publish, names of users. `*` fits any characters, also none and also dots; everything
//! else fits itself. Knows no tokens, and nothing of which topics exist.

use std::fmt;

use crate::channel::TOPIC_BYTES_MAX;

/// What a scope allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// To read a topic.
    Subscribe,
    /// To write to a topic or to a user.
    Publish,
    /// To be seen in a topic, and to see who is there.
    Presence,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Subscribe, Self::Publish, Self::Presence];

    /// The word in a scope.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Publish => "publish",
            Self::Presence => "presence",
        }
    }
}

/// What a client wants to do something with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// The topic of this name.
    Topic(&'a str),
    /// The user of this name.
    User(&'a str),
}

/// One permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    action: Action,
    is_of_users: bool,
    pattern: String,
}

/// Why a text is no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeError {
    /// It has no colon, or something unknown before it.
    #[error("a scope begins with subscribe:, publish: or presence:")]
    Action,
    /// There is nothing after the colon, or too much.
    #[error("a scope's pattern has 1 to {TOPIC_BYTES_MAX} bytes")]
    Length,
    /// A pattern of topics has a character that no topic has.
    #[error("a topic's name has letters, digits and _ . - only, so no pattern with {0:?} fits one")]
    Character(char),
    /// A user's channel is for that user.
    #[error("a user's channel is read by that user alone: user: stands after publish: only")]
    OfUsers,
}

impl Scope {
    /// Reads a scope.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let (word, pattern) = text.split_once(':').ok_or(ScopeError::Action)?;
        let action = Action::ALL.into_iter().find(|action| action.name() == word).ok_or(ScopeError::Action)?;
        let (is_of_users, pattern) = match pattern.strip_prefix("user:") {
            Some(_) if action != Action::Publish => return Err(ScopeError::OfUsers),
            Some(pattern) => (true, pattern),
            None => (false, pattern),
        };
        if !(1..=TOPIC_BYTES_MAX).contains(&pattern.len()) {
            return Err(ScopeError::Length);
        }
        let is_possible = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '*');
        if !is_of_users && let Some(wrong) = pattern.chars().find(|c| !is_possible(c)) {
            return Err(ScopeError::Character(wrong));
        }
        Ok(Self { action, is_of_users, pattern: pattern.to_owned() })
    }

    fn allows(&self, action: Action, target: Target<'_>) -> bool {
        let (is_of_users, name) = match target {
            Target::Topic(name) => (false, name),
            Target::User(name) => (true, name),
        };
        self.action == action && self.is_of_users == is_of_users && fits(&self.pattern, name)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = if self.is_of_users { "user:" } else { "" };
        write!(formatter, "{}:{user}{}", self.action.name(), self.pattern)
    }
}

/// The narrowest scope that allows something, as it is written.
pub fn needed(action: Action, target: Target<'_>) -> String {
    match target {
        Target::Topic(name) => format!("{}:{name}", action.name()),
        Target::User(name) => format!("{}:user:{name}", action.name()),
    }
}

/// What one client may do. Nothing, by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Whether one of them allows this.
    pub fn allow(&self, action: Action, target: Target<'_>) -> bool {
        self.0.iter().any(|scope| scope.allows(action, target))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

/// Whether a pattern fits a whole name. Takes at most as many steps as the product of their lengths.
pub fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut in_pattern, mut in_name) = (0, 0);
    // Where the last star stands, and up to where it reaches.
    let mut star = None;
    while in_name < name.len() {
        match pattern.get(in_pattern) {
            Some(b'*') => {
                star = Some((in_pattern, in_name));
                in_pattern += 1;
            }
            Some(byte) if *byte == name[in_name] => {
                in_pattern += 1;
                in_name += 1;
            }
            _ => {
                let Some((at, reached)) = &mut star else { return false };
                *reached += 1;
                (in_pattern, in_name) = (*at + 1, *reached);
            }
        }
    }
    pattern[in_pattern..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scopes(texts: &[&str]) -> Scopes {
        texts.iter().map(|text| Scope::parse(text).unwrap()).collect()
    }

    /// What fitting means, in the simplest words.
    fn fits_by_definition(pattern: &str, name: &str) -> bool {
        match pattern.chars().next() {
            None => name.is_empty(),
            Some('*') => (0..=name.len()).any(|taken| fits_by_definition(&pattern[1..], &name[taken..])),
            Some(first) => name.starts_with(first) && fits_by_definition(&pattern[1..], &name[1..]),
        }
    }

    proptest! {
        #[test]
        fn a_pattern_fits_what_its_definition_says(pattern in "[ab.*]{0,7}", name in "[ab.]{0,8}") {
            prop_assert_eq!(fits(&pattern, &name), fits_by_definition(&pattern, &name));
        }

        #[test]
        fn what_no_scope_names_is_denied(pattern in "[ab.*]{1,7}", topic in "[ab.]{1,8}", user in "[ab.:*]{1,8}") {
            for action in Action::ALL {
                let scopes = scopes(&[&format!("{}:{pattern}", action.name())]);
                for asked in Action::ALL {
                    prop_assert!(!scopes.allow(asked, Target::User(&user)));
                    prop_assert!(asked == action || !scopes.allow(asked, Target::Topic(&topic)));
                    prop_assert!(!Scopes::default().allow(asked, Target::Topic(&topic)));
                }
            }
        }

        #[test]
        fn a_scope_is_written_as_it_is_read(action in 0..3_usize, pattern in "[a-z.*]{1,9}") {
            let text = format!("{}:{pattern}", Action::ALL[action].name());
            prop_assert_eq!(Scope::parse(&text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn scopes_allow_what_they_name() {
        let scopes = scopes(&["subscribe:news.*", "publish:user:*", "presence:room"]);
        for (action, target, allowed) in [
            (Action::Subscribe, Target::Topic("news.sport.today"), true),
            (Action::Subscribe, Target::Topic("news"), false),
            (Action::Publish, Target::Topic("news.sport"), false),
            (Action::Publish, Target::User("bob@example.com"), true),
            (Action::Subscribe, Target::User("bob"), false),
            (Action::Presence, Target::Topic("room"), true),
            (Action::Presence, Target::Topic("rooms"), false),
        ] {
            assert_eq!(scopes.allow(action, target), allowed, "{action:?} {target:?}");
        }
    }

    #[test]
    fn a_text_that_is_no_scope_says_why() {
        for (text, error) in [
            ("news", ScopeError::Action),
            ("read:news", ScopeError::Action),
            ("subscribe:", ScopeError::Length),
            ("publish:user:", ScopeError::Length),
            ("subscribe:user:bob", ScopeError::OfUsers),
            ("subscribe:topic:x", ScopeError::Character(':')),
            ("publish:news/*", ScopeError::Character('/')),
        ] {
            assert_eq!(Scope::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_is_no_work_without_end() {
        assert!(!fits(&"*a".repeat(128), &"a".repeat(127)));
    }
}
