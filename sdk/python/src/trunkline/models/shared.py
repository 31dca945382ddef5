"""What the message types of all dialects are made of, as pydantic models.

Generated from protocol/schema/{envelope,messages/shared}.schema.json; change it there, then run `make schema`.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from trunkline.messages import _rules
from trunkline.models._base import NOT_NULL, Model, Whole

EnvelopeInteger = Annotated[Whole, Field(ge=0, le=9_007_199_254_740_991)]
"""At most 2^53-1, the largest integer that every language of the contract holds exactly."""
MessageId = Annotated[str, Field(pattern="^[A-Za-z0-9_.:-]{1,64}$")]
"""Idempotency key of a client's message within its session."""
EnvelopeTime = str
"""RFC 3339 UTC with milliseconds."""
Position = Annotated[str, Field(min_length=1)]
"""Opaque to clients, who keep it and send it back as it is."""


class Address(Model, frozen=True):
    """To whom a message is addressed: hints to the router."""

    service: Annotated[str | None, NOT_NULL] = None
    """A service of the route."""
    agent: Annotated[str | None, NOT_NULL] = None
    """An agent."""
    pillar: Annotated[str | None, NOT_NULL] = None
    """A pillar of a liaison agent."""
    realm: Annotated[str | None, NOT_NULL] = None
    """The realm; never another than the token's."""
    capability: Annotated[str | None, NOT_NULL] = None
    """Whoever has this capability."""
    user: Annotated[str | None, NOT_NULL] = None
    """A user, on all their connections."""
    topic: Annotated[str | None, NOT_NULL] = None
    """Everybody on a topic."""


class ErrorBody(Model, frozen=True):
    """What went wrong; the codes stand in errors.json."""

    code: str
    """Name of an error code."""
    message: str
    """One sentence for people."""
    retryable: bool
    """Whether the same message may succeed later."""
    retry_after_ms: Annotated[EnvelopeInteger | None, NOT_NULL] = None
    """How long to wait before that. Unit: milliseconds."""
    details: Any = None
    """Anything that helps a program."""
    trace_id: Annotated[str | None, NOT_NULL] = None
    """Finds the matching log lines of gateway and worker."""


class Envelope(Model, frozen=True):
    """One message. Fields that are not named here are kept as they are."""

    id: Annotated[MessageId | None, NOT_NULL] = None
    ts: Annotated[EnvelopeTime | None, NOT_NULL] = None
    """When the gateway accepted it."""
    channel: Annotated[str | None, NOT_NULL] = None
    """The channel it stands in; on durable messages only."""
    pos: Annotated[str | None, NOT_NULL] = None
    """Its position in the channel."""
    prev: Annotated[str | None, NOT_NULL] = None
    """The position before it."""
    session: Annotated[str | None, NOT_NULL] = None
    """Session id."""
    run: Annotated[str | None, NOT_NULL] = None
    """The run it belongs to."""
    seq: Annotated[EnvelopeInteger | None, NOT_NULL] = None
    """First event number of the run that it carries."""
    seq_end: Annotated[EnvelopeInteger | None, NOT_NULL] = None
    """Last one; left out where it equals seq."""
    to: Annotated[Address | None, NOT_NULL] = None
    reply_to: Annotated[str | None, NOT_NULL] = None
    """Id of the message that it answers."""
    payload: Any = None
    """The content, opaque to the gateway."""
    deadline_ms: Annotated[EnvelopeInteger | None, NOT_NULL] = None
    """How long the client is willing to wait for the run. Unit: milliseconds."""
    error: Annotated[ErrorBody | None, NOT_NULL] = None
    meta: Annotated[dict[str, Any] | None, NOT_NULL] = None
    """Free map."""
    tl: Annotated[dict[str, Any] | None, NOT_NULL] = Field(default=None, validation_alias="_tl", serialization_alias="_tl")
    """Unknown fields that stood in _tl where another dialect spelled the message."""


