"""The message types of dialect `flat`, as msgspec structs.

Generated from protocol/schema/messages/flat.schema.json; change it there, then run `make schema`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from trunkline.messages import _read, _rules, shared
from trunkline.messages._type import MessageType


class UserMessage(shared.FlatFrame, frozen=True, kw_only=True, tag="user_message"):
    """What a person said; the user's other connections see it, too.

    `user_message`: to and from clients; durable.
    """

    message: str = field()
    """The text."""


class AgentMessage(shared.FlatFrame, frozen=True, kw_only=True, tag="agent_message"):
    """An agent's whole message.

    `agent_message`: to clients; durable.
    """

    timestamp: shared.Time = field()
    """When it was made."""
    message: str = field()
    """The text."""


class AgentStreamingMetadataTl(shared.FlatFrameMetadataTl, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    run: str = field()
    """The run it belongs to."""


class AgentStreamingMetadata(shared.FlatFrameMetadata, frozen=True, kw_only=True):
    """A free map; what the gateway adds stands in _tl within it."""

    tl: AgentStreamingMetadataTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class AgentStreaming(shared.FlatFrame, frozen=True, kw_only=True, tag="agent_streaming"):
    """The next piece of an agent's answer; consecutive ones may arrive merged.

    `agent_streaming`: to clients; stream, folded in `message`.
    """

    timestamp: shared.Time = field()
    """When it was made."""
    message: str = field()
    """The next piece of the text."""
    metadata: AgentStreamingMetadata = field()
    """A free map; what the gateway adds stands in _tl within it."""
    is_streaming: Literal[True] = field()
    """Always true."""
    stream_index: shared.Count = field()
    """The place of this piece in its answer, counted from 0 without gaps on each connection."""


class AgentComplete(shared.FlatFrame, frozen=True, kw_only=True, tag="agent_complete"):
    """An agent's answer is whole: message has all of its text, and data the run's result where there is one. A run that was cancelled ends
    so, too, if it had text.

    `agent_complete`: to clients; durable.
    """

    timestamp: shared.Time = field()
    """When it was made."""
    message: str = field()
    """The whole text."""
    status: str | UnsetType = UNSET
    """The gateway writes one of two: cancelled, where the run was cancelled and message is what it had said; cut, where message is not all
    of the text. Left out where the answer is whole.
    """
    is_streaming: Literal[False] | UnsetType = UNSET
    """False, or left out."""


class SystemMessage(shared.FlatFrame, frozen=True, kw_only=True, tag="system_message"):
    """Something that the system says.

    `system_message`: to clients; durable.
    """

    timestamp: shared.Time = field()
    """When it was made."""
    message: str = field()
    """The text."""


class WarningMessage(shared.FlatFrame, frozen=True, kw_only=True, tag="warning_message"):
    """Something that a person should be careful about.

    `warning_message`: to clients; durable.
    """

    timestamp: shared.Time = field()
    """When it was made."""
    message: str = field()
    """The text."""


class ErrorMessageMetadataTl(shared.Wrapper, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    payload: Any = UNSET
    """The whole payload, where it cannot stand beside type."""


class ErrorMessageMetadata(Struct, frozen=True, kw_only=True):
    """A free map; what the gateway adds stands in _tl within it."""

    tl: ErrorMessageMetadataTl | UnsetType = field(default=UNSET, name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class ErrorMessageErrorDetails(Struct, frozen=True, kw_only=True):
    """The envelope's error without its message."""

    code: str
    """The error code as errors.json has it."""
    retryable: bool
    """Whether the same message may succeed later."""
    retry_after_ms: shared.Count | UnsetType = UNSET
    """How long to wait before that, in milliseconds."""
    details: Any = UNSET
    """Anything that helps a program."""
    trace_id: str | UnsetType = UNSET
    """Finds the matching log lines of gateway and worker."""


