"""What the message types of all dialects are made of, as msgspec structs.

Generated from protocol/schema/{envelope,messages/shared}.schema.json; change it there, then run `make schema`.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from trunkline.messages import _rules

EnvelopeInteger = Annotated[int, Meta(ge=0, le=9_007_199_254_740_991)]
"""At most 2^53-1, the largest integer that every language of the contract holds exactly."""
MessageId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:-]{1,64}\Z")]
"""Idempotency key of a client's message within its session."""
EnvelopeTime = str
"""RFC 3339 UTC with milliseconds."""
Position = Annotated[str, Meta(min_length=1)]
"""Opaque to clients, who keep it and send it back as it is."""


class Address(Struct, frozen=True, kw_only=True):
    """To whom a message is addressed: hints to the router."""

    service: str | UnsetType = UNSET
    """A service of the route."""
    agent: str | UnsetType = UNSET
    """An agent."""
    pillar: str | UnsetType = UNSET
    """A pillar of a liaison agent."""
    realm: str | UnsetType = UNSET
    """The realm; never another than the token's."""
    capability: str | UnsetType = UNSET
    """Whoever has this capability."""
    user: str | UnsetType = UNSET
    """A user, on all their connections."""
    topic: str | UnsetType = UNSET
    """Everybody on a topic."""


class ErrorBody(Struct, frozen=True, kw_only=True):
    """What went wrong; the codes stand in errors.json."""

    code: str
    """Name of an error code."""
    message: str
    """One sentence for people."""
    retryable: bool
    """Whether the same message may succeed later."""
    retry_after_ms: EnvelopeInteger | UnsetType = UNSET
    """How long to wait before that. Unit: milliseconds."""
    details: Any = UNSET
    """Anything that helps a program."""
    trace_id: str | UnsetType = UNSET
    """Finds the matching log lines of gateway and worker."""


class Envelope(Struct, frozen=True, kw_only=True, tag_field="type"):
    """One message. Fields that are not named here are kept as they are."""

    id: MessageId | UnsetType = UNSET
    ts: EnvelopeTime | UnsetType = UNSET
    """When the gateway accepted it."""
    channel: str | UnsetType = UNSET
    """The channel it stands in; on durable messages only."""
    pos: str | UnsetType = UNSET
    """Its position in the channel."""
    prev: str | UnsetType = UNSET
    """The position before it."""
    session: str | UnsetType = UNSET
    """Session id."""
    run: str | UnsetType = UNSET
    """The run it belongs to."""
    seq: EnvelopeInteger | UnsetType = UNSET
    """First event number of the run that it carries."""
    seq_end: EnvelopeInteger | UnsetType = UNSET
    """Last one; left out where it equals seq."""
    to: Address | UnsetType = UNSET
    reply_to: str | UnsetType = UNSET
    """Id of the message that it answers."""
    payload: Any = UNSET
    """The content, opaque to the gateway."""
    deadline_ms: EnvelopeInteger | UnsetType = UNSET
    """How long the client is willing to wait for the run. Unit: milliseconds."""
    error: ErrorBody | UnsetType = UNSET
    meta: dict[str, Any] | UnsetType = UNSET
    """Free map."""
    tl: dict[str, Any] | UnsetType = field(default=UNSET, name="_tl")
    """Unknown fields that stood in _tl where another dialect spelled the message."""


ResetReason = Literal["expired", "epoch_changed", "too_far", "forked", "unknown"]
"""Why a channel cannot be resumed."""


