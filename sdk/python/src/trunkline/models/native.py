"""The message types of dialect `native`, as pydantic models.

Generated from protocol/schema/messages/native.schema.json; change it there, then run `make schema`.
"""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import ConfigDict, Field, TypeAdapter, model_validator

from trunkline.messages import _rules
from trunkline.models import shared
from trunkline.models._base import NOT_NULL, Absent, Model, Whole, read


class Envelope(Model, frozen=True):
    """What stands beside the content of every message."""

    id: Annotated[shared.MessageId | None, NOT_NULL] = None
    ts: Annotated[shared.EnvelopeTime | None, NOT_NULL] = None
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
    seq: Annotated[shared.EnvelopeInteger | None, NOT_NULL] = None
    """First event number of the run that it carries."""
    seq_end: Annotated[shared.EnvelopeInteger | None, NOT_NULL] = None
    """Last one; left out where it equals seq."""
    to: Annotated[shared.Address | None, NOT_NULL] = None
    reply_to: Annotated[str | None, NOT_NULL] = None
    """Id of the message that it answers."""
    deadline_ms: Annotated[shared.EnvelopeInteger | None, NOT_NULL] = None
    """How long the client is willing to wait for the run. Unit: milliseconds."""
    error: Annotated[shared.ErrorBody | None, NOT_NULL] = None
    meta: Annotated[dict[str, Any] | None, NOT_NULL] = None
    """Free map."""
    tl: Annotated[dict[str, Any] | None, NOT_NULL] = Field(default=None, validation_alias="_tl", serialization_alias="_tl")
    """Unknown fields that stood in _tl where another dialect spelled the message."""


class HelloClient(Model, frozen=True):
    """The program, for logs."""

    name: str
    """Its name."""
    version: str
    """Its version."""


class Hello(Model, frozen=True):
    """The client's first message: who it is, and what it has seen of each channel.

    `hello`: from clients; control.
    """

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


class HelloFrame(Envelope, frozen=True):
    """`hello` on the wire."""

    type: Literal["hello"] = "hello"
    payload: Annotated[Hello | None, NOT_NULL] = None


class WelcomeServer(Model, frozen=True):
    """The gateway's program, for logs."""

    name: str
    """Its name."""
    version: str
    """Its version."""


class Welcome(Model, frozen=True):
    """The session, and from where each of its channels is delivered.

    `welcome`: to clients; control.
    """

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


class WelcomeFrame(Envelope, frozen=True):
    """`welcome` on the wire."""

    type: Literal["welcome"] = "welcome"
    payload: Welcome
    session: str = Field()
    """Session id."""


class Attach(Model, frozen=True):
    """Asks for one more session, a topic, or the channel of one's own user on this connection; answered by attached.

    `attach`: from clients; control.
    """

    session: Annotated[shared.Name | None, NOT_NULL] = None
    """The session to attach."""
    secret: Annotated[str | None, NOT_NULL] = None
    """What an anonymous session got in its first welcome."""
    topic: Annotated[shared.Topic | None, NOT_NULL] = None
    """The topic to attach."""
    user: Annotated[bool | None, NOT_NULL] = None
    """True for what is published to oneself."""
    pos: Annotated[str, Field(min_length=1)] | None = None
    """The last position seen of its channel; null or left out where nothing was seen."""

    @model_validator(mode="after")
    def _keep_rules_of_attach(self) -> Self:
        _rules.exactly_one(self, "session", "topic", "user")
        return self


class AttachFrame(Envelope, frozen=True):
    """`attach` on the wire."""

    type: Literal["attach"] = "attach"
    payload: Attach


class Attached(shared.Verdict, frozen=True):
    """A channel is delivered from here on; it stands in that channel's order. Without pos nothing is: it is unknown, over or another's.

    `attached`: to clients; control.
    """

    session: Annotated[shared.Name | None, NOT_NULL] = None
    """The session that was attached."""
    topic: Annotated[shared.Topic | None, NOT_NULL] = None
    """The topic that was attached."""
    user: Annotated[bool | None, NOT_NULL] = None
    """True where it is one's own user's channel."""


class AttachedFrame(Envelope, frozen=True):
    """`attached` on the wire."""

    type: Literal["attached"] = "attached"
    payload: Attached
    channel: str = Field()
    """The channel it stands in; on durable messages only."""


