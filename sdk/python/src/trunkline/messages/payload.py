"""The message types of dialect `payload`, as msgspec structs.

Generated from protocol/schema/messages/payload.schema.json; change it there, then run `make schema`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from trunkline.messages import _read, _rules, shared
from trunkline.messages._type import MessageType


class Envelope(Struct, frozen=True, kw_only=True, tag_field="type"):
    """What stands beside the content of every message."""

    tl: shared.Wrapper | UnsetType = field(default=UNSET, name="_tl")


class ConnectionEstablished(shared.Opening, frozen=True, kw_only=True):
    """The greeting: the connection is open.

    `connection_established`: to clients; control.
    """

    message: str
    """A sentence for people."""


class ConnectionEstablishedFrame(Envelope, frozen=True, kw_only=True, tag="connection_established"):
    """`connection_established` on the wire."""

    payload: ConnectionEstablished


class Ping(Struct, frozen=True, kw_only=True):
    """Are you there? The payload comes back in the pong.

    `ping`: to and from clients; control.
    """

    timestamp: shared.ClientTime | UnsetType = UNSET
    """When the ping was sent, by the sender's clock."""


class PingFrame(Envelope, frozen=True, kw_only=True, tag="ping"):
    """`ping` on the wire."""

    payload: Ping | UnsetType = UNSET


class Pong(Struct, frozen=True, kw_only=True):
    """The answer to ping, with its payload.

    `pong`: to and from clients; control.
    """

    timestamp: shared.ClientTime | UnsetType = UNSET
    """When the ping was sent, by the sender's clock."""


class PongFrame(Envelope, frozen=True, kw_only=True, tag="pong"):
    """`pong` on the wire."""

    payload: Pong | UnsetType = UNSET


class HealthCheckFrame(Envelope, frozen=True, kw_only=True, tag="health_check"):
    """`health_check` on the wire."""

    payload: dict[str, Any] | UnsetType = UNSET


class HealthResponse(Struct, frozen=True, kw_only=True):
    """The answer to health_check.

    `health_response`: to clients; control.
    """

    status: str
    """How the gateway is: healthy or unhealthy."""
    timestamp: shared.Time
    """When that was so."""


class HealthResponseFrame(Envelope, frozen=True, kw_only=True, tag="health_response"):
    """`health_response` on the wire."""

    payload: HealthResponse


class UserMessage(Struct, frozen=True, kw_only=True):
    """What a person said; the user's other connections see it, too.

    `user_message`: to and from clients; durable.
    """

    message: str
    """The text."""
    chat_id: shared.Id | UnsetType = UNSET
    """The conversation, as the application names it."""
    timestamp: shared.ClientTime | UnsetType = UNSET


class UserMessageFrame(Envelope, frozen=True, kw_only=True, tag="user_message"):
    """`user_message` on the wire."""

    payload: UserMessage


class LlmResponse(Struct, frozen=True, kw_only=True):
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


class LlmResponseFrame(Envelope, frozen=True, kw_only=True, tag="llm_response"):
    """`llm_response` on the wire."""

    payload: LlmResponse


class GoalReceived(Struct, frozen=True, kw_only=True):
    """A goal was understood as one.

    `goal_received`: to clients; durable.
    """

    goal: str
    """The goal, in the person's words."""


class GoalReceivedFrame(Envelope, frozen=True, kw_only=True, tag="goal_received"):
    """`goal_received` on the wire."""

    payload: GoalReceived


class PlanReady(Struct, frozen=True, kw_only=True):
    """A plan for the goal.

    `plan_ready`: to clients; durable.
    """

    llm_response: str
    """The plan in the model's words."""
    steps: list[str]
    """What will be done, in order."""


class PlanReadyFrame(Envelope, frozen=True, kw_only=True, tag="plan_ready"):
    """`plan_ready` on the wire."""

    payload: PlanReady


class GoalCompletedResults(Struct, frozen=True, kw_only=True):
    """What came of it."""

    status: str
    """How it ended, such as success."""
    output: str
    """What it came to, for people."""
    metrics: dict[str, Any]
    """Figures of any kind."""


class GoalCompleted(Struct, frozen=True, kw_only=True):
    """The goal was reached, or given up.

    `goal_completed`: to clients; durable.
    """

    results: GoalCompletedResults
    """What came of it."""