class ErrorMessage(Struct, frozen=True, kw_only=True, tag_field="type", tag="error_message"):
    """Something went wrong; durable where it answers a durable message, else for this connection alone.

    `error_message`: to clients; durable.
    """

    message_id: shared.MessageId | UnsetType = UNSET
    """The message's id; from a client it is the idempotency key within its session."""
    timestamp: shared.Time
    """When it was made."""
    session_token: str | UnsetType = UNSET
    """The client's credential, for front ends that send it in every message; it is taken out before anybody else sees the message."""
    session_id: str | UnsetType = UNSET
    """Session id."""
    agent: shared.AgentId | UnsetType = UNSET
    """The agent that the message is for, or that it comes from."""
    role: str | UnsetType = UNSET
    """The role in which the agent speaks."""
    pillar: shared.Pillar | UnsetType = UNSET
    """The pillar of a liaison agent."""
    message: str
    """One sentence for people."""
    data: Any = UNSET
    """Content that is more than text."""
    file_uuid: shared.Id | UnsetType = UNSET
    """The file that the message is about."""
    file_name: str | UnsetType = UNSET
    """That file's name."""
    file_url: str | UnsetType = UNSET
    """Where that file can be fetched."""
    metadata: ErrorMessageMetadata | UnsetType = UNSET
    """A free map; what the gateway adds stands in _tl within it."""
    additional_info: dict[str, Any] | Annotated[str, Meta(max_length=0)] | UnsetType = UNSET
    """A free map; some old front ends send an empty text."""
    error_code: shared.ErrorCode
    error_details: ErrorMessageErrorDetails
    """The envelope's error without its message."""
    status: str | UnsetType = UNSET
    """A state, in the words of whoever sends it."""
    progress: shared.Fraction | UnsetType = UNSET
    """How much is done, from 0 to 1."""
    is_streaming: bool | UnsetType = UNSET
    """Whether more of the same answer follows; false where it is left out."""
    stream_index: shared.Count | UnsetType = UNSET
    """The place of this piece in its answer, counted from 0 without gaps on each connection."""


class SessionCreatedDataServer(Struct, frozen=True, kw_only=True):
    """The gateway's program, for logs."""

    name: str
    """Its name."""
    version: str
    """Its version."""


class SessionCreatedData(Struct, frozen=True, kw_only=True):
    """The session, and from where each of its channels is delivered."""

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
    server: SessionCreatedDataServer
    """The gateway's program, for logs."""


class SessionCreated(shared.FlatFrame, frozen=True, kw_only=True, tag="session_created"):
    """The session is open; data has the facts of welcome.

    `session_created`: to clients; control.
    """

    timestamp: shared.Time = field()
    """When it was made."""
    session_id: str = field()
    """Session id."""
    data: SessionCreatedData = field()
    """The session, and from where each of its channels is delivered."""


class SessionUpdated(shared.FlatFrame, frozen=True, kw_only=True, tag="session_updated"):
    """Something about the session changed.

    `session_updated`: to clients; control.
    """

    timestamp: shared.Time = field()
    """When it was made."""
    session_id: str = field()
    """Session id."""
    data: dict[str, Any] | UnsetType = UNSET
    """What is different now."""


class SessionExpired(shared.FlatFrame, frozen=True, kw_only=True, tag="session_expired"):
    """The session that was asked for cannot be had: it has ended, or never was this client's. A new one follows (session_created).

    `session_expired`: to clients; control.
    """

    timestamp: shared.Time = field()
    """When it was made."""
    session_id: str = field()
    """Session id."""


class FileSelected(shared.FlatFrame, frozen=True, kw_only=True, tag="file_selected"):
    """A person chose a file for what follows.

    `file_selected`: from clients; durable.
    """

    file_uuid: shared.Id = field()
    """The file that the message is about."""


class FileProcessing(shared.FlatFrame, frozen=True, kw_only=True, tag="file_processing"):
    """How far the work on a file is.

    `file_processing`: to clients; latest, one value per `file_uuid`.
    """

    timestamp: shared.Time = field()
    """When it was made."""
    file_uuid: shared.Id = field()
    """The file that the message is about."""


class FileComplete(shared.FlatFrame, frozen=True, kw_only=True, tag="file_complete"):
    """The work on a file is done.

    `file_complete`: to clients; durable.
    """

    timestamp: shared.Time = field()
    """When it was made."""
    file_uuid: shared.Id = field()
    """The file that the message is about."""


