"""The message types of dialect `data`, as pydantic models.

Generated from protocol/schema/messages/data.schema.json; change it there, then run `make schema`.
"""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import ConfigDict, Field, TypeAdapter, model_validator

from trunkline.messages import _rules
from trunkline.models import shared
from trunkline.models._base import NOT_NULL, Model, Whole, read


class Envelope(Model, frozen=True):
    """What stands beside the content of every message."""

    tl: Annotated[shared.Wrapper | None, NOT_NULL] = Field(default=None, validation_alias="_tl", serialization_alias="_tl")


class ChatMessageMessage(Model, frozen=True):
    """The message."""

    content: str
    """The text."""
    agent_id: shared.AgentId = Field(validation_alias="agentId", serialization_alias="agentId")
    """The agent that it is for."""
    timestamp: shared.ClientTime


class ChatMessage(Model, frozen=True):
    """What a person said; the user's other connections see it, too.

    `chat_message`: to and from clients; durable.
    """

    message: ChatMessageMessage
    """The message."""


class ChatMessageFrame(Envelope, frozen=True):
    """`chat_message` on the wire."""

    type: Literal["chat_message"] = "chat_message"
    data: ChatMessage


class ChatResponseMessageMetadata(Model, frozen=True):
    """How it came about."""

    processing_time: shared.Seconds
    """How long it took, in seconds."""
    confidence: shared.Fraction
    """How sure the agent is, from 0 to 1."""
    reasoning_path: list[Any]
    """The thoughts that led to it, in order, as texts or objects."""


class ChatResponseMessage(Model, frozen=True):
    """The answer."""

    id: shared.Id
    """Names the answer."""
    type: Literal["agent"]
    """Who speaks: always agent."""
    content: str
    """The text."""
    agent_id: shared.AgentId = Field(validation_alias="agentId", serialization_alias="agentId")
    """The agent that answers."""
    metadata: ChatResponseMessageMetadata
    """How it came about."""


class ChatResponse(Model, frozen=True):
    """An agent's whole answer.

    `chat_response`: to clients; durable.
    """

    message: ChatResponseMessage
    """The answer."""


class ChatResponseFrame(Envelope, frozen=True):
    """`chat_response` on the wire."""

    type: Literal["chat_response"] = "chat_response"
    data: ChatResponse


class TypingIndicator(Model, frozen=True):
    """Whether an agent is composing an answer.

    `typing_indicator`: to clients; latest, one value per `agentId`.
    """

    agent_id: shared.AgentId = Field(validation_alias="agentId", serialization_alias="agentId")
    """The agent."""
    typing: bool
    """Whether it is."""


class TypingIndicatorFrame(Envelope, frozen=True):
    """`typing_indicator` on the wire."""

    type: Literal["typing_indicator"] = "typing_indicator"
    data: TypingIndicator


class Ping(Model, frozen=True):
    """Are you there? The data comes back in the pong.

    `ping`: to and from clients; control.
    """

    timestamp: Annotated[shared.ClientTime | None, NOT_NULL] = None
    """When the ping was sent, by the sender's clock."""


class PingFrame(Envelope, frozen=True):
    """`ping` on the wire."""

    type: Literal["ping"] = "ping"
    data: Annotated[Ping | None, NOT_NULL] = None


class Pong(Model, frozen=True):
    """The answer to ping, with its data.

    `pong`: to and from clients; control.
    """

    timestamp: Annotated[shared.ClientTime | None, NOT_NULL] = None
    """When the ping was sent, by the sender's clock."""


class PongFrame(Envelope, frozen=True):
    """`pong` on the wire."""

    type: Literal["pong"] = "pong"
    data: Annotated[Pong | None, NOT_NULL] = None


class StartReasoningParameters(Model, frozen=True):
    """How to think; the service has defaults."""

    max_depth: Annotated[shared.Ordinal | None, NOT_NULL] = None
    """How deep the tree of thoughts may grow."""
    branches: Annotated[shared.Ordinal | None, NOT_NULL] = None
    """How many thoughts follow one."""


