//! Errors as clients see them: one kind is wire code, log field and metric label.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::dialect::Dialect;

/// Who has to act on an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// The client's message is wrong; the same message will fail again.
    Client,
    /// The gateway, or the load on it.
    Gateway,
    /// The service behind the gateway.
    Service,
    /// Nobody: it was asked for.
    None,
}

/// How bad an error is for the person in front of the client (dialect `payload`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth a note.
    Low,
    /// One message failed.
    Medium,
    /// A service is in trouble.
    High,
    /// The gateway is in trouble.
    Critical,
}

macro_rules! error_codes {
    ($($variant:ident = $name:literal, $message:literal, $retryable:literal, $fault:ident, $severity:ident;)*) => {
        /// Every kind of error that a client may be told, by the gateway or by a service through it (`protocol/errors.json`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $(#[doc = $message] $variant,)*
        }

        impl ErrorCode {
            /// Every code, in the order of `protocol/errors.json`.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code on the wire, in logs and as a metric label.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The message when nothing more exact is known.
            pub const fn default_message(self) -> &'static str {
                match self { $(Self::$variant => $message,)* }
            }

            /// Whether the same message may succeed later.
            pub const fn retryable(self) -> bool {
                match self { $(Self::$variant => $retryable,)* }
            }

            /// Who has to act.
            pub const fn fault(self) -> Fault {
                match self { $(Self::$variant => Fault::$fault,)* }
            }

            /// How bad it is for the person in front of the client.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// The code with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

error_codes! {
    BadEnvelope = "bad_envelope", "the frame is not a valid envelope", false, Client, Medium;
    BadRequest = "bad_request", "the service cannot accept this payload", false, Client, Medium;
    UnknownType = "unknown_type", "this route has no service for messages of this type", false, Client, Medium;
    UnknownRoute = "unknown_route", "no route has this path", false, Client, Medium;
    PayloadTooLarge = "payload_too_large", "the payload, or what a run emits, is larger than the limit", false, Client, Medium;
    PayloadTooDeep = "payload_too_deep", "the message nests more arrays and objects than the limit", false, Client, Medium;
    DuplicateId = "duplicate_id", "this id was used before with other content", false, Client, Medium;
    TooManyInFlight = "too_many_in_flight", "too many messages wait for their acknowledgement", true, Client, Low;
    Busy = "busy", "the session has too many runs waiting", true, Client, Low;
    AlreadyAnswered = "already_answered", "somebody else has answered this already", false, None, Low;
    RateLimited = "rate_limited", "too many messages in too short a time", true, Client, Low;
    Unauthorized = "unauthorized", "the credentials are missing or wrong", false, Client, Medium;
    PermissionDenied = "permission_denied", "the credentials do not allow this", false, Client, Medium;
    SessionExpired = "session_expired", "the session has expired", false, Client, Medium;
    NoWorker = "no_worker", "no worker serves this service now", true, Service, High;
    CircuitOpen = "circuit_open", "the service has failed repeatedly and is being left alone", true, Service, High;
    Overloaded = "overloaded", "the gateway or the service has more to do than it can hold", true, Gateway, High;
    UpstreamError = "upstream_error", "the service failed", false, Service, High;
    WorkerLost = "worker_lost", "the worker was lost before it finished", true, Service, High;
    WorkerProtocol = "worker_protocol", "the worker broke the worker protocol", false, Service, High;
    DeadlineExceeded = "deadline_exceeded", "the deadline passed before the run ended", true, Service, Medium;
    Cancelled = "cancelled", "the run was cancelled", false, None, Low;
    Reset = "reset", "the position cannot be resumed", false, None, Low;
    Internal = "internal", "the gateway failed", true, Gateway, Critical;
}

impl ErrorCode {
    /// The spelling in dialect `payload`: capitals, and `SYSTEM_ERROR` for internal.
    pub fn payload_spelling(self) -> Cow<'static, str> {
        match self {
            Self::Internal => Cow::Borrowed("SYSTEM_ERROR"),
            other => Cow::Owned(other.name().to_ascii_uppercase()),
        }
    }

    /// This error with its default message.
    pub fn body(self) -> ErrorBody<'static> {
        ErrorBody {
            code: Cow::Borrowed(self.name()),
            message: Cow::Borrowed(self.default_message()),
            retryable: self.retryable(),
            retry_after_ms: None,
            details: None,
            trace_id: None,
        }
    }

    /// This error with a message that says what to do in this very case.
    pub fn with_message(self, message: impl Into<Cow<'static, str>>) -> ErrorBody<'static> {
        ErrorBody { message: message.into(), ..self.body() }
    }
}

/// The `error` field of an envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody<'a> {
    /// Name of an [`ErrorCode`].
    pub code: Cow<'a, str>,
    /// One sentence for people, without secrets.
    pub message: Cow<'a, str>,
    /// Whether the same message may succeed later.
    pub retryable: bool,
    /// Milliseconds to wait before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Anything that helps a program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<serde_json::Value>>,
    /// Finds the matching log lines of gateway and worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<Cow<'a, str>>,
}

/// The payload of an `error` in dialect `payload`, which has no place of its own for errors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PayloadError<'a> {
    /// One sentence for people.
    pub message: &'a str,
    /// The code in capitals.
    pub error_code: Cow<'a, str>,
    /// How bad it is.
    pub severity: Severity,
}

impl<'a> From<&'a ErrorBody<'_>> for PayloadError<'a> {
    fn from(error: &'a ErrorBody<'_>) -> Self {
        let known = ErrorCode::from_name(&error.code);
        Self {
            message: &error.message,
            error_code: known.map_or_else(|| error.code.to_ascii_uppercase().into(), ErrorCode::payload_spelling),
            severity: known.map_or(Severity::Medium, ErrorCode::severity),
        }
    }
}

impl ErrorBody<'_> {
    /// The type and the payload of an `error` in this dialect (`protocol/error-spellings.json`): dialects that have no
    /// place for it say it a second time, in the words that their old clients know.
    pub fn spelled(&self, dialect: Dialect) -> (&'static str, Option<Box<RawValue>>) {
        let PayloadError { message, error_code, .. } = PayloadError::from(self);
        match dialect {
            Dialect::Native => ("error", None),
            Dialect::Payload => ("error", Some(raw(&PayloadError::from(self)))),
            Dialect::Data => ("error", Some(raw(&DataError { message }))),
            Dialect::Flat => {
                ("error_message", Some(raw(&FlatError { message, error_code, error_details: ErrorDetails::of(self) })))
            }
            Dialect::Open => ("error", Some(raw(&OpenError { message, error: message }))),
        }
    }
}

#[derive(Serialize)]
struct DataError<'a> {
    message: &'a str,
}

#[derive(Serialize)]
struct OpenError<'a> {
    message: &'a str,
    error: &'a str,
}

#[derive(Serialize)]
struct FlatError<'a> {
    message: &'a str,
    error_code: Cow<'a, str>,
    error_details: ErrorDetails<'a>,
}

/// An error without its message.
#[derive(Serialize)]
struct ErrorDetails<'a> {
    code: &'a str,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
}

impl<'a> ErrorDetails<'a> {
    fn of(error: &'a ErrorBody<'_>) -> Self {
        let ErrorBody { code, message: _, retryable, retry_after_ms, details, trace_id } = error;
        Self {
            code,
            retryable: *retryable,
            retry_after_ms: *retry_after_ms,
            details: details.as_deref(),
            trace_id: trace_id.as_deref(),
        }
    }
}

fn raw(value: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("an error serialises into memory")
}