class Verdict(Struct, frozen=True, kw_only=True):
    """From where one channel is delivered."""

    verdict: Literal["new", "resumed", "reset"]
    """new: everything that is kept follows; resumed: what follows the position that was sent; reset: drop what you have."""
    pos: Position | UnsetType = UNSET
    """From where delivery goes on."""
    reason: ResetReason | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Raises ValueError where a rule about several fields is broken."""
        _rules.when(self, "verdict", "reset", then=("reason",), otherwise=("pos",))


class Limits(Struct, frozen=True, kw_only=True):
    """What the gateway holds its clients to."""

    message_bytes_max: EnvelopeInteger
    """Bytes of one message; above it the connection closes with 1009. Unit: bytes."""
    message_bytes_before_auth_max: EnvelopeInteger | UnsetType = UNSET
    """Bytes of one message before the client has authenticated. Unit: bytes."""
    depth_max: EnvelopeInteger
    """Nested arrays and objects of one message; above it: payload_too_deep."""
    in_flight_max: EnvelopeInteger
    """Unacknowledged messages of a connection; one more is too_many_in_flight."""
    deadline_ms_max: EnvelopeInteger
    """Longest time that a run may take; a longer wish is shortened to it. Unit: milliseconds."""
    resume_channels_max: EnvelopeInteger | UnsetType = UNSET
    """Channels that one hello may resume; more are bad_envelope."""
    runs_waiting_max: EnvelopeInteger | UnsetType = UNSET
    """Runs of a session that wait for their turn; one more is busy."""
    runs_parallel_max: EnvelopeInteger | UnsetType = UNSET
    """Runs of a session that go beside the others, where the route allows it; one more is busy."""
    run_events_max: EnvelopeInteger | UnsetType = UNSET
    """Events of one run; one more fails it with payload_too_large."""
    run_bytes_max: EnvelopeInteger | UnsetType = UNSET
    """Bytes of all events of one run; one more fails it with payload_too_large. Unit: bytes."""
    event_bytes_max: EnvelopeInteger | UnsetType = UNSET
    """Bytes of one event or result; one more fails its run with payload_too_large. Unit: bytes."""
    mistakes_per_minute_max: EnvelopeInteger | UnsetType = UNSET
    """Messages of a connection in a minute that are refused as mistakes; one more closes it with 4505."""
    pings_per_second_max: EnvelopeInteger | UnsetType = UNSET
    """Protocol pings of a connection in a second; one more closes it with 4006."""


Id = Annotated[str, Meta(min_length=1, max_length=256)]
"""A name that somebody gave out once, such as a UUID; opaque to whoever reads it."""
Name = Annotated[str, Meta(min_length=1, max_length=256)]
"""A name that people read, from the configuration or from a service."""
AgentId = Annotated[str, Meta(min_length=1, max_length=128)]
"""An agent as the deployment names it; older front ends have reasoning, coding, general, guide and liaison."""
Pillar = Annotated[str, Meta(min_length=1, max_length=128)]
"""An area that a liaison agent works in, as the deployment names it; the examples have content, insights, operations and business_outcomes.
"""
Topic = Annotated[str, Meta(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9_.-]*\Z")]
"""The full name of one topic: letters, digits and _ . -, without wildcards."""
Path = Annotated[str, Meta(min_length=1, max_length=4096, pattern="^[^/]")]
"""A path below a root of the configuration; its first segment is the root's name, and it does not begin with a slash."""
Severity = Literal["low", "medium", "high", "critical"]
"""How bad it is for the person in front of the screen."""
ErrorCode = Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9_]*\Z")]
"""An error code of errors.json in capitals, SYSTEM_ERROR for internal (payload_code there)."""
Integer = Annotated[int, Meta(ge=-9_007_199_254_740_991, le=9_007_199_254_740_991)]
"""A whole number that every language holds exactly, 2^53-1 at most."""
Count = Annotated[int, Meta(ge=0, le=9_007_199_254_740_991)]
"""How many, or how far, from 0."""
Ordinal = Annotated[int, Meta(ge=1, le=9_007_199_254_740_991)]
"""The place of something in its order, from 1."""
Percent = Annotated[float, Meta(ge=0, le=100)]
"""From 0 to 100."""
Fraction = Annotated[float, Meta(ge=0, le=1)]
"""From 0 to 1."""
Bytes = Annotated[int, Meta(ge=0, le=9_007_199_254_740_991)]
"""A size in bytes."""
Seconds = Annotated[float, Meta(ge=0)]
"""A duration in seconds, with decimals."""
Milliseconds = Annotated[float, Meta(ge=0)]
"""A duration in milliseconds, with decimals where they are known."""
Time = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})\Z")]
"""RFC 3339 with a time zone; the gateway writes UTC with milliseconds."""
ClientTime = str | float
"""The client's own clock, for display only: RFC 3339, or the number or text that old clients send."""
FileHash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
"""BLAKE3 of the whole content, in lower-case hexadecimal."""
Etag = Annotated[str, Meta(min_length=1, max_length=256)]
"""One version of a file; opaque to whoever reads it."""
Ticket = Annotated[str, Meta(min_length=1, max_length=256)]
"""A one-use right to open the lane's connection; never to be logged."""


class OpeningServer(Struct, frozen=True, kw_only=True):
    """The gateway's program, for logs."""

    name: str
    """Its name."""
    version: str
    """Its version."""


class Opening(Struct, frozen=True, kw_only=True):
    """The facts of welcome in a greeting; they are there when the session is opened together with the connection."""

    session: str | UnsetType = UNSET
    """The session, to come back to."""
    secret: str | UnsetType = UNSET
    """Only in the welcome that made an anonymous session."""
    connection: str | UnsetType = UNSET
    """Connection id, for logs."""
    resume: bool | UnsetType = UNSET
    """Whether positions can be resumed; false where the broker is degraded."""
    channels: Annotated[dict[str, Verdict], Meta(min_length=1)] | UnsetType = UNSET
    """The session's own channel and each of resume: from where it is delivered."""
    heartbeat_ms: EnvelopeInteger | UnsetType = UNSET
    """How often the gateway shows that it is there. Unit: milliseconds."""
    limits: Limits | UnsetType = UNSET
    server: OpeningServer | UnsetType = UNSET
    """The gateway's program, for logs."""


