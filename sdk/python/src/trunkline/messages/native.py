"""The message types of dialect `native`, as msgspec structs.

Generated from protocol/schema/messages/native.schema.json; change it there, then run `make schema`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from trunkline.messages import _read, _rules, shared
from trunkline.messages._type import MessageType


class Envelope(Struct, frozen=True, kw_only=True, tag_field="type"):
    """What stands beside the content of every message."""

    id: shared.MessageId | UnsetType = UNSET
    ts: shared.EnvelopeTime | UnsetType = UNSET
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
    seq: shared.EnvelopeInteger | UnsetType = UNSET
    """First event number of the run that it carries."""
    seq_end: shared.EnvelopeInteger | UnsetType = UNSET
    """Last one; left out where it equals seq."""
    to: shared.Address | UnsetType = UNSET
    reply_to: str | UnsetType = UNSET
    """Id of the message that it answers."""
    deadline_ms: shared.EnvelopeInteger | UnsetType = UNSET
    """How long the client is willing to wait for the run. Unit: milliseconds."""
    error: shared.ErrorBody | UnsetType = UNSET
    meta: dict[str, Any] | UnsetType = UNSET
    """Free map."""
    tl: dict[str, Any] | UnsetType = field(default=UNSET, name="_tl")
    """Unknown fields that stood in _tl where another dialect spelled the message."""


class HelloClient(Struct, frozen=True, kw_only=True):
    """The program, for logs."""

    name: str
    """Its name."""
    version: str
    """Its version."""


class Hello(Struct, frozen=True, kw_only=True):
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


class HelloFrame(Envelope, frozen=True, kw_only=True, tag="hello"):
    """`hello` on the wire."""

    payload: Hello | UnsetType = UNSET


class WelcomeServer(Struct, frozen=True, kw_only=True):
    """The gateway's program, for logs."""

    name: str
    """Its name."""
    version: str
    """Its version."""


class Welcome(Struct, frozen=True, kw_only=True):
    """The session, and from where each of its channels is delivered.

    `welcome`: to clients; control.
    """

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


class WelcomeFrame(Envelope, frozen=True, kw_only=True, tag="welcome"):
    """`welcome` on the wire."""

    payload: Welcome
    session: str = field()
    """Session id."""


class Attach(Struct, frozen=True, kw_only=True):
    """Asks for one more session, a topic, or the channel of one's own user on this connection; answered by attached.

    `attach`: from clients; control.
    """

    session: shared.Name | UnsetType = UNSET
    """The session to attach."""
    secret: str | UnsetType = UNSET
    """What an anonymous session got in its first welcome."""
    topic: shared.Topic | UnsetType = UNSET
    """The topic to attach."""
    user: bool | UnsetType = UNSET
    """True for what is published to oneself."""
    pos: Annotated[str, Meta(min_length=1)] | UnsetType | None = UNSET
    """The last position seen of its channel; null or left out where nothing was seen."""

    def __post_init__(self) -> None:
        """Raises ValueError where a rule about several fields is broken."""
        _rules.exactly_one(self, "session", "topic", "user")


class AttachFrame(Envelope, frozen=True, kw_only=True, tag="attach"):
    """`attach` on the wire."""

    payload: Attach


class Attached(shared.Verdict, frozen=True, kw_only=True):
    """A channel is delivered from here on; it stands in that channel's order. Without pos nothing is: it is unknown, over or another's.

    `attached`: to clients; control.
    """

    session: shared.Name | UnsetType = UNSET
    """The session that was attached."""
    topic: shared.Topic | UnsetType = UNSET
    """The topic that was attached."""
    user: bool | UnsetType = UNSET
    """True where it is one's own user's channel."""


class AttachedFrame(Envelope, frozen=True, kw_only=True, tag="attached"):
    """`attached` on the wire."""

    payload: Attached
    channel: str = field()
    """The channel it stands in; on durable messages only."""


class Detach(Struct, frozen=True, kw_only=True):
    """Gives up a session, a topic or the user's channel of this connection; not answered.

    `detach`: from clients; control.
    """

    session: shared.Name | UnsetType = UNSET
    """The session to detach."""
    topic: shared.Topic | UnsetType = UNSET
    """The topic to detach."""
    user: bool | UnsetType = UNSET
    """True for one's own user's channel."""

    def __post_init__(self) -> None:
        """Raises ValueError where a rule about several fields is broken."""
        _rules.exactly_one(self, "session", "topic", "user")


class DetachFrame(Envelope, frozen=True, kw_only=True, tag="detach"):
    """`detach` on the wire."""

    payload: Detach


