//! Close codes and the body of a close frame (RFC 6455 §5.5.1, §7.4).
//!
//! Knows which codes may travel, not when to send which: that is the owner's decision, or
//! [`Violation::code`](crate::Violation::code)'s.

use std::fmt;

use crate::Violation;

/// The longest reason that fits beside the code into a control frame, in bytes.
pub const REASON_BYTES_MAX: usize = 123;

/// A close code (RFC 6455 §7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(u16);

impl Code {
    /// The purpose of the connection was fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// An endpoint leaves.
    pub const GOING_AWAY: Self = Self(1001);
    /// The peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// The peer sent a kind of data that cannot be accepted.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// The close frame carried no code. Never sent.
    pub const NO_STATUS: Self = Self(1005);
    /// The connection ended without a close frame. Never sent.
    pub const ABNORMAL: Self = Self(1006);
    /// The data do not agree with the message's type, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// The peer broke a rule for which there is no other code.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// The message is too big to be processed.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// An unexpected condition in the server.
    pub const INTERNAL_ERROR: Self = Self(1011);

    /// The code as it stands in a close frame, or `None` when an endpoint must not send it: 1005, 1006 and 1015 have a
    /// meaning only inside an endpoint, 3000–4999 belong to libraries and applications, the rest is unassigned.
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// What a close frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseReason<'a> {
    /// Why the sender closes; absent when the frame has no body.
    pub code: Option<Code>,
    /// Words for a log, possibly empty. Untrusted.
    pub text: &'a str,
}

/// Reads the body of a close frame.
///
/// # Errors
/// [`Violation::TruncatedCloseCode`], [`Violation::InvalidCloseCode`] or [`Violation::InvalidUtf8`].
pub fn parse(body: &[u8]) -> Result<CloseReason<'_>, Violation> {
    let (code, text) = match body {
        [] => return Ok(CloseReason { code: None, text: "" }),
        [_] => return Err(Violation::TruncatedCloseCode),
        [high, low, text @ ..] => (u16::from_be_bytes([*high, *low]), text),
    };
    let code = Code::new(code).ok_or(Violation::InvalidCloseCode(code))?;
    let text = simdutf8::basic::from_utf8(text).map_err(|_| Violation::InvalidUtf8)?;
    Ok(CloseReason { code: Some(code), text })
}

/// The start of `reason` that fits into a close frame, cut between characters.
pub(crate) fn fitting(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(REASON_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_26_codes_that_must_not_be_sent() {
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
            assert_eq!(parse(&u16::to_be_bytes(code)), Err(Violation::InvalidCloseCode(code)));
        }
    }

    #[test]
    fn codes_that_may_be_sent() {
        for code in [1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999] {
            let reason = parse(&u16::to_be_bytes(code)).map(|reason| reason.code.map(Code::get));
            assert_eq!(reason, Ok(Some(code)));
        }
    }

    #[test]
    fn row_26_bodies() {
        assert_eq!(parse(b""), Ok(CloseReason { code: None, text: "" }));
        assert_eq!(parse(b"\x03"), Err(Violation::TruncatedCloseCode));
        assert_eq!(parse(b"\x03\xe8\xff"), Err(Violation::InvalidUtf8));
        assert_eq!(parse(b"\x03\xe8bye"), Ok(CloseReason { code: Some(Code::NORMAL), text: "bye" }));
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let reason = "ä".repeat(100);
        assert_eq!(fitting(&reason), "ä".repeat(61));
        assert_eq!(fitting("short"), "short");
    }
}
