"""The message types of dialect `data`, as msgspec structs.

Generated from protocol/schema/messages/data.schema.json; change it there, then run `make schema`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from trunkline.messages import _read, _rules, shared
from trunkline.messages._type import MessageType


class Envelope(Struct, frozen=True, kw_only=True, tag_field="type"):
    """What stands beside the content of every message."""

    tl: shared.Wrapper | UnsetType = field(default=UNSET, name="_tl")


class ChatMessageMessage(Struct, frozen=True, kw_only=True):
    """The message."""

    content: str
    """The text."""
    agent_id: shared.AgentId = field(name="agentId")
    """The agent that it is for."""
    timestamp: shared.ClientTime


class ChatMessage(Struct, frozen=True, kw_only=True):
    """What a person said; the user's other connections see it, too.

    `chat_message`: to and from clients; durable.
    """

    message: ChatMessageMessage
    """The message."""


class ChatMessageFrame(Envelope, frozen=True, kw_only=True, tag="chat_message"):
    """`chat_message` on the wire."""

    data: ChatMessage


class ChatResponseMessageMetadata(Struct, frozen=True, kw_only=True):
    """How it came about."""

    processing_time: shared.Seconds
    """How long it took, in seconds."""
    confidence: shared.Fraction
    """How sure the agent is, from 0 to 1."""
    reasoning_path: list[Any]
    """The thoughts that led to it, in order, as texts or objects."""


class ChatResponseMessage(Struct, frozen=True, kw_only=True):
    """The answer."""

    id: shared.Id
    """Names the answer."""
    type: Literal["agent"]
    """Who speaks: always agent."""
    content: str
    """The text."""
    agent_id: shared.AgentId = field(name="agentId")
    """The agent that answers."""
    metadata: ChatResponseMessageMetadata
    """How it came about."""


class ChatResponse(Struct, frozen=True, kw_only=True):
    """An agent's whole answer.

    `chat_response`: to clients; durable.
    """

    message: ChatResponseMessage
    """The answer."""


class ChatResponseFrame(Envelope, frozen=True, kw_only=True, tag="chat_response"):
    """`chat_response` on the wire."""

    data: ChatResponse


class TypingIndicator(Struct, frozen=True, kw_only=True):
    """Whether an agent is composing an answer.

    `typing_indicator`: to clients; latest, one value per `agentId`.
    """

    agent_id: shared.AgentId = field(name="agentId")
    """The agent."""
    typing: bool
    """Whether it is."""


class TypingIndicatorFrame(Envelope, frozen=True, kw_only=True, tag="typing_indicator"):
    """`typing_indicator` on the wire."""

    data: TypingIndicator


class Ping(Struct, frozen=True, kw_only=True):
    """Are you there? The data comes back in the pong.

    `ping`: to and from clients; control.
    """

    timestamp: shared.ClientTime | UnsetType = UNSET
    """When the ping was sent, by the sender's clock."""


class PingFrame(Envelope, frozen=True, kw_only=True, tag="ping"):
    """`ping` on the wire."""

    data: Ping | UnsetType = UNSET


class Pong(Struct, frozen=True, kw_only=True):
    """The answer to ping, with its data.

    `pong`: to and from clients; control.
    """

    timestamp: shared.ClientTime | UnsetType = UNSET
    """When the ping was sent, by the sender's clock."""


class PongFrame(Envelope, frozen=True, kw_only=True, tag="pong"):
    """`pong` on the wire."""

    data: Pong | UnsetType = UNSET


class StartReasoningParameters(Struct, frozen=True, kw_only=True):
    """How to think; the service has defaults."""

    max_depth: shared.Ordinal | UnsetType = UNSET
    """How deep the tree of thoughts may grow."""
    branches: shared.Ordinal | UnsetType = UNSET
    """How many thoughts follow one."""


class StartReasoning(Struct, frozen=True, kw_only=True):
    """Starts a reasoning run.

    `start_reasoning`: from clients; durable.
    """

    problem: Annotated[str, Meta(min_length=1)]
    """What to think about."""
    agent_id: shared.AgentId | UnsetType = UNSET
    """The agent; the route's where it is left out."""
    parameters: StartReasoningParameters | UnsetType = UNSET
    """How to think; the service has defaults."""