class Wrapper(Struct, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    id: MessageId | UnsetType = UNSET
    ts: EnvelopeTime | UnsetType = UNSET
    """When the gateway accepted it."""
    channel: str | UnsetType = UNSET
    """The channel it stands in; on durable messages only."""
    pos: str | UnsetType = UNSET
    """Its position in the channel."""
    prev: str | UnsetType = UNSET
    """The position before it."""
    session: str | UnsetType = UNSET
    """Session id."""
    run: str | UnsetType = UNSET
    """The run it belongs to."""
    seq: EnvelopeInteger | UnsetType = UNSET
    """First event number of the run that it carries."""
    seq_end: EnvelopeInteger | UnsetType = UNSET
    """Last one; left out where it equals seq."""
    to: Address | UnsetType = UNSET
    reply_to: str | UnsetType = UNSET
    """Id of the message that it answers."""
    deadline_ms: EnvelopeInteger | UnsetType = UNSET
    """How long the client is willing to wait for the run. Unit: milliseconds."""
    error: ErrorBody | UnsetType = UNSET
    meta: dict[str, Any] | UnsetType = UNSET
    """Free map."""


class FlatFrameMetadataTl(Wrapper, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    payload: Any = UNSET
    """The whole payload, where it cannot stand beside type."""


class FlatFrameMetadata(Struct, frozen=True, kw_only=True):
    """A free map; what the gateway adds stands in _tl within it."""

    tl: FlatFrameMetadataTl | UnsetType = field(default=UNSET, name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class FlatFrame(Struct, frozen=True, kw_only=True, tag_field="type"):
    """The fields that any message of dialect flat may have."""

    message_id: MessageId | UnsetType = UNSET
    """The message's id; from a client it is the idempotency key within its session."""
    timestamp: ClientTime | UnsetType = UNSET
    """When the message was made; the gateway writes RFC 3339 in UTC with milliseconds."""
    session_token: str | UnsetType = UNSET
    """The client's credential, for front ends that send it in every message; it is taken out before anybody else sees the message."""
    session_id: str | UnsetType = UNSET
    """Session id."""
    agent: AgentId | UnsetType = UNSET
    """The agent that the message is for, or that it comes from."""
    role: str | UnsetType = UNSET
    """The role in which the agent speaks."""
    pillar: Pillar | UnsetType = UNSET
    """The pillar of a liaison agent."""
    message: str | UnsetType = UNSET
    """The text."""
    data: Any = UNSET
    """Content that is more than text."""
    file_uuid: Id | UnsetType = UNSET
    """The file that the message is about."""
    file_name: str | UnsetType = UNSET
    """That file's name."""
    file_url: str | UnsetType = UNSET
    """Where that file can be fetched."""
    metadata: FlatFrameMetadata | UnsetType = UNSET
    """A free map; what the gateway adds stands in _tl within it."""
    additional_info: dict[str, Any] | Annotated[str, Meta(max_length=0)] | UnsetType = UNSET
    """A free map; some old front ends send an empty text."""
    error_code: str | UnsetType = UNSET
    """An error code: of errors.json in capitals, or the service's own."""
    error_details: dict[str, Any] | UnsetType = UNSET
    """What a program wants to know about an error."""
    status: str | UnsetType = UNSET
    """A state, in the words of whoever sends it."""
    progress: Fraction | UnsetType = UNSET
    """How much is done, from 0 to 1."""
    is_streaming: bool | UnsetType = UNSET
    """Whether more of the same answer follows; false where it is left out."""
    stream_index: Count | UnsetType = UNSET
    """The place of this piece in its answer, counted from 0 without gaps on each connection."""


class OpenFrameTl(Wrapper, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    payload: Any = UNSET
    """The whole payload, where it cannot stand beside type."""


class OpenFrame(Struct, frozen=True, kw_only=True, tag_field="type"):
    """The fields that any message of dialect open may have."""

    tl: OpenFrameTl | UnsetType = field(default=UNSET, name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class PayloadError(Struct, frozen=True, kw_only=True):
    """An error in the words of dialect payload; the whole error stands in _tl.error."""

    message: str
    """One sentence for people."""
    error_code: ErrorCode
    severity: Severity


class DataError(Struct, frozen=True, kw_only=True):
    """An error in dialect data; the whole error stands in _tl.error."""

    message: str
    """One sentence for people."""