class Ack(Struct, frozen=True, kw_only=True):
    """The message is kept, and this is its run.

    `ack`: to clients; control.
    """

    id: shared.MessageId
    """The message's id."""
    level: Literal["accepted", "stored"]
    """How safely it is kept."""
    duplicate: bool | UnsetType = UNSET
    """True where the same message was acknowledged before."""


class AckFrame(Envelope, frozen=True, kw_only=True, tag="ack"):
    """`ack` on the wire."""

    payload: Ack
    reply_to: str = field()
    """Id of the message that it answers."""


class CancelFrame(Envelope, frozen=True, kw_only=True, tag="cancel"):
    """`cancel` on the wire."""

    payload: dict[str, Any] | UnsetType = UNSET
    run: str = field()
    """The run it belongs to."""


class CancelAck(Struct, frozen=True, kw_only=True):
    """Whether the run is being stopped.

    `cancel_ack`: to clients; control.
    """

    cancelled: bool
    """False where the run is unknown, over or not yours."""


class CancelAckFrame(Envelope, frozen=True, kw_only=True, tag="cancel_ack"):
    """`cancel_ack` on the wire."""

    payload: CancelAck
    run: str = field()
    """The run it belongs to."""


class Reset(Struct, frozen=True, kw_only=True):
    """Drop what you have of the channel; it goes on from pos, or without pos is gone.

    `reset`: to clients; control.
    """

    reason: shared.ResetReason
    pos: shared.Position | UnsetType = UNSET
    """The oldest retained place."""


class ResetFrame(Envelope, frozen=True, kw_only=True, tag="reset"):
    """`reset` on the wire."""

    payload: Reset
    channel: str = field()
    """The channel it stands in; on durable messages only."""


class TokenExpiring(Struct, frozen=True, kw_only=True):
    """The token ends soon: send refresh before that.

    `token_expiring`: to clients; control.
    """

    expires_at: shared.Time
    """When it ends."""


class TokenExpiringFrame(Envelope, frozen=True, kw_only=True, tag="token_expiring"):
    """`token_expiring` on the wire."""

    payload: TokenExpiring


class Refresh(Struct, frozen=True, kw_only=True):
    """A newer token for this connection.

    `refresh`: from clients; control.
    """

    token: Annotated[str, Meta(min_length=1)]
    """Bearer token."""


class RefreshFrame(Envelope, frozen=True, kw_only=True, tag="refresh"):
    """`refresh` on the wire."""

    payload: Refresh


class Refreshed(Struct, frozen=True, kw_only=True):
    """The newer token is in use.

    `refreshed`: to clients; control.
    """

    expires_at: shared.Time
    """When it ends."""


class RefreshedFrame(Envelope, frozen=True, kw_only=True, tag="refreshed"):
    """`refreshed` on the wire."""

    payload: Refreshed


class GoAway(Struct, frozen=True, kw_only=True):
    """Leave, and come back after a random time in this window.

    `go_away`: to clients; control.
    """

    reason: str
    """Why, such as drain."""
    reconnect_min_ms: shared.EnvelopeInteger
    """How long to wait at least. Unit: milliseconds."""
    reconnect_max_ms: shared.EnvelopeInteger
    """How long to wait at most. Unit: milliseconds."""


class GoAwayFrame(Envelope, frozen=True, kw_only=True, tag="go_away"):
    """`go_away` on the wire."""

    payload: GoAway


class EndpointsChangedEndpointsItem(Struct, frozen=True, kw_only=True):
    """What stands in `item`."""

    path: Annotated[str, Meta(pattern="^/")]
    """The path, with parameters in braces."""
    capabilities: list[str]
    """What can be asked for there."""
    dialect: Literal["native", "payload", "data", "flat", "open"] | UnsetType = UNSET
    """The dialect without a subprotocol."""
    agents: list[shared.AgentId] | UnsetType = UNSET
    """The agents that can be addressed there."""
    priority: shared.Integer | UnsetType = UNSET
    """Of two endpoints with the capability the higher one is preferred."""
    deprecated: str | UnsetType = UNSET
    """What to use instead, where this one is to go."""


class EndpointsChanged(Struct, frozen=True, kw_only=True):
    """All endpoints that this client may use, as they are now.

    `endpoints_changed`: to clients; latest.
    """

    endpoints: list[EndpointsChangedEndpointsItem]
    """Every endpoint, not only what changed."""


class EndpointsChangedFrame(Envelope, frozen=True, kw_only=True, tag="endpoints_changed"):
    """`endpoints_changed` on the wire."""

    payload: EndpointsChanged


class Heartbeat(Struct, frozen=True, kw_only=True):
    """The position that was sent up to in each channel: a client that has another one has a gap.

    `heartbeat`: to clients; control.
    """

    channels: dict[str, shared.Position]
    """The position of each channel."""