class Detach(Model, frozen=True):
    """Gives up a session, a topic or the user's channel of this connection; not answered.

    `detach`: from clients; control.
    """

    session: Annotated[shared.Name | None, NOT_NULL] = None
    """The session to detach."""
    topic: Annotated[shared.Topic | None, NOT_NULL] = None
    """The topic to detach."""
    user: Annotated[bool | None, NOT_NULL] = None
    """True for one's own user's channel."""

    @model_validator(mode="after")
    def _keep_rules_of_detach(self) -> Self:
        _rules.exactly_one(self, "session", "topic", "user")
        return self


class DetachFrame(Envelope, frozen=True):
    """`detach` on the wire."""

    type: Literal["detach"] = "detach"
    payload: Detach


class Ack(Model, frozen=True):
    """The message is kept, and this is its run.

    `ack`: to clients; control.
    """

    id: shared.MessageId
    """The message's id."""
    level: Literal["accepted", "stored"]
    """How safely it is kept."""
    duplicate: Annotated[bool | None, NOT_NULL] = None
    """True where the same message was acknowledged before."""


class AckFrame(Envelope, frozen=True):
    """`ack` on the wire."""

    type: Literal["ack"] = "ack"
    payload: Ack
    reply_to: str = Field()
    """Id of the message that it answers."""


class CancelFrame(Envelope, frozen=True):
    """`cancel` on the wire."""

    type: Literal["cancel"] = "cancel"
    payload: Annotated[dict[str, Any] | None, NOT_NULL] = None
    run: str = Field()
    """The run it belongs to."""


class CancelAck(Model, frozen=True):
    """Whether the run is being stopped.

    `cancel_ack`: to clients; control.
    """

    cancelled: bool
    """False where the run is unknown, over or not yours."""


class CancelAckFrame(Envelope, frozen=True):
    """`cancel_ack` on the wire."""

    type: Literal["cancel_ack"] = "cancel_ack"
    payload: CancelAck
    run: str = Field()
    """The run it belongs to."""


class Reset(Model, frozen=True):
    """Drop what you have of the channel; it goes on from pos, or without pos is gone.

    `reset`: to clients; control.
    """

    reason: shared.ResetReason
    pos: Annotated[shared.Position | None, NOT_NULL] = None
    """The oldest retained place."""


class ResetFrame(Envelope, frozen=True):
    """`reset` on the wire."""

    type: Literal["reset"] = "reset"
    payload: Reset
    channel: str = Field()
    """The channel it stands in; on durable messages only."""


class TokenExpiring(Model, frozen=True):
    """The token ends soon: send refresh before that.

    `token_expiring`: to clients; control.
    """

    expires_at: shared.Time
    """When it ends."""


class TokenExpiringFrame(Envelope, frozen=True):
    """`token_expiring` on the wire."""

    type: Literal["token_expiring"] = "token_expiring"
    payload: TokenExpiring


class Refresh(Model, frozen=True):
    """A newer token for this connection.

    `refresh`: from clients; control.
    """

    token: Annotated[str, Field(min_length=1)]
    """Bearer token."""


class RefreshFrame(Envelope, frozen=True):
    """`refresh` on the wire."""

    type: Literal["refresh"] = "refresh"
    payload: Refresh


class Refreshed(Model, frozen=True):
    """The newer token is in use.

    `refreshed`: to clients; control.
    """

    expires_at: shared.Time
    """When it ends."""


class RefreshedFrame(Envelope, frozen=True):
    """`refreshed` on the wire."""

    type: Literal["refreshed"] = "refreshed"
    payload: Refreshed


class GoAway(Model, frozen=True):
    """Leave, and come back after a random time in this window.

    `go_away`: to clients; control.
    """

    reason: str
    """Why, such as drain."""
    reconnect_min_ms: shared.EnvelopeInteger
    """How long to wait at least. Unit: milliseconds."""
    reconnect_max_ms: shared.EnvelopeInteger
    """How long to wait at most. Unit: milliseconds."""


class GoAwayFrame(Envelope, frozen=True):
    """`go_away` on the wire."""

    type: Literal["go_away"] = "go_away"
    payload: GoAway