class GoalCompletedFrame(Envelope, frozen=True, kw_only=True, tag="goal_completed"):
    """`goal_completed` on the wire."""

    payload: GoalCompleted


class CommandExecutionStart(Struct, frozen=True, kw_only=True):
    """A command begins.

    `command_execution_start`: to clients; durable.
    """

    command: str
    """The command line, for people."""
    execution_id: shared.Id
    """Names this execution in its output and end."""


class CommandExecutionStartFrame(Envelope, frozen=True, kw_only=True, tag="command_execution_start"):
    """`command_execution_start` on the wire."""

    payload: CommandExecutionStart


class CommandExecutionEnd(Struct, frozen=True, kw_only=True):
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
    error: str | UnsetType = UNSET
    """Why it failed."""


class CommandExecutionEndFrame(Envelope, frozen=True, kw_only=True, tag="command_execution_end"):
    """`command_execution_end` on the wire."""

    payload: CommandExecutionEnd


class WorkflowStepStarted(Struct, frozen=True, kw_only=True):
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


class WorkflowStepStartedFrame(Envelope, frozen=True, kw_only=True, tag="workflow_step_started"):
    """`workflow_step_started` on the wire."""

    payload: WorkflowStepStarted


class WorkflowStepCompleted(Struct, frozen=True, kw_only=True):
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


class WorkflowStepCompletedFrame(Envelope, frozen=True, kw_only=True, tag="workflow_step_completed"):
    """`workflow_step_completed` on the wire."""

    payload: WorkflowStepCompleted


class WorkflowApprovalRequired(Struct, frozen=True, kw_only=True):
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


class WorkflowApprovalRequiredFrame(Envelope, frozen=True, kw_only=True, tag="workflow_approval_required"):
    """`workflow_approval_required` on the wire."""

    payload: WorkflowApprovalRequired


class WorkflowApproval(Struct, frozen=True, kw_only=True):
    """The answer to workflow_approval_required.

    `workflow_approval`: from clients; durable.
    """

    workflow_id: shared.Id
    """The workflow."""
    approved: bool
    """Whether it may go on."""
    message: str | UnsetType = UNSET
    """A word beside it, for the record."""


class WorkflowApprovalFrame(Envelope, frozen=True, kw_only=True, tag="workflow_approval"):
    """`workflow_approval` on the wire."""

    payload: WorkflowApproval


class WorkflowCancel(Struct, frozen=True, kw_only=True):
    """Stop the workflow.

    `workflow_cancel`: from clients; durable.
    """

    workflow_id: shared.Id
    """The workflow."""
    reason: str | UnsetType = UNSET
    """Why, for the record."""


class WorkflowCancelFrame(Envelope, frozen=True, kw_only=True, tag="workflow_cancel"):
    """`workflow_cancel` on the wire."""

    payload: WorkflowCancel


class WorkflowCompleted(Struct, frozen=True, kw_only=True):
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


class WorkflowCompletedFrame(Envelope, frozen=True, kw_only=True, tag="workflow_completed"):
    """`workflow_completed` on the wire."""

    payload: WorkflowCompleted


class WorkflowFailed(Struct, frozen=True, kw_only=True):
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


class WorkflowFailedFrame(Envelope, frozen=True, kw_only=True, tag="workflow_failed"):
    """`workflow_failed` on the wire."""

    payload: WorkflowFailed


class WorkflowCancelled(Struct, frozen=True, kw_only=True):
    """A workflow was stopped.

    `workflow_cancelled`: to clients; durable.
    """

    workflow_id: shared.Id
    """The workflow."""
    cancelled_at_step: shared.Count
    """The step that it had come to, from 1; 0 where none had begun."""
    total_steps: shared.Count
    """How many steps it had."""


class WorkflowCancelledFrame(Envelope, frozen=True, kw_only=True, tag="workflow_cancelled"):
    """`workflow_cancelled` on the wire."""

    payload: WorkflowCancelled


class Error(shared.PayloadError, frozen=True, kw_only=True):
    """Something went wrong; durable where it answers a durable message, else for this connection alone.

    `error`: to clients; durable.
    """