class FileError(shared.FlatFrame, frozen=True, kw_only=True, tag="file_error"):
    """The work on a file failed.

    `file_error`: to clients; durable.
    """

    timestamp: shared.Time = field()
    """When it was made."""
    message: str = field()
    """Why, for people."""
    file_uuid: shared.Id = field()
    """The file that the message is about."""


class QuestionAnswer(shared.FlatFrame, frozen=True, kw_only=True, tag="question_answer"):
    """An agent's answer to a question about the material.

    `question_answer`: to clients; durable.
    """

    timestamp: shared.Time = field()
    """When it was made."""
    message: str = field()
    """The answer."""


class VisualizationData(shared.FlatFrame, frozen=True, kw_only=True, tag="visualization_data"):
    """Data for a picture.

    `visualization_data`: to clients; durable.
    """

    timestamp: shared.Time = field()
    """When it was made."""
    data: Any = field()
    """What to draw, in the service's own form."""


class AnalysisResult(shared.FlatFrame, frozen=True, kw_only=True, tag="analysis_result"):
    """What an analysis found.

    `analysis_result`: to clients; durable.
    """

    timestamp: shared.Time = field()
    """When it was made."""
    data: Any = field()
    """The findings, in the service's own form."""


class WorkflowGenerated(shared.FlatFrame, frozen=True, kw_only=True, tag="workflow_generated"):
    """A workflow was drawn up.

    `workflow_generated`: to clients; durable.
    """

    timestamp: shared.Time = field()
    """When it was made."""
    data: Any = field()
    """The workflow, in the service's own form."""


class SopGenerated(shared.FlatFrame, frozen=True, kw_only=True, tag="sop_generated"):
    """A standard operating procedure was drawn up.

    `sop_generated`: to clients; durable.
    """

    timestamp: shared.Time = field()
    """When it was made."""
    data: Any = field()
    """The procedure, in the service's own form."""


class StatusUpdate(shared.FlatFrame, frozen=True, kw_only=True, tag="status_update"):
    """A state; only the newest matters.

    `status_update`: to clients; latest.
    """

    timestamp: shared.Time = field()
    """When it was made."""
    status: str = field()
    """A state, in the words of whoever sends it."""


class ProgressUpdate(shared.FlatFrame, frozen=True, kw_only=True, tag="progress_update"):
    """How much is done; only the newest matters.

    `progress_update`: to clients; latest.
    """

    timestamp: shared.Time = field()
    """When it was made."""
    progress: shared.Fraction = field()
    """How much is done, from 0 to 1."""


class Ping(shared.FlatFrame, frozen=True, kw_only=True, tag="ping"):
    """Are you there? The timestamp comes back in the pong.

    `ping`: to and from clients; control.
    """


class Pong(shared.FlatFrame, frozen=True, kw_only=True, tag="pong"):
    """The answer to ping, with its timestamp.

    `pong`: to and from clients; control.
    """


class HelloClient(Struct, frozen=True, kw_only=True):
    """The program, for logs."""

    name: str
    """Its name."""
    version: str
    """Its version."""


class Hello(shared.FlatFrame, frozen=True, kw_only=True, tag="hello"):
    """The client's first message: who it is, and what it has seen of each channel; token and session stand in session_token and session_id.

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


class AckMetadataTl(shared.FlatFrameMetadataTl, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    reply_to: str = field()
    """Id of the message that it answers."""


class AckMetadata(shared.FlatFrameMetadata, frozen=True, kw_only=True):
    """A free map; what the gateway adds stands in _tl within it."""

    tl: AckMetadataTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class Ack(shared.FlatFrame, frozen=True, kw_only=True, tag="ack"):
    """The message is kept, and this is its run.

    `ack`: to clients; control.
    """

    metadata: AckMetadata = field()
    """A free map; what the gateway adds stands in _tl within it."""
    id: shared.MessageId
    """The message's id."""
    level: Literal["accepted", "stored"]
    """How safely it is kept."""
    duplicate: bool | UnsetType = UNSET
    """True where the same message was acknowledged before."""


