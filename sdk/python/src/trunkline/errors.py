"""The exceptions of the SDK.

::

    TrunklineError
    ├── HandlerError           raised by a handler to end its run; code and message reach the client
    │   ├── BadRequest         bad_request         do not retry: the request itself is wrong
    │   ├── PermissionDenied   permission_denied   do not retry
    │   ├── PayloadTooLarge    payload_too_large   do not retry; the SDK raises it for what a message cannot hold
    │   ├── Failed             upstream_error      do not retry: the work cannot be done
    │   └── Retryable          upstream_error      retry, after `retry_after` where it is given
    │       ├── RateLimited    rate_limited        retry
    │       └── Overloaded     overloaded          retry
    ├── CallFailed             a call made with `run.call` ended with an error; `retryable` says whether to retry
    ├── FrameRefused           a frame is no message of its dialect; do not retry
    ├── Cancelled              a handler in a thread was cancelled; let it pass
    └── BridgeError            base of what can happen between worker and gateway; the worker retries by itself
        ├── ProtocolViolation  the gateway broke the worker protocol; the worker reconnects
        ├── ConnectionLost     the connection broke; the worker reconnects
        ├── HelloRefused       the gateway refused this worker; the worker tries again
        └── GatewayGone        a spawned worker has no gateway any more; do not retry: the process ends

Any other exception of a handler becomes `upstream_error` with a trace id; neither its text nor its trace leaves the process.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar


class TrunklineError(Exception):
    """Base of all exceptions of this package."""


class HandlerError(TrunklineError):
    """Ends a run with a code, and a message that the client may see.

    Use one of its subclasses, or make your own with another `code` of the protocol's `errors.json`.
    """

    code: ClassVar[str] = "upstream_error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, details: dict[str, Any] | None = None) -> None:
        """Takes the message and, optionally, machine-readable details; both are shown to the client."""
        super().__init__(message)
        self.message = message
        self.details = details


class BadRequest(HandlerError):
    """The request is wrong; repeating it gives the same answer."""

    code = "bad_request"


class PermissionDenied(HandlerError):
    """The user may not do this; a retry makes no sense."""

    code = "permission_denied"


class PayloadTooLarge(HandlerError):
    """Something does not fit into one message; a retry makes no sense."""

    code = "payload_too_large"


class Failed(HandlerError):
    """The work cannot be done, and the client may know why; a retry makes no sense."""


class Retryable(HandlerError):
    """It did not work now, and may work later: a retry makes sense.

    Raised before the call's first event, the gateway calls the handler again by itself, up to three times in all and within the run's
    deadline. `retry_after` of more than two seconds is left to the client, and so is every failure after the first event.
    """

    retryable = True

    def __init__(self, message: str, *, retry_after: timedelta | None = None, details: dict[str, Any] | None = None) -> None:
        """Takes what `HandlerError` takes, and how long to wait before the retry."""
        super().__init__(message, details=details)
        self.retry_after = retry_after


class RateLimited(Retryable):
    """Too many requests; a retry makes sense after `retry_after`."""

    code = "rate_limited"


class Overloaded(Retryable):
    """Too busy now; a retry makes sense after `retry_after`."""

    code = "overloaded"


class CallFailed(TrunklineError):
    """A call to another service ended with an error; `retryable` says whether a retry makes sense."""

    def __init__(self, code: str, message: str, *, retryable: bool) -> None:
        """Takes the error as the callee gave it."""
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retryable = retryable


class FrameRefused(TrunklineError):
    """A frame is no message of its dialect, or an envelope cannot be one; a retry makes no sense.

    `code` is what the gateway would answer: `bad_envelope` or `payload_too_deep`.
    """

    def __init__(self, code: str, message: str) -> None:
        """Takes the code and what is wrong, beginning with the field at fault."""
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Cancelled(TrunklineError):
    """The run of this thread was cancelled; clean up and let the exception pass. A retry makes no sense."""


class BridgeError(TrunklineError):
    """Base of what can happen between worker and gateway; the worker retries by itself unless a subclass says otherwise."""


class ProtocolViolation(BridgeError):
    """The peer broke the worker protocol; the connection ends, and the worker reconnects."""


class ConnectionLost(BridgeError):
    """The connection to the gateway broke or fell silent; the worker reconnects."""


class HelloRefused(BridgeError):
    """The gateway refused this worker's HELLO; the worker tries again."""


class GatewayGone(BridgeError):
    """A spawned worker's gateway stayed away; a retry makes no sense, the process ends."""
