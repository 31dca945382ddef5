//! Who a client is, nobody in particular or the subject of a static token, and what it may do.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use sha2::{Digest, Sha256};
use trunkline_core::scope::{Scope, Scopes};

use crate::config;
use crate::sessions::Identity;

/// The prefix of a subprotocol that carries a token.
pub(crate) const BEARER_SUBPROTOCOL: &str = "trunkline.bearer.";

/// What a token stands for.
struct Grant {
    subject: String,
    realm: Option<String>,
    scopes: Arc<Scopes>,
}

/// Who is at the other end of a connection, and what it may do.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) identity: Identity,
    pub(crate) scopes: Arc<Scopes>,
}

impl Caller {
    /// The name that was proved, if one was.
    pub(crate) fn subject(&self) -> Option<&str> {
        match &self.identity {
            Identity::Anonymous => None,
            Identity::Subject(subject) => Some(subject),
        }
    }
}

/// Checks tokens. Without any in the configuration, everyone is anonymous.
pub(crate) struct Auth {
    /// By hash, so that looking one up takes no longer the closer a guess is.
    grants: HashMap<[u8; 32], Grant>,
    anonymous_scopes: Arc<Scopes>,
}

/// What a request's credentials are worth.
pub(crate) enum Credentials {
    /// There are none.
    None,
    /// They name this one.
    Valid(Caller),
    /// There are some, and they are wrong.
    Wrong,
}

impl Auth {
    /// Accepts the tokens of the configuration.
    pub(crate) fn new(config: config::Auth) -> Self {
        let config::Auth { tokens, anonymous_scopes } = config;
        let shared = |scopes: Vec<Scope>| Arc::new(scopes.into_iter().collect::<Scopes>());
        let grants = tokens.into_iter().map(|config::StaticToken { token, subject, realm, scopes }| {
            (hash(token.reveal()), Grant { subject, realm, scopes: shared(scopes) })
        });
        Self { grants: grants.collect(), anonymous_scopes: shared(anonymous_scopes) }
    }

    /// What a client is that has shown nothing; `None` where a token is required.
    pub(crate) fn anonymous(&self) -> Option<Caller> {
        let caller = || Caller { identity: Identity::Anonymous, scopes: Arc::clone(&self.anonymous_scopes) };
        self.grants.is_empty().then(caller)
    }

    /// Whom a token names in this realm.
    pub(crate) fn verify(&self, token: &str, realm: &str) -> Option<Caller> {
        if self.grants.is_empty() {
            return self.anonymous();
        }
        let grant = self.grants.get(&hash(token))?;
        let valid_here = grant.realm.as_deref().is_none_or(|valid| valid == realm);
        let identity = || Identity::Subject(grant.subject.clone());
        valid_here.then(|| Caller { identity: identity(), scopes: Arc::clone(&grant.scopes) })
    }

    /// The credentials of an upgrade request: its `Authorization` header, else a subprotocol.
    pub(crate) fn of_request(&self, headers: &HeaderMap, subprotocols: &[String], realm: &str) -> Credentials {
        let header = headers.get(http::header::AUTHORIZATION).map(|value| {
            let text = value.to_str().unwrap_or_default();
            text.split_once(' ')
                .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
                .map(|(_, token)| token.trim().to_owned())
        });
        let subprotocol = || {
            let encoded = subprotocols.iter().find_map(|offered| offered.strip_prefix(BEARER_SUBPROTOCOL))?;
            Some(URL_SAFE_NO_PAD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok()))
        };
        match header.or_else(subprotocol) {
            None => Credentials::None,
            Some(token) => token.map_or(Credentials::Wrong, |token| self.of_token(&token, realm)),
        }
    }

    /// What one token is worth.
    pub(crate) fn of_token(&self, token: &str, realm: &str) -> Credentials {
        self.verify(token, realm).map_or(Credentials::Wrong, Credentials::Valid)
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