class HeartbeatFrame(Envelope, frozen=True, kw_only=True, tag="heartbeat"):
    """`heartbeat` on the wire."""

    payload: Heartbeat


class Connected(Struct, frozen=True, kw_only=True):
    """The greeting of dialect open; a native client gets welcome.

    `connected`: to clients; control.
    """

    client_id: shared.Id = field(name="clientId")
    """This connection, for logs."""
    route: str
    """The path of the route that serves it."""
    capabilities: list[str]
    """What the route can do."""


class ConnectedFrame(Envelope, frozen=True, kw_only=True, tag="connected"):
    """`connected` on the wire."""

    payload: Connected


class PresenceJoin(Struct, frozen=True, kw_only=True):
    """Somebody is seen in the topic from now on.

    `presence_join`: to clients; control.
    """

    member: shared.Id
    """Who, as the deployment names users."""
    info: dict[str, Any]
    """What others may know of them."""


class PresenceJoinFrame(Envelope, frozen=True, kw_only=True, tag="presence_join"):
    """`presence_join` on the wire."""

    payload: PresenceJoin
    channel: str = field()
    """The channel it stands in; on durable messages only."""


class PresenceLeave(Struct, frozen=True, kw_only=True):
    """Somebody is seen in the topic no more.

    `presence_leave`: to clients; control.
    """

    member: shared.Id
    """Who, as the deployment names users."""
    info: dict[str, Any]
    """What others may know of them."""


class PresenceLeaveFrame(Envelope, frozen=True, kw_only=True, tag="presence_leave"):
    """`presence_leave` on the wire."""

    payload: PresenceLeave
    channel: str = field()
    """The channel it stands in; on durable messages only."""


class PresenceState(Struct, frozen=True, kw_only=True):
    """What a member is doing in the topic. A client that has the topic attached is seen in it from its first one on, and answered by
    presence_members.

    `presence_state`: to and from clients; latest, one value per `member`.
    """

    state: Literal["online", "typing", "thinking", "away"]
    """What they are doing."""
    member: shared.Id | UnsetType = UNSET
    """Who; the gateway always says it. A client can only speak of itself, and may leave it out."""


class PresenceStateFrame(Envelope, frozen=True, kw_only=True, tag="presence_state"):
    """`presence_state` on the wire."""

    payload: PresenceState
    channel: str = field()
    """The channel it stands in; on durable messages only."""


class PresenceMembersMembersItem(Struct, frozen=True, kw_only=True):
    """What stands in `item`."""

    member: shared.Id
    """Who, as the deployment names users."""
    state: Literal["online", "typing", "thinking", "away"]
    """What they are doing."""


class PresenceMembers(Struct, frozen=True, kw_only=True):
    """Who is seen in the topic; it takes the place of what was known. Without members it is a large topic, of which only the number is
    told.

    `presence_members`: to clients; control.
    """

    count: shared.Count
    """How many there are."""
    you: shared.Id | UnsetType = UNSET
    """How others know this client; said in the first list that it is told of a topic."""
    members: list[PresenceMembersMembersItem] | UnsetType = UNSET
    """Those of them that are told."""


class PresenceMembersFrame(Envelope, frozen=True, kw_only=True, tag="presence_members"):
    """`presence_members` on the wire."""

    payload: PresenceMembers
    channel: str = field()
    """The channel it stands in; on durable messages only."""


class Publish(Struct, frozen=True, kw_only=True):
    """Content for everybody on a topic, or for one user; subscribers get it as it was sent, with the sender's verified name in meta.from.

    `publish`: to and from clients; durable.
    """

    payload: Any
    """Any JSON."""
    topic: shared.Topic | UnsetType = UNSET
    """The topic."""
    user: shared.Id | UnsetType = UNSET
    """The user, as the deployment names users; told to all of that user's connections that attached the channel."""

    def __post_init__(self) -> None:
        """Raises ValueError where a rule about several fields is broken."""
        _rules.exactly_one(self, "topic", "user")


class PublishFrame(Envelope, frozen=True, kw_only=True, tag="publish"):
    """`publish` on the wire."""

    payload: Publish


class Subscribe(Struct, frozen=True, kw_only=True):
    """Asks for a topic; answered by attached.

    `subscribe`: from clients; control.
    """

    topic: shared.Topic
    """The topic."""
    pos: Annotated[str, Meta(min_length=1)] | UnsetType | None = UNSET
    """The last position seen of it; null or left out where nothing was seen."""


class SubscribeFrame(Envelope, frozen=True, kw_only=True, tag="subscribe"):
    """`subscribe` on the wire."""

    payload: Subscribe