ResetReason = Literal["expired", "epoch_changed", "too_far", "forked", "unknown"]
"""Why a channel cannot be resumed."""


class Verdict(Model, frozen=True):
    """From where one channel is delivered."""

    verdict: Literal["new", "resumed", "reset"]
    """new: everything that is kept follows; resumed: what follows the position that was sent; reset: drop what you have."""
    pos: Annotated[Position | None, NOT_NULL] = None
    """From where delivery goes on."""
    reason: Annotated[ResetReason | None, NOT_NULL] = None

    @model_validator(mode="after")
    def _keep_rules_of_verdict(self) -> Self:
        _rules.when(self, "verdict", "reset", then=("reason",), otherwise=("pos",))
        return self


class Limits(Model, frozen=True):
    """What the gateway holds its clients to."""

    message_bytes_max: EnvelopeInteger
    """Bytes of one message; above it the connection closes with 1009. Unit: bytes."""
    message_bytes_before_auth_max: Annotated[EnvelopeInteger | None, NOT_NULL] = None
    """Bytes of one message before the client has authenticated. Unit: bytes."""
    depth_max: EnvelopeInteger
    """Nested arrays and objects of one message; above it: payload_too_deep."""
    in_flight_max: EnvelopeInteger
    """Unacknowledged messages of a connection; one more is too_many_in_flight."""
    deadline_ms_max: EnvelopeInteger
    """Longest time that a run may take; a longer wish is shortened to it. Unit: milliseconds."""
    resume_channels_max: Annotated[EnvelopeInteger | None, NOT_NULL] = None
    """Channels that one hello may resume; more are bad_envelope."""
    runs_waiting_max: Annotated[EnvelopeInteger | None, NOT_NULL] = None
    """Runs of a session that wait for their turn; one more is busy."""
    runs_parallel_max: Annotated[EnvelopeInteger | None, NOT_NULL] = None
    """Runs of a session that go beside the others, where the route allows it; one more is busy."""
    run_events_max: Annotated[EnvelopeInteger | None, NOT_NULL] = None
    """Events of one run; one more fails it with payload_too_large."""
    run_bytes_max: Annotated[EnvelopeInteger | None, NOT_NULL] = None
    """Bytes of all events of one run; one more fails it with payload_too_large. Unit: bytes."""
    event_bytes_max: Annotated[EnvelopeInteger | None, NOT_NULL] = None
    """Bytes of one event or result; one more fails its run with payload_too_large. Unit: bytes."""
    mistakes_per_minute_max: Annotated[EnvelopeInteger | None, NOT_NULL] = None
    """Messages of a connection in a minute that are refused as mistakes; one more closes it with 4505."""
    pings_per_second_max: Annotated[EnvelopeInteger | None, NOT_NULL] = None
    """Protocol pings of a connection in a second; one more closes it with 4006."""


