//! What a peer can do wrong, and the close code that answers it.
//!
//! Knows nothing of how a violation was found or how the connection is ended.

use thiserror::Error;

use crate::close::Code;

/// A peer broke RFC 6455 or one of the limits; the connection cannot go on.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// A reserved bit is set that no extension gives a meaning here (§5.2; RFC 7692 §6).
    #[error("reserved bits are set")]
    ReservedBits,
    /// The opcode is one of those reserved by §5.2.
    #[error("opcode {0:#x} is reserved")]
    ReservedOpcode(u8),
    /// A client must mask every frame (§5.1).
    #[error("the frame is not masked")]
    Unmasked,
    /// A control frame must not be fragmented (§5.5).
    #[error("a control frame is fragmented")]
    FragmentedControl,
    /// A control frame carries at most 125 bytes (§5.5).
    #[error("a control frame is longer than 125 bytes")]
    OversizedControl,
    /// The length must be spelled in the fewest bytes (§5.2).
    #[error("the length is not minimally encoded")]
    LengthNotMinimal,
    /// The most significant bit of a 64-bit length must be zero (§5.2).
    #[error("the length exceeds 63 bits")]
    LengthOutOfRange,
    /// A continuation frame without a message to continue (§5.4).
    #[error("a continuation frame continues nothing")]
    UnexpectedContinuation,
    /// A new message began before the last one was finished (§5.4).
    #[error("a message starts inside another")]
    InterleavedMessage,
    /// A close frame with a body of one byte (§5.5.1).
    #[error("the close frame's body is one byte")]
    TruncatedCloseCode,
    /// A close code that must not be sent (§7.4).
    #[error("close code {0} must not be sent")]
    InvalidCloseCode(u16),
    /// A text message or close reason is not UTF-8 (§8.1).
    #[error("text is not valid UTF-8")]
    InvalidUtf8,
    /// A compressed message cannot be inflated (RFC 7692 §7.2.2).
    #[error("the compressed data are corrupt")]
    CorruptCompression,
    /// The message is longer than [`Limits::message_bytes`](crate::Limits::message_bytes).
    #[error("the message is too big")]
    MessageTooBig,
    /// The message has more frames than [`Limits::fragments`](crate::Limits::fragments).
    #[error("the message has too many fragments")]
    TooManyFragments,
    /// The message took longer than [`Limits::reassembly`](crate::Limits::reassembly) to arrive.
    #[error("the message took too long to arrive")]
    ReassemblyTimeout,
}

impl Violation {
    /// The code to close the connection with (§7.4.1).
    pub fn code(self) -> Code {
        match self {
            Self::InvalidUtf8 | Self::CorruptCompression => Code::INVALID_PAYLOAD,
            Self::MessageTooBig => Code::MESSAGE_TOO_BIG,
            Self::TooManyFragments | Self::ReassemblyTimeout => Code::POLICY_VIOLATION,
            Self::ReservedBits
            | Self::ReservedOpcode(_)
            | Self::Unmasked
            | Self::FragmentedControl
            | Self::OversizedControl
            | Self::LengthNotMinimal
            | Self::LengthOutOfRange
            | Self::UnexpectedContinuation
            | Self::InterleavedMessage
            | Self::TruncatedCloseCode
            | Self::InvalidCloseCode(_) => Code::PROTOCOL_ERROR,
        }
    }
}