class StartReasoningFrame(Envelope, frozen=True, kw_only=True, tag="start_reasoning"):
    """`start_reasoning` on the wire."""

    data: StartReasoning


class StopReasoning(Struct, frozen=True, kw_only=True):
    """Stops a reasoning run.

    `stop_reasoning`: from clients; durable.
    """

    run_id: shared.Id
    """The run."""


class StopReasoningFrame(Envelope, frozen=True, kw_only=True, tag="stop_reasoning"):
    """`stop_reasoning` on the wire."""

    data: StopReasoning


class ReasoningUpdate(Struct, frozen=True, kw_only=True):
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


class ReasoningUpdateFrame(Envelope, frozen=True, kw_only=True, tag="reasoning_update"):
    """`reasoning_update` on the wire."""

    data: ReasoningUpdate


class ReasoningComplete(Struct, frozen=True, kw_only=True):
    """What the reasoning came to.

    `reasoning_complete`: to clients; durable.
    """

    run_id: shared.Id
    """The run."""
    result: Any
    """The result, as a text or in the service's own form."""


class ReasoningCompleteFrame(Envelope, frozen=True, kw_only=True, tag="reasoning_complete"):
    """`reasoning_complete` on the wire."""

    data: ReasoningComplete


class StartEvolutionParameters(Struct, frozen=True, kw_only=True):
    """How to evolve."""

    population_size: shared.Ordinal
    """How many variants live at once."""
    generations: shared.Ordinal
    """How many generations."""
    mutation_rate: shared.Fraction | UnsetType = UNSET
    """How likely a change is, from 0 to 1."""


class StartEvolution(Struct, frozen=True, kw_only=True):
    """Starts an evolution run.

    `start_evolution`: from clients; durable.
    """

    parameters: StartEvolutionParameters
    """How to evolve."""


class StartEvolutionFrame(Envelope, frozen=True, kw_only=True, tag="start_evolution"):
    """`start_evolution` on the wire."""

    data: StartEvolution


class StopEvolution(Struct, frozen=True, kw_only=True):
    """Stops an evolution run.

    `stop_evolution`: from clients; durable.
    """

    run_id: shared.Id
    """The run."""


class StopEvolutionFrame(Envelope, frozen=True, kw_only=True, tag="stop_evolution"):
    """`stop_evolution` on the wire."""

    data: StopEvolution


class EvolutionProgressPopulationFitness(Struct, frozen=True, kw_only=True):
    """How fit the variants are, in the service's own measure."""

    best: float
    """The fittest."""
    mean: float
    """All of them on average."""


class EvolutionProgress(Struct, frozen=True, kw_only=True):
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
    selection_pressure: Annotated[float, Meta(ge=0)]
    """How strongly the fitter ones are preferred."""


class EvolutionProgressFrame(Envelope, frozen=True, kw_only=True, tag="evolution_progress"):
    """`evolution_progress` on the wire."""

    data: EvolutionProgress


class EvolutionComplete(Struct, frozen=True, kw_only=True):
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


class EvolutionCompleteFrame(Envelope, frozen=True, kw_only=True, tag="evolution_complete"):
    """`evolution_complete` on the wire."""

    data: EvolutionComplete


class ManageMcpServer(Struct, frozen=True, kw_only=True):
    """Starts, stops or restarts an MCP server.

    `manage_mcp_server`: from clients; durable.
    """

    server: shared.Name
    """The MCP server."""
    action: Literal["start", "stop", "restart"]
    """What to do with it."""


class ManageMcpServerFrame(Envelope, frozen=True, kw_only=True, tag="manage_mcp_server"):
    """`manage_mcp_server` on the wire."""

    data: ManageMcpServer


class McpServerStatus(Struct, frozen=True, kw_only=True):
    """Whether an MCP server runs.

    `mcp_server_status`: to clients; latest, one value per `server`.
    """

    server: shared.Name
    """The MCP server."""
    status: Literal["online", "offline", "starting", "failed"]
    """Its state."""
    tools_count: shared.Count
    """How many tools it offers."""


class McpServerStatusFrame(Envelope, frozen=True, kw_only=True, tag="mcp_server_status"):
    """`mcp_server_status` on the wire."""

    data: McpServerStatus


class McpServerHealth(Struct, frozen=True, kw_only=True):
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