class Unsubscribe(Struct, frozen=True, kw_only=True):
    """Gives a topic up again.

    `unsubscribe`: from clients; control.
    """

    topic: shared.Topic
    """The topic."""


class UnsubscribeFrame(Envelope, frozen=True, kw_only=True, tag="unsubscribe"):
    """`unsubscribe` on the wire."""

    payload: Unsubscribe


class RunStarted(Struct, frozen=True, kw_only=True):
    """A run began; its channel is attached from its start.

    `run_started`: to clients; durable.
    """

    service: str
    """The service that runs."""
    channel: str
    """The run's channel."""


class RunStartedFrame(Envelope, frozen=True, kw_only=True, tag="run_started"):
    """`run_started` on the wire."""

    payload: RunStarted
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


class RunEvent(Struct, frozen=True, kw_only=True):
    """What a service says in a run; consecutive ones with a text may arrive merged.

    `run_event`: to clients; stream, folded in `text`.
    """

    text: str | UnsetType = UNSET
    """The next piece of the answer."""


class RunEventFrame(Envelope, frozen=True, kw_only=True, tag="run_event"):
    """`run_event` on the wire."""

    payload: RunEvent | list[Any] | str | float | bool | None
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


class RunWaiting(Struct, frozen=True, kw_only=True):
    """The run waits for a person; answer goes on with it.

    `run_waiting`: to clients; durable.
    """

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


class RunWaitingFrame(Envelope, frozen=True, kw_only=True, tag="run_waiting"):
    """`run_waiting` on the wire."""

    payload: RunWaiting
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


class RunInput(Struct, frozen=True, kw_only=True):
    """The run took a message of its session as input; it has no run of its own.

    `run_input`: to clients; durable.
    """

    input: shared.Id
    """The message's id."""


class RunInputFrame(Envelope, frozen=True, kw_only=True, tag="run_input"):
    """`run_input` on the wire."""

    payload: RunInput
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


class RunCompleted(Struct, frozen=True, kw_only=True):
    """The service finished; last in the run's channel.

    `run_completed`: to clients; durable.
    """

    result: Any
    """What the service gives back; null where that is nothing."""


class RunCompletedFrame(Envelope, frozen=True, kw_only=True, tag="run_completed"):
    """`run_completed` on the wire."""

    payload: RunCompleted
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


class RunFailedFrame(Envelope, frozen=True, kw_only=True, tag="run_failed"):
    """`run_failed` on the wire."""

    payload: dict[str, Any] | UnsetType = UNSET
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
    error: shared.ErrorBody = field()


class RunCancelledFrame(Envelope, frozen=True, kw_only=True, tag="run_cancelled"):
    """`run_cancelled` on the wire."""

    payload: dict[str, Any] | UnsetType = UNSET
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


class RunExpiredFrameError(shared.ErrorBody, frozen=True, kw_only=True):
    """What went wrong; the codes stand in errors.json."""

    code: Literal["deadline_exceeded"]
    """Name of an error code."""


class RunExpiredFrame(Envelope, frozen=True, kw_only=True, tag="run_expired"):
    """`run_expired` on the wire."""

    payload: dict[str, Any] | UnsetType = UNSET
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
    error: RunExpiredFrameError = field()
    """What went wrong; the codes stand in errors.json."""


class Answer(Struct, frozen=True, kw_only=True):
    """A person's answer to a waiting run; in the run's channel, the one that counts.

    `answer`: to and from clients; durable.
    """

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


class AnswerFrame(Envelope, frozen=True, kw_only=True, tag="answer"):
    """`answer` on the wire."""

    payload: Answer
    run: str = field()
    """The run it belongs to."""


class Notification(Struct, frozen=True, kw_only=True):
    """Something that people should know.

    `notification`: to clients; durable.
    """

    title: str
    """A few words."""
    body: str
    """One or two sentences."""
    severity: shared.Severity


class NotificationFrame(Envelope, frozen=True, kw_only=True, tag="notification"):
    """`notification` on the wire."""

    payload: Notification


class ServiceStatus(Struct, frozen=True, kw_only=True):
    """How a service is doing.

    `service_status`: to clients; latest, one value per `service`.
    """

    service: shared.Name
    """The service."""
    state: Literal["available", "degraded", "unavailable"]
    """Whether calls to it can succeed."""
    since: shared.Time
    """Since when."""


class ServiceStatusFrame(Envelope, frozen=True, kw_only=True, tag="service_status"):
    """`service_status` on the wire."""

    payload: ServiceStatus