Id = Annotated[str, Field(min_length=1, max_length=256)]
"""A name that somebody gave out once, such as a UUID; opaque to whoever reads it."""
Name = Annotated[str, Field(min_length=1, max_length=256)]
"""A name that people read, from the configuration or from a service."""
AgentId = Annotated[str, Field(min_length=1, max_length=128)]
"""An agent as the deployment names it; older front ends have reasoning, coding, general, guide and liaison."""
Pillar = Annotated[str, Field(min_length=1, max_length=128)]
"""An area that a liaison agent works in, as the deployment names it; the examples have content, insights, operations and business_outcomes.
"""
Topic = Annotated[str, Field(min_length=1, max_length=256, pattern="^[A-Za-z0-9_.-]*$")]
"""The full name of one topic: letters, digits and _ . -, without wildcards."""
Path = Annotated[str, Field(min_length=1, max_length=4096, pattern="^[^/]")]
"""A path below a root of the configuration; its first segment is the root's name, and it does not begin with a slash."""
Severity = Literal["low", "medium", "high", "critical"]
"""How bad it is for the person in front of the screen."""
ErrorCode = Annotated[str, Field(pattern="^[A-Z][A-Z0-9_]*$")]
"""An error code of errors.json in capitals, SYSTEM_ERROR for internal (payload_code there)."""
Integer = Annotated[Whole, Field(ge=-9_007_199_254_740_991, le=9_007_199_254_740_991)]
"""A whole number that every language holds exactly, 2^53-1 at most."""
Count = Annotated[Whole, Field(ge=0, le=9_007_199_254_740_991)]
"""How many, or how far, from 0."""
Ordinal = Annotated[Whole, Field(ge=1, le=9_007_199_254_740_991)]
"""The place of something in its order, from 1."""
Percent = Annotated[float, Field(ge=0, le=100)]
"""From 0 to 100."""
Fraction = Annotated[float, Field(ge=0, le=1)]
"""From 0 to 1."""
Bytes = Annotated[Whole, Field(ge=0, le=9_007_199_254_740_991)]
"""A size in bytes."""
Seconds = Annotated[float, Field(ge=0)]
"""A duration in seconds, with decimals."""
Milliseconds = Annotated[float, Field(ge=0)]
"""A duration in milliseconds, with decimals where they are known."""
Time = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$")]
"""RFC 3339 with a time zone; the gateway writes UTC with milliseconds."""
ClientTime = str | float
"""The client's own clock, for display only: RFC 3339, or the number or text that old clients send."""
FileHash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
"""BLAKE3 of the whole content, in lower-case hexadecimal."""
Etag = Annotated[str, Field(min_length=1, max_length=256)]
"""One version of a file; opaque to whoever reads it."""
Ticket = Annotated[str, Field(min_length=1, max_length=256)]
"""A one-use right to open the lane's connection; never to be logged."""


class OpeningServer(Model, frozen=True):
    """The gateway's program, for logs."""

    name: str
    """Its name."""
    version: str
    """Its version."""


class Opening(Model, frozen=True):
    """The facts of welcome in a greeting; they are there when the session is opened together with the connection."""

    session: Annotated[str | None, NOT_NULL] = None
    """The session, to come back to."""
    secret: Annotated[str | None, NOT_NULL] = None
    """Only in the welcome that made an anonymous session."""
    connection: Annotated[str | None, NOT_NULL] = None
    """Connection id, for logs."""
    resume: Annotated[bool | None, NOT_NULL] = None
    """Whether positions can be resumed; false where the broker is degraded."""
    channels: Annotated[Annotated[dict[str, Verdict], Field(min_length=1)] | None, NOT_NULL] = None
    """The session's own channel and each of resume: from where it is delivered."""
    heartbeat_ms: Annotated[EnvelopeInteger | None, NOT_NULL] = None
    """How often the gateway shows that it is there. Unit: milliseconds."""
    limits: Annotated[Limits | None, NOT_NULL] = None
    server: Annotated[OpeningServer | None, NOT_NULL] = None
    """The gateway's program, for logs."""