class McpServerHealthFrame(Envelope, frozen=True, kw_only=True, tag="mcp_server_health"):
    """`mcp_server_health` on the wire."""

    data: McpServerHealth


class ToolDiscovered(Struct, frozen=True, kw_only=True):
    """An MCP server or a tool of it came, changed or went.

    `tool_discovered`: to clients; durable.
    """

    server: shared.Name
    """The MCP server."""
    change: Literal["added", "updated", "removed", "server_connected", "server_disconnected"]
    """What happened."""
    capabilities: dict[str, Any]
    """What it can do now."""
    tool: shared.Name | UnsetType = UNSET
    """The tool, where it is about one."""


class ToolDiscoveredFrame(Envelope, frozen=True, kw_only=True, tag="tool_discovered"):
    """`tool_discovered` on the wire."""

    data: ToolDiscovered


class ToolCallResult(Struct, frozen=True, kw_only=True):
    """What a tool call gave: result or error.

    `tool_call_result`: to clients; durable.
    """

    server: shared.Name
    """The MCP server."""
    tool: shared.Name
    """The tool."""
    duration: shared.Seconds
    """How long it took, in seconds."""
    result: Any = UNSET
    """What it gave, in the tool's own form."""
    error: str | UnsetType = UNSET
    """Why it failed."""

    def __post_init__(self) -> None:
        """Raises ValueError where a rule about several fields is broken."""
        _rules.at_least_one(self, "result", "error")


class ToolCallResultFrame(Envelope, frozen=True, kw_only=True, tag="tool_call_result"):
    """`tool_call_result` on the wire."""

    data: ToolCallResult


class RequestSystemMetricsFrame(Envelope, frozen=True, kw_only=True, tag="request_system_metrics"):
    """`request_system_metrics` on the wire."""

    data: dict[str, Any] | UnsetType = UNSET


class SystemMetrics(Struct, frozen=True, kw_only=True):
    """How busy the machine is.

    `system_metrics`: to clients; latest.
    """

    cpu: shared.Percent
    """Processor, from 0 to 100."""
    memory: shared.Percent
    """Memory, from 0 to 100."""
    disk: shared.Percent | UnsetType = UNSET
    """Disk, from 0 to 100."""
    gpu: dict[str, Any] | UnsetType = UNSET
    """The graphics processor, as in gpu_metrics."""


class SystemMetricsFrame(Envelope, frozen=True, kw_only=True, tag="system_metrics"):
    """`system_metrics` on the wire."""

    data: SystemMetrics


class GpuMetrics(Struct, frozen=True, kw_only=True):
    """How busy the graphics processor is.

    `gpu_metrics`: to clients; latest.
    """

    utilization: shared.Percent
    vram_used: shared.Bytes
    """Its memory in use, in bytes."""
    vram_total: shared.Bytes
    """All of its memory, in bytes."""
    acceleration: dict[str, Any] | UnsetType = UNSET
    """What it is used for."""
    temperature: float | UnsetType = UNSET
    """Degrees Celsius."""


class GpuMetricsFrame(Envelope, frozen=True, kw_only=True, tag="gpu_metrics"):
    """`gpu_metrics` on the wire."""

    data: GpuMetrics


class SystemAlert(Struct, frozen=True, kw_only=True):
    """Something that somebody should look at.

    `system_alert`: to clients; durable.
    """

    severity: shared.Severity
    message: str
    """What, for people."""


class SystemAlertFrame(Envelope, frozen=True, kw_only=True, tag="system_alert"):
    """`system_alert` on the wire."""

    data: SystemAlert


class OllamaStatus(Struct, frozen=True, kw_only=True):
    """Whether Ollama can be reached.

    `ollama_status`: to clients; latest.
    """

    status: Literal["connected", "disconnected"]
    """How the connection to it is."""
    version: str | UnsetType = UNSET
    """Its version."""


class OllamaStatusFrame(Envelope, frozen=True, kw_only=True, tag="ollama_status"):
    """`ollama_status` on the wire."""

    data: OllamaStatus


class OllamaModelUpdate(Struct, frozen=True, kw_only=True):
    """A model is loaded or unloaded.

    `ollama_model_update`: to clients; latest, one value per `model`.
    """

    model: shared.Name
    """The model."""
    state: Literal["loading", "loaded", "unloaded"]
    """Where it stands."""
    progress: shared.Fraction | UnsetType = UNSET
    """How much is loaded, from 0 to 1."""


