//! WebSocket close codes that the gateway sends, and what each asks of the client.

/// Why the gateway closes a connection (`protocol/close-codes.json`).
///
/// 4000–4499 invite the client to reconnect, 4500–4999 do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseCode {
    /// 1000: both sides are done.
    Normal,
    /// 1002: the peer broke RFC 6455.
    ProtocolError,
    /// 1003: a message in another codec than was agreed.
    Unsupported,
    /// 1007: text that is no UTF-8.
    InvalidText,
    /// 1008: a bound of the framing layer was passed (fragments, reassembly time).
    PolicyViolation,
    /// 1009: the message is larger than the limit.
    TooBig,
    /// 1011: the gateway failed.
    Internal,
    /// 4000: the gateway drains; come back.
    Drain,
    /// 4002: the client read too slowly for 30 s.
    SlowConsumer,
    /// 4003: two heartbeats stayed unanswered.
    HeartbeatTimeout,
    /// 4004: the gateway cannot serve this now.
    Overloaded,
    /// 4005: no authentication in time.
    AuthTimeout,
    /// 4006: too many pings.
    RateLimited,
    /// 4500: the token or secret is wrong.
    AuthFailed,
    /// 4505: too many mistakes in too short a time.
    TooManyViolations,
}

impl CloseCode {
    /// Every code, in the order of the numbers.
    pub const ALL: [Self; 15] = [
        Self::Normal,
        Self::ProtocolError,
        Self::Unsupported,
        Self::InvalidText,
        Self::PolicyViolation,
        Self::TooBig,
        Self::Internal,
        Self::Drain,
        Self::SlowConsumer,
        Self::HeartbeatTimeout,
        Self::Overloaded,
        Self::AuthTimeout,
        Self::RateLimited,
        Self::AuthFailed,
        Self::TooManyViolations,
    ];

    /// The number in the close frame.
    pub const fn number(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::ProtocolError => 1002,
            Self::Unsupported => 1003,
            Self::InvalidText => 1007,
            Self::PolicyViolation => 1008,
            Self::TooBig => 1009,
            Self::Internal => 1011,
            Self::Drain => 4000,
            Self::SlowConsumer => 4002,
            Self::HeartbeatTimeout => 4003,
            Self::Overloaded => 4004,
            Self::AuthTimeout => 4005,
            Self::RateLimited => 4006,
            Self::AuthFailed => 4500,
            Self::TooManyViolations => 4505,
        }
    }

    /// Why, for people.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Normal => "both sides are done",
            Self::ProtocolError => "the peer broke RFC 6455",
            Self::Unsupported => "a message in another codec than was agreed",
            Self::InvalidText => "text that is no UTF-8",
            Self::PolicyViolation => "a bound of the framing layer was passed (fragments, reassembly time)",
            Self::TooBig => "the message is larger than the limit",
            Self::Internal => "the gateway failed",
            Self::Drain => "the gateway drains; come back",
            Self::SlowConsumer => "the client read too slowly for 30 s",
            Self::HeartbeatTimeout => "two heartbeats stayed unanswered",
            Self::Overloaded => "the gateway cannot serve this now",
            Self::AuthTimeout => "no authentication in time",
            Self::RateLimited => "too many pings",
            Self::AuthFailed => "the token or secret is wrong",
            Self::TooManyViolations => "too many mistakes in too short a time",
        }
    }

    /// The name in the close reason, in logs and as a metric label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::ProtocolError => "protocol_error",
            Self::Unsupported => "unsupported",
            Self::InvalidText => "invalid_text",
            Self::PolicyViolation => "policy_violation",
            Self::TooBig => "too_big",
            Self::Internal => "internal",
            Self::Drain => "drain",
            Self::SlowConsumer => "slow_consumer",
            Self::HeartbeatTimeout => "heartbeat_timeout",
            Self::Overloaded => "overloaded",
            Self::AuthTimeout => "auth_timeout",
            Self::RateLimited => "rate_limited",
            Self::AuthFailed => "auth_failed",
            Self::TooManyViolations => "too_many_violations",
        }
    }

    /// Says whether a client should come back by itself.
    pub const fn reconnect(self) -> bool {
        matches!(self.number(), 1011 | 4000..=4499)
    }
}
