//! Who a client is: nobody in particular, or the subject of a static token.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use sha2::{Digest, Sha256};

use crate::config;
use crate::sessions::Identity;

/// The prefix of a subprotocol that carries a token.
pub(crate) const BEARER_SUBPROTOCOL: &str = "trunkline.bearer.";

/// What a token stands for.
struct Grant {
    subject: String,
    realm: Option<String>,
}

/// Checks tokens. Without any in the configuration, everyone is anonymous.
pub(crate) struct Auth {
    /// By hash, so that looking one up takes no longer the closer a guess is.
    grants: HashMap<[u8; 32], Grant>,
}

/// What a request's credentials are worth.
pub(crate) enum Credentials {
    /// There are none.
    None,
    /// They name this identity.
    Valid(Identity),
    /// There are some, and they are wrong.
    Wrong,
}

impl Auth {
    /// Accepts the tokens of the configuration.
    pub(crate) fn new(tokens: Vec<config::StaticToken>) -> Self {
        let grants = tokens
            .into_iter()
            .map(|config::StaticToken { token, subject, realm }| (hash(token.reveal()), Grant { subject, realm }));
        Self { grants: grants.collect() }
    }

    /// Who a client is that has shown nothing; `None` where a token is required.
    pub(crate) fn anonymous(&self) -> Option<Identity> {
        self.grants.is_empty().then_some(Identity::Anonymous)
    }

    /// Whom a token names in this realm.
    pub(crate) fn verify(&self, token: &str, realm: &str) -> Option<Identity> {
        if self.grants.is_empty() {
            return Some(Identity::Anonymous);
        }
        let grant = self.grants.get(&hash(token))?;
        let valid_here = grant.realm.as_deref().is_none_or(|valid| valid == realm);
        valid_here.then(|| Identity::Subject(grant.subject.clone()))
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