class FileList(Struct, frozen=True, kw_only=True):
    """Asks for a folder's entries; they come as the run's events.

    `file.list`: from clients; durable.
    """

    path: shared.Path
    """The folder."""
    sort: Literal["name", "size", "modified"] | UnsetType = UNSET
    """By what they are sorted."""
    order: Literal["asc", "desc"] | UnsetType = UNSET
    """In which direction."""
    limit: Annotated[int, Meta(ge=1, le=1000)] | UnsetType = UNSET
    """At most so many entries."""
    cursor: Annotated[str, Meta(min_length=1)] | UnsetType = UNSET
    """Where to go on, from the page before."""


class FileListFrame(Envelope, frozen=True, kw_only=True, tag="file.list"):
    """`file.list` on the wire."""

    payload: FileList


class FileStat(Struct, frozen=True, kw_only=True):
    """Asks what is known of one file or folder.

    `file.stat`: from clients; durable.
    """

    path: shared.Path
    """The file or folder."""


class FileStatFrame(Envelope, frozen=True, kw_only=True, tag="file.stat"):
    """`file.stat` on the wire."""

    payload: FileStat


class FileRead(Struct, frozen=True, kw_only=True):
    """Asks for a small file's content; it comes as the run's events, larger files by file.download.

    `file.read`: from clients; durable.
    """

    path: shared.Path
    """The file."""
    offset: shared.Bytes | UnsetType = UNSET
    """Where to begin; 0 where it is left out. Unit: bytes."""
    length: Annotated[int, Meta(ge=1, le=524_288)] | UnsetType = UNSET
    """How much at most, 524,288 bytes where it is left out."""
    if_match: shared.Etag | UnsetType = UNSET
    """Only if the file still is this version."""


class FileReadFrame(Envelope, frozen=True, kw_only=True, tag="file.read"):
    """`file.read` on the wire."""

    payload: FileRead


class FileWrite(Struct, frozen=True, kw_only=True):
    """Writes a small file whole; larger files by file.upload.

    `file.write`: from clients; durable.
    """

    path: shared.Path
    """The file."""
    content: Annotated[str, Meta(max_length=699052)]
    """The content, of at most 524,288 bytes."""
    encoding: Literal["utf8", "base64"] | UnsetType = UNSET
    """How content spells bytes; utf8 where it is left out."""
    if_match: shared.Etag | UnsetType = UNSET
    """Only if the file still is this version."""


class FileWriteFrame(Envelope, frozen=True, kw_only=True, tag="file.write"):
    """`file.write` on the wire."""

    payload: FileWrite


class FileMove(Struct, frozen=True, kw_only=True):
    """Moves a file or folder.

    `file.move`: from clients; durable.
    """

    from_: shared.Path = field(name="from")
    """What."""
    to: shared.Path
    """Where to, with its new name."""
    overwrite: bool | UnsetType = UNSET
    """Whether something that is there already is replaced; false where it is left out."""


class FileMoveFrame(Envelope, frozen=True, kw_only=True, tag="file.move"):
    """`file.move` on the wire."""

    payload: FileMove


class FileCopy(Struct, frozen=True, kw_only=True):
    """Copies a file or folder.

    `file.copy`: from clients; durable.
    """

    from_: shared.Path = field(name="from")
    """What."""
    to: shared.Path
    """Where to, with its new name."""
    overwrite: bool | UnsetType = UNSET
    """Whether something that is there already is replaced; false where it is left out."""


class FileCopyFrame(Envelope, frozen=True, kw_only=True, tag="file.copy"):
    """`file.copy` on the wire."""

    payload: FileCopy


class FileDelete(Struct, frozen=True, kw_only=True):
    """Deletes a file or folder.

    `file.delete`: from clients; durable.
    """

    path: shared.Path
    """What."""
    recursive: bool | UnsetType = UNSET
    """Whether a folder goes with what is in it; false where it is left out."""
    if_match: shared.Etag | UnsetType = UNSET
    """Only if the file still is this version."""


class FileDeleteFrame(Envelope, frozen=True, kw_only=True, tag="file.delete"):
    """`file.delete` on the wire."""

    payload: FileDelete


class FileMkdir(Struct, frozen=True, kw_only=True):
    """Makes a folder.

    `file.mkdir`: from clients; durable.
    """

    path: shared.Path
    """The folder."""
    parents: bool | UnsetType = UNSET
    """Whether missing folders above it are made, too; false where it is left out."""


class FileMkdirFrame(Envelope, frozen=True, kw_only=True, tag="file.mkdir"):
    """`file.mkdir` on the wire."""

    payload: FileMkdir


class FileWatch(Struct, frozen=True, kw_only=True):
    """Asks to be told of changes; they come as the run's events until it is cancelled.

    `file.watch`: from clients; durable.
    """

    path: shared.Path
    """The file or folder."""
    recursive: bool | UnsetType = UNSET
    """Whether with all that is below; false where it is left out."""


