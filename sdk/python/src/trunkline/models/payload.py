"""The message types of dialect `payload`, as pydantic models.

Generated from protocol/schema/messages/payload.schema.json; change it there, then run `make schema`.
"""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import ConfigDict, Field, TypeAdapter, model_validator

from trunkline.messages import _rules
from trunkline.models import shared
from trunkline.models._base import NOT_NULL, Model, read


class Envelope(Model, frozen=True):
    """What stands beside the content of every message."""

    tl: Annotated[shared.Wrapper | None, NOT_NULL] = Field(default=None, validation_alias="_tl", serialization_alias="_tl")


class ConnectionEstablished(shared.Opening, frozen=True):
    """The greeting: the connection is open.

    `connection_established`: to clients; control.
    """

    message: str
    """A sentence for people."""


class ConnectionEstablishedFrame(Envelope, frozen=True):
    """`connection_established` on the wire."""

    type: Literal["connection_established"] = "connection_established"
    payload: ConnectionEstablished


class Ping(Model, frozen=True):
    """Are you there? The payload comes back in the pong.

    `ping`: to and from clients; control.
    """

    timestamp: Annotated[shared.ClientTime | None, NOT_NULL] = None
    """When the ping was sent, by the sender's clock."""


class PingFrame(Envelope, frozen=True):
    """`ping` on the wire."""

    type: Literal["ping"] = "ping"
    payload: Annotated[Ping | None, NOT_NULL] = None


class Pong(Model, frozen=True):
    """The answer to ping, with its payload.

    `pong`: to and from clients; control.
    """

    timestamp: Annotated[shared.ClientTime | None, NOT_NULL] = None
    """When the ping was sent, by the sender's clock."""


class PongFrame(Envelope, frozen=True):
    """`pong` on the wire."""

    type: Literal["pong"] = "pong"
    payload: Annotated[Pong | None, NOT_NULL] = None


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
    timestamp: shared.Time
    """When that was so."""


class HealthResponseFrame(Envelope, frozen=True):
    """`health_response` on the wire."""

    type: Literal["health_response"] = "health_response"
    payload: HealthResponse


class UserMessage(Model, frozen=True):
    """What a person said; the user's other connections see it, too.

    `user_message`: to and from clients; durable.
    """

    message: str
    """The text."""
    chat_id: Annotated[shared.Id | None, NOT_NULL] = None
    """The conversation, as the application names it."""
    timestamp: Annotated[shared.ClientTime | None, NOT_NULL] = None


class UserMessageFrame(Envelope, frozen=True):
    """`user_message` on the wire."""

    type: Literal["user_message"] = "user_message"
    payload: UserMessage


class LlmResponse(Model, frozen=True):
    """A language model's whole answer.

    `llm_response`: to clients; durable.
    """

    response: str
    """The text."""
    chat_id: shared.Id
    """The conversation, as the application names it."""
    model: shared.Name
    """The model."""
    processing_time: shared.Seconds
    """How long it took, in seconds."""


class LlmResponseFrame(Envelope, frozen=True):
    """`llm_response` on the wire."""

    type: Literal["llm_response"] = "llm_response"
    payload: LlmResponse


class GoalReceived(Model, frozen=True):
    """A goal was understood as one.

    `goal_received`: to clients; durable.
    """

    goal: str
    """The goal, in the person's words."""


class GoalReceivedFrame(Envelope, frozen=True):
    """`goal_received` on the wire."""

    type: Literal["goal_received"] = "goal_received"
    payload: GoalReceived


class PlanReady(Model, frozen=True):
    """A plan for the goal.

    `plan_ready`: to clients; durable.
    """

    llm_response: str
    """The plan in the model's words."""
    steps: list[str]
    """What will be done, in order."""


class PlanReadyFrame(Envelope, frozen=True):
    """`plan_ready` on the wire."""

    type: Literal["plan_ready"] = "plan_ready"
    payload: PlanReady