class StartReasoning(Model, frozen=True):
    """Starts a reasoning run.

    `start_reasoning`: from clients; durable.
    """

    problem: Annotated[str, Field(min_length=1)]
    """What to think about."""
    agent_id: Annotated[shared.AgentId | None, NOT_NULL] = None
    """The agent; the route's where it is left out."""
    parameters: Annotated[StartReasoningParameters | None, NOT_NULL] = None
    """How to think; the service has defaults."""


class StartReasoningFrame(Envelope, frozen=True):
    """`start_reasoning` on the wire."""

    type: Literal["start_reasoning"] = "start_reasoning"
    data: StartReasoning


class StopReasoning(Model, frozen=True):
    """Stops a reasoning run.

    `stop_reasoning`: from clients; durable.
    """

    run_id: shared.Id
    """The run."""


class StopReasoningFrame(Envelope, frozen=True):
    """`stop_reasoning` on the wire."""

    type: Literal["stop_reasoning"] = "stop_reasoning"
    data: StopReasoning


class ReasoningUpdate(Model, frozen=True):
    """A step of reasoning.

    `reasoning_update`: to clients; durable.
    """

    run_id: shared.Id
    """The run."""
    step: shared.Ordinal
    """Which step, from 1."""
    content: str
    """The thought."""
    progress: shared.Fraction
    """How much is done, from 0 to 1."""


class ReasoningUpdateFrame(Envelope, frozen=True):
    """`reasoning_update` on the wire."""

    type: Literal["reasoning_update"] = "reasoning_update"
    data: ReasoningUpdate


class ReasoningComplete(Model, frozen=True):
    """What the reasoning came to.

    `reasoning_complete`: to clients; durable.
    """

    run_id: shared.Id
    """The run."""
    result: Any
    """The result, as a text or in the service's own form."""


class ReasoningCompleteFrame(Envelope, frozen=True):
    """`reasoning_complete` on the wire."""

    type: Literal["reasoning_complete"] = "reasoning_complete"
    data: ReasoningComplete


class StartEvolutionParameters(Model, frozen=True):
    """How to evolve."""

    population_size: shared.Ordinal
    """How many variants live at once."""
    generations: shared.Ordinal
    """How many generations."""
    mutation_rate: Annotated[shared.Fraction | None, NOT_NULL] = None
    """How likely a change is, from 0 to 1."""


class StartEvolution(Model, frozen=True):
    """Starts an evolution run.

    `start_evolution`: from clients; durable.
    """

    parameters: StartEvolutionParameters
    """How to evolve."""


class StartEvolutionFrame(Envelope, frozen=True):
    """`start_evolution` on the wire."""

    type: Literal["start_evolution"] = "start_evolution"
    data: StartEvolution


class StopEvolution(Model, frozen=True):
    """Stops an evolution run.

    `stop_evolution`: from clients; durable.
    """

    run_id: shared.Id
    """The run."""


class StopEvolutionFrame(Envelope, frozen=True):
    """`stop_evolution` on the wire."""

    type: Literal["stop_evolution"] = "stop_evolution"
    data: StopEvolution


class EvolutionProgressPopulationFitness(Model, frozen=True):
    """How fit the variants are, in the service's own measure."""

    best: float
    """The fittest."""
    mean: float
    """All of them on average."""


class EvolutionProgress(Model, frozen=True):
    """Where an evolution run stands.

    `evolution_progress`: to clients; latest, one value per `run_id`.
    """

    run_id: shared.Id
    """The run."""
    generation: shared.Count
    """The generation, from 0."""
    population_fitness: EvolutionProgressPopulationFitness
    """How fit the variants are, in the service's own measure."""
    mutation_success_rate: shared.Fraction
    """How many changes were for the better, from 0 to 1."""
    selection_pressure: Annotated[float, Field(ge=0)]
    """How strongly the fitter ones are preferred."""


class EvolutionProgressFrame(Envelope, frozen=True):
    """`evolution_progress` on the wire."""

    type: Literal["evolution_progress"] = "evolution_progress"
    data: EvolutionProgress