class Wrapper(Model, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    id: Annotated[MessageId | None, NOT_NULL] = None
    ts: Annotated[EnvelopeTime | None, NOT_NULL] = None
    """When the gateway accepted it."""
    channel: Annotated[str | None, NOT_NULL] = None
    """The channel it stands in; on durable messages only."""
    pos: Annotated[str | None, NOT_NULL] = None
    """Its position in the channel."""
    prev: Annotated[str | None, NOT_NULL] = None
    """The position before it."""
    session: Annotated[str | None, NOT_NULL] = None
    """Session id."""
    run: Annotated[str | None, NOT_NULL] = None
    """The run it belongs to."""
    seq: Annotated[EnvelopeInteger | None, NOT_NULL] = None
    """First event number of the run that it carries."""
    seq_end: Annotated[EnvelopeInteger | None, NOT_NULL] = None
    """Last one; left out where it equals seq."""
    to: Annotated[Address | None, NOT_NULL] = None
    reply_to: Annotated[str | None, NOT_NULL] = None
    """Id of the message that it answers."""
    deadline_ms: Annotated[EnvelopeInteger | None, NOT_NULL] = None
    """How long the client is willing to wait for the run. Unit: milliseconds."""
    error: Annotated[ErrorBody | None, NOT_NULL] = None
    meta: Annotated[dict[str, Any] | None, NOT_NULL] = None
    """Free map."""


class FlatFrameMetadataTl(Wrapper, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    payload: Any = None
    """The whole payload, where it cannot stand beside type."""


class FlatFrameMetadata(Model, frozen=True):
    """A free map; what the gateway adds stands in _tl within it."""

    tl: Annotated[FlatFrameMetadataTl | None, NOT_NULL] = Field(default=None, validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class FlatFrame(Model, frozen=True):
    """The fields that any message of dialect flat may have."""

    message_id: Annotated[MessageId | None, NOT_NULL] = None
    """The message's id; from a client it is the idempotency key within its session."""
    timestamp: Annotated[ClientTime | None, NOT_NULL] = None
    """When the message was made; the gateway writes RFC 3339 in UTC with milliseconds."""
    session_token: Annotated[str | None, NOT_NULL] = None
    """The client's credential, for front ends that send it in every message; it is taken out before anybody else sees the message."""
    session_id: Annotated[str | None, NOT_NULL] = None
    """Session id."""
    agent: Annotated[AgentId | None, NOT_NULL] = None
    """The agent that the message is for, or that it comes from."""
    role: Annotated[str | None, NOT_NULL] = None
    """The role in which the agent speaks."""
    pillar: Annotated[Pillar | None, NOT_NULL] = None
    """The pillar of a liaison agent."""
    message: Annotated[str | None, NOT_NULL] = None
    """The text."""
    data: Any = None
    """Content that is more than text."""
    file_uuid: Annotated[Id | None, NOT_NULL] = None
    """The file that the message is about."""
    file_name: Annotated[str | None, NOT_NULL] = None
    """That file's name."""
    file_url: Annotated[str | None, NOT_NULL] = None
    """Where that file can be fetched."""
    metadata: Annotated[FlatFrameMetadata | None, NOT_NULL] = None
    """A free map; what the gateway adds stands in _tl within it."""
    additional_info: Annotated[dict[str, Any] | Annotated[str, Field(max_length=0)] | None, NOT_NULL] = None
    """A free map; some old front ends send an empty text."""
    error_code: Annotated[str | None, NOT_NULL] = None
    """An error code: of errors.json in capitals, or the service's own."""
    error_details: Annotated[dict[str, Any] | None, NOT_NULL] = None
    """What a program wants to know about an error."""
    status: Annotated[str | None, NOT_NULL] = None
    """A state, in the words of whoever sends it."""
    progress: Annotated[Fraction | None, NOT_NULL] = None
    """How much is done, from 0 to 1."""
    is_streaming: Annotated[bool | None, NOT_NULL] = None
    """Whether more of the same answer follows; false where it is left out."""
    stream_index: Annotated[Count | None, NOT_NULL] = None
    """The place of this piece in its answer, counted from 0 without gaps on each connection."""


class OpenFrameTl(Wrapper, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    payload: Any = None
    """The whole payload, where it cannot stand beside type."""


class OpenFrame(Model, frozen=True):
    """The fields that any message of dialect open may have."""

    tl: Annotated[OpenFrameTl | None, NOT_NULL] = Field(default=None, validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class PayloadError(Model, frozen=True):
    """An error in the words of dialect payload; the whole error stands in _tl.error."""

    message: str
    """One sentence for people."""
    error_code: ErrorCode
    severity: Severity


class DataError(Model, frozen=True):
    """An error in dialect data; the whole error stands in _tl.error."""

    message: str
    """One sentence for people."""