class ErrorFrame(Envelope, frozen=True, kw_only=True, tag="error"):
    """`error` on the wire."""

    payload: Error


class Progress(Struct, frozen=True, kw_only=True):
    """How far something is; only the newest of one operation matters.

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


class LlmStatus(Struct, frozen=True, kw_only=True):
    """Whether a language model can be reached.

    `llm_status`: to clients; latest, one value per `model`.
    """

    status: Literal["connected", "disconnected", "reconnecting"]
    """How the connection to it is."""
    model: shared.Name
    """The model."""
    message: str
    """More about it, for people."""


class LlmStatusFrame(Envelope, frozen=True, kw_only=True, tag="llm_status"):
    """`llm_status` on the wire."""

    payload: LlmStatus


class SettingsUpdatedSettings(Struct, frozen=True, kw_only=True):
    """What was changed."""

    updated_keys: list[str]
    """The names of the changed settings."""
    timestamp: shared.Time
    """When."""


class SettingsUpdated(Struct, frozen=True, kw_only=True):
    """Settings were changed.

    `settings_updated`: to clients; durable.
    """

    settings: SettingsUpdatedSettings
    """What was changed."""


class SettingsUpdatedFrame(Envelope, frozen=True, kw_only=True, tag="settings_updated"):
    """`settings_updated` on the wire."""

    payload: SettingsUpdated


class FileUploaded(Struct, frozen=True, kw_only=True):
    """A file has arrived.

    `file_uploaded`: to clients; durable.
    """

    filename: Annotated[str, Meta(min_length=1)]
    """Its name."""
    size: shared.Bytes
    """Its size in bytes."""
    file_id: shared.Id
    """The file, for later messages."""
    chat_id: shared.Id | UnsetType = UNSET
    """The conversation that it belongs to."""


class FileUploadedFrame(Envelope, frozen=True, kw_only=True, tag="file_uploaded"):
    """`file_uploaded` on the wire."""

    payload: FileUploaded


class KnowledgeBaseUpdateDetails(Struct, frozen=True, kw_only=True):
    """What it holds now."""

    document_count: shared.Count
    """How many documents there are now."""
    chunks_added: shared.Count
    """How many pieces of text were added."""


class KnowledgeBaseUpdate(Struct, frozen=True, kw_only=True):
    """The knowledge base was changed.

    `knowledge_base_update`: to clients; durable.
    """

    type: Literal["document_added", "document_removed", "reindexed"]
    """What was done."""
    details: KnowledgeBaseUpdateDetails
    """What it holds now."""


class KnowledgeBaseUpdateFrame(Envelope, frozen=True, kw_only=True, tag="knowledge_base_update"):
    """`knowledge_base_update` on the wire."""

    payload: KnowledgeBaseUpdate


class ToolCode(Struct, frozen=True, kw_only=True):
    """Code that a tool is about to run.

    `tool_code`: to clients; durable.
    """

    code: str
    """The code."""
    language: shared.Name
    """Its language."""
    tool: shared.Name
    """The tool."""


class ToolCodeFrame(Envelope, frozen=True, kw_only=True, tag="tool_code"):
    """`tool_code` on the wire."""

    payload: ToolCode


class ToolOutput(Struct, frozen=True, kw_only=True):
    """What a tool gave.

    `tool_output`: to clients; durable.
    """

    output: str
    """Its output."""
    tool: shared.Name
    """The tool."""
    success: bool
    """Whether it succeeded."""


class ToolOutputFrame(Envelope, frozen=True, kw_only=True, tag="tool_output"):
    """`tool_output` on the wire."""

    payload: ToolOutput


class ThoughtThought(Struct, frozen=True, kw_only=True):
    """The thought."""

    content: str
    """The thought itself."""
    reasoning: str
    """What led to it."""
    confidence: shared.Fraction
    """How sure the agent is, from 0 to 1."""


class Thought(Struct, frozen=True, kw_only=True):
    """What an agent thinks on its way.

    `thought`: to clients; durable.
    """

    thought: ThoughtThought
    """The thought."""


class ThoughtFrame(Envelope, frozen=True, kw_only=True, tag="thought"):
    """`thought` on the wire."""

    payload: Thought


class DiagnosticsReportSystem(Struct, frozen=True, kw_only=True):
    """How much is in use."""

    cpu_usage: shared.Percent
    """Processor, from 0 to 100."""
    memory_usage: shared.Percent
    """Memory, from 0 to 100."""
    disk_usage: shared.Percent
    """Disk, from 0 to 100."""


class DiagnosticsReport(Struct, frozen=True, kw_only=True):
    """How the system is doing.

    `diagnostics_report`: to clients; latest.
    """

    system: DiagnosticsReportSystem
    """How much is in use."""
    services: dict[str, str]
    """The state of each service by its name, such as healthy."""


class DiagnosticsReportFrame(Envelope, frozen=True, kw_only=True, tag="diagnostics_report"):
    """`diagnostics_report` on the wire."""

    payload: DiagnosticsReport


class UserPermissionRequest(Struct, frozen=True, kw_only=True):
    """Asks a person for leave; user_permission_response answers.

    `user_permission_request`: to clients; durable.
    """

    action: str
    """What is to be allowed, such as install_package."""
    reason: str
    """Why, for people."""
    package: str | UnsetType = UNSET
    """The package that it is about."""
    request_id: shared.Id | UnsetType = UNSET
    """Names the request in its answer; always there from the gateway."""


class UserPermissionRequestFrame(Envelope, frozen=True, kw_only=True, tag="user_permission_request"):
    """`user_permission_request` on the wire."""

    payload: UserPermissionRequest


class UserPermissionResponse(Struct, frozen=True, kw_only=True):
    """The answer to user_permission_request.

    `user_permission_response`: from clients; durable.
    """

    request_id: shared.Id
    """The request."""
    granted: bool
    """Whether it may be done."""
    message: str | UnsetType = UNSET
    """A word beside it, for the record."""


class UserPermissionResponseFrame(Envelope, frozen=True, kw_only=True, tag="user_permission_response"):
    """`user_permission_response` on the wire."""

    payload: UserPermissionResponse


class Echo(Struct, frozen=True, kw_only=True, tag_field="type", tag="echo"):
    """What was said, said again; its text stands beside type.

    `echo`: to clients; control.
    """

    message: str
    """The text that came in, JSON or not."""


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


class WelcomeFrameTl(shared.Wrapper, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    session: str = field()
    """Session id."""


class WelcomeFrame(Envelope, frozen=True, kw_only=True, tag="welcome"):
    """`welcome` on the wire."""

    payload: Welcome
    tl: WelcomeFrameTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


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


class AckFrameTl(shared.Wrapper, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    reply_to: str = field()
    """Id of the message that it answers."""


class AckFrame(Envelope, frozen=True, kw_only=True, tag="ack"):
    """`ack` on the wire."""

    payload: Ack
    tl: AckFrameTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class CancelFrameTl(shared.Wrapper, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    run: str = field()
    """The run it belongs to."""


class CancelFrame(Envelope, frozen=True, kw_only=True, tag="cancel"):
    """`cancel` on the wire."""

    payload: dict[str, Any] | UnsetType = UNSET
    tl: CancelFrameTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class CancelAck(Struct, frozen=True, kw_only=True):
    """Whether the run is being stopped.

    `cancel_ack`: to clients; control.
    """

    cancelled: bool
    """False where the run is unknown, over or not yours."""


class CancelAckFrameTl(shared.Wrapper, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    run: str = field()
    """The run it belongs to."""


class CancelAckFrame(Envelope, frozen=True, kw_only=True, tag="cancel_ack"):
    """`cancel_ack` on the wire."""

    payload: CancelAck
    tl: CancelAckFrameTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class Reset(Struct, frozen=True, kw_only=True):
    """Drop what you have of the channel; it goes on from pos, or without pos is gone.

    `reset`: to clients; control.
    """

    reason: shared.ResetReason
    pos: shared.Position | UnsetType = UNSET
    """The oldest retained place."""


class ResetFrameTl(shared.Wrapper, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    channel: str = field()
    """The channel it stands in; on durable messages only."""


class ResetFrame(Envelope, frozen=True, kw_only=True, tag="reset"):
    """`reset` on the wire."""

    payload: Reset
    tl: ResetFrameTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


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


class RunStarted(Struct, frozen=True, kw_only=True):
    """A run began; its channel is attached from its start.

    `run_started`: to clients; durable.
    """

    service: str
    """The service that runs."""
    channel: str
    """The run's channel."""