class GoalCompletedResults(Model, frozen=True):
    """What came of it."""

    status: str
    """How it ended, such as success."""
    output: str
    """What it came to, for people."""
    metrics: dict[str, Any]
    """Figures of any kind."""


class GoalCompleted(Model, frozen=True):
    """The goal was reached, or given up.

    `goal_completed`: to clients; durable.
    """

    results: GoalCompletedResults
    """What came of it."""


class GoalCompletedFrame(Envelope, frozen=True):
    """`goal_completed` on the wire."""

    type: Literal["goal_completed"] = "goal_completed"
    payload: GoalCompleted


class CommandExecutionStart(Model, frozen=True):
    """A command begins.

    `command_execution_start`: to clients; durable.
    """

    command: str
    """The command line, for people."""
    execution_id: shared.Id
    """Names this execution in its output and end."""


class CommandExecutionStartFrame(Envelope, frozen=True):
    """`command_execution_start` on the wire."""

    type: Literal["command_execution_start"] = "command_execution_start"
    payload: CommandExecutionStart


class CommandExecutionEnd(Model, frozen=True):
    """A command ended.

    `command_execution_end`: to clients; durable.
    """

    execution_id: shared.Id
    """The execution, from command_execution_start."""
    status: Literal["success", "failed"]
    """Whether it succeeded."""
    output: str
    """What it wrote, cut where it is long."""
    exit_code: shared.Integer
    """Its exit code; negative for a signal."""
    error: Annotated[str | None, NOT_NULL] = None
    """Why it failed."""


class CommandExecutionEndFrame(Envelope, frozen=True):
    """`command_execution_end` on the wire."""

    type: Literal["command_execution_end"] = "command_execution_end"
    payload: CommandExecutionEnd


class WorkflowStepStarted(Model, frozen=True):
    """A step of a workflow begins.

    `workflow_step_started`: to clients; durable.
    """

    workflow_id: shared.Id
    """The workflow."""
    description: str
    """What the step does."""
    step_number: shared.Ordinal
    """Which step, from 1."""
    total_steps: shared.Count
    """How many steps there are."""


class WorkflowStepStartedFrame(Envelope, frozen=True):
    """`workflow_step_started` on the wire."""

    type: Literal["workflow_step_started"] = "workflow_step_started"
    payload: WorkflowStepStarted


class WorkflowStepCompleted(Model, frozen=True):
    """A step of a workflow is done.

    `workflow_step_completed`: to clients; durable.
    """

    workflow_id: shared.Id
    """The workflow."""
    description: str
    """What the step does."""
    result: str
    """What came of it, for people."""
    step_number: shared.Ordinal
    """Which step, from 1."""
    total_steps: shared.Count
    """How many steps there are."""


class WorkflowStepCompletedFrame(Envelope, frozen=True):
    """`workflow_step_completed` on the wire."""

    type: Literal["workflow_step_completed"] = "workflow_step_completed"
    payload: WorkflowStepCompleted


class WorkflowApprovalRequired(Model, frozen=True):
    """A workflow waits for workflow_approval.

    `workflow_approval_required`: to clients; durable.
    """

    workflow_id: shared.Id
    """The workflow."""
    description: str
    """What is to be approved, for people."""
    action: str
    """What is to be approved, for programs, such as delete_file, install_package or modify_config."""
    details: dict[str, Any]
    """What to show beside the question."""


class WorkflowApprovalRequiredFrame(Envelope, frozen=True):
    """`workflow_approval_required` on the wire."""

    type: Literal["workflow_approval_required"] = "workflow_approval_required"
    payload: WorkflowApprovalRequired


class WorkflowApproval(Model, frozen=True):
    """The answer to workflow_approval_required.

    `workflow_approval`: from clients; durable.
    """

    workflow_id: shared.Id
    """The workflow."""
    approved: bool
    """Whether it may go on."""
    message: Annotated[str | None, NOT_NULL] = None
    """A word beside it, for the record."""