class OllamaModelUpdateFrame(Envelope, frozen=True, kw_only=True, tag="ollama_model_update"):
    """`ollama_model_update` on the wire."""

    data: OllamaModelUpdate


class OllamaMetrics(Struct, frozen=True, kw_only=True):
    """How fast a model answers.

    `ollama_metrics`: to clients; latest, one value per `model`.
    """

    model: shared.Name
    """The model."""
    tokens_per_second: Annotated[float, Meta(ge=0)]
    """Tokens a second."""
    load_ms: shared.Milliseconds
    """How long loading took. Unit: milliseconds."""
    inference_ms: shared.Milliseconds
    """How long the answer took. Unit: milliseconds."""


class OllamaMetricsFrame(Envelope, frozen=True, kw_only=True, tag="ollama_metrics"):
    """`ollama_metrics` on the wire."""

    data: OllamaMetrics


class OllamaError(Struct, frozen=True, kw_only=True):
    """Ollama failed.

    `ollama_error`: to clients; durable.
    """

    message: str
    """Why, for people."""


class OllamaErrorFrame(Envelope, frozen=True, kw_only=True, tag="ollama_error"):
    """`ollama_error` on the wire."""

    data: OllamaError


class MemoryUpdate(Struct, frozen=True, kw_only=True):
    """The memory of agents changed, or was searched.

    `memory_update`: to clients; durable.
    """

    operation: Literal["vector_store_update", "embeddings_completed", "similarity_search"]
    """What was done."""
    count: shared.Count | UnsetType = UNSET
    """How many entries it concerned."""
    results: list[Any] | UnsetType = UNSET
    """What was found, in the service's own form."""


class MemoryUpdateFrame(Envelope, frozen=True, kw_only=True, tag="memory_update"):
    """`memory_update` on the wire."""

    data: MemoryUpdate


class ConnectionStatus(shared.Opening, frozen=True, kw_only=True):
    """The greeting, and news of the connection.

    `connection_status`: to clients; control.
    """

    status: str
    """How it is, such as connected."""


class ConnectionStatusFrame(Envelope, frozen=True, kw_only=True, tag="connection_status"):
    """`connection_status` on the wire."""

    data: ConnectionStatus


class ConnectionError(Struct, frozen=True, kw_only=True):
    """The connection was lost; the SDK tries again.

    `connection_error`: raised by the client library, never on the wire; control.
    """

    message: str
    """Why, for people."""
    code: Annotated[int, Meta(ge=1000, le=4999)] | UnsetType = UNSET
    """The close code."""


class ConnectionErrorFrame(Envelope, frozen=True, kw_only=True, tag="connection_error"):
    """`connection_error` on the wire."""

    data: ConnectionError


class ConnectionFailed(Struct, frozen=True, kw_only=True):
    """The connection was lost for good; the SDK tries no more.

    `connection_failed`: raised by the client library, never on the wire; control.
    """

    message: str
    """Why, for people."""
    attempts: shared.Count | UnsetType = UNSET
    """How often the SDK tried."""


class ConnectionFailedFrame(Envelope, frozen=True, kw_only=True, tag="connection_failed"):
    """`connection_failed` on the wire."""

    data: ConnectionFailed


class Error(shared.DataError, frozen=True, kw_only=True):
    """Something went wrong; durable where it answers a durable message, else for this connection alone.

    `error`: to clients; durable.
    """


class ErrorFrame(Envelope, frozen=True, kw_only=True, tag="error"):
    """`error` on the wire."""

    data: Error


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

    data: Hello | UnsetType = UNSET


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

    data: Welcome
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

    data: Ack
    tl: AckFrameTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


class CancelFrameTl(shared.Wrapper, frozen=True, kw_only=True):
    """The envelope's fields for which a dialect has no place of its own, by their native names."""

    run: str = field()
    """The run it belongs to."""


class CancelFrame(Envelope, frozen=True, kw_only=True, tag="cancel"):
    """`cancel` on the wire."""

    data: dict[str, Any] | UnsetType = UNSET
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

    data: CancelAck
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

    data: Reset
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

    data: GoAway


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

    data: RunStarted
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

    data: RunEvent | list[Any] | str | float | bool | None
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

    data: RunWaiting
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

    data: RunCompleted
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

    data: dict[str, Any] | UnsetType = UNSET
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

    data: Answer
    tl: AnswerFrameTl = field(name="_tl")
    """The envelope's fields for which a dialect has no place of its own, by their native names."""