class RunStartedFrameTl(shared.Wrapper, frozen=True, kw_only=True):
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


class RunStartedFrame(Envelope, frozen=True, kw_only=True, tag="run_started"):
    """`run_started` on the wire."""

    payload: RunStarted
    tl: RunStartedFrameTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class RunEvent(Struct, frozen=True, kw_only=True):
    """What a service says in a run; consecutive ones with a text may arrive merged.

    `run_event`: to clients; stream, folded in `text`.
    """

    text: str | UnsetType = UNSET
    """The next piece of the answer."""


class RunEventFrameTl(shared.Wrapper, frozen=True, kw_only=True):
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


class RunEventFrame(Envelope, frozen=True, kw_only=True, tag="run_event"):
    """`run_event` on the wire."""

    payload: RunEvent | list[Any] | str | float | bool | None
    tl: RunEventFrameTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


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


class RunWaitingFrameTl(shared.Wrapper, frozen=True, kw_only=True):
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


class RunWaitingFrame(Envelope, frozen=True, kw_only=True, tag="run_waiting"):
    """`run_waiting` on the wire."""

    payload: RunWaiting
    tl: RunWaitingFrameTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class RunCompleted(Struct, frozen=True, kw_only=True):
    """The service finished; last in the run's channel.

    `run_completed`: to clients; durable.
    """

    result: Any
    """What the service gives back; null where that is nothing."""