class EndpointsChangedEndpointsItem(Model, frozen=True):
    """What stands in `item`."""

    path: Annotated[str, Field(pattern="^/")]
    """The path, with parameters in braces."""
    capabilities: list[str]
    """What can be asked for there."""
    dialect: Annotated[Literal["native", "payload", "data", "flat", "open"] | None, NOT_NULL] = None
    """The dialect without a subprotocol."""
    agents: Annotated[list[shared.AgentId] | None, NOT_NULL] = None
    """The agents that can be addressed there."""
    priority: Annotated[shared.Integer | None, NOT_NULL] = None
    """Of two endpoints with the capability the higher one is preferred."""
    deprecated: Annotated[str | None, NOT_NULL] = None
    """What to use instead, where this one is to go."""


class EndpointsChanged(Model, frozen=True):
    """All endpoints that this client may use, as they are now.

    `endpoints_changed`: to clients; latest.
    """

    endpoints: list[EndpointsChangedEndpointsItem]
    """Every endpoint, not only what changed."""


class EndpointsChangedFrame(Envelope, frozen=True):
    """`endpoints_changed` on the wire."""

    type: Literal["endpoints_changed"] = "endpoints_changed"
    payload: EndpointsChanged


class Heartbeat(Model, frozen=True):
    """The position that was sent up to in each channel: a client that has another one has a gap.

    `heartbeat`: to clients; control.
    """

    channels: dict[str, shared.Position]
    """The position of each channel."""


class HeartbeatFrame(Envelope, frozen=True):
    """`heartbeat` on the wire."""

    type: Literal["heartbeat"] = "heartbeat"
    payload: Heartbeat


class Connected(Model, frozen=True):
    """The greeting of dialect open; a native client gets welcome.

    `connected`: to clients; control.
    """

    client_id: shared.Id = Field(validation_alias="clientId", serialization_alias="clientId")
    """This connection, for logs."""
    route: str
    """The path of the route that serves it."""
    capabilities: list[str]
    """What the route can do."""


class ConnectedFrame(Envelope, frozen=True):
    """`connected` on the wire."""

    type: Literal["connected"] = "connected"
    payload: Connected


class PresenceJoin(Model, frozen=True):
    """Somebody is seen in the topic from now on.

    `presence_join`: to clients; control.
    """

    member: shared.Id
    """Who, as the deployment names users."""
    info: dict[str, Any]
    """What others may know of them."""


class PresenceJoinFrame(Envelope, frozen=True):
    """`presence_join` on the wire."""

    type: Literal["presence_join"] = "presence_join"
    payload: PresenceJoin
    channel: str = Field()
    """The channel it stands in; on durable messages only."""


class PresenceLeave(Model, frozen=True):
    """Somebody is seen in the topic no more.

    `presence_leave`: to clients; control.
    """

    member: shared.Id
    """Who, as the deployment names users."""
    info: dict[str, Any]
    """What others may know of them."""


class PresenceLeaveFrame(Envelope, frozen=True):
    """`presence_leave` on the wire."""

    type: Literal["presence_leave"] = "presence_leave"
    payload: PresenceLeave
    channel: str = Field()
    """The channel it stands in; on durable messages only."""


class PresenceState(Model, frozen=True):
    """What a member is doing in the topic. A client that has the topic attached is seen in it from its first one on, and answered by
    presence_members.

    `presence_state`: to and from clients; latest, one value per `member`.
    """

    state: Literal["online", "typing", "thinking", "away"]
    """What they are doing."""
    member: Annotated[shared.Id | None, NOT_NULL] = None
    """Who; the gateway always says it. A client can only speak of itself, and may leave it out."""


class PresenceStateFrame(Envelope, frozen=True):
    """`presence_state` on the wire."""

    type: Literal["presence_state"] = "presence_state"
    payload: PresenceState
    channel: str = Field()
    """The channel it stands in; on durable messages only."""


class PresenceMembersMembersItem(Model, frozen=True):
    """What stands in `item`."""

    member: shared.Id
    """Who, as the deployment names users."""
    state: Literal["online", "typing", "thinking", "away"]
    """What they are doing."""