Frame = (
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
    "chat_message": MessageType("chat_message", ChatMessage, ChatMessageFrame, "both", "durable"),
    "chat_response": MessageType("chat_response", ChatResponse, ChatResponseFrame, "to_client", "durable"),
    "typing_indicator": MessageType("typing_indicator", TypingIndicator, TypingIndicatorFrame, "to_client", "latest", key=("agentId",)),
    "ping": MessageType("ping", Ping, PingFrame, "both", "control"),
    "pong": MessageType("pong", Pong, PongFrame, "both", "control"),
    "start_reasoning": MessageType("start_reasoning", StartReasoning, StartReasoningFrame, "to_gateway", "durable"),
    "stop_reasoning": MessageType("stop_reasoning", StopReasoning, StopReasoningFrame, "to_gateway", "durable"),
    "reasoning_update": MessageType("reasoning_update", ReasoningUpdate, ReasoningUpdateFrame, "to_client", "durable"),
    "reasoning_complete": MessageType("reasoning_complete", ReasoningComplete, ReasoningCompleteFrame, "to_client", "durable"),
    "start_evolution": MessageType("start_evolution", StartEvolution, StartEvolutionFrame, "to_gateway", "durable"),
    "stop_evolution": MessageType("stop_evolution", StopEvolution, StopEvolutionFrame, "to_gateway", "durable"),
    "evolution_progress": MessageType(
        "evolution_progress", EvolutionProgress, EvolutionProgressFrame, "to_client", "latest", key=("run_id",)
    ),
    "evolution_complete": MessageType("evolution_complete", EvolutionComplete, EvolutionCompleteFrame, "to_client", "durable"),
    "manage_mcp_server": MessageType("manage_mcp_server", ManageMcpServer, ManageMcpServerFrame, "to_gateway", "durable"),
    "mcp_server_status": MessageType("mcp_server_status", McpServerStatus, McpServerStatusFrame, "to_client", "latest", key=("server",)),
    "mcp_server_health": MessageType("mcp_server_health", McpServerHealth, McpServerHealthFrame, "to_client", "latest", key=("server",)),
    "tool_discovered": MessageType("tool_discovered", ToolDiscovered, ToolDiscoveredFrame, "to_client", "durable"),
    "tool_call_result": MessageType("tool_call_result", ToolCallResult, ToolCallResultFrame, "to_client", "durable"),
    "request_system_metrics": MessageType("request_system_metrics", dict[str, Any], RequestSystemMetricsFrame, "to_gateway", "control"),
    "system_metrics": MessageType("system_metrics", SystemMetrics, SystemMetricsFrame, "to_client", "latest"),
    "gpu_metrics": MessageType("gpu_metrics", GpuMetrics, GpuMetricsFrame, "to_client", "latest"),
    "system_alert": MessageType("system_alert", SystemAlert, SystemAlertFrame, "to_client", "durable"),
    "ollama_status": MessageType("ollama_status", OllamaStatus, OllamaStatusFrame, "to_client", "latest"),
    "ollama_model_update": MessageType(
        "ollama_model_update", OllamaModelUpdate, OllamaModelUpdateFrame, "to_client", "latest", key=("model",)
    ),
    "ollama_metrics": MessageType("ollama_metrics", OllamaMetrics, OllamaMetricsFrame, "to_client", "latest", key=("model",)),
    "ollama_error": MessageType("ollama_error", OllamaError, OllamaErrorFrame, "to_client", "durable"),
    "memory_update": MessageType("memory_update", MemoryUpdate, MemoryUpdateFrame, "to_client", "durable"),
    "connection_status": MessageType("connection_status", ConnectionStatus, ConnectionStatusFrame, "to_client", "control"),
    "connection_error": MessageType("connection_error", ConnectionError, ConnectionErrorFrame, "to_client", "control", local=True),
    "connection_failed": MessageType("connection_failed", ConnectionFailed, ConnectionFailedFrame, "to_client", "control", local=True),
    "error": MessageType("error", Error, ErrorFrame, "to_client", "durable"),
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
