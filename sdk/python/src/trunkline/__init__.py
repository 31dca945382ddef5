"""Write workers for Trunkline, the gateway between applications and AI agents."""

from trunkline._answer import Answer
from trunkline._event import Event
from trunkline._inputs import Input
from trunkline._outgoing import Call
from trunkline.errors import (
    BadRequest,
    BridgeError,
    CallFailed,
    Cancelled,
    ConnectionLost,
    Failed,
    FrameRefused,
    GatewayGone,
    HandlerError,
    HelloRefused,
    Overloaded,
    PayloadTooLarge,
    PermissionDenied,
    ProtocolViolation,
    RateLimited,
    Retryable,
    TrunklineError,
)
from trunkline.run import BlockingCall, BlockingRun, Run
from trunkline.worker import Worker

__all__ = [
    "Answer",
    "BadRequest",
    "BlockingCall",
    "BlockingRun",
    "BridgeError",
    "Call",
    "CallFailed",
    "Cancelled",
    "ConnectionLost",
    "Event",
    "Failed",
    "FrameRefused",
    "GatewayGone",
    "HandlerError",
    "HelloRefused",
    "Input",
    "Overloaded",
    "PayloadTooLarge",
    "PermissionDenied",
    "ProtocolViolation",
    "RateLimited",
    "Retryable",
    "Run",
    "TrunklineError",
    "Worker",
]