class FileWatchFrame(Envelope, frozen=True, kw_only=True, tag="file.watch"):
    """`file.watch` on the wire."""

    payload: FileWatch


class FileUpload(Struct, frozen=True, kw_only=True):
    """Asks for a place on the file lane to send a file to; answered by file.opened.

    `file.upload`: from clients; control.
    """

    path: shared.Path
    """Where the file is to stand."""
    size: shared.Bytes
    """Its size. Unit: bytes."""
    hash: shared.FileHash | UnsetType = UNSET
    if_match: shared.Etag | UnsetType = UNSET
    """Only if the file still is this version."""


class FileUploadFrame(Envelope, frozen=True, kw_only=True, tag="file.upload"):
    """`file.upload` on the wire."""

    payload: FileUpload


class FileDownload(Struct, frozen=True, kw_only=True):
    """Asks for a place on the file lane to fetch a file from; answered by file.opened.

    `file.download`: from clients; control.
    """

    path: shared.Path
    """The file."""
    size: shared.Bytes | UnsetType = UNSET
    """The size that is expected, where it is known. Unit: bytes."""
    hash: shared.FileHash | UnsetType = UNSET
    if_match: shared.Etag | UnsetType = UNSET
    """Only if the file still is this version."""


class FileDownloadFrame(Envelope, frozen=True, kw_only=True, tag="file.download"):
    """`file.download` on the wire."""

    payload: FileDownload


class FileOpened(Struct, frozen=True, kw_only=True):
    """The file lane is ready: connect to /ws/file-stream/{operation_id} with the ticket.

    `file.opened`: to clients; control.
    """

    operation_id: shared.Id
    """Names the transfer in the lane's path."""
    ticket: shared.Ticket
    expires_at: shared.Time
    """Until when the ticket opens it."""


class FileOpenedFrame(Envelope, frozen=True, kw_only=True, tag="file.opened"):
    """`file.opened` on the wire."""

    payload: FileOpened
    reply_to: str = field()
    """Id of the message that it answers."""


class TerminalOpen(Struct, frozen=True, kw_only=True):
    """Asks for a terminal; answered by terminal.opened.

    `terminal.open`: from clients; control.
    """

    profile: shared.Name
    """A terminal of the configuration; it decides on the program, folder and environment."""
    cols: Annotated[int, Meta(ge=1, le=65_535)] | UnsetType = UNSET
    """Columns of the first screen."""
    rows: Annotated[int, Meta(ge=1, le=65_535)] | UnsetType = UNSET
    """Rows of the first screen."""


class TerminalOpenFrame(Envelope, frozen=True, kw_only=True, tag="terminal.open"):
    """`terminal.open` on the wire."""

    payload: TerminalOpen


class TerminalOpened(Struct, frozen=True, kw_only=True):
    """The terminal runs: connect to /ws/terminal/{id} with the ticket.

    `terminal.opened`: to clients; control.
    """

    id: shared.Id
    """Names the terminal in the lane's path."""
    ticket: shared.Ticket
    expires_at: shared.Time | UnsetType = UNSET
    """Until when the ticket opens it."""


class TerminalOpenedFrame(Envelope, frozen=True, kw_only=True, tag="terminal.opened"):
    """`terminal.opened` on the wire."""

    payload: TerminalOpened
    reply_to: str = field()
    """Id of the message that it answers."""


class TerminalClosedExit(Struct, frozen=True, kw_only=True):
    """How its program ended: by itself with a status, or by a signal."""

    status: shared.Integer | UnsetType = UNSET
    """Its exit status; 0 is success."""
    signal: str | UnsetType = UNSET
    """The signal's name."""

    def __post_init__(self) -> None:
        """Raises ValueError where a rule about several fields is broken."""
        _rules.exactly_one(self, "status", "signal")


class TerminalClosed(Struct, frozen=True, kw_only=True):
    """The terminal's program ended.

    `terminal.closed`: to clients; durable.
    """

    id: shared.Id
    """The terminal."""
    exit: TerminalClosedExit
    """How its program ended: by itself with a status, or by a signal."""


class TerminalClosedFrame(Envelope, frozen=True, kw_only=True, tag="terminal.closed"):
    """`terminal.closed` on the wire."""

    payload: TerminalClosed


class CommandRun(Struct, frozen=True, kw_only=True):
    """Runs an allowed command; its start, output and end come as the run's events.

    `command.run`: from clients; durable.
    """

    profile: shared.Name
    """A set of allowed commands of the configuration."""
    argv: Annotated[list[str], Meta(min_length=1)]
    """The program and its arguments; no shell reads them."""


