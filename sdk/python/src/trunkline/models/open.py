"""The message types of dialect `open`, as pydantic models.

Generated from protocol/schema/messages/open.schema.json; change it there, then run `make schema`.
"""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import ConfigDict, Field, TypeAdapter, model_validator

from trunkline.messages import _rules
from trunkline.models import shared
from trunkline.models._base import NOT_NULL, Model, read


class RequestWorkspaceAnalysis(shared.OpenFrame, frozen=True):
    """Asks the vision service to look at the screen and say what it sees.

    `request_workspace_analysis`: from clients; durable.
    """

    type: Literal["request_workspace_analysis"] = "request_workspace_analysis"


class ConnectedTl(shared.Wrapper, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    payload: Any = None
    """The whole payload, where it cannot stand beside type."""


class ConnectedServer(Model, frozen=True):
    """The gateway's program, for logs."""

    name: str
    """Its name."""
    version: str
    """Its version."""


class Connected(Model, frozen=True):
    """The greeting: the connection is open.

    `connected`: to clients; control.
    """

    type: Literal["connected"] = "connected"
    tl: Annotated[ConnectedTl | None, NOT_NULL] = Field(default=None, validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""
    client_id: shared.Id = Field(validation_alias="clientId", serialization_alias="clientId")
    """This connection, for logs."""
    route: str
    """The path of the route that serves it."""
    capabilities: list[str]
    """What the route can do."""
    session: Annotated[str | None, NOT_NULL] = None
    """The session, to come back to."""
    secret: Annotated[str | None, NOT_NULL] = None
    """Only in the welcome that made an anonymous session."""
    connection: Annotated[str | None, NOT_NULL] = None
    """Connection id, for logs."""
    resume: Annotated[bool | None, NOT_NULL] = None
    """Whether positions can be resumed; false where the broker is degraded."""
    channels: Annotated[Annotated[dict[str, shared.Verdict], Field(min_length=1)] | None, NOT_NULL] = None
    """The session's own channel and each of resume: from where it is delivered."""
    heartbeat_ms: Annotated[shared.EnvelopeInteger | None, NOT_NULL] = None
    """How often the gateway shows that it is there. Unit: milliseconds."""
    limits: Annotated[shared.Limits | None, NOT_NULL] = None
    server: Annotated[ConnectedServer | None, NOT_NULL] = None
    """The gateway's program, for logs."""


class Response(shared.OpenFrame, frozen=True):
    """A service's whole answer, where that is no frame of its own: what the service returned stands beside type, or in result if it is no
    object.

    `response`: to clients; durable.
    """

    type: Literal["response"] = "response"
    message: Annotated[str | None, NOT_NULL] = None
    """The whole text, where there is one."""
    result: Any = None
    """What the service returned, where that is no object."""


class ErrorTl(shared.Wrapper, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    payload: Any = None
    """The whole payload, where it cannot stand beside type."""


class Error(Model, frozen=True):
    """Something went wrong; durable where it answers a durable message, else for this connection alone.

    `error`: to clients; durable.
    """

    type: Literal["error"] = "error"
    tl: Annotated[ErrorTl | None, NOT_NULL] = Field(default=None, validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""
    message: str
    """One sentence for people."""
    error: str
    """The same sentence."""


class Ping(shared.OpenFrame, frozen=True):
    """Are you there? What stands beside type comes back in the pong.

    `ping`: to and from clients; control.
    """

    type: Literal["ping"] = "ping"
    timestamp: Annotated[shared.ClientTime | None, NOT_NULL] = None
    """When the ping was sent, by the sender's clock."""


class Pong(shared.OpenFrame, frozen=True):
    """The answer to ping, with what stood beside its type.

    `pong`: to and from clients; control.
    """

    type: Literal["pong"] = "pong"
    timestamp: Annotated[shared.ClientTime | None, NOT_NULL] = None
    """When the ping was sent, by the sender's clock."""


class HelloClient(Model, frozen=True):
    """The program, for logs."""

    name: str
    """Its name."""
    version: str
    """Its version."""


class Hello(shared.OpenFrame, frozen=True):
    """The client's first message: who it is, and what it has seen of each channel.

    `hello`: from clients; control.
    """

    type: Literal["hello"] = "hello"
    token: Annotated[str | None, NOT_NULL] = None
    """Bearer token."""
    session: Annotated[str | None, NOT_NULL] = None
    """Session to go on with."""
    secret: Annotated[str | None, NOT_NULL] = None
    """What an anonymous session got in its first welcome."""
    secrets: Annotated[Annotated[dict[str, str], Field(max_length=64)] | None, NOT_NULL] = None
    """The secrets of further anonymous sessions in resume, by their ids."""
    resume: Annotated[Annotated[dict[str, str | None], Field(max_length=128)] | None, NOT_NULL] = None
    """Last position seen of each channel; null where nothing was seen yet."""
    client: Annotated[HelloClient | None, NOT_NULL] = None
    """The program, for logs."""


class WelcomeTl(shared.OpenFrameTl, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    session: str = Field()
    """Session id."""


class WelcomeServer(Model, frozen=True):
    """The gateway's program, for logs."""

    name: str
    """Its name."""
    version: str
    """Its version."""


class Welcome(shared.OpenFrame, frozen=True):
    """The session, and from where each of its channels is delivered.

    `welcome`: to clients; control.
    """

    type: Literal["welcome"] = "welcome"
    tl: WelcomeTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""
    session: str
    """The session, to come back to."""
    secret: Annotated[str | None, NOT_NULL] = None
    """Only in the welcome that made an anonymous session."""
    connection: str
    """Connection id, for logs."""
    resume: bool
    """Whether positions can be resumed; false where the broker is degraded."""
    channels: Annotated[dict[str, shared.Verdict], Field(min_length=1)]
    """The session's own channel and each of resume: from where it is delivered."""
    heartbeat_ms: shared.EnvelopeInteger
    """How often the gateway shows that it is there. Unit: milliseconds."""
    limits: shared.Limits
    server: WelcomeServer
    """The gateway's program, for logs."""


class AckTl(shared.OpenFrameTl, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    reply_to: str = Field()
    """Id of the message that it answers."""


class Ack(shared.OpenFrame, frozen=True):
    """The message is kept, and this is its run.

    `ack`: to clients; control.
    """

    type: Literal["ack"] = "ack"
    tl: AckTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""
    id: shared.MessageId
    """The message's id."""
    level: Literal["accepted", "stored"]
    """How safely it is kept."""
    duplicate: Annotated[bool | None, NOT_NULL] = None
    """True where the same message was acknowledged before."""


class CancelTl(shared.OpenFrameTl, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    run: str = Field()
    """The run it belongs to."""


class Cancel(shared.OpenFrame, frozen=True):
    """Stop this run.

    `cancel`: from clients; control.
    """

    type: Literal["cancel"] = "cancel"
    tl: CancelTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class CancelAckTl(shared.OpenFrameTl, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    run: str = Field()
    """The run it belongs to."""


class CancelAck(shared.OpenFrame, frozen=True):
    """Whether the run is being stopped.

    `cancel_ack`: to clients; control.
    """

    type: Literal["cancel_ack"] = "cancel_ack"
    tl: CancelAckTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""
    cancelled: bool
    """False where the run is unknown, over or not yours."""


class ResetTl(shared.OpenFrameTl, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    channel: str = Field()
    """The channel it stands in; on durable messages only."""


class Reset(shared.OpenFrame, frozen=True):
    """Drop what you have of the channel; it goes on from pos, or without pos is gone.

    `reset`: to clients; control.
    """

    type: Literal["reset"] = "reset"
    tl: ResetTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""
    reason: shared.ResetReason
    pos: Annotated[shared.Position | None, NOT_NULL] = None
    """The oldest retained place."""


class GoAway(shared.OpenFrame, frozen=True):
    """Leave, and come back after a random time in this window.

    `go_away`: to clients; control.
    """

    type: Literal["go_away"] = "go_away"
    reason: str
    """Why, such as drain."""
    reconnect_min_ms: shared.EnvelopeInteger
    """How long to wait at least. Unit: milliseconds."""
    reconnect_max_ms: shared.EnvelopeInteger
    """How long to wait at most. Unit: milliseconds."""


class RunStartedTl(shared.OpenFrameTl, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    channel: str = Field()
    """The channel it stands in; on durable messages only."""
    pos: str = Field()
    """Its position in the channel."""
    prev: str = Field()
    """The position before it."""
    session: str = Field()
    """Session id."""
    run: str = Field()
    """The run it belongs to."""
    reply_to: str = Field()
    """Id of the message that it answers."""


class RunStarted(shared.OpenFrame, frozen=True):
    """A run began; its channel is attached from its start.

    `run_started`: to clients; durable.
    """

    type: Literal["run_started"] = "run_started"
    tl: RunStartedTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""
    service: str
    """The service that runs."""
    channel: str
    """The run's channel."""


class RunEventTl(shared.OpenFrameTl, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    channel: str = Field()
    """The channel it stands in; on durable messages only."""
    pos: str = Field()
    """Its position in the channel."""
    prev: str = Field()
    """The position before it."""
    session: str = Field()
    """Session id."""
    run: str = Field()
    """The run it belongs to."""
    seq: shared.EnvelopeInteger = Field()
    """First event number of the run that it carries."""


class RunEvent(shared.OpenFrame, frozen=True):
    """What a service says in a run; consecutive ones with a text may arrive merged.

    `run_event`: to clients; stream, folded in `text`.
    """

    type: Literal["run_event"] = "run_event"
    tl: RunEventTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""
    text: Annotated[str | None, NOT_NULL] = None
    """The next piece of the answer."""


class RunWaitingTl(shared.OpenFrameTl, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    channel: str = Field()
    """The channel it stands in; on durable messages only."""
    pos: str = Field()
    """Its position in the channel."""
    prev: str = Field()
    """The position before it."""
    session: str = Field()
    """Session id."""
    run: str = Field()
    """The run it belongs to."""
    seq: shared.EnvelopeInteger = Field()
    """First event number of the run that it carries."""


class RunWaiting(shared.OpenFrame, frozen=True):
    """The run waits for a person; answer goes on with it.

    `run_waiting`: to clients; durable.
    """

    type: Literal["run_waiting"] = "run_waiting"
    tl: RunWaitingTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""
    request_id: shared.Id
    """Names the question in its answer."""
    kind: Literal["approval", "question"]
    """Whether to answer with granted or with value."""
    message: str
    """The question, for people."""
    action: Annotated[str | None, NOT_NULL] = None
    """What is to be approved, such as delete_file or install_package."""
    details: Annotated[dict[str, Any] | None, NOT_NULL] = None
    """What to show beside the question."""
    choices: Annotated[Annotated[list[str], Field(min_length=1)] | None, NOT_NULL] = None
    """The possible answers, where they are few."""
    expires_at: Annotated[shared.Time | None, NOT_NULL] = None
    """When the run ends (run_expired) if nobody has answered."""


class RunCompletedTl(shared.OpenFrameTl, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    channel: str = Field()
    """The channel it stands in; on durable messages only."""
    pos: str = Field()
    """Its position in the channel."""
    prev: str = Field()
    """The position before it."""
    session: str = Field()
    """Session id."""
    run: str = Field()
    """The run it belongs to."""
    seq: shared.EnvelopeInteger = Field()
    """First event number of the run that it carries."""


class RunCompleted(shared.OpenFrame, frozen=True):
    """The service finished; last in the run's channel.

    `run_completed`: to clients; durable.
    """

    type: Literal["run_completed"] = "run_completed"
    tl: RunCompletedTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""
    result: Any
    """What the service gives back; null where that is nothing."""


class RunCancelledTl(shared.OpenFrameTl, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    channel: str = Field()
    """The channel it stands in; on durable messages only."""
    pos: str = Field()
    """Its position in the channel."""
    prev: str = Field()
    """The position before it."""
    session: str = Field()
    """Session id."""
    run: str = Field()
    """The run it belongs to."""
    seq: shared.EnvelopeInteger = Field()
    """First event number of the run that it carries."""


class RunCancelled(shared.OpenFrame, frozen=True):
    """The run was stopped; last in its channel.

    `run_cancelled`: to clients; durable.
    """

    type: Literal["run_cancelled"] = "run_cancelled"
    tl: RunCancelledTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class AnswerTl(shared.OpenFrameTl, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    run: str = Field()
    """The run it belongs to."""


class Answer(shared.OpenFrame, frozen=True):
    """A person's answer to a waiting run; in the run's channel, the one that counts.

    `answer`: to and from clients; durable.
    """

    type: Literal["answer"] = "answer"
    tl: AnswerTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""
    request_id: shared.Id
    """The question, from run_waiting."""
    granted: Annotated[bool | None, NOT_NULL] = None
    """Whether the approval is given."""
    value: Any = None
    """The answer to a question."""
    message: Annotated[str | None, NOT_NULL] = None
    """A word beside it, for the record."""
    by: Annotated[str | None, NOT_NULL] = None
    """Who answered, where that is known; the gateway says it."""

    @model_validator(mode="after")
    def _keep_rules_of_answer(self) -> Self:
        _rules.at_least_one(self, "granted", "value")
        return self


Frame = Annotated[
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
    | Answer,
    Field(discriminator="type"),
]
"""Any message of the dialect, as it stands on the wire; `type` tells which."""
_FRAMES: Final = TypeAdapter[Frame](Frame, config=ConfigDict(defer_build=True))


def decode(text: bytes | str) -> Frame:
    """Reads a frame of the dialect.

    Raises pydantic.ValidationError, a ValueError, where it is not what its type says or no JSON.
    """
    return read(_FRAMES, text)