class CancelMetadataTl(shared.FlatFrameMetadataTl, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    run: str = field()
    """The run it belongs to."""


class CancelMetadata(shared.FlatFrameMetadata, frozen=True, kw_only=True):
    """A free map; what the gateway adds stands in _tl within it."""

    tl: CancelMetadataTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class Cancel(shared.FlatFrame, frozen=True, kw_only=True, tag="cancel"):
    """Stop this run.

    `cancel`: from clients; control.
    """

    metadata: CancelMetadata = field()
    """A free map; what the gateway adds stands in _tl within it."""


class CancelAckMetadataTl(shared.FlatFrameMetadataTl, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    run: str = field()
    """The run it belongs to."""


class CancelAckMetadata(shared.FlatFrameMetadata, frozen=True, kw_only=True):
    """A free map; what the gateway adds stands in _tl within it."""

    tl: CancelAckMetadataTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class CancelAck(shared.FlatFrame, frozen=True, kw_only=True, tag="cancel_ack"):
    """Whether the run is being stopped.

    `cancel_ack`: to clients; control.
    """

    metadata: CancelAckMetadata = field()
    """A free map; what the gateway adds stands in _tl within it."""
    cancelled: bool
    """False where the run is unknown, over or not yours."""


class ResetMetadataTl(shared.FlatFrameMetadataTl, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    channel: str = field()
    """The channel it stands in; on durable messages only."""


class ResetMetadata(shared.FlatFrameMetadata, frozen=True, kw_only=True):
    """A free map; what the gateway adds stands in _tl within it."""

    tl: ResetMetadataTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class Reset(shared.FlatFrame, frozen=True, kw_only=True, tag="reset"):
    """Drop what you have of the channel; it goes on from pos, or without pos is gone.

    `reset`: to clients; control.
    """

    metadata: ResetMetadata = field()
    """A free map; what the gateway adds stands in _tl within it."""
    reason: shared.ResetReason
    pos: shared.Position | UnsetType = UNSET
    """The oldest retained place."""


class GoAway(shared.FlatFrame, frozen=True, kw_only=True, tag="go_away"):
    """Leave, and come back after a random time in this window.

    `go_away`: to clients; control.
    """

    reason: str
    """Why, such as drain."""
    reconnect_min_ms: shared.EnvelopeInteger
    """How long to wait at least. Unit: milliseconds."""
    reconnect_max_ms: shared.EnvelopeInteger
    """How long to wait at most. Unit: milliseconds."""


class RunStartedMetadataTl(shared.FlatFrameMetadataTl, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    channel: str = field()
    """The channel it stands in; on durable messages only."""
    pos: str = field()
    """Its position in the channel."""
    prev: str = field()
    """The position before it."""
    run: str = field()
    """The run it belongs to."""
    reply_to: str = field()
    """Id of the message that it answers."""


class RunStartedMetadata(shared.FlatFrameMetadata, frozen=True, kw_only=True):
    """A free map; what the gateway adds stands in _tl within it."""

    tl: RunStartedMetadataTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class RunStarted(shared.FlatFrame, frozen=True, kw_only=True, tag="run_started"):
    """A run began; its channel is attached from its start.

    `run_started`: to clients; durable.
    """

    session_id: str = field()
    """Session id."""
    metadata: RunStartedMetadata = field()
    """A free map; what the gateway adds stands in _tl within it."""
    service: str
    """The service that runs."""
    channel: str
    """The run's channel."""


class RunEventMetadataTl(shared.FlatFrameMetadataTl, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    channel: str = field()
    """The channel it stands in; on durable messages only."""
    pos: str = field()
    """Its position in the channel."""
    prev: str = field()
    """The position before it."""
    run: str = field()
    """The run it belongs to."""
    seq: shared.EnvelopeInteger = field()
    """First event number of the run that it carries."""


class RunEventMetadata(shared.FlatFrameMetadata, frozen=True, kw_only=True):
    """A free map; what the gateway adds stands in _tl within it."""

    tl: RunEventMetadataTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class RunEvent(shared.FlatFrame, frozen=True, kw_only=True, tag="run_event"):
    """What a service says in a run; consecutive ones with a text may arrive merged.

    `run_event`: to clients; stream, folded in `text`.
    """

    session_id: str = field()
    """Session id."""
    metadata: RunEventMetadata = field()
    """A free map; what the gateway adds stands in _tl within it."""
    text: str | UnsetType = UNSET
    """The next piece of the answer."""


class RunWaitingMetadataTl(shared.FlatFrameMetadataTl, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    channel: str = field()
    """The channel it stands in; on durable messages only."""
    pos: str = field()
    """Its position in the channel."""
    prev: str = field()
    """The position before it."""
    run: str = field()
    """The run it belongs to."""
    seq: shared.EnvelopeInteger = field()
    """First event number of the run that it carries."""


class RunWaitingMetadata(shared.FlatFrameMetadata, frozen=True, kw_only=True):
    """A free map; what the gateway adds stands in _tl within it."""

    tl: RunWaitingMetadataTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class RunWaiting(shared.FlatFrame, frozen=True, kw_only=True, tag="run_waiting"):
    """The run waits for a person; answer goes on with it.

    `run_waiting`: to clients; durable.
    """

    session_id: str = field()
    """Session id."""
    message: str = field()
    """The question, for people."""
    metadata: RunWaitingMetadata = field()
    """A free map; what the gateway adds stands in _tl within it."""
    request_id: shared.Id
    """Names the question in its answer."""
    kind: Literal["approval", "question"]
    """Whether to answer with granted or with value."""
    action: str | UnsetType = UNSET
    """What is to be approved, such as delete_file or install_package."""
    details: dict[str, Any] | UnsetType = UNSET
    """What to show beside the question."""
    choices: Annotated[list[str], Meta(min_length=1)] | UnsetType = UNSET
    """The possible answers, where they are few."""
    expires_at: shared.Time | UnsetType = UNSET
    """When the run ends (run_expired) if nobody has answered."""


class RunCancelledMetadataTl(shared.FlatFrameMetadataTl, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    channel: str = field()
    """The channel it stands in; on durable messages only."""
    pos: str = field()
    """Its position in the channel."""
    prev: str = field()
    """The position before it."""
    run: str = field()
    """The run it belongs to."""
    seq: shared.EnvelopeInteger = field()
    """First event number of the run that it carries."""


class RunCancelledMetadata(shared.FlatFrameMetadata, frozen=True, kw_only=True):
    """A free map; what the gateway adds stands in _tl within it."""

    tl: RunCancelledMetadataTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class RunCancelled(shared.FlatFrame, frozen=True, kw_only=True, tag="run_cancelled"):
    """The run was stopped; last in its channel.

    `run_cancelled`: to clients; durable.
    """

    session_id: str = field()
    """Session id."""
    metadata: RunCancelledMetadata = field()
    """A free map; what the gateway adds stands in _tl within it."""


class AnswerMetadataTl(shared.FlatFrameMetadataTl, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    run: str = field()
    """The run it belongs to."""


class AnswerMetadata(shared.FlatFrameMetadata, frozen=True, kw_only=True):
    """A free map; what the gateway adds stands in _tl within it."""

    tl: AnswerMetadataTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class Answer(shared.FlatFrame, frozen=True, kw_only=True, tag="answer"):
    """A person's answer to a waiting run; in the run's channel, the one that counts.

    `answer`: to and from clients; durable.
    """

    message: str | UnsetType = UNSET
    """A word beside it, for the record."""
    metadata: AnswerMetadata = field()
    """A free map; what the gateway adds stands in _tl within it."""
    request_id: shared.Id
    """The question, from run_waiting."""
    granted: bool | UnsetType = UNSET
    """Whether the approval is given."""
    value: Any = UNSET
    """The answer to a question."""
    by: str | UnsetType = UNSET
    """Who answered, where that is known; the gateway says it."""

    def __post_init__(self) -> None:
        """Raises ValueError where a rule about several fields is broken."""
        _rules.at_least_one(self, "granted", "value")


Frame = (
    UserMessage
    | AgentMessage
    | AgentStreaming
    | AgentComplete
    | SystemMessage
    | WarningMessage
    | ErrorMessage
    | SessionCreated
    | SessionUpdated
    | SessionExpired
    | FileSelected
    | FileProcessing
    | FileComplete
    | FileError
    | QuestionAnswer
    | VisualizationData
    | AnalysisResult
    | WorkflowGenerated
    | SopGenerated
    | StatusUpdate
    | ProgressUpdate
    | Ping
    | Pong
    | Hello
    | Ack
    | Cancel
    | CancelAck
    | Reset
    | GoAway
    | RunStarted
    | RunEvent
    | RunWaiting
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
    "user_message": MessageType("user_message", UserMessage, UserMessage, "both", "durable"),
    "agent_message": MessageType("agent_message", AgentMessage, AgentMessage, "to_client", "durable"),
    "agent_streaming": MessageType("agent_streaming", AgentStreaming, AgentStreaming, "to_client", "stream", folded="message"),
    "agent_complete": MessageType("agent_complete", AgentComplete, AgentComplete, "to_client", "durable"),
    "system_message": MessageType("system_message", SystemMessage, SystemMessage, "to_client", "durable"),
    "warning_message": MessageType("warning_message", WarningMessage, WarningMessage, "to_client", "durable"),
    "error_message": MessageType("error_message", ErrorMessage, ErrorMessage, "to_client", "durable"),
    "session_created": MessageType("session_created", SessionCreated, SessionCreated, "to_client", "control"),
    "session_updated": MessageType("session_updated", SessionUpdated, SessionUpdated, "to_client", "control"),
    "session_expired": MessageType("session_expired", SessionExpired, SessionExpired, "to_client", "control"),
    "file_selected": MessageType("file_selected", FileSelected, FileSelected, "to_gateway", "durable"),
    "file_processing": MessageType("file_processing", FileProcessing, FileProcessing, "to_client", "latest", key=("file_uuid",)),
    "file_complete": MessageType("file_complete", FileComplete, FileComplete, "to_client", "durable"),
    "file_error": MessageType("file_error", FileError, FileError, "to_client", "durable"),
    "question_answer": MessageType("question_answer", QuestionAnswer, QuestionAnswer, "to_client", "durable"),
    "visualization_data": MessageType("visualization_data", VisualizationData, VisualizationData, "to_client", "durable"),
    "analysis_result": MessageType("analysis_result", AnalysisResult, AnalysisResult, "to_client", "durable"),
    "workflow_generated": MessageType("workflow_generated", WorkflowGenerated, WorkflowGenerated, "to_client", "durable"),
    "sop_generated": MessageType("sop_generated", SopGenerated, SopGenerated, "to_client", "durable"),
    "status_update": MessageType("status_update", StatusUpdate, StatusUpdate, "to_client", "latest"),
    "progress_update": MessageType("progress_update", ProgressUpdate, ProgressUpdate, "to_client", "latest"),
    "ping": MessageType("ping", Ping, Ping, "both", "control"),
    "pong": MessageType("pong", Pong, Pong, "both", "control"),
    "hello": MessageType("hello", Hello, Hello, "to_gateway", "control"),
    "ack": MessageType("ack", Ack, Ack, "to_client", "control"),
    "cancel": MessageType("cancel", Cancel, Cancel, "to_gateway", "control"),
    "cancel_ack": MessageType("cancel_ack", CancelAck, CancelAck, "to_client", "control"),
    "reset": MessageType("reset", Reset, Reset, "to_client", "control"),
    "go_away": MessageType("go_away", GoAway, GoAway, "to_client", "control"),
    "run_started": MessageType("run_started", RunStarted, RunStarted, "to_client", "durable"),
    "run_event": MessageType("run_event", RunEvent, RunEvent, "to_client", "stream", folded="text"),
    "run_waiting": MessageType("run_waiting", RunWaiting, RunWaiting, "to_client", "durable"),
    "run_cancelled": MessageType("run_cancelled", RunCancelled, RunCancelled, "to_client", "durable"),
    "answer": MessageType("answer", Answer, Answer, "both", "durable"),
}
"""Every type of the dialect, by its name."""