class RunCompletedFrameTl(shared.Wrapper, frozen=True, kw_only=True):
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


class RunCompletedFrame(Envelope, frozen=True, kw_only=True, tag="run_completed"):
    """`run_completed` on the wire."""

    payload: RunCompleted
    tl: RunCompletedFrameTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class RunCancelledFrameTl(shared.Wrapper, frozen=True, kw_only=True):
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


class RunCancelledFrame(Envelope, frozen=True, kw_only=True, tag="run_cancelled"):
    """`run_cancelled` on the wire."""

    payload: dict[str, Any] | UnsetType = UNSET
    tl: RunCancelledFrameTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


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


class AnswerFrameTl(shared.Wrapper, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    run: str = field()
    """The run it belongs to."""


class AnswerFrame(Envelope, frozen=True, kw_only=True, tag="answer"):
    """`answer` on the wire."""

    payload: Answer
    tl: AnswerFrameTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


Frame = (
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
    | AnswerFrame
)
"""Any message of the dialect, as it stands on the wire; `type` tells which."""


def decode(text: bytes | str) -> Frame:
    """Reads a frame of the dialect.

    Raises msgspec.ValidationError where it is not what its type says, msgspec.DecodeError where it is no JSON.
    """
    frame: Frame = _read.frame(text, Frame)
    return frame


TYPES: Final[Mapping[str, MessageType]] = {
    "connection_established": MessageType(
        "connection_established", ConnectionEstablished, ConnectionEstablishedFrame, "to_client", "control"
    ),
    "ping": MessageType("ping", Ping, PingFrame, "both", "control"),
    "pong": MessageType("pong", Pong, PongFrame, "both", "control"),
    "health_check": MessageType("health_check", dict[str, Any], HealthCheckFrame, "to_gateway", "control"),
    "health_response": MessageType("health_response", HealthResponse, HealthResponseFrame, "to_client", "control"),
    "user_message": MessageType("user_message", UserMessage, UserMessageFrame, "both", "durable"),
    "llm_response": MessageType("llm_response", LlmResponse, LlmResponseFrame, "to_client", "durable"),
    "goal_received": MessageType("goal_received", GoalReceived, GoalReceivedFrame, "to_client", "durable"),
    "plan_ready": MessageType("plan_ready", PlanReady, PlanReadyFrame, "to_client", "durable"),
    "goal_completed": MessageType("goal_completed", GoalCompleted, GoalCompletedFrame, "to_client", "durable"),
    "command_execution_start": MessageType(
        "command_execution_start", CommandExecutionStart, CommandExecutionStartFrame, "to_client", "durable"
    ),
    "command_execution_end": MessageType("command_execution_end", CommandExecutionEnd, CommandExecutionEndFrame, "to_client", "durable"),
    "workflow_step_started": MessageType("workflow_step_started", WorkflowStepStarted, WorkflowStepStartedFrame, "to_client", "durable"),
    "workflow_step_completed": MessageType(
        "workflow_step_completed", WorkflowStepCompleted, WorkflowStepCompletedFrame, "to_client", "durable"
    ),
    "workflow_approval_required": MessageType(
        "workflow_approval_required", WorkflowApprovalRequired, WorkflowApprovalRequiredFrame, "to_client", "durable"
    ),
    "workflow_approval": MessageType("workflow_approval", WorkflowApproval, WorkflowApprovalFrame, "to_gateway", "durable"),
    "workflow_cancel": MessageType("workflow_cancel", WorkflowCancel, WorkflowCancelFrame, "to_gateway", "durable"),
    "workflow_completed": MessageType("workflow_completed", WorkflowCompleted, WorkflowCompletedFrame, "to_client", "durable"),
    "workflow_failed": MessageType("workflow_failed", WorkflowFailed, WorkflowFailedFrame, "to_client", "durable"),
    "workflow_cancelled": MessageType("workflow_cancelled", WorkflowCancelled, WorkflowCancelledFrame, "to_client", "durable"),
    "error": MessageType("error", Error, ErrorFrame, "to_client", "durable"),
    "progress": MessageType("progress", Progress, ProgressFrame, "to_client", "latest", key=("operation",)),
    "llm_status": MessageType("llm_status", LlmStatus, LlmStatusFrame, "to_client", "latest", key=("model",)),
    "settings_updated": MessageType("settings_updated", SettingsUpdated, SettingsUpdatedFrame, "to_client", "durable"),
    "file_uploaded": MessageType("file_uploaded", FileUploaded, FileUploadedFrame, "to_client", "durable"),
    "knowledge_base_update": MessageType("knowledge_base_update", KnowledgeBaseUpdate, KnowledgeBaseUpdateFrame, "to_client", "durable"),
    "tool_code": MessageType("tool_code", ToolCode, ToolCodeFrame, "to_client", "durable"),
    "tool_output": MessageType("tool_output", ToolOutput, ToolOutputFrame, "to_client", "durable"),
    "thought": MessageType("thought", Thought, ThoughtFrame, "to_client", "durable"),
    "diagnostics_report": MessageType("diagnostics_report", DiagnosticsReport, DiagnosticsReportFrame, "to_client", "latest"),
    "user_permission_request": MessageType(
        "user_permission_request", UserPermissionRequest, UserPermissionRequestFrame, "to_client", "durable"
    ),
    "user_permission_response": MessageType(
        "user_permission_response", UserPermissionResponse, UserPermissionResponseFrame, "to_gateway", "durable"
    ),
    "echo": MessageType("echo", Echo, Echo, "to_client", "control"),
    "hello": MessageType("hello", Hello, HelloFrame, "to_gateway", "control"),
    "welcome": MessageType("welcome", Welcome, WelcomeFrame, "to_client", "control"),
    "ack": MessageType("ack", Ack, AckFrame, "to_client", "control"),
    "cancel": MessageType("cancel", dict[str, Any], CancelFrame, "to_gateway", "control"),
    "cancel_ack": MessageType("cancel_ack", CancelAck, CancelAckFrame, "to_client", "control"),
    "reset": MessageType("reset", Reset, ResetFrame, "to_client", "control"),
    "go_away": MessageType("go_away", GoAway, GoAwayFrame, "to_client", "control"),
    "run_started": MessageType("run_started", RunStarted, RunStartedFrame, "to_client", "durable"),
    "run_event": MessageType(
        "run_event", RunEvent | list[Any] | str | float | bool | None, RunEventFrame, "to_client", "stream", folded="text"
    ),
    "run_waiting": MessageType("run_waiting", RunWaiting, RunWaitingFrame, "to_client", "durable"),
    "run_completed": MessageType("run_completed", RunCompleted, RunCompletedFrame, "to_client", "durable"),
    "run_cancelled": MessageType("run_cancelled", dict[str, Any], RunCancelledFrame, "to_client", "durable"),
    "answer": MessageType("answer", Answer, AnswerFrame, "both", "durable"),
}
"""Every type of the dialect, by its name."""