class WorkflowApprovalFrame(Envelope, frozen=True):
    """`workflow_approval` on the wire."""

    type: Literal["workflow_approval"] = "workflow_approval"
    payload: WorkflowApproval


class WorkflowCancel(Model, frozen=True):
    """Stop the workflow.

    `workflow_cancel`: from clients; durable.
    """

    workflow_id: shared.Id
    """The workflow."""
    reason: Annotated[str | None, NOT_NULL] = None
    """Why, for the record."""


class WorkflowCancelFrame(Envelope, frozen=True):
    """`workflow_cancel` on the wire."""

    type: Literal["workflow_cancel"] = "workflow_cancel"
    payload: WorkflowCancel


class WorkflowCompleted(Model, frozen=True):
    """A workflow is done.

    `workflow_completed`: to clients; durable.
    """

    workflow_id: shared.Id
    """The workflow."""
    total_steps: shared.Count
    """How many steps it had."""
    execution_time: shared.Seconds
    """How long it took, in seconds."""
    results: dict[str, Any]
    """What came of it."""


class WorkflowCompletedFrame(Envelope, frozen=True):
    """`workflow_completed` on the wire."""

    type: Literal["workflow_completed"] = "workflow_completed"
    payload: WorkflowCompleted


class WorkflowFailed(Model, frozen=True):
    """A workflow failed.

    `workflow_failed`: to clients; durable.
    """

    workflow_id: shared.Id
    """The workflow."""
    error: str
    """Why, for people."""
    failed_step: shared.Count
    """The step that failed, from 1; 0 where none had begun."""
    total_steps: shared.Count
    """How many steps it had."""


class WorkflowFailedFrame(Envelope, frozen=True):
    """`workflow_failed` on the wire."""

    type: Literal["workflow_failed"] = "workflow_failed"
    payload: WorkflowFailed


class WorkflowCancelled(Model, frozen=True):
    """A workflow was stopped.

    `workflow_cancelled`: to clients; durable.
    """

    workflow_id: shared.Id
    """The workflow."""
    cancelled_at_step: shared.Count
    """The step that it had come to, from 1; 0 where none had begun."""
    total_steps: shared.Count
    """How many steps it had."""


class WorkflowCancelledFrame(Envelope, frozen=True):
    """`workflow_cancelled` on the wire."""

    type: Literal["workflow_cancelled"] = "workflow_cancelled"
    payload: WorkflowCancelled


class Error(shared.PayloadError, frozen=True):
    """Something went wrong; durable where it answers a durable message, else for this connection alone.

    `error`: to clients; durable.
    """


class ErrorFrame(Envelope, frozen=True):
    """`error` on the wire."""

    type: Literal["error"] = "error"
    payload: Error