class PresenceMembers(Model, frozen=True):
    """Who is seen in the topic; it takes the place of what was known. Without members it is a large topic, of which only the number is
    told.

    `presence_members`: to clients; control.
    """

    count: shared.Count
    """How many there are."""
    you: Annotated[shared.Id | None, NOT_NULL] = None
    """How others know this client; said in the first list that it is told of a topic."""
    members: Annotated[list[PresenceMembersMembersItem] | None, NOT_NULL] = None
    """Those of them that are told."""


class PresenceMembersFrame(Envelope, frozen=True):
    """`presence_members` on the wire."""

    type: Literal["presence_members"] = "presence_members"
    payload: PresenceMembers
    channel: str = Field()
    """The channel it stands in; on durable messages only."""


class Publish(Model, frozen=True):
    """Content for everybody on a topic, or for one user; subscribers get it as it was sent, with the sender's verified name in meta.from.

    `publish`: to and from clients; durable.
    """

    payload: Any
    """Any JSON."""
    topic: Annotated[shared.Topic | None, NOT_NULL] = None
    """The topic."""
    user: Annotated[shared.Id | None, NOT_NULL] = None
    """The user, as the deployment names users; told to all of that user's connections that attached the channel."""

    @model_validator(mode="after")
    def _keep_rules_of_publish(self) -> Self:
        _rules.exactly_one(self, "topic", "user")
        return self


class PublishFrame(Envelope, frozen=True):
    """`publish` on the wire."""

    type: Literal["publish"] = "publish"
    payload: Publish


class Subscribe(Model, frozen=True):
    """Asks for a topic; answered by attached.

    `subscribe`: from clients; control.
    """

    topic: shared.Topic
    """The topic."""
    pos: Annotated[str, Field(min_length=1)] | None = None
    """The last position seen of it; null or left out where nothing was seen."""


class SubscribeFrame(Envelope, frozen=True):
    """`subscribe` on the wire."""

    type: Literal["subscribe"] = "subscribe"
    payload: Subscribe


class Unsubscribe(Model, frozen=True):
    """Gives a topic up again.

    `unsubscribe`: from clients; control.
    """

    topic: shared.Topic
    """The topic."""


class UnsubscribeFrame(Envelope, frozen=True):
    """`unsubscribe` on the wire."""

    type: Literal["unsubscribe"] = "unsubscribe"
    payload: Unsubscribe


class RunStarted(Model, frozen=True):
    """A run began; its channel is attached from its start.

    `run_started`: to clients; durable.
    """

    service: str
    """The service that runs."""
    channel: str
    """The run's channel."""


class RunStartedFrame(Envelope, frozen=True):
    """`run_started` on the wire."""

    type: Literal["run_started"] = "run_started"
    payload: RunStarted
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


class RunEvent(Model, frozen=True):
    """What a service says in a run; consecutive ones with a text may arrive merged.

    `run_event`: to clients; stream, folded in `text`.
    """

    text: Annotated[str | None, NOT_NULL] = None
    """The next piece of the answer."""


class RunEventFrame(Envelope, frozen=True):
    """`run_event` on the wire."""

    type: Literal["run_event"] = "run_event"
    payload: RunEvent | list[Any] | str | float | bool | None
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


class RunWaiting(Model, frozen=True):
    """The run waits for a person; answer goes on with it.

    `run_waiting`: to clients; durable.
    """

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


class RunWaitingFrame(Envelope, frozen=True):
    """`run_waiting` on the wire."""

    type: Literal["run_waiting"] = "run_waiting"
    payload: RunWaiting
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


class RunInput(Model, frozen=True):
    """The run took a message of its session as input; it has no run of its own.

    `run_input`: to clients; durable.
    """

    input: shared.Id
    """The message's id."""


class RunInputFrame(Envelope, frozen=True):
    """`run_input` on the wire."""

    type: Literal["run_input"] = "run_input"
    payload: RunInput
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


class RunCompleted(Model, frozen=True):
    """The service finished; last in the run's channel.

    `run_completed`: to clients; durable.
    """

    result: Any
    """What the service gives back; null where that is nothing."""


class RunCompletedFrame(Envelope, frozen=True):
    """`run_completed` on the wire."""

    type: Literal["run_completed"] = "run_completed"
    payload: RunCompleted
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