class EvolutionComplete(Model, frozen=True):
    """What an evolution run came to.

    `evolution_complete`: to clients; durable.
    """

    run_id: shared.Id
    """The run."""
    variants: list[Any]
    """The new agents, in the service's own form."""
    improvement: dict[str, Any]
    """Figures of the improvement."""
    tool_enhancements: list[Any]
    """What the tools can do now, in the service's own form."""


class EvolutionCompleteFrame(Envelope, frozen=True):
    """`evolution_complete` on the wire."""

    type: Literal["evolution_complete"] = "evolution_complete"
    data: EvolutionComplete


class ManageMcpServer(Model, frozen=True):
    """Starts, stops or restarts an MCP server.

    `manage_mcp_server`: from clients; durable.
    """

    server: shared.Name
    """The MCP server."""
    action: Literal["start", "stop", "restart"]
    """What to do with it."""


class ManageMcpServerFrame(Envelope, frozen=True):
    """`manage_mcp_server` on the wire."""

    type: Literal["manage_mcp_server"] = "manage_mcp_server"
    data: ManageMcpServer


class McpServerStatus(Model, frozen=True):
    """Whether an MCP server runs.

    `mcp_server_status`: to clients; latest, one value per `server`.
    """

    server: shared.Name
    """The MCP server."""
    status: Literal["online", "offline", "starting", "failed"]
    """Its state."""
    tools_count: shared.Count
    """How many tools it offers."""


class McpServerStatusFrame(Envelope, frozen=True):
    """`mcp_server_status` on the wire."""

    type: Literal["mcp_server_status"] = "mcp_server_status"
    data: McpServerStatus


class McpServerHealth(Model, frozen=True):
    """How well an MCP server answers.

    `mcp_server_health`: to clients; latest, one value per `server`.
    """

    server: shared.Name
    """The MCP server."""
    health: str
    """How it is, such as healthy, degraded or unhealthy."""
    latency_ms: shared.Milliseconds
    """How long it took to answer. Unit: milliseconds."""
    tool_discovery: str
    """How far the search for its tools is, such as complete."""


class McpServerHealthFrame(Envelope, frozen=True):
    """`mcp_server_health` on the wire."""

    type: Literal["mcp_server_health"] = "mcp_server_health"
    data: McpServerHealth


class ToolDiscovered(Model, frozen=True):
    """An MCP server or a tool of it came, changed or went.

    `tool_discovered`: to clients; durable.
    """

    server: shared.Name
    """The MCP server."""
    change: Literal["added", "updated", "removed", "server_connected", "server_disconnected"]
    """What happened."""
    capabilities: dict[str, Any]
    """What it can do now."""
    tool: Annotated[shared.Name | None, NOT_NULL] = None
    """The tool, where it is about one."""


class ToolDiscoveredFrame(Envelope, frozen=True):
    """`tool_discovered` on the wire."""

    type: Literal["tool_discovered"] = "tool_discovered"
    data: ToolDiscovered


class ToolCallResult(Model, frozen=True):
    """What a tool call gave: result or error.

    `tool_call_result`: to clients; durable.
    """

    server: shared.Name
    """The MCP server."""
    tool: shared.Name
    """The tool."""
    duration: shared.Seconds
    """How long it took, in seconds."""
    result: Any = None
    """What it gave, in the tool's own form."""
    error: Annotated[str | None, NOT_NULL] = None
    """Why it failed."""

    @model_validator(mode="after")
    def _keep_rules_of_tool_call_result(self) -> Self:
        _rules.at_least_one(self, "result", "error")
        return self


class ToolCallResultFrame(Envelope, frozen=True):
    """`tool_call_result` on the wire."""

    type: Literal["tool_call_result"] = "tool_call_result"
    data: ToolCallResult


class RequestSystemMetricsFrame(Envelope, frozen=True):
    """`request_system_metrics` on the wire."""

    type: Literal["request_system_metrics"] = "request_system_metrics"
    data: Annotated[dict[str, Any] | None, NOT_NULL] = None


