"""The message types of dialect `open`, as msgspec structs.

Generated from protocol/schema/messages/open.schema.json; change it there, then run `make schema`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from trunkline.messages import _read, _rules, shared
from trunkline.messages._type import MessageType


class RequestWorkspaceAnalysis(shared.OpenFrame, frozen=True, kw_only=True, tag="request_workspace_analysis"):
    """Asks the vision service to look at the screen and say what it sees.

    `request_workspace_analysis`: from clients; durable.
    """


class ConnectedTl(shared.Wrapper, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    payload: Any = UNSET
    """The whole payload, where it cannot stand beside type."""


class ConnectedServer(Struct, frozen=True, kw_only=True):
    """The gateway's program, for logs."""

    name: str
    """Its name."""
    version: str
    """Its version."""


class Connected(Struct, frozen=True, kw_only=True, tag_field="type", tag="connected"):
    """The greeting: the connection is open.

    `connected`: to clients; control.
    """

    tl: ConnectedTl | UnsetType = field(default=UNSET, name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""
    client_id: shared.Id = field(name="clientId")
    """This connection, for logs."""
    route: str
    """The path of the route that serves it."""
    capabilities: list[str]
    """What the route can do."""
    session: str | UnsetType = UNSET
    """The session, to come back to."""
    secret: str | UnsetType = UNSET
    """Only in the welcome that made an anonymous session."""
    connection: str | UnsetType = UNSET
    """Connection id, for logs."""
    resume: bool | UnsetType = UNSET
    """Whether positions can be resumed; false where the broker is degraded."""
    channels: Annotated[dict[str, shared.Verdict], Meta(min_length=1)] | UnsetType = UNSET
    """The session's own channel and each of resume: from where it is delivered."""
    heartbeat_ms: shared.EnvelopeInteger | UnsetType = UNSET
    """How often the gateway shows that it is there. Unit: milliseconds."""
    limits: shared.Limits | UnsetType = UNSET
    server: ConnectedServer | UnsetType = UNSET
    """The gateway's program, for logs."""


class Response(shared.OpenFrame, frozen=True, kw_only=True, tag="response"):
    """A service's whole answer, where that is no frame of its own: what the service returned stands beside type, or in result if it is no
    object.

    `response`: to clients; durable.
    """

    message: str | UnsetType = UNSET
    """The whole text, where there is one."""
    result: Any = UNSET
    """What the service returned, where that is no object."""


class ErrorTl(shared.Wrapper, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    payload: Any = UNSET
    """The whole payload, where it cannot stand beside type."""


class Error(Struct, frozen=True, kw_only=True, tag_field="type", tag="error"):
    """Something went wrong; durable where it answers a durable message, else for this connection alone.

    `error`: to clients; durable.
    """

    tl: ErrorTl | UnsetType = field(default=UNSET, name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""
    message: str
    """One sentence for people."""
    error: str
    """The same sentence."""


class Ping(shared.OpenFrame, frozen=True, kw_only=True, tag="ping"):
    """Are you there? What stands beside type comes back in the pong.

    `ping`: to and from clients; control.
    """

    timestamp: shared.ClientTime | UnsetType = UNSET
    """When the ping was sent, by the sender's clock."""


class Pong(shared.OpenFrame, frozen=True, kw_only=True, tag="pong"):
    """The answer to ping, with what stood beside its type.

    `pong`: to and from clients; control.
    """

    timestamp: shared.ClientTime | UnsetType = UNSET
    """When the ping was sent, by the sender's clock."""


class HelloClient(Struct, frozen=True, kw_only=True):
    """The program, for logs."""

    name: str
    """Its name."""
    version: str
    """Its version."""


class Hello(shared.OpenFrame, frozen=True, kw_only=True, tag="hello"):
    """The client's first message: who it is, and what it has seen of each channel.

    `hello`: from clients; control.
    """

    token: str | UnsetType = UNSET
    """Bearer token."""
    session: str | UnsetType = UNSET
    """Session to go on with."""
    secret: str | UnsetType = UNSET
    """What an anonymous session got in its first welcome."""
    secrets: Annotated[dict[str, str], Meta(max_length=64)] | UnsetType = UNSET
    """The secrets of further anonymous sessions in resume, by their ids."""
    resume: Annotated[dict[str, str | None], Meta(max_length=128)] | UnsetType = UNSET
    """Last position seen of each channel; null where nothing was seen yet."""
    client: HelloClient | UnsetType = UNSET
    """The program, for logs."""


class WelcomeTl(shared.OpenFrameTl, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    session: str = field()
    """Session id."""


class WelcomeServer(Struct, frozen=True, kw_only=True):
    """The gateway's program, for logs."""

    name: str
    """Its name."""
    version: str
    """Its version."""


class Welcome(shared.OpenFrame, frozen=True, kw_only=True, tag="welcome"):
    """The session, and from where each of its channels is delivered.

    `welcome`: to clients; control.
    """

    tl: WelcomeTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""
    session: str
    """The session, to come back to."""
    secret: str | UnsetType = UNSET
    """Only in the welcome that made an anonymous session."""
    connection: str
    """Connection id, for logs."""
    resume: bool
    """Whether positions can be resumed; false where the broker is degraded."""
    channels: Annotated[dict[str, shared.Verdict], Meta(min_length=1)]
    """The session's own channel and each of resume: from where it is delivered."""
    heartbeat_ms: shared.EnvelopeInteger
    """How often the gateway shows that it is there. Unit: milliseconds."""
    limits: shared.Limits
    server: WelcomeServer
    """The gateway's program, for logs."""


class AckTl(shared.OpenFrameTl, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    reply_to: str = field()
    """Id of the message that it answers."""


class Ack(shared.OpenFrame, frozen=True, kw_only=True, tag="ack"):
    """The message is kept, and this is its run.

    `ack`: to clients; control.
    """

    tl: AckTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""
    id: shared.MessageId
    """The message's id."""
    level: Literal["accepted", "stored"]
    """How safely it is kept."""
    duplicate: bool | UnsetType = UNSET
    """True where the same message was acknowledged before."""


class CancelTl(shared.OpenFrameTl, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    run: str = field()
    """The run it belongs to."""


class Cancel(shared.OpenFrame, frozen=True, kw_only=True, tag="cancel"):
    """Stop this run.

    `cancel`: from clients; control.
    """

    tl: CancelTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class CancelAckTl(shared.OpenFrameTl, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    run: str = field()
    """The run it belongs to."""


class CancelAck(shared.OpenFrame, frozen=True, kw_only=True, tag="cancel_ack"):
    """Whether the run is being stopped.

    `cancel_ack`: to clients; control.
    """

    tl: CancelAckTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""
    cancelled: bool
    """False where the run is unknown, over or not yours."""


class ResetTl(shared.OpenFrameTl, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    channel: str = field()
    """The channel it stands in; on durable messages only."""


class Reset(shared.OpenFrame, frozen=True, kw_only=True, tag="reset"):
    """Drop what you have of the channel; it goes on from pos, or without pos is gone.

    `reset`: to clients; control.
    """

    tl: ResetTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""
    reason: shared.ResetReason
    pos: shared.Position | UnsetType = UNSET
    """The oldest retained place."""


class GoAway(shared.OpenFrame, frozen=True, kw_only=True, tag="go_away"):
    """Leave, and come back after a random time in this window.

    `go_away`: to clients; control.
    """

    reason: str
    """Why, such as drain."""
    reconnect_min_ms: shared.EnvelopeInteger
    """How long to wait at least. Unit: milliseconds."""
    reconnect_max_ms: shared.EnvelopeInteger
    """How long to wait at most. Unit: milliseconds."""


class RunStartedTl(shared.OpenFrameTl, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    channel: str = field()
    """The channel it stands in; on durable messages only."""
    pos: str = field()
    """Its position in the channel."""
    prev: str = field()
    """The position before it."""
    session: str = field()
    """Session id."""
    run: str = field()
    """The run it belongs to."""
    reply_to: str = field()
    """Id of the message that it answers."""


class RunStarted(shared.OpenFrame, frozen=True, kw_only=True, tag="run_started"):
    """A run began; its channel is attached from its start.

    `run_started`: to clients; durable.
    """

    tl: RunStartedTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""
    service: str
    """The service that runs."""
    channel: str
    """The run's channel."""


class RunEventTl(shared.OpenFrameTl, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    channel: str = field()
    """The channel it stands in; on durable messages only."""
    pos: str = field()
    """Its position in the channel."""
    prev: str = field()
    """The position before it."""
    session: str = field()
    """Session id."""
    run: str = field()
    """The run it belongs to."""
    seq: shared.EnvelopeInteger = field()
    """First event number of the run that it carries."""


class RunEvent(shared.OpenFrame, frozen=True, kw_only=True, tag="run_event"):
    """What a service says in a run; consecutive ones with a text may arrive merged.

    `run_event`: to clients; stream, folded in `text`.
    """

    tl: RunEventTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""
    text: str | UnsetType = UNSET
    """The next piece of the answer."""


class RunWaitingTl(shared.OpenFrameTl, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    channel: str = field()
    """The channel it stands in; on durable messages only."""
    pos: str = field()
    """Its position in the channel."""
    prev: str = field()
    """The position before it."""
    session: str = field()
    """Session id."""
    run: str = field()
    """The run it belongs to."""
    seq: shared.EnvelopeInteger = field()
    """First event number of the run that it carries."""


class RunWaiting(shared.OpenFrame, frozen=True, kw_only=True, tag="run_waiting"):
    """The run waits for a person; answer goes on with it.

    `run_waiting`: to clients; durable.
    """

    tl: RunWaitingTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""
    request_id: shared.Id
    """Names the question in its answer."""
    kind: Literal["approval", "question"]
    """Whether to answer with granted or with value."""
    message: str
    """The question, for people."""
    action: str | UnsetType = UNSET
    """What is to be approved, such as delete_file or install_package."""
    details: dict[str, Any] | UnsetType = UNSET
    """What to show beside the question."""
    choices: Annotated[list[str], Meta(min_length=1)] | UnsetType = UNSET
    """The possible answers, where they are few."""
    expires_at: shared.Time | UnsetType = UNSET
    """When the run ends (run_expired) if nobody has answered."""


class RunCompletedTl(shared.OpenFrameTl, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    channel: str = field()
    """The channel it stands in; on durable messages only."""
    pos: str = field()
    """Its position in the channel."""
    prev: str = field()
    """The position before it."""
    session: str = field()
    """Session id."""
    run: str = field()
    """The run it belongs to."""
    seq: shared.EnvelopeInteger = field()
    """First event number of the run that it carries."""


class RunCompleted(shared.OpenFrame, frozen=True, kw_only=True, tag="run_completed"):
    """The service finished; last in the run's channel.

    `run_completed`: to clients; durable.
    """

    tl: RunCompletedTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""
    result: Any
    """What the service gives back; null where that is nothing."""


class RunCancelledTl(shared.OpenFrameTl, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    channel: str = field()
    """The channel it stands in; on durable messages only."""
    pos: str = field()
    """Its position in the channel."""
    prev: str = field()
    """The position before it."""
    session: str = field()
    """Session id."""
    run: str = field()
    """The run it belongs to."""
    seq: shared.EnvelopeInteger = field()
    """First event number of the run that it carries."""


class RunCancelled(shared.OpenFrame, frozen=True, kw_only=True, tag="run_cancelled"):
    """The run was stopped; last in its channel.

    `run_cancelled`: to clients; durable.
    """

    tl: RunCancelledTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class AnswerTl(shared.OpenFrameTl, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    run: str = field()
    """The run it belongs to."""


class Answer(shared.OpenFrame, frozen=True, kw_only=True, tag="answer"):
    """A person's answer to a waiting run; in the run's channel, the one that counts.

    `answer`: to and from clients; durable.
    """

    tl: AnswerTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""
    request_id: shared.Id
    """The question, from run_waiting."""
    granted: bool | UnsetType = UNSET
    """Whether the approval is given."""
    value: Any = UNSET
    """The answer to a question."""
    message: str | UnsetType = UNSET
    """A word beside it, for the record."""
    by: str | UnsetType = UNSET
    """Who answered, where that is known; the gateway says it."""

    def __post_init__(self) -> None:
        """Raises ValueError where a rule about several fields is broken."""
        _rules.at_least_one(self, "granted", "value")


Frame = (
    RequestWorkspaceAnalysis
    | Connected
    | Response
    | Error
    | Ping
    | Pong
    | Hello
    | Welcome
    | Ack
    | Cancel
    | CancelAck
    | Reset
    | GoAway
    | RunStarted
    | RunEvent
    | RunWaiting
    | RunCompleted
    | RunCancelled
    | Answer
)
"""Any message of the dialect, as it stands on the wire; `type` tells which."""


def decode(text: bytes | str) -> Frame:
    """Reads a frame of the dialect.

    Raises msgspec.ValidationError where it is not what its type says, msgspec.DecodeError where it is no JSON.
    """
    frame: Frame = _read.frame(text, Frame)
    return frame


TYPES: Final[Mapping[str, MessageType]] = {
    "request_workspace_analysis": MessageType(
        "request_workspace_analysis", RequestWorkspaceAnalysis, RequestWorkspaceAnalysis, "to_gateway", "durable"
    ),
    "connected": MessageType("connected", Connected, Connected, "to_client", "control"),
    "response": MessageType("response", Response, Response, "to_client", "durable"),
    "error": MessageType("error", Error, Error, "to_client", "durable"),
    "ping": MessageType("ping", Ping, Ping, "both", "control"),
    "pong": MessageType("pong", Pong, Pong, "both", "control"),
    "hello": MessageType("hello", Hello, Hello, "to_gateway", "control"),
    "welcome": MessageType("welcome", Welcome, Welcome, "to_client", "control"),
    "ack": MessageType("ack", Ack, Ack, "to_client", "control"),
    "cancel": MessageType("cancel", Cancel, Cancel, "to_gateway", "control"),
    "cancel_ack": MessageType("cancel_ack", CancelAck, CancelAck, "to_client", "control"),
    "reset": MessageType("reset", Reset, Reset, "to_client", "control"),
    "go_away": MessageType("go_away", GoAway, GoAway, "to_client", "control"),
    "run_started": MessageType("run_started", RunStarted, RunStarted, "to_client", "durable"),
    "run_event": MessageType("run_event", RunEvent, RunEvent, "to_client", "stream", folded="text"),
    "run_waiting": MessageType("run_waiting", RunWaiting, RunWaiting, "to_client", "durable"),
    "run_completed": MessageType("run_completed", RunCompleted, RunCompleted, "to_client", "durable"),
    "run_cancelled": MessageType("run_cancelled", RunCancelled, RunCancelled, "to_client", "durable"),
    "answer": MessageType("answer", Answer, Answer, "both", "durable"),
}
"""Every type of the dialect, by its name."""