class RunFailedFrame(Envelope, frozen=True):
    """`run_failed` on the wire."""

    type: Literal["run_failed"] = "run_failed"
    payload: Annotated[dict[str, Any] | None, NOT_NULL] = None
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
    error: shared.ErrorBody = Field()


class RunCancelledFrame(Envelope, frozen=True):
    """`run_cancelled` on the wire."""

    type: Literal["run_cancelled"] = "run_cancelled"
    payload: Annotated[dict[str, Any] | None, NOT_NULL] = None
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


class RunExpiredFrameError(shared.ErrorBody, frozen=True):
    """What went wrong; the codes stand in errors.json."""

    code: Literal["deadline_exceeded"]
    """Name of an error code."""


class RunExpiredFrame(Envelope, frozen=True):
    """`run_expired` on the wire."""

    type: Literal["run_expired"] = "run_expired"
    payload: Annotated[dict[str, Any] | None, NOT_NULL] = None
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
    error: RunExpiredFrameError = Field()
    """What went wrong; the codes stand in errors.json."""


class Answer(Model, frozen=True):
    """A person's answer to a waiting run; in the run's channel, the one that counts.

    `answer`: to and from clients; durable.
    """

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


class AnswerFrame(Envelope, frozen=True):
    """`answer` on the wire."""

    type: Literal["answer"] = "answer"
    payload: Answer
    run: str = Field()
    """The run it belongs to."""


class Notification(Model, frozen=True):
    """Something that people should know.

    `notification`: to clients; durable.
    """

    title: str
    """A few words."""
    body: str
    """One or two sentences."""
    severity: shared.Severity


class NotificationFrame(Envelope, frozen=True):
    """`notification` on the wire."""

    type: Literal["notification"] = "notification"
    payload: Notification


class ServiceStatus(Model, frozen=True):
    """How a service is doing.

    `service_status`: to clients; latest, one value per `service`.
    """

    service: shared.Name
    """The service."""
    state: Literal["available", "degraded", "unavailable"]
    """Whether calls to it can succeed."""
    since: shared.Time
    """Since when."""


class ServiceStatusFrame(Envelope, frozen=True):
    """`service_status` on the wire."""

    type: Literal["service_status"] = "service_status"
    payload: ServiceStatus


class FileList(Model, frozen=True):
    """Asks for a folder's entries; they come as the run's events.

    `file.list`: from clients; durable.
    """

    path: shared.Path
    """The folder."""
    sort: Annotated[Literal["name", "size", "modified"] | None, NOT_NULL] = None
    """By what they are sorted."""
    order: Annotated[Literal["asc", "desc"] | None, NOT_NULL] = None
    """In which direction."""
    limit: Annotated[Annotated[Whole, Field(ge=1, le=1000)] | None, NOT_NULL] = None
    """At most so many entries."""
    cursor: Annotated[Annotated[str, Field(min_length=1)] | None, NOT_NULL] = None
    """Where to go on, from the page before."""


class FileListFrame(Envelope, frozen=True):
    """`file.list` on the wire."""

    type: Literal["file.list"] = "file.list"
    payload: FileList


class FileStat(Model, frozen=True):
    """Asks what is known of one file or folder.

    `file.stat`: from clients; durable.
    """

    path: shared.Path
    """The file or folder."""


class FileStatFrame(Envelope, frozen=True):
    """`file.stat` on the wire."""

    type: Literal["file.stat"] = "file.stat"
    payload: FileStat


class FileRead(Model, frozen=True):
    """Asks for a small file's content; it comes as the run's events, larger files by file.download.

    `file.read`: from clients; durable.
    """

    path: shared.Path
    """The file."""
    offset: Annotated[shared.Bytes | None, NOT_NULL] = None
    """Where to begin; 0 where it is left out. Unit: bytes."""
    length: Annotated[Annotated[Whole, Field(ge=1, le=524_288)] | None, NOT_NULL] = None
    """How much at most, 524,288 bytes where it is left out."""
    if_match: Annotated[shared.Etag | None, NOT_NULL] = None
    """Only if the file still is this version."""


class FileReadFrame(Envelope, frozen=True):
    """`file.read` on the wire."""

    type: Literal["file.read"] = "file.read"
    payload: FileRead