class CommandRunFrame(Envelope, frozen=True, kw_only=True, tag="command.run"):
    """`command.run` on the wire."""

    payload: CommandRun


class CommandOutput(Struct, frozen=True, kw_only=True):
    """Output of a command; consecutive ones of one execution and stream may arrive merged.

    `command_output`: to clients; stream, folded in `data`.
    """

    execution_id: shared.Id
    """The execution, from command_execution_start."""
    stream: Literal["stdout", "stderr"]
    """Which output."""
    data: str
    """The next piece of it."""


class CommandOutputFrame(Envelope, frozen=True, kw_only=True, tag="command_output"):
    """`command_output` on the wire."""

    payload: CommandOutput
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


class ErrorFrame(Envelope, frozen=True, kw_only=True, tag="error"):
    """`error` on the wire."""

    payload: dict[str, Any] | UnsetType = UNSET
    error: shared.ErrorBody = field()


class PingFrame(Envelope, frozen=True, kw_only=True, tag="ping"):
    """`ping` on the wire."""

    payload: Any = UNSET


class PongFrame(Envelope, frozen=True, kw_only=True, tag="pong"):
    """`pong` on the wire."""

    payload: Any = UNSET


class HealthCheckFrame(Envelope, frozen=True, kw_only=True, tag="health_check"):
    """`health_check` on the wire."""

    payload: dict[str, Any] | UnsetType = UNSET


class HealthResponse(Struct, frozen=True, kw_only=True):
    """The answer to health_check.

    `health_response`: to clients; control.
    """

    status: str
    """How the gateway is: healthy or unhealthy."""
    timestamp: shared.EnvelopeTime
    """When that was so."""


class HealthResponseFrame(Envelope, frozen=True, kw_only=True, tag="health_response"):
    """`health_response` on the wire."""

    payload: HealthResponse


class Progress(Struct, frozen=True, kw_only=True):
    """How far a run is.

    `progress`: to clients; latest, one value per `operation`.
    """

    message: str
    """What is being done, for people."""
    percentage: shared.Percent | UnsetType = UNSET
    """How much is done, from 0 to 100; left out where nobody knows."""
    stage: str | UnsetType = UNSET
    """The stage, such as processing, analyzing or executing."""
    operation: shared.Name | UnsetType = UNSET
    """What it is the progress of, where a run has more than one."""


class ProgressFrame(Envelope, frozen=True, kw_only=True, tag="progress"):
    """`progress` on the wire."""

    payload: Progress
    pos: UnsetType = UNSET
    """Its position in the channel."""
    run: str = field()
    """The run it belongs to."""
    seq: UnsetType = UNSET
    """First event number of the run that it carries."""


Frame = (
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
    | ProgressFrame
)
"""Any message of the dialect, as it stands on the wire; `type` tells which."""


def decode(text: bytes | str) -> Frame:
    """Reads a frame of the dialect.

    Raises msgspec.ValidationError where it is not what its type says, msgspec.DecodeError where it is no JSON.
    """
    frame: Frame = _read.frame(text, Frame)
    return frame