class Progress(Model, frozen=True):
    """How far something is; only the newest of one operation matters.

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


class LlmStatus(Model, frozen=True):
    """Whether a language model can be reached.

    `llm_status`: to clients; latest, one value per `model`.
    """

    status: Literal["connected", "disconnected", "reconnecting"]
    """How the connection to it is."""
    model: shared.Name
    """The model."""
    message: str
    """More about it, for people."""


class LlmStatusFrame(Envelope, frozen=True):
    """`llm_status` on the wire."""

    type: Literal["llm_status"] = "llm_status"
    payload: LlmStatus


class SettingsUpdatedSettings(Model, frozen=True):
    """What was changed."""

    updated_keys: list[str]
    """The names of the changed settings."""
    timestamp: shared.Time
    """When."""


class SettingsUpdated(Model, frozen=True):
    """Settings were changed.

    `settings_updated`: to clients; durable.
    """

    settings: SettingsUpdatedSettings
    """What was changed."""


class SettingsUpdatedFrame(Envelope, frozen=True):
    """`settings_updated` on the wire."""

    type: Literal["settings_updated"] = "settings_updated"
    payload: SettingsUpdated


class FileUploaded(Model, frozen=True):
    """A file has arrived.

    `file_uploaded`: to clients; durable.
    """

    filename: Annotated[str, Field(min_length=1)]
    """Its name."""
    size: shared.Bytes
    """Its size in bytes."""
    file_id: shared.Id
    """The file, for later messages."""
    chat_id: Annotated[shared.Id | None, NOT_NULL] = None
    """The conversation that it belongs to."""


class FileUploadedFrame(Envelope, frozen=True):
    """`file_uploaded` on the wire."""

    type: Literal["file_uploaded"] = "file_uploaded"
    payload: FileUploaded


class KnowledgeBaseUpdateDetails(Model, frozen=True):
    """What it holds now."""

    document_count: shared.Count
    """How many documents there are now."""
    chunks_added: shared.Count
    """How many pieces of text were added."""


class KnowledgeBaseUpdate(Model, frozen=True):
    """The knowledge base was changed.

    `knowledge_base_update`: to clients; durable.
    """

    type: Literal["document_added", "document_removed", "reindexed"]
    """What was done."""
    details: KnowledgeBaseUpdateDetails
    """What it holds now."""


class KnowledgeBaseUpdateFrame(Envelope, frozen=True):
    """`knowledge_base_update` on the wire."""

    type: Literal["knowledge_base_update"] = "knowledge_base_update"
    payload: KnowledgeBaseUpdate


class ToolCode(Model, frozen=True):
    """Code that a tool is about to run.

    `tool_code`: to clients; durable.
    """

    code: str
    """The code."""
    language: shared.Name
    """Its language."""
    tool: shared.Name
    """The tool."""


class ToolCodeFrame(Envelope, frozen=True):
    """`tool_code` on the wire."""

    type: Literal["tool_code"] = "tool_code"
    payload: ToolCode


class ToolOutput(Model, frozen=True):
    """What a tool gave.

    `tool_output`: to clients; durable.
    """

    output: str
    """Its output."""
    tool: shared.Name
    """The tool."""
    success: bool
    """Whether it succeeded."""


class ToolOutputFrame(Envelope, frozen=True):
    """`tool_output` on the wire."""

    type: Literal["tool_output"] = "tool_output"
    payload: ToolOutput


class ThoughtThought(Model, frozen=True):
    """The thought."""

    content: str
    """The thought itself."""
    reasoning: str
    """What led to it."""
    confidence: shared.Fraction
    """How sure the agent is, from 0 to 1."""


class Thought(Model, frozen=True):
    """What an agent thinks on its way.

    `thought`: to clients; durable.
    """

    thought: ThoughtThought
    """The thought."""


class ThoughtFrame(Envelope, frozen=True):
    """`thought` on the wire."""

    type: Literal["thought"] = "thought"
    payload: Thought


class DiagnosticsReportSystem(Model, frozen=True):
    """How much is in use."""

    cpu_usage: shared.Percent
    """Processor, from 0 to 100."""
    memory_usage: shared.Percent
    """Memory, from 0 to 100."""
    disk_usage: shared.Percent
    """Disk, from 0 to 100."""


class DiagnosticsReport(Model, frozen=True):
    """How the system is doing.

    `diagnostics_report`: to clients; latest.
    """

    system: DiagnosticsReportSystem
    """How much is in use."""
    services: dict[str, str]
    """The state of each service by its name, such as healthy."""


class DiagnosticsReportFrame(Envelope, frozen=True):
    """`diagnostics_report` on the wire."""

    type: Literal["diagnostics_report"] = "diagnostics_report"
    payload: DiagnosticsReport


class UserPermissionRequest(Model, frozen=True):
    """Asks a person for leave; user_permission_response answers.

    `user_permission_request`: to clients; durable.
    """

    action: str
    """What is to be allowed, such as install_package."""
    reason: str
    """Why, for people."""
    package: Annotated[str | None, NOT_NULL] = None
    """The package that it is about."""
    request_id: Annotated[shared.Id | None, NOT_NULL] = None
    """Names the request in its answer; always there from the gateway."""


class UserPermissionRequestFrame(Envelope, frozen=True):
    """`user_permission_request` on the wire."""

    type: Literal["user_permission_request"] = "user_permission_request"
    payload: UserPermissionRequest


class UserPermissionResponse(Model, frozen=True):
    """The answer to user_permission_request.

    `user_permission_response`: from clients; durable.
    """

    request_id: shared.Id
    """The request."""
    granted: bool
    """Whether it may be done."""
    message: Annotated[str | None, NOT_NULL] = None
    """A word beside it, for the record."""


class UserPermissionResponseFrame(Envelope, frozen=True):
    """`user_permission_response` on the wire."""

    type: Literal["user_permission_response"] = "user_permission_response"
    payload: UserPermissionResponse


class Echo(Model, frozen=True):
    """What was said, said again; its text stands beside type.

    `echo`: to clients; control.
    """

    type: Literal["echo"] = "echo"
    message: str
    """The text that came in, JSON or not."""


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


class WelcomeFrameTl(shared.Wrapper, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    session: str = Field()
    """Session id."""


class WelcomeFrame(Envelope, frozen=True):
    """`welcome` on the wire."""

    type: Literal["welcome"] = "welcome"
    payload: Welcome
    tl: WelcomeFrameTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


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


class AckFrameTl(shared.Wrapper, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    reply_to: str = Field()
    """Id of the message that it answers."""


class AckFrame(Envelope, frozen=True):
    """`ack` on the wire."""

    type: Literal["ack"] = "ack"
    payload: Ack
    tl: AckFrameTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class CancelFrameTl(shared.Wrapper, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    run: str = Field()
    """The run it belongs to."""


class CancelFrame(Envelope, frozen=True):
    """`cancel` on the wire."""

    type: Literal["cancel"] = "cancel"
    payload: Annotated[dict[str, Any] | None, NOT_NULL] = None
    tl: CancelFrameTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class CancelAck(Model, frozen=True):
    """Whether the run is being stopped.

    `cancel_ack`: to clients; control.
    """

    cancelled: bool
    """False where the run is unknown, over or not yours."""


class CancelAckFrameTl(shared.Wrapper, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    run: str = Field()
    """The run it belongs to."""


class CancelAckFrame(Envelope, frozen=True):
    """`cancel_ack` on the wire."""

    type: Literal["cancel_ack"] = "cancel_ack"
    payload: CancelAck
    tl: CancelAckFrameTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class Reset(Model, frozen=True):
    """Drop what you have of the channel; it goes on from pos, or without pos is gone.

    `reset`: to clients; control.
    """

    reason: shared.ResetReason
    pos: Annotated[shared.Position | None, NOT_NULL] = None
    """The oldest retained place."""


class ResetFrameTl(shared.Wrapper, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    channel: str = Field()
    """The channel it stands in; on durable messages only."""


class ResetFrame(Envelope, frozen=True):
    """`reset` on the wire."""

    type: Literal["reset"] = "reset"
    payload: Reset
    tl: ResetFrameTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


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


class RunStarted(Model, frozen=True):
    """A run began; its channel is attached from its start.

    `run_started`: to clients; durable.
    """

    service: str
    """The service that runs."""
    channel: str
    """The run's channel."""