class FileWrite(Model, frozen=True):
    """Writes a small file whole; larger files by file.upload.

    `file.write`: from clients; durable.
    """

    path: shared.Path
    """The file."""
    content: Annotated[str, Field(max_length=699052)]
    """The content, of at most 524,288 bytes."""
    encoding: Annotated[Literal["utf8", "base64"] | None, NOT_NULL] = None
    """How content spells bytes; utf8 where it is left out."""
    if_match: Annotated[shared.Etag | None, NOT_NULL] = None
    """Only if the file still is this version."""


class FileWriteFrame(Envelope, frozen=True):
    """`file.write` on the wire."""

    type: Literal["file.write"] = "file.write"
    payload: FileWrite


class FileMove(Model, frozen=True):
    """Moves a file or folder.

    `file.move`: from clients; durable.
    """

    from_: shared.Path = Field(validation_alias="from", serialization_alias="from")
    """What."""
    to: shared.Path
    """Where to, with its new name."""
    overwrite: Annotated[bool | None, NOT_NULL] = None
    """Whether something that is there already is replaced; false where it is left out."""


class FileMoveFrame(Envelope, frozen=True):
    """`file.move` on the wire."""

    type: Literal["file.move"] = "file.move"
    payload: FileMove


class FileCopy(Model, frozen=True):
    """Copies a file or folder.

    `file.copy`: from clients; durable.
    """

    from_: shared.Path = Field(validation_alias="from", serialization_alias="from")
    """What."""
    to: shared.Path
    """Where to, with its new name."""
    overwrite: Annotated[bool | None, NOT_NULL] = None
    """Whether something that is there already is replaced; false where it is left out."""


class FileCopyFrame(Envelope, frozen=True):
    """`file.copy` on the wire."""

    type: Literal["file.copy"] = "file.copy"
    payload: FileCopy


class FileDelete(Model, frozen=True):
    """Deletes a file or folder.

    `file.delete`: from clients; durable.
    """

    path: shared.Path
    """What."""
    recursive: Annotated[bool | None, NOT_NULL] = None
    """Whether a folder goes with what is in it; false where it is left out."""
    if_match: Annotated[shared.Etag | None, NOT_NULL] = None
    """Only if the file still is this version."""


class FileDeleteFrame(Envelope, frozen=True):
    """`file.delete` on the wire."""

    type: Literal["file.delete"] = "file.delete"
    payload: FileDelete


class FileMkdir(Model, frozen=True):
    """Makes a folder.

    `file.mkdir`: from clients; durable.
    """

    path: shared.Path
    """The folder."""
    parents: Annotated[bool | None, NOT_NULL] = None
    """Whether missing folders above it are made, too; false where it is left out."""


class FileMkdirFrame(Envelope, frozen=True):
    """`file.mkdir` on the wire."""

    type: Literal["file.mkdir"] = "file.mkdir"
    payload: FileMkdir


class FileWatch(Model, frozen=True):
    """Asks to be told of changes; they come as the run's events until it is cancelled.

    `file.watch`: from clients; durable.
    """

    path: shared.Path
    """The file or folder."""
    recursive: Annotated[bool | None, NOT_NULL] = None
    """Whether with all that is below; false where it is left out."""


class FileWatchFrame(Envelope, frozen=True):
    """`file.watch` on the wire."""

    type: Literal["file.watch"] = "file.watch"
    payload: FileWatch


class FileUpload(Model, frozen=True):
    """Asks for a place on the file lane to send a file to; answered by file.opened.

    `file.upload`: from clients; control.
    """

    path: shared.Path
    """Where the file is to stand."""
    size: shared.Bytes
    """Its size. Unit: bytes."""
    hash: Annotated[shared.FileHash | None, NOT_NULL] = None
    if_match: Annotated[shared.Etag | None, NOT_NULL] = None
    """Only if the file still is this version."""


class FileUploadFrame(Envelope, frozen=True):
    """`file.upload` on the wire."""

    type: Literal["file.upload"] = "file.upload"
    payload: FileUpload


