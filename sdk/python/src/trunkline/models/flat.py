"""The message types of dialect `flat`, as pydantic models.

Generated from protocol/schema/messages/flat.schema.json; change it there, then run `make schema`.
"""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import ConfigDict, Field, TypeAdapter, model_validator

from trunkline.messages import _rules
from trunkline.models import shared
from trunkline.models._base import NOT_NULL, STRICT, Model, read


class UserMessage(shared.FlatFrame, frozen=True):
    """What a person said; the user's other connections see it, too.

    `user_message`: to and from clients; durable.
    """

    type: Literal["user_message"] = "user_message"
    message: str = Field()
    """The text."""


class AgentMessage(shared.FlatFrame, frozen=True):
    """An agent's whole message.

    `agent_message`: to clients; durable.
    """

    type: Literal["agent_message"] = "agent_message"
    timestamp: shared.Time = Field()
    """When it was made."""
    message: str = Field()
    """The text."""


class AgentStreamingMetadataTl(shared.FlatFrameMetadataTl, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    run: str = Field()
    """The run it belongs to."""


class AgentStreamingMetadata(shared.FlatFrameMetadata, frozen=True):
    """A free map; what the gateway adds stands in _tl within it."""

    tl: AgentStreamingMetadataTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class AgentStreaming(shared.FlatFrame, frozen=True):
    """The next piece of an agent's answer; consecutive ones may arrive merged.

    `agent_streaming`: to clients; stream, folded in `message`.
    """

    type: Literal["agent_streaming"] = "agent_streaming"
    timestamp: shared.Time = Field()
    """When it was made."""
    message: str = Field()
    """The next piece of the text."""
    metadata: AgentStreamingMetadata = Field()
    """A free map; what the gateway adds stands in _tl within it."""
    is_streaming: Annotated[Literal[True], STRICT] = Field()
    """Always true."""
    stream_index: shared.Count = Field()
    """The place of this piece in its answer, counted from 0 without gaps on each connection."""


class AgentComplete(shared.FlatFrame, frozen=True):
    """An agent's answer is whole: message has all of its text, and data the run's result where there is one. A run that was cancelled ends
    so, too, if it had text.

    `agent_complete`: to clients; durable.
    """

    type: Literal["agent_complete"] = "agent_complete"
    timestamp: shared.Time = Field()
    """When it was made."""
    message: str = Field()
    """The whole text."""
    status: Annotated[str | None, NOT_NULL] = None
    """The gateway writes one of two: cancelled, where the run was cancelled and message is what it had said; cut, where message is not all
    of the text. Left out where the answer is whole.
    """
    is_streaming: Annotated[Annotated[Literal[False], STRICT] | None, NOT_NULL] = None
    """False, or left out."""


class SystemMessage(shared.FlatFrame, frozen=True):
    """Something that the system says.

    `system_message`: to clients; durable.
    """

    type: Literal["system_message"] = "system_message"
    timestamp: shared.Time = Field()
    """When it was made."""
    message: str = Field()
    """The text."""


class WarningMessage(shared.FlatFrame, frozen=True):
    """Something that a person should be careful about.

    `warning_message`: to clients; durable.
    """

    type: Literal["warning_message"] = "warning_message"
    timestamp: shared.Time = Field()
    """When it was made."""
    message: str = Field()
    """The text."""


class ErrorMessageMetadataTl(shared.Wrapper, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    payload: Any = None
    """The whole payload, where it cannot stand beside type."""


class ErrorMessageMetadata(Model, frozen=True):
    """A free map; what the gateway adds stands in _tl within it."""

    tl: Annotated[ErrorMessageMetadataTl | None, NOT_NULL] = Field(default=None, validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class ErrorMessageErrorDetails(Model, frozen=True):
    """The envelope's error without its message."""

    code: str
    """The error code as errors.json has it."""
    retryable: bool
    """Whether the same message may succeed later."""
    retry_after_ms: Annotated[shared.Count | None, NOT_NULL] = None
    """How long to wait before that, in milliseconds."""
    details: Any = None
    """Anything that helps a program."""
    trace_id: Annotated[str | None, NOT_NULL] = None
    """Finds the matching log lines of gateway and worker."""


class ErrorMessage(Model, frozen=True):
    """Something went wrong; durable where it answers a durable message, else for this connection alone.

    `error_message`: to clients; durable.
    """

    type: Literal["error_message"] = "error_message"
    message_id: Annotated[shared.MessageId | None, NOT_NULL] = None
    """The message's id; from a client it is the idempotency key within its session."""
    timestamp: shared.Time
    """When it was made."""
    session_token: Annotated[str | None, NOT_NULL] = None
    """The client's credential, for front ends that send it in every message; it is taken out before anybody else sees the message."""
    session_id: Annotated[str | None, NOT_NULL] = None
    """Session id."""
    agent: Annotated[shared.AgentId | None, NOT_NULL] = None
    """The agent that the message is for, or that it comes from."""
    role: Annotated[str | None, NOT_NULL] = None
    """The role in which the agent speaks."""
    pillar: Annotated[shared.Pillar | None, NOT_NULL] = None
    """The pillar of a liaison agent."""
    message: str
    """One sentence for people."""
    data: Any = None
    """Content that is more than text."""
    file_uuid: Annotated[shared.Id | None, NOT_NULL] = None
    """The file that the message is about."""
    file_name: Annotated[str | None, NOT_NULL] = None
    """That file's name."""
    file_url: Annotated[str | None, NOT_NULL] = None
    """Where that file can be fetched."""
    metadata: Annotated[ErrorMessageMetadata | None, NOT_NULL] = None
    """A free map; what the gateway adds stands in _tl within it."""
    additional_info: Annotated[dict[str, Any] | Annotated[str, Field(max_length=0)] | None, NOT_NULL] = None
    """A free map; some old front ends send an empty text."""
    error_code: shared.ErrorCode
    error_details: ErrorMessageErrorDetails
    """The envelope's error without its message."""
    status: Annotated[str | None, NOT_NULL] = None
    """A state, in the words of whoever sends it."""
    progress: Annotated[shared.Fraction | None, NOT_NULL] = None
    """How much is done, from 0 to 1."""
    is_streaming: Annotated[bool | None, NOT_NULL] = None
    """Whether more of the same answer follows; false where it is left out."""
    stream_index: Annotated[shared.Count | None, NOT_NULL] = None
    """The place of this piece in its answer, counted from 0 without gaps on each connection."""


class SessionCreatedDataServer(Model, frozen=True):
    """The gateway's program, for logs."""

    name: str
    """Its name."""
    version: str
    """Its version."""


class SessionCreatedData(Model, frozen=True):
    """The session, and from where each of its channels is delivered."""

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
    server: SessionCreatedDataServer
    """The gateway's program, for logs."""


class SessionCreated(shared.FlatFrame, frozen=True):
    """The session is open; data has the facts of welcome.

    `session_created`: to clients; control.
    """

    type: Literal["session_created"] = "session_created"
    timestamp: shared.Time = Field()
    """When it was made."""
    session_id: str = Field()
    """Session id."""
    data: SessionCreatedData = Field()
    """The session, and from where each of its channels is delivered."""


class SessionUpdated(shared.FlatFrame, frozen=True):
    """Something about the session changed.

    `session_updated`: to clients; control.
    """

    type: Literal["session_updated"] = "session_updated"
    timestamp: shared.Time = Field()
    """When it was made."""
    session_id: str = Field()
    """Session id."""
    data: Annotated[dict[str, Any] | None, NOT_NULL] = None
    """What is different now."""


class SessionExpired(shared.FlatFrame, frozen=True):
    """The session that was asked for cannot be had: it has ended, or never was this client's. A new one follows (session_created).

    `session_expired`: to clients; control.
    """

    type: Literal["session_expired"] = "session_expired"
    timestamp: shared.Time = Field()
    """When it was made."""
    session_id: str = Field()
    """Session id."""


class FileSelected(shared.FlatFrame, frozen=True):
    """A person chose a file for what follows.

    `file_selected`: from clients; durable.
    """

    type: Literal["file_selected"] = "file_selected"
    file_uuid: shared.Id = Field()
    """The file that the message is about."""


class FileProcessing(shared.FlatFrame, frozen=True):
    """How far the work on a file is.

    `file_processing`: to clients; latest, one value per `file_uuid`.
    """

    type: Literal["file_processing"] = "file_processing"
    timestamp: shared.Time = Field()
    """When it was made."""
    file_uuid: shared.Id = Field()
    """The file that the message is about."""


class FileComplete(shared.FlatFrame, frozen=True):
    """The work on a file is done.

    `file_complete`: to clients; durable.
    """

    type: Literal["file_complete"] = "file_complete"
    timestamp: shared.Time = Field()
    """When it was made."""
    file_uuid: shared.Id = Field()
    """The file that the message is about."""


class FileError(shared.FlatFrame, frozen=True):
    """The work on a file failed.

    `file_error`: to clients; durable.
    """

    type: Literal["file_error"] = "file_error"
    timestamp: shared.Time = Field()
    """When it was made."""
    message: str = Field()
    """Why, for people."""
    file_uuid: shared.Id = Field()
    """The file that the message is about."""


class QuestionAnswer(shared.FlatFrame, frozen=True):
    """An agent's answer to a question about the material.

    `question_answer`: to clients; durable.
    """

    type: Literal["question_answer"] = "question_answer"
    timestamp: shared.Time = Field()
    """When it was made."""
    message: str = Field()
    """The answer."""


class VisualizationData(shared.FlatFrame, frozen=True):
    """Data for a picture.

    `visualization_data`: to clients; durable.
    """

    type: Literal["visualization_data"] = "visualization_data"
    timestamp: shared.Time = Field()
    """When it was made."""
    data: Any = Field()
    """What to draw, in the service's own form."""


class AnalysisResult(shared.FlatFrame, frozen=True):
    """What an analysis found.

    `analysis_result`: to clients; durable.
    """

    type: Literal["analysis_result"] = "analysis_result"
    timestamp: shared.Time = Field()
    """When it was made."""
    data: Any = Field()
    """The findings, in the service's own form."""


class WorkflowGenerated(shared.FlatFrame, frozen=True):
    """A workflow was drawn up.

    `workflow_generated`: to clients; durable.
    """

    type: Literal["workflow_generated"] = "workflow_generated"
    timestamp: shared.Time = Field()
    """When it was made."""
    data: Any = Field()
    """The workflow, in the service's own form."""


class SopGenerated(shared.FlatFrame, frozen=True):
    """A standard operating procedure was drawn up.

    `sop_generated`: to clients; durable.
    """

    type: Literal["sop_generated"] = "sop_generated"
    timestamp: shared.Time = Field()
    """When it was made."""
    data: Any = Field()
    """The procedure, in the service's own form."""


class StatusUpdate(shared.FlatFrame, frozen=True):
    """A state; only the newest matters.

    `status_update`: to clients; latest.
    """

    type: Literal["status_update"] = "status_update"
    timestamp: shared.Time = Field()
    """When it was made."""
    status: str = Field()
    """A state, in the words of whoever sends it."""


class ProgressUpdate(shared.FlatFrame, frozen=True):
    """How much is done; only the newest matters.

    `progress_update`: to clients; latest.
    """

    type: Literal["progress_update"] = "progress_update"
    timestamp: shared.Time = Field()
    """When it was made."""
    progress: shared.Fraction = Field()
    """How much is done, from 0 to 1."""


class Ping(shared.FlatFrame, frozen=True):
    """Are you there? The timestamp comes back in the pong.

    `ping`: to and from clients; control.
    """

    type: Literal["ping"] = "ping"


class Pong(shared.FlatFrame, frozen=True):
    """The answer to ping, with its timestamp.

    `pong`: to and from clients; control.
    """

    type: Literal["pong"] = "pong"


class HelloClient(Model, frozen=True):
    """The program, for logs."""

    name: str
    """Its name."""
    version: str
    """Its version."""


class Hello(shared.FlatFrame, frozen=True):
    """The client's first message: who it is, and what it has seen of each channel; token and session stand in session_token and session_id.

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


class AckMetadataTl(shared.FlatFrameMetadataTl, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    reply_to: str = Field()
    """Id of the message that it answers."""


class AckMetadata(shared.FlatFrameMetadata, frozen=True):
    """A free map; what the gateway adds stands in _tl within it."""

    tl: AckMetadataTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class Ack(shared.FlatFrame, frozen=True):
    """The message is kept, and this is its run.

    `ack`: to clients; control.
    """

    type: Literal["ack"] = "ack"
    metadata: AckMetadata = Field()
    """A free map; what the gateway adds stands in _tl within it."""
    id: shared.MessageId
    """The message's id."""
    level: Literal["accepted", "stored"]
    """How safely it is kept."""
    duplicate: Annotated[bool | None, NOT_NULL] = None
    """True where the same message was acknowledged before."""


class CancelMetadataTl(shared.FlatFrameMetadataTl, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    run: str = Field()
    """The run it belongs to."""


class CancelMetadata(shared.FlatFrameMetadata, frozen=True):
    """A free map; what the gateway adds stands in _tl within it."""

    tl: CancelMetadataTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class Cancel(shared.FlatFrame, frozen=True):
    """Stop this run.

    `cancel`: from clients; control.
    """

    type: Literal["cancel"] = "cancel"
    metadata: CancelMetadata = Field()
    """A free map; what the gateway adds stands in _tl within it."""


class CancelAckMetadataTl(shared.FlatFrameMetadataTl, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    run: str = Field()
    """The run it belongs to."""


class CancelAckMetadata(shared.FlatFrameMetadata, frozen=True):
    """A free map; what the gateway adds stands in _tl within it."""

    tl: CancelAckMetadataTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class CancelAck(shared.FlatFrame, frozen=True):
    """Whether the run is being stopped.

    `cancel_ack`: to clients; control.
    """

    type: Literal["cancel_ack"] = "cancel_ack"
    metadata: CancelAckMetadata = Field()
    """A free map; what the gateway adds stands in _tl within it."""
    cancelled: bool
    """False where the run is unknown, over or not yours."""


class ResetMetadataTl(shared.FlatFrameMetadataTl, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    channel: str = Field()
    """The channel it stands in; on durable messages only."""


class ResetMetadata(shared.FlatFrameMetadata, frozen=True):
    """A free map; what the gateway adds stands in _tl within it."""

    tl: ResetMetadataTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class Reset(shared.FlatFrame, frozen=True):
    """Drop what you have of the channel; it goes on from pos, or without pos is gone.

    `reset`: to clients; control.
    """

    type: Literal["reset"] = "reset"
    metadata: ResetMetadata = Field()
    """A free map; what the gateway adds stands in _tl within it."""
    reason: shared.ResetReason
    pos: Annotated[shared.Position | None, NOT_NULL] = None
    """The oldest retained place."""


class GoAway(shared.FlatFrame, frozen=True):
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


class RunStartedMetadataTl(shared.FlatFrameMetadataTl, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    channel: str = Field()
    """The channel it stands in; on durable messages only."""
    pos: str = Field()
    """Its position in the channel."""
    prev: str = Field()
    """The position before it."""
    run: str = Field()
    """The run it belongs to."""
    reply_to: str = Field()
    """Id of the message that it answers."""


class RunStartedMetadata(shared.FlatFrameMetadata, frozen=True):
    """A free map; what the gateway adds stands in _tl within it."""

    tl: RunStartedMetadataTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class RunStarted(shared.FlatFrame, frozen=True):
    """A run began; its channel is attached from its start.

    `run_started`: to clients; durable.
    """

    type: Literal["run_started"] = "run_started"
    session_id: str = Field()
    """Session id."""
    metadata: RunStartedMetadata = Field()
    """A free map; what the gateway adds stands in _tl within it."""
    service: str
    """The service that runs."""
    channel: str
    """The run's channel."""


class RunEventMetadataTl(shared.FlatFrameMetadataTl, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    channel: str = Field()
    """The channel it stands in; on durable messages only."""
    pos: str = Field()
    """Its position in the channel."""
    prev: str = Field()
    """The position before it."""
    run: str = Field()
    """The run it belongs to."""
    seq: shared.EnvelopeInteger = Field()
    """First event number of the run that it carries."""


class RunEventMetadata(shared.FlatFrameMetadata, frozen=True):
    """A free map; what the gateway adds stands in _tl within it."""

    tl: RunEventMetadataTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class RunEvent(shared.FlatFrame, frozen=True):
    """What a service says in a run; consecutive ones with a text may arrive merged.

    `run_event`: to clients; stream, folded in `text`.
    """

    type: Literal["run_event"] = "run_event"
    session_id: str = Field()
    """Session id."""
    metadata: RunEventMetadata = Field()
    """A free map; what the gateway adds stands in _tl within it."""
    text: Annotated[str | None, NOT_NULL] = None
    """The next piece of the answer."""


class RunWaitingMetadataTl(shared.FlatFrameMetadataTl, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    channel: str = Field()
    """The channel it stands in; on durable messages only."""
    pos: str = Field()
    """Its position in the channel."""
    prev: str = Field()
    """The position before it."""
    run: str = Field()
    """The run it belongs to."""
    seq: shared.EnvelopeInteger = Field()
    """First event number of the run that it carries."""


class RunWaitingMetadata(shared.FlatFrameMetadata, frozen=True):
    """A free map; what the gateway adds stands in _tl within it."""

    tl: RunWaitingMetadataTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class RunWaiting(shared.FlatFrame, frozen=True):
    """The run waits for a person; answer goes on with it.

    `run_waiting`: to clients; durable.
    """

    type: Literal["run_waiting"] = "run_waiting"
    session_id: str = Field()
    """Session id."""
    message: str = Field()
    """The question, for people."""
    metadata: RunWaitingMetadata = Field()
    """A free map; what the gateway adds stands in _tl within it."""
    request_id: shared.Id
    """Names the question in its answer."""
    kind: Literal["approval", "question"]
    """Whether to answer with granted or with value."""
    action: Annotated[str | None, NOT_NULL] = None
    """What is to be approved, such as delete_file or install_package."""
    details: Annotated[dict[str, Any] | None, NOT_NULL] = None
    """What to show beside the question."""
    choices: Annotated[Annotated[list[str], Field(min_length=1)] | None, NOT_NULL] = None
    """The possible answers, where they are few."""
    expires_at: Annotated[shared.Time | None, NOT_NULL] = None
    """When the run ends (run_expired) if nobody has answered."""


class RunCancelledMetadataTl(shared.FlatFrameMetadataTl, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    channel: str = Field()
    """The channel it stands in; on durable messages only."""
    pos: str = Field()
    """Its position in the channel."""
    prev: str = Field()
    """The position before it."""
    run: str = Field()
    """The run it belongs to."""
    seq: shared.EnvelopeInteger = Field()
    """First event number of the run that it carries."""


class RunCancelledMetadata(shared.FlatFrameMetadata, frozen=True):
    """A free map; what the gateway adds stands in _tl within it."""

    tl: RunCancelledMetadataTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class RunCancelled(shared.FlatFrame, frozen=True):
    """The run was stopped; last in its channel.

    `run_cancelled`: to clients; durable.
    """

    type: Literal["run_cancelled"] = "run_cancelled"
    session_id: str = Field()
    """Session id."""
    metadata: RunCancelledMetadata = Field()
    """A free map; what the gateway adds stands in _tl within it."""


class AnswerMetadataTl(shared.FlatFrameMetadataTl, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    run: str = Field()
    """The run it belongs to."""


class AnswerMetadata(shared.FlatFrameMetadata, frozen=True):
    """A free map; what the gateway adds stands in _tl within it."""

    tl: AnswerMetadataTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class Answer(shared.FlatFrame, frozen=True):
    """A person's answer to a waiting run; in the run's channel, the one that counts.

    `answer`: to and from clients; durable.
    """

    type: Literal["answer"] = "answer"
    message: Annotated[str | None, NOT_NULL] = None
    """A word beside it, for the record."""
    metadata: AnswerMetadata = Field()
    """A free map; what the gateway adds stands in _tl within it."""
    request_id: shared.Id
    """The question, from run_waiting."""
    granted: Annotated[bool | None, NOT_NULL] = None
    """Whether the approval is given."""
    value: Any = None
    """The answer to a question."""
    by: Annotated[str | None, NOT_NULL] = None
    """Who answered, where that is known; the gateway says it."""

    @model_validator(mode="after")
    def _keep_rules_of_answer(self) -> Self:
        _rules.at_least_one(self, "granted", "value")
        return self


Frame = Annotated[
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