class RunStartedFrameTl(shared.Wrapper, frozen=True):
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


class RunStartedFrame(Envelope, frozen=True):
    """`run_started` on the wire."""

    type: Literal["run_started"] = "run_started"
    payload: RunStarted
    tl: RunStartedFrameTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class RunEvent(Model, frozen=True):
    """What a service says in a run; consecutive ones with a text may arrive merged.

    `run_event`: to clients; stream, folded in `text`.
    """

    text: Annotated[str | None, NOT_NULL] = None
    """The next piece of the answer."""


class RunEventFrameTl(shared.Wrapper, frozen=True):
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


class RunEventFrame(Envelope, frozen=True):
    """`run_event` on the wire."""

    type: Literal["run_event"] = "run_event"
    payload: RunEvent | list[Any] | str | float | bool | None
    tl: RunEventFrameTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


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


class RunWaitingFrameTl(shared.Wrapper, frozen=True):
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


class RunWaitingFrame(Envelope, frozen=True):
    """`run_waiting` on the wire."""

    type: Literal["run_waiting"] = "run_waiting"
    payload: RunWaiting
    tl: RunWaitingFrameTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class RunCompleted(Model, frozen=True):
    """The service finished; last in the run's channel.

    `run_completed`: to clients; durable.
    """

    result: Any
    """What the service gives back; null where that is nothing."""