class FileDownload(Model, frozen=True):
    """Asks for a place on the file lane to fetch a file from; answered by file.opened.

    `file.download`: from clients; control.
    """

    path: shared.Path
    """The file."""
    size: Annotated[shared.Bytes | None, NOT_NULL] = None
    """The size that is expected, where it is known. Unit: bytes."""
    hash: Annotated[shared.FileHash | None, NOT_NULL] = None
    if_match: Annotated[shared.Etag | None, NOT_NULL] = None
    """Only if the file still is this version."""


class FileDownloadFrame(Envelope, frozen=True):
    """`file.download` on the wire."""

    type: Literal["file.download"] = "file.download"
    payload: FileDownload


class FileOpened(Model, frozen=True):
    """The file lane is ready: connect to /ws/file-stream/{operation_id} with the ticket.

    `file.opened`: to clients; control.
    """

    operation_id: shared.Id
    """Names the transfer in the lane's path."""
    ticket: shared.Ticket
    expires_at: shared.Time
    """Until when the ticket opens it."""


class FileOpenedFrame(Envelope, frozen=True):
    """`file.opened` on the wire."""

    type: Literal["file.opened"] = "file.opened"
    payload: FileOpened
    reply_to: str = Field()
    """Id of the message that it answers."""


class TerminalOpen(Model, frozen=True):
    """Asks for a terminal; answered by terminal.opened.

    `terminal.open`: from clients; control.
    """

    profile: shared.Name
    """A terminal of the configuration; it decides on the program, folder and environment."""
    cols: Annotated[Annotated[Whole, Field(ge=1, le=65_535)] | None, NOT_NULL] = None
    """Columns of the first screen."""
    rows: Annotated[Annotated[Whole, Field(ge=1, le=65_535)] | None, NOT_NULL] = None
    """Rows of the first screen."""


class TerminalOpenFrame(Envelope, frozen=True):
    """`terminal.open` on the wire."""

    type: Literal["terminal.open"] = "terminal.open"
    payload: TerminalOpen


class TerminalOpened(Model, frozen=True):
    """The terminal runs: connect to /ws/terminal/{id} with the ticket.

    `terminal.opened`: to clients; control.
    """

    id: shared.Id
    """Names the terminal in the lane's path."""
    ticket: shared.Ticket
    expires_at: Annotated[shared.Time | None, NOT_NULL] = None
    """Until when the ticket opens it."""


class TerminalOpenedFrame(Envelope, frozen=True):
    """`terminal.opened` on the wire."""

    type: Literal["terminal.opened"] = "terminal.opened"
    payload: TerminalOpened
    reply_to: str = Field()
    """Id of the message that it answers."""


class TerminalClosedExit(Model, frozen=True):
    """How its program ended: by itself with a status, or by a signal."""

    status: Annotated[shared.Integer | None, NOT_NULL] = None
    """Its exit status; 0 is success."""
    signal: Annotated[str | None, NOT_NULL] = None
    """The signal's name."""

    @model_validator(mode="after")
    def _keep_rules_of_terminal_closed_exit(self) -> Self:
        _rules.exactly_one(self, "status", "signal")
        return self


class TerminalClosed(Model, frozen=True):
    """The terminal's program ended.

    `terminal.closed`: to clients; durable.
    """

    id: shared.Id
    """The terminal."""
    exit: TerminalClosedExit
    """How its program ended: by itself with a status, or by a signal."""


class TerminalClosedFrame(Envelope, frozen=True):
    """`terminal.closed` on the wire."""

    type: Literal["terminal.closed"] = "terminal.closed"
    payload: TerminalClosed


class CommandRun(Model, frozen=True):
    """Runs an allowed command; its start, output and end come as the run's events.

    `command.run`: from clients; durable.
    """

    profile: shared.Name
    """A set of allowed commands of the configuration."""
    argv: Annotated[list[str], Field(min_length=1)]
    """The program and its arguments; no shell reads them."""


class CommandRunFrame(Envelope, frozen=True):
    """`command.run` on the wire."""

    type: Literal["command.run"] = "command.run"
    payload: CommandRun


class CommandOutput(Model, frozen=True):
    """Output of a command; consecutive ones of one execution and stream may arrive merged.

    `command_output`: to clients; stream, folded in `data`.
    """

    execution_id: shared.Id
    """The execution, from command_execution_start."""
    stream: Literal["stdout", "stderr"]
    """Which output."""
    data: str
    """The next piece of it."""