class SystemMetrics(Model, frozen=True):
    """How busy the machine is.

    `system_metrics`: to clients; latest.
    """

    cpu: shared.Percent
    """Processor, from 0 to 100."""
    memory: shared.Percent
    """Memory, from 0 to 100."""
    disk: Annotated[shared.Percent | None, NOT_NULL] = None
    """Disk, from 0 to 100."""
    gpu: Annotated[dict[str, Any] | None, NOT_NULL] = None
    """The graphics processor, as in gpu_metrics."""


class SystemMetricsFrame(Envelope, frozen=True):
    """`system_metrics` on the wire."""

    type: Literal["system_metrics"] = "system_metrics"
    data: SystemMetrics


class GpuMetrics(Model, frozen=True):
    """How busy the graphics processor is.

    `gpu_metrics`: to clients; latest.
    """

    utilization: shared.Percent
    vram_used: shared.Bytes
    """Its memory in use, in bytes."""
    vram_total: shared.Bytes
    """All of its memory, in bytes."""
    acceleration: Annotated[dict[str, Any] | None, NOT_NULL] = None
    """What it is used for."""
    temperature: Annotated[float | None, NOT_NULL] = None
    """Degrees Celsius."""


class GpuMetricsFrame(Envelope, frozen=True):
    """`gpu_metrics` on the wire."""

    type: Literal["gpu_metrics"] = "gpu_metrics"
    data: GpuMetrics


class SystemAlert(Model, frozen=True):
    """Something that somebody should look at.

    `system_alert`: to clients; durable.
    """

    severity: shared.Severity
    message: str
    """What, for people."""


class SystemAlertFrame(Envelope, frozen=True):
    """`system_alert` on the wire."""

    type: Literal["system_alert"] = "system_alert"
    data: SystemAlert


class OllamaStatus(Model, frozen=True):
    """Whether Ollama can be reached.

    `ollama_status`: to clients; latest.
    """

    status: Literal["connected", "disconnected"]
    """How the connection to it is."""
    version: Annotated[str | None, NOT_NULL] = None
    """Its version."""


class OllamaStatusFrame(Envelope, frozen=True):
    """`ollama_status` on the wire."""

    type: Literal["ollama_status"] = "ollama_status"
    data: OllamaStatus


class OllamaModelUpdate(Model, frozen=True):
    """A model is loaded or unloaded.

    `ollama_model_update`: to clients; latest, one value per `model`.
    """

    model: shared.Name
    """The model."""
    state: Literal["loading", "loaded", "unloaded"]
    """Where it stands."""
    progress: Annotated[shared.Fraction | None, NOT_NULL] = None
    """How much is loaded, from 0 to 1."""


class OllamaModelUpdateFrame(Envelope, frozen=True):
    """`ollama_model_update` on the wire."""

    type: Literal["ollama_model_update"] = "ollama_model_update"
    data: OllamaModelUpdate


class OllamaMetrics(Model, frozen=True):
    """How fast a model answers.

    `ollama_metrics`: to clients; latest, one value per `model`.
    """

    model: shared.Name
    """The model."""
    tokens_per_second: Annotated[float, Field(ge=0)]
    """Tokens a second."""
    load_ms: shared.Milliseconds
    """How long loading took. Unit: milliseconds."""
    inference_ms: shared.Milliseconds
    """How long the answer took. Unit: milliseconds."""


class OllamaMetricsFrame(Envelope, frozen=True):
    """`ollama_metrics` on the wire."""

    type: Literal["ollama_metrics"] = "ollama_metrics"
    data: OllamaMetrics


class OllamaError(Model, frozen=True):
    """Ollama failed.

    `ollama_error`: to clients; durable.
    """

    message: str
    """Why, for people."""


class OllamaErrorFrame(Envelope, frozen=True):
    """`ollama_error` on the wire."""

    type: Literal["ollama_error"] = "ollama_error"
    data: OllamaError