class RunCompletedFrameTl(shared.Wrapper, frozen=True):
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


class RunCompletedFrame(Envelope, frozen=True):
    """`run_completed` on the wire."""

    type: Literal["run_completed"] = "run_completed"
    payload: RunCompleted
    tl: RunCompletedFrameTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class RunCancelledFrameTl(shared.Wrapper, frozen=True):
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


class RunCancelledFrame(Envelope, frozen=True):
    """`run_cancelled` on the wire."""

    type: Literal["run_cancelled"] = "run_cancelled"
    payload: Annotated[dict[str, Any] | None, NOT_NULL] = None
    tl: RunCancelledFrameTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


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


class AnswerFrameTl(shared.Wrapper, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    run: str = Field()
    """The run it belongs to."""


class AnswerFrame(Envelope, frozen=True):
    """`answer` on the wire."""

    type: Literal["answer"] = "answer"
    payload: Answer
    tl: AnswerFrameTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


Frame = Annotated[
    ConnectionEstablishedFrame
    | PingFrame
    | PongFrame
    | HealthCheckFrame
    | HealthResponseFrame
    | UserMessageFrame
    | LlmResponseFrame
    | GoalReceivedFrame
    | PlanReadyFrame
    | GoalCompletedFrame
    | CommandExecutionStartFrame
    | CommandExecutionEndFrame
    | WorkflowStepStartedFrame
    | WorkflowStepCompletedFrame
    | WorkflowApprovalRequiredFrame
    | WorkflowApprovalFrame
    | WorkflowCancelFrame
    | WorkflowCompletedFrame
    | WorkflowFailedFrame
    | WorkflowCancelledFrame
    | ErrorFrame
    | ProgressFrame
    | LlmStatusFrame
    | SettingsUpdatedFrame
    | FileUploadedFrame
    | KnowledgeBaseUpdateFrame
    | ToolCodeFrame
    | ToolOutputFrame
    | ThoughtFrame
    | DiagnosticsReportFrame
    | UserPermissionRequestFrame
    | UserPermissionResponseFrame
    | Echo
    | HelloFrame
    | WelcomeFrame
    | AckFrame
    | CancelFrame
    | CancelAckFrame
    | ResetFrame
    | GoAwayFrame
    | RunStartedFrame
    | RunEventFrame
    | RunWaitingFrame
    | RunCompletedFrame
    | RunCancelledFrame
    | AnswerFrame,
    Field(discriminator="type"),
]
"""Any message of the dialect, as it stands on the wire; `type` tells which."""
_FRAMES: Final = TypeAdapter[Frame](Frame, config=ConfigDict(defer_build=True))


def decode(text: bytes | str) -> Frame:
    """Reads a frame of the dialect.

    Raises pydantic.ValidationError, a ValueError, where it is not what its type says or no JSON.
    """
    return read(_FRAMES, text)