class CommandOutputFrame(Envelope, frozen=True):
    """`command_output` on the wire."""

    type: Literal["command_output"] = "command_output"
    payload: CommandOutput
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


class ErrorFrame(Envelope, frozen=True):
    """`error` on the wire."""

    type: Literal["error"] = "error"
    payload: Annotated[dict[str, Any] | None, NOT_NULL] = None
    error: shared.ErrorBody = Field()


class PingFrame(Envelope, frozen=True):
    """`ping` on the wire."""

    type: Literal["ping"] = "ping"
    payload: Any = None


class PongFrame(Envelope, frozen=True):
    """`pong` on the wire."""

    type: Literal["pong"] = "pong"
    payload: Any = None


class HealthCheckFrame(Envelope, frozen=True):
    """`health_check` on the wire."""

    type: Literal["health_check"] = "health_check"
    payload: Annotated[dict[str, Any] | None, NOT_NULL] = None


class HealthResponse(Model, frozen=True):
    """The answer to health_check.

    `health_response`: to clients; control.
    """

    status: str
    """How the gateway is: healthy or unhealthy."""
    timestamp: shared.EnvelopeTime
    """When that was so."""


class HealthResponseFrame(Envelope, frozen=True):
    """`health_response` on the wire."""

    type: Literal["health_response"] = "health_response"
    payload: HealthResponse


class Progress(Model, frozen=True):
    """How far a run is.

    `progress`: to clients; latest, one value per `operation`.
    """

    message: str
    """What is being done, for people."""
    percentage: Annotated[shared.Percent | None, NOT_NULL] = None
    """How much is done, from 0 to 100; left out where nobody knows."""
    stage: Annotated[str | None, NOT_NULL] = None
    """The stage, such as processing, analyzing or executing."""
    operation: Annotated[shared.Name | None, NOT_NULL] = None
    """What it is the progress of, where a run has more than one."""


class ProgressFrame(Envelope, frozen=True):
    """`progress` on the wire."""

    type: Literal["progress"] = "progress"
    payload: Progress
    pos: Absent = None
    """Its position in the channel."""
    run: str = Field()
    """The run it belongs to."""
    seq: Absent = None
    """First event number of the run that it carries."""


Frame = Annotated[
    HelloFrame
    | WelcomeFrame
    | AttachFrame
    | AttachedFrame
    | DetachFrame
    | AckFrame
    | CancelFrame
    | CancelAckFrame
    | ResetFrame
    | TokenExpiringFrame
    | RefreshFrame
    | RefreshedFrame
    | GoAwayFrame
    | EndpointsChangedFrame
    | HeartbeatFrame
    | ConnectedFrame
    | PresenceJoinFrame
    | PresenceLeaveFrame
    | PresenceStateFrame
    | PresenceMembersFrame
    | PublishFrame
    | SubscribeFrame
    | UnsubscribeFrame
    | RunStartedFrame
    | RunEventFrame
    | RunWaitingFrame
    | RunInputFrame
    | RunCompletedFrame
    | RunFailedFrame
    | RunCancelledFrame
    | RunExpiredFrame
    | AnswerFrame
    | NotificationFrame
    | ServiceStatusFrame
    | FileListFrame
    | FileStatFrame
    | FileReadFrame
    | FileWriteFrame
    | FileMoveFrame
    | FileCopyFrame
    | FileDeleteFrame
    | FileMkdirFrame
    | FileWatchFrame
    | FileUploadFrame
    | FileDownloadFrame
    | FileOpenedFrame
    | TerminalOpenFrame
    | TerminalOpenedFrame
    | TerminalClosedFrame
    | CommandRunFrame
    | CommandOutputFrame
    | ErrorFrame
    | PingFrame
    | PongFrame
    | HealthCheckFrame
    | HealthResponseFrame
    | ProgressFrame,
    Field(discriminator="type"),
]
"""Any message of the dialect, as it stands on the wire; `type` tells which."""
_FRAMES: Final = TypeAdapter[Frame](Frame, config=ConfigDict(defer_build=True))


def decode(text: bytes | str) -> Frame:
    """Reads a frame of the dialect.

    Raises pydantic.ValidationError, a ValueError, where it is not what its type says or no JSON.
    """
    return read(_FRAMES, text)