TYPES: Final[Mapping[str, MessageType]] = {
    "hello": MessageType("hello", Hello, HelloFrame, "to_gateway", "control"),
    "welcome": MessageType("welcome", Welcome, WelcomeFrame, "to_client", "control"),
    "attach": MessageType("attach", Attach, AttachFrame, "to_gateway", "control"),
    "attached": MessageType("attached", Attached, AttachedFrame, "to_client", "control"),
    "detach": MessageType("detach", Detach, DetachFrame, "to_gateway", "control"),
    "ack": MessageType("ack", Ack, AckFrame, "to_client", "control"),
    "cancel": MessageType("cancel", dict[str, Any], CancelFrame, "to_gateway", "control"),
    "cancel_ack": MessageType("cancel_ack", CancelAck, CancelAckFrame, "to_client", "control"),
    "reset": MessageType("reset", Reset, ResetFrame, "to_client", "control"),
    "token_expiring": MessageType("token_expiring", TokenExpiring, TokenExpiringFrame, "to_client", "control"),
    "refresh": MessageType("refresh", Refresh, RefreshFrame, "to_gateway", "control"),
    "refreshed": MessageType("refreshed", Refreshed, RefreshedFrame, "to_client", "control"),
    "go_away": MessageType("go_away", GoAway, GoAwayFrame, "to_client", "control"),
    "endpoints_changed": MessageType("endpoints_changed", EndpointsChanged, EndpointsChangedFrame, "to_client", "latest"),
    "heartbeat": MessageType("heartbeat", Heartbeat, HeartbeatFrame, "to_client", "control"),
    "connected": MessageType("connected", Connected, ConnectedFrame, "to_client", "control"),
    "presence_join": MessageType("presence_join", PresenceJoin, PresenceJoinFrame, "to_client", "control"),
    "presence_leave": MessageType("presence_leave", PresenceLeave, PresenceLeaveFrame, "to_client", "control"),
    "presence_state": MessageType("presence_state", PresenceState, PresenceStateFrame, "both", "latest", key=("member",)),
    "presence_members": MessageType("presence_members", PresenceMembers, PresenceMembersFrame, "to_client", "control"),
    "publish": MessageType("publish", Publish, PublishFrame, "both", "durable"),
    "subscribe": MessageType("subscribe", Subscribe, SubscribeFrame, "to_gateway", "control"),
    "unsubscribe": MessageType("unsubscribe", Unsubscribe, UnsubscribeFrame, "to_gateway", "control"),
    "run_started": MessageType("run_started", RunStarted, RunStartedFrame, "to_client", "durable"),
    "run_event": MessageType(
        "run_event", RunEvent | list[Any] | str | float | bool | None, RunEventFrame, "to_client", "stream", folded="text"
    ),
    "run_waiting": MessageType("run_waiting", RunWaiting, RunWaitingFrame, "to_client", "durable"),
    "run_input": MessageType("run_input", RunInput, RunInputFrame, "to_client", "durable"),
    "run_completed": MessageType("run_completed", RunCompleted, RunCompletedFrame, "to_client", "durable"),
    "run_failed": MessageType("run_failed", dict[str, Any], RunFailedFrame, "to_client", "durable"),
    "run_cancelled": MessageType("run_cancelled", dict[str, Any], RunCancelledFrame, "to_client", "durable"),
    "run_expired": MessageType("run_expired", dict[str, Any], RunExpiredFrame, "to_client", "durable"),
    "answer": MessageType("answer", Answer, AnswerFrame, "both", "durable"),
    "notification": MessageType("notification", Notification, NotificationFrame, "to_client", "durable"),
    "service_status": MessageType("service_status", ServiceStatus, ServiceStatusFrame, "to_client", "latest", key=("service",)),
    "file.list": MessageType("file.list", FileList, FileListFrame, "to_gateway", "durable"),
    "file.stat": MessageType("file.stat", FileStat, FileStatFrame, "to_gateway", "durable"),
    "file.read": MessageType("file.read", FileRead, FileReadFrame, "to_gateway", "durable"),
    "file.write": MessageType("file.write", FileWrite, FileWriteFrame, "to_gateway", "durable"),
    "file.move": MessageType("file.move", FileMove, FileMoveFrame, "to_gateway", "durable"),
    "file.copy": MessageType("file.copy", FileCopy, FileCopyFrame, "to_gateway", "durable"),
    "file.delete": MessageType("file.delete", FileDelete, FileDeleteFrame, "to_gateway", "durable"),
    "file.mkdir": MessageType("file.mkdir", FileMkdir, FileMkdirFrame, "to_gateway", "durable"),
    "file.watch": MessageType("file.watch", FileWatch, FileWatchFrame, "to_gateway", "durable"),
    "file.upload": MessageType("file.upload", FileUpload, FileUploadFrame, "to_gateway", "control"),
    "file.download": MessageType("file.download", FileDownload, FileDownloadFrame, "to_gateway", "control"),
    "file.opened": MessageType("file.opened", FileOpened, FileOpenedFrame, "to_client", "control"),
    "terminal.open": MessageType("terminal.open", TerminalOpen, TerminalOpenFrame, "to_gateway", "control"),
    "terminal.opened": MessageType("terminal.opened", TerminalOpened, TerminalOpenedFrame, "to_client", "control"),
    "terminal.closed": MessageType("terminal.closed", TerminalClosed, TerminalClosedFrame, "to_client", "durable"),
    "command.run": MessageType("command.run", CommandRun, CommandRunFrame, "to_gateway", "durable"),
    "command_output": MessageType("command_output", CommandOutput, CommandOutputFrame, "to_client", "stream", folded="data"),
    "error": MessageType("error", dict[str, Any], ErrorFrame, "to_client", "control"),
    "ping": MessageType("ping", Any, PingFrame, "both", "control"),
    "pong": MessageType("pong", Any, PongFrame, "both", "control"),
    "health_check": MessageType("health_check", dict[str, Any], HealthCheckFrame, "to_gateway", "control"),
    "health_response": MessageType("health_response", HealthResponse, HealthResponseFrame, "to_client", "control"),
    "progress": MessageType("progress", Progress, ProgressFrame, "to_client", "latest", key=("operation",)),
}
"""Every type of the dialect, by its name."""