class MemoryUpdate(Model, frozen=True):
    """The memory of agents changed, or was searched.

    `memory_update`: to clients; durable.
    """

    operation: Literal["vector_store_update", "embeddings_completed", "similarity_search"]
    """What was done."""
    count: Annotated[shared.Count | None, NOT_NULL] = None
    """How many entries it concerned."""
    results: Annotated[list[Any] | None, NOT_NULL] = None
    """What was found, in the service's own form."""


class MemoryUpdateFrame(Envelope, frozen=True):
    """`memory_update` on the wire."""

    type: Literal["memory_update"] = "memory_update"
    data: MemoryUpdate


class ConnectionStatus(shared.Opening, frozen=True):
    """The greeting, and news of the connection.

    `connection_status`: to clients; control.
    """

    status: str
    """How it is, such as connected."""


class ConnectionStatusFrame(Envelope, frozen=True):
    """`connection_status` on the wire."""

    type: Literal["connection_status"] = "connection_status"
    data: ConnectionStatus


class ConnectionError(Model, frozen=True):
    """The connection was lost; the SDK tries again.

    `connection_error`: raised by the client library, never on the wire; control.
    """

    message: str
    """Why, for people."""
    code: Annotated[Annotated[Whole, Field(ge=1000, le=4999)] | None, NOT_NULL] = None
    """The close code."""


class ConnectionErrorFrame(Envelope, frozen=True):
    """`connection_error` on the wire."""

    type: Literal["connection_error"] = "connection_error"
    data: ConnectionError


class ConnectionFailed(Model, frozen=True):
    """The connection was lost for good; the SDK tries no more.

    `connection_failed`: raised by the client library, never on the wire; control.
    """

    message: str
    """Why, for people."""
    attempts: Annotated[shared.Count | None, NOT_NULL] = None
    """How often the SDK tried."""


class ConnectionFailedFrame(Envelope, frozen=True):
    """`connection_failed` on the wire."""

    type: Literal["connection_failed"] = "connection_failed"
    data: ConnectionFailed


class Error(shared.DataError, frozen=True):
    """Something went wrong; durable where it answers a durable message, else for this connection alone.

    `error`: to clients; durable.
    """


class ErrorFrame(Envelope, frozen=True):
    """`error` on the wire."""

    type: Literal["error"] = "error"
    data: Error


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
    data: Annotated[Hello | None, NOT_NULL] = None


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
    data: Welcome
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
    data: Ack
    tl: AckFrameTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class CancelFrameTl(shared.Wrapper, frozen=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    run: str = Field()
    """The run it belongs to."""


class CancelFrame(Envelope, frozen=True):
    """`cancel` on the wire."""

    type: Literal["cancel"] = "cancel"
    data: Annotated[dict[str, Any] | None, NOT_NULL] = None
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
    data: CancelAck
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
    data: Reset
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
    data: GoAway


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
    data: RunStarted
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
    data: RunEvent | list[Any] | str | float | bool | None
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
    data: RunWaiting
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
    data: RunCompleted
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
    data: Annotated[dict[str, Any] | None, NOT_NULL] = None
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
    data: Answer
    tl: AnswerFrameTl = Field(validation_alias="_tl", serialization_alias="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


Frame = Annotated[
    ChatMessageFrame
    | ChatResponseFrame
    | TypingIndicatorFrame
    | PingFrame
    | PongFrame
    | StartReasoningFrame
    | StopReasoningFrame
    | ReasoningUpdateFrame
    | ReasoningCompleteFrame
    | StartEvolutionFrame
    | StopEvolutionFrame
    | EvolutionProgressFrame
    | EvolutionCompleteFrame
    | ManageMcpServerFrame
    | McpServerStatusFrame
    | McpServerHealthFrame
    | ToolDiscoveredFrame
    | ToolCallResultFrame
    | RequestSystemMetricsFrame
    | SystemMetricsFrame
    | GpuMetricsFrame
    | SystemAlertFrame
    | OllamaStatusFrame
    | OllamaModelUpdateFrame
    | OllamaMetricsFrame
    | OllamaErrorFrame
    | MemoryUpdateFrame
    | ConnectionStatusFrame
    | ErrorFrame
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
