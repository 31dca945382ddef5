// Generated from protocol/schema; change it there, then run `make schema`.
import type { Limits, ResetReason, Severity, Verdict, Wrapper } from "./shapes.ts";

/** What `chat_message` says. */
export interface ChatMessageData {
  /** The message. */
  message: {
    /** The text. */
    content: string;
    /** The agent that it is for. (1–128 characters) */
    agentId: string;
    /** The client's own clock, for display only: RFC 3339, or the number or text that old clients send. */
    timestamp: string | number;
  };
}

/** What a person said; the user's other connections see it, too. (both ways, durable) */
export interface ChatMessage {
  type: "chat_message";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: ChatMessageData;
}

/** What `chat_response` says. */
export interface ChatResponseData {
  /** The answer. */
  message: {
    /** Names the answer. (1–256 characters) */
    id: string;
    type: "agent";
    /** The text. */
    content: string;
    /** The agent that answers. (1–128 characters) */
    agentId: string;
    /** How it came about. */
    metadata: {
      /** How long it took, in seconds. (seconds, ≥ 0) */
      processing_time: number;
      /** How sure the agent is, from 0 to 1. (fraction, 0–1) */
      confidence: number;
      /** The thoughts that led to it, in order, as texts or objects. */
      reasoning_path: unknown[];
    };
  };
}

/** An agent's whole answer. (to clients, durable) */
export interface ChatResponse {
  type: "chat_response";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: ChatResponseData;
}

/** What `typing_indicator` says. */
export interface TypingIndicatorData {
  /** The agent. (1–128 characters) */
  agentId: string;
  /** Whether it is. */
  typing: boolean;
}

/** Whether an agent is composing an answer. (to clients, latest: one value for each agentId) */
export interface TypingIndicator {
  type: "typing_indicator";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: TypingIndicatorData;
}

/** What `ping` says. */
export interface PingData {
  /** When the ping was sent, by the sender's clock. */
  timestamp?: string | number;
}

/** Are you there? The data comes back in the pong. (both ways, control) */
export interface Ping {
  type: "ping";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data?: PingData;
}

/** What `pong` says. */
export interface PongData {
  /** When the ping was sent, by the sender's clock. */
  timestamp?: string | number;
}

/** The answer to ping, with its data. (both ways, control) */
export interface Pong {
  type: "pong";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data?: PongData;
}

/** What `start_reasoning` says. */
export interface StartReasoningData {
  /** What to think about. (≥ 1 character) */
  problem: string;
  /** The agent; the route's where it is left out. (1–128 characters) */
  agent_id?: string;
  /** How to think; the service has defaults. */
  parameters?: {
    /** How deep the tree of thoughts may grow. (≥ 1) */
    max_depth?: number;
    /** How many thoughts follow one. (≥ 1) */
    branches?: number;
  };
}

/** Starts a reasoning run. (to the gateway, durable) */
export interface StartReasoning {
  type: "start_reasoning";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: StartReasoningData;
}

/** What `stop_reasoning` says. */
export interface StopReasoningData {
  /** The run. (1–256 characters) */
  run_id: string;
}

/** Stops a reasoning run. (to the gateway, durable) */
export interface StopReasoning {
  type: "stop_reasoning";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: StopReasoningData;
}

/** What `reasoning_update` says. */
export interface ReasoningUpdateData {
  /** The run. (1–256 characters) */
  run_id: string;
  /** Which step, from 1. (≥ 1) */
  step: number;
  /** The thought. */
  content: string;
  /** How much is done, from 0 to 1. (fraction, 0–1) */
  progress: number;
}

/** A step of reasoning. (to clients, durable) */
export interface ReasoningUpdate {
  type: "reasoning_update";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: ReasoningUpdateData;
}

/** What `reasoning_complete` says. */
export interface ReasoningCompleteData {
  /** The run. (1–256 characters) */
  run_id: string;
  /** The result, as a text or in the service's own form. */
  result: unknown;
}

/** What the reasoning came to. (to clients, durable) */
export interface ReasoningComplete {
  type: "reasoning_complete";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: ReasoningCompleteData;
}

/** What `start_evolution` says. */
export interface StartEvolutionData {
  /** How to evolve. */
  parameters: {
    /** How many variants live at once. (≥ 1) */
    population_size: number;
    /** How many generations. (≥ 1) */
    generations: number;
    /** How likely a change is, from 0 to 1. (fraction, 0–1) */
    mutation_rate?: number;
  };
}

/** Starts an evolution run. (to the gateway, durable) */
export interface StartEvolution {
  type: "start_evolution";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: StartEvolutionData;
}

/** What `stop_evolution` says. */
export interface StopEvolutionData {
  /** The run. (1–256 characters) */
  run_id: string;
}

/** Stops an evolution run. (to the gateway, durable) */
export interface StopEvolution {
  type: "stop_evolution";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: StopEvolutionData;
}

/** What `evolution_progress` says. */
export interface EvolutionProgressData {
  /** The run. (1–256 characters) */
  run_id: string;
  /** The generation, from 0. (≥ 0) */
  generation: number;
  /** How fit the variants are, in the service's own measure. */
  population_fitness: {
    /** The fittest. */
    best: number;
    /** All of them on average. */
    mean: number;
  };
  /** How many changes were for the better, from 0 to 1. (fraction, 0–1) */
  mutation_success_rate: number;
  /** How strongly the fitter ones are preferred. (≥ 0) */
  selection_pressure: number;
}

/** Where an evolution run stands. (to clients, latest: one value for each run_id) */
export interface EvolutionProgress {
  type: "evolution_progress";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: EvolutionProgressData;
}

/** What `evolution_complete` says. */
export interface EvolutionCompleteData {
  /** The run. (1–256 characters) */
  run_id: string;
  /** The new agents, in the service's own form. */
  variants: unknown[];
  /** Figures of the improvement. */
  improvement: Record<string, unknown>;
  /** What the tools can do now, in the service's own form. */
  tool_enhancements: unknown[];
}

/** What an evolution run came to. (to clients, durable) */
export interface EvolutionComplete {
  type: "evolution_complete";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: EvolutionCompleteData;
}

/** What `manage_mcp_server` says. */
export interface ManageMcpServerData {
  /** The MCP server. (1–256 characters) */
  server: string;
  /** What to do with it. */
  action: ManageMcpServerAction;
}

/** Starts, stops or restarts an MCP server. (to the gateway, durable) */
export interface ManageMcpServer {
  type: "manage_mcp_server";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: ManageMcpServerData;
}

/** What `mcp_server_status` says. */
export interface McpServerStatusData {
  /** The MCP server. (1–256 characters) */
  server: string;
  /** Its state. */
  status: McpServerStatusStatus;
  /** How many tools it offers. (≥ 0) */
  tools_count: number;
}

/** Whether an MCP server runs. (to clients, latest: one value for each server) */
export interface McpServerStatus {
  type: "mcp_server_status";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: McpServerStatusData;
}

/** What `mcp_server_health` says. */
export interface McpServerHealthData {
  /** The MCP server. (1–256 characters) */
  server: string;
  /** How it is, such as healthy, degraded or unhealthy. */
  health: string;
  /** How long it took to answer. (milliseconds, ≥ 0) */
  latency_ms: number;
  /** How far the search for its tools is, such as complete. */
  tool_discovery: string;
}

/** How well an MCP server answers. (to clients, latest: one value for each server) */
export interface McpServerHealth {
  type: "mcp_server_health";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: McpServerHealthData;
}

/** What `tool_discovered` says. */
export interface ToolDiscoveredData {
  /** The MCP server. (1–256 characters) */
  server: string;
  /** What happened. */
  change: ToolDiscoveredChange;
  /** What it can do now. */
  capabilities: Record<string, unknown>;
  /** The tool, where it is about one. (1–256 characters) */
  tool?: string;
}

/** An MCP server or a tool of it came, changed or went. (to clients, durable) */
export interface ToolDiscovered {
  type: "tool_discovered";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: ToolDiscoveredData;
}

/** What `tool_call_result` says. */
export interface ToolCallResultData {
  /** The MCP server. (1–256 characters) */
  server: string;
  /** The tool. (1–256 characters) */
  tool: string;
  /** How long it took, in seconds. (seconds, ≥ 0) */
  duration: number;
  /** What it gave, in the tool's own form. */
  result?: unknown;
  /** Why it failed. */
  error?: string;
}

/** What a tool call gave: result or error. (to clients, durable) */
export interface ToolCallResult {
  type: "tool_call_result";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: ToolCallResultData;
}

/** What `request_system_metrics` says. */
export type RequestSystemMetricsData = Record<string, unknown>;

/** Asks for system_metrics now. (to the gateway, control) */
export interface RequestSystemMetrics {
  type: "request_system_metrics";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data?: RequestSystemMetricsData;
}

/** What `system_metrics` says. */
export interface SystemMetricsData {
  /** Processor, from 0 to 100. (percent, 0–100) */
  cpu: number;
  /** Memory, from 0 to 100. (percent, 0–100) */
  memory: number;
  /** Disk, from 0 to 100. (percent, 0–100) */
  disk?: number;
  /** The graphics processor, as in gpu_metrics. */
  gpu?: Record<string, unknown>;
}

/** How busy the machine is. (to clients, latest) */
export interface SystemMetrics {
  type: "system_metrics";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: SystemMetricsData;
}

/** What `gpu_metrics` says. */
export interface GpuMetricsData {
  /** From 0 to 100. (percent, 0–100) */
  utilization: number;
  /** Its memory in use, in bytes. (bytes, ≥ 0) */
  vram_used: number;
  /** All of its memory, in bytes. (bytes, ≥ 0) */
  vram_total: number;
  /** What it is used for. */
  acceleration?: Record<string, unknown>;
  /** Degrees Celsius. */
  temperature?: number;
}

/** How busy the graphics processor is. (to clients, latest) */
export interface GpuMetrics {
  type: "gpu_metrics";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: GpuMetricsData;
}

/** What `system_alert` says. */
export interface SystemAlertData {
  /** How bad it is for the person in front of the screen. */
  severity: Severity;
  /** What, for people. */
  message: string;
}

/** Something that somebody should look at. (to clients, durable) */
export interface SystemAlert {
  type: "system_alert";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: SystemAlertData;
}

/** What `ollama_status` says. */
export interface OllamaStatusData {
  /** How the connection to it is. */
  status: OllamaStatusStatus;
  /** Its version. */
  version?: string;
}

/** Whether Ollama can be reached. (to clients, latest) */
export interface OllamaStatus {
  type: "ollama_status";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: OllamaStatusData;
}

/** What `ollama_model_update` says. */
export interface OllamaModelUpdateData {
  /** The model. (1–256 characters) */
  model: string;
  /** Where it stands. */
  state: OllamaModelUpdateState;
  /** How much is loaded, from 0 to 1. (fraction, 0–1) */
  progress?: number;
}

/** A model is loaded or unloaded. (to clients, latest: one value for each model) */
export interface OllamaModelUpdate {
  type: "ollama_model_update";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: OllamaModelUpdateData;
}

/** What `ollama_metrics` says. */
export interface OllamaMetricsData {
  /** The model. (1–256 characters) */
  model: string;
  /** Tokens a second. (≥ 0) */
  tokens_per_second: number;
  /** How long loading took. (milliseconds, ≥ 0) */
  load_ms: number;
  /** How long the answer took. (milliseconds, ≥ 0) */
  inference_ms: number;
}

/** How fast a model answers. (to clients, latest: one value for each model) */
export interface OllamaMetrics {
  type: "ollama_metrics";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: OllamaMetricsData;
}

/** What `ollama_error` says. */
export interface OllamaErrorData {
  /** Why, for people. */
  message: string;
}

/** Ollama failed. (to clients, durable) */
export interface OllamaError {
  type: "ollama_error";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: OllamaErrorData;
}

/** What `memory_update` says. */
export interface MemoryUpdateData {
  /** What was done. */
  operation: MemoryUpdateOperation;
  /** How many entries it concerned. (≥ 0) */
  count?: number;
  /** What was found, in the service's own form. */
  results?: unknown[];
}

/** The memory of agents changed, or was searched. (to clients, durable) */
export interface MemoryUpdate {
  type: "memory_update";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: MemoryUpdateData;
}

/** What `connection_status` says. */
export interface ConnectionStatusData {
  /** The session, to come back to. */
  session?: string;
  /** Only in the welcome that made an anonymous session. */
  secret?: string;
  /** Connection id, for logs. */
  connection?: string;
  /** Whether positions can be resumed; false where the broker is degraded. */
  resume?: boolean;
  /** The session's own channel and each of resume: from where it is delivered. (≥ 1 field) */
  channels?: Record<string, Verdict>;
  /** How often the gateway shows that it is there. (milliseconds, ≥ 0) */
  heartbeat_ms?: number;
  /** What the gateway holds its clients to. */
  limits?: Limits;
  /** The gateway's program, for logs. */
  server?: {
    /** Its name. */
    name: string;
    /** Its version. */
    version: string;
  };
  /** How it is, such as connected. */
  status: string;
}

/** The greeting, and news of the connection. (to clients, control) */
export interface ConnectionStatus {
  type: "connection_status";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: ConnectionStatusData;
}

/** What `connection_error` says. */
export interface ConnectionErrorData {
  /** Why, for people. */
  message: string;
  /** The close code. (1000–4999) */
  code?: number;
}

/** The connection was lost; the SDK tries again. (to clients, control) */
export interface ConnectionError {
  type: "connection_error";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: ConnectionErrorData;
}

/** What `connection_failed` says. */
export interface ConnectionFailedData {
  /** Why, for people. */
  message: string;
  /** How often the SDK tried. (≥ 0) */
  attempts?: number;
}

/** The connection was lost for good; the SDK tries no more. (to clients, control) */
export interface ConnectionFailed {
  type: "connection_failed";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: ConnectionFailedData;
}

/** What `error` says. */
export interface ErrorData {
  /** One sentence for people. */
  message: string;
}

/** Something went wrong; durable where it answers a durable message, else for this connection alone. (to clients, durable) */
export interface Error {
  type: "error";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: ErrorData;
}

/** What `hello` says. */
export interface HelloData {
  /** Bearer token. */
  token?: string;
  /** Session to go on with. */
  session?: string;
  /** What an anonymous session got in its first welcome. */
  secret?: string;
  /** The secrets of further anonymous sessions in resume, by their ids. (≤ 64 fields) */
  secrets?: Record<string, string>;
  /** Last position seen of each channel; null where nothing was seen yet. (≤ 128 fields) */
  resume?: Record<string, string | null>;
  /** The program, for logs. */
  client?: {
    /** Its name. */
    name: string;
    /** Its version. */
    version: string;
  };
}

/** The client's first message: who it is, and what it has seen of each channel. (to the gateway, control) */
export interface Hello {
  type: "hello";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data?: HelloData;
}

/** What `welcome` says. */
export interface WelcomeData {
  /** The session, to come back to. */
  session: string;
  /** Only in the welcome that made an anonymous session. */
  secret?: string;
  /** Connection id, for logs. */
  connection: string;
  /** Whether positions can be resumed; false where the broker is degraded. */
  resume: boolean;
  /** The session's own channel and each of resume: from where it is delivered. (≥ 1 field) */
  channels: Record<string, Verdict>;
  /** How often the gateway shows that it is there. (milliseconds, ≥ 0) */
  heartbeat_ms: number;
  /** What the gateway holds its clients to. */
  limits: Limits;
  /** The gateway's program, for logs. */
  server: {
    /** Its name. */
    name: string;
    /** Its version. */
    version: string;
  };
}

/** The session, and from where each of its channels is delivered. (to clients, control) */
export interface Welcome {
  type: "welcome";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl: Wrapper & {
    /** Session id. */
    session: string;
  };
  data: WelcomeData;
}

/** What `ack` says. */
export interface AckData {
  /** The message's id. (`^[A-Za-z0-9_.:-]{1,64}$`) */
  id: string;
  /** How safely it is kept. */
  level: AckLevel;
  /** True where the same message was acknowledged before. */
  duplicate?: boolean;
}

/** The message is kept, and this is its run. (to clients, control) */
export interface Ack {
  type: "ack";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl: Wrapper & {
    /** Id of the message that it answers. */
    reply_to: string;
  };
  data: AckData;
}

/** What `cancel` says. */
export type CancelData = Record<string, unknown>;

/** Stop this run. (to the gateway, control) */
export interface Cancel {
  type: "cancel";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl: Wrapper & {
    /** The run it belongs to. */
    run: string;
  };
  data?: CancelData;
}

/** What `cancel_ack` says. */
export interface CancelAckData {
  /** False where the run is unknown, over or not yours. */
  cancelled: boolean;
}

/** Whether the run is being stopped. (to clients, control) */
export interface CancelAck {
  type: "cancel_ack";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl: Wrapper & {
    /** The run it belongs to. */
    run: string;
  };
  data: CancelAckData;
}

/** What `reset` says. */
export interface ResetData {
  /** Why a channel cannot be resumed. */
  reason: ResetReason;
  /** The oldest retained place. (≥ 1 character) */
  pos?: string;
}

/** Drop what you have of the channel; it goes on from pos, or without pos is gone. (to clients, control) */
export interface Reset {
  type: "reset";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl: Wrapper & {
    /** The channel it stands in; on durable messages only. */
    channel: string;
  };
  data: ResetData;
}

/** What `go_away` says. */
export interface GoAwayData {
  /** Why, such as drain. */
  reason: string;
  /** How long to wait at least. (milliseconds, ≥ 0) */
  reconnect_min_ms: number;
  /** How long to wait at most. (milliseconds, ≥ 0) */
  reconnect_max_ms: number;
}

/** Leave, and come back after a random time in this window. (to clients, control) */
export interface GoAway {
  type: "go_away";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  data: GoAwayData;
}

/** What `run_started` says. */
export interface RunStartedData {
  /** The service that runs. */
  service: string;
  /** The run's channel. */
  channel: string;
}

/** A run began; its channel is attached from its start. (to clients, durable) */
export interface RunStarted {
  type: "run_started";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl: Wrapper & {
    /** The channel it stands in; on durable messages only. */
    channel: string;
    /** Its position in the channel. */
    pos: string;
    /** The position before it. */
    prev: string;
    /** Session id. */
    session: string;
    /** The run it belongs to. */
    run: string;
    /** Id of the message that it answers. */
    reply_to: string;
  };
  data: RunStartedData;
}

/** What `run_event` says. */
export type RunEventData = {
  /** The next piece of the answer. */
  text?: string;
} | unknown[] | string | number | boolean | null;

/** What a service says in a run; consecutive ones with a text may arrive merged. (to clients, stream: merged ones have text concatenated) */
export interface RunEvent {
  type: "run_event";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl: Wrapper & {
    /** The channel it stands in; on durable messages only. */
    channel: string;
    /** Its position in the channel. */
    pos: string;
    /** The position before it. */
    prev: string;
    /** Session id. */
    session: string;
    /** The run it belongs to. */
    run: string;
    /** First event number of the run that it carries. (≥ 0) */
    seq: number;
  };
  data: RunEventData;
}

/** What `run_waiting` says. */
export interface RunWaitingData {
  /** Names the question in its answer. (1–256 characters) */
  request_id: string;
  /** Whether to answer with granted or with value. */
  kind: RunWaitingKind;
  /** The question, for people. */
  message: string;
  /** What is to be approved, such as delete_file or install_package. */
  action?: string;
  /** What to show beside the question. */
  details?: Record<string, unknown>;
  /** The possible answers, where they are few. (≥ 1 item) */
  choices?: string[];
  /** When the run ends (run_expired) if nobody has answered. (RFC 3339) */
  expires_at?: string;
}

/** The run waits for a person; answer goes on with it. (to clients, durable) */
export interface RunWaiting {
  type: "run_waiting";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl: Wrapper & {
    /** The channel it stands in; on durable messages only. */
    channel: string;
    /** Its position in the channel. */
    pos: string;
    /** The position before it. */
    prev: string;
    /** Session id. */
    session: string;
    /** The run it belongs to. */
    run: string;
    /** First event number of the run that it carries. (≥ 0) */
    seq: number;
  };
  data: RunWaitingData;
}

/** What `run_completed` says. */
export interface RunCompletedData {
  /** What the service gives back; null where that is nothing. */
  result: unknown;
}

/** The service finished; last in the run's channel. (to clients, durable) */
export interface RunCompleted {
  type: "run_completed";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl: Wrapper & {
    /** The channel it stands in; on durable messages only. */
    channel: string;
    /** Its position in the channel. */
    pos: string;
    /** The position before it. */
    prev: string;
    /** Session id. */
    session: string;
    /** The run it belongs to. */
    run: string;
    /** First event number of the run that it carries. (≥ 0) */
    seq: number;
  };
  data: RunCompletedData;
}

/** What `run_cancelled` says. */
export type RunCancelledData = Record<string, unknown>;

/** The run was stopped; last in its channel. (to clients, durable) */
export interface RunCancelled {
  type: "run_cancelled";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl: Wrapper & {
    /** The channel it stands in; on durable messages only. */
    channel: string;
    /** Its position in the channel. */
    pos: string;
    /** The position before it. */
    prev: string;
    /** Session id. */
    session: string;
    /** The run it belongs to. */
    run: string;
    /** First event number of the run that it carries. (≥ 0) */
    seq: number;
  };
  data?: RunCancelledData;
}

/** What `answer` says. */
export interface AnswerData {
  /** The question, from run_waiting. (1–256 characters) */
  request_id: string;
  /** Whether the approval is given. */
  granted?: boolean;
  /** The answer to a question. */
  value?: unknown;
  /** A word beside it, for the record. */
  message?: string;
  /** Who answered, where that is known; the gateway says it. */
  by?: string;
}

/** A person's answer to a waiting run; in the run's channel, the one that counts. (both ways, durable) */
export interface Answer {
  type: "answer";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl: Wrapper & {
    /** The run it belongs to. */
    run: string;
  };
  data: AnswerData;
}

/** Values of ManageMcpServerAction. */
export const MANAGE_MCP_SERVER_ACTION = ["start", "stop", "restart"] as const;
/** Values of ManageMcpServerAction. */
export type ManageMcpServerAction = (typeof MANAGE_MCP_SERVER_ACTION)[number];

/** Values of McpServerStatusStatus. */
export const MCP_SERVER_STATUS_STATUS = ["online", "offline", "starting", "failed"] as const;
/** Values of McpServerStatusStatus. */
export type McpServerStatusStatus = (typeof MCP_SERVER_STATUS_STATUS)[number];

/** Values of ToolDiscoveredChange. */
export const TOOL_DISCOVERED_CHANGE = ["added", "updated", "removed", "server_connected", "server_disconnected"] as const;
/** Values of ToolDiscoveredChange. */
export type ToolDiscoveredChange = (typeof TOOL_DISCOVERED_CHANGE)[number];

/** Values of OllamaStatusStatus. */
export const OLLAMA_STATUS_STATUS = ["connected", "disconnected"] as const;
/** Values of OllamaStatusStatus. */
export type OllamaStatusStatus = (typeof OLLAMA_STATUS_STATUS)[number];

/** Values of OllamaModelUpdateState. */
export const OLLAMA_MODEL_UPDATE_STATE = ["loading", "loaded", "unloaded"] as const;
/** Values of OllamaModelUpdateState. */
export type OllamaModelUpdateState = (typeof OLLAMA_MODEL_UPDATE_STATE)[number];

/** Values of MemoryUpdateOperation. */
export const MEMORY_UPDATE_OPERATION = ["vector_store_update", "embeddings_completed", "similarity_search"] as const;
/** Values of MemoryUpdateOperation. */
export type MemoryUpdateOperation = (typeof MEMORY_UPDATE_OPERATION)[number];

/** Values of AckLevel. */
export const ACK_LEVEL = ["accepted", "stored"] as const;
/** Values of AckLevel. */
export type AckLevel = (typeof ACK_LEVEL)[number];

/** Values of RunWaitingKind. */
export const RUN_WAITING_KIND = ["approval", "question"] as const;
/** Values of RunWaitingKind. */
export type RunWaitingKind = (typeof RUN_WAITING_KIND)[number];

/** Every type of dialect data, by its name. */
export interface DataMessages {
  /** What a person said; the user's other connections see it, too. */
  "chat_message": ChatMessage;
  /** An agent's whole answer. */
  "chat_response": ChatResponse;
  /** Whether an agent is composing an answer. */
  "typing_indicator": TypingIndicator;
  /** Are you there? The data comes back in the pong. */
  "ping": Ping;
  /** The answer to ping, with its data. */
  "pong": Pong;
  /** Starts a reasoning run. */
  "start_reasoning": StartReasoning;
  /** Stops a reasoning run. */
  "stop_reasoning": StopReasoning;
  /** A step of reasoning. */
  "reasoning_update": ReasoningUpdate;
  /** What the reasoning came to. */
  "reasoning_complete": ReasoningComplete;
  /** Starts an evolution run. */
  "start_evolution": StartEvolution;
  /** Stops an evolution run. */
  "stop_evolution": StopEvolution;
  /** Where an evolution run stands. */
  "evolution_progress": EvolutionProgress;
  /** What an evolution run came to. */
  "evolution_complete": EvolutionComplete;
  /** Starts, stops or restarts an MCP server. */
  "manage_mcp_server": ManageMcpServer;
  /** Whether an MCP server runs. */
  "mcp_server_status": McpServerStatus;
  /** How well an MCP server answers. */
  "mcp_server_health": McpServerHealth;
  /** An MCP server or a tool of it came, changed or went. */
  "tool_discovered": ToolDiscovered;
  /** What a tool call gave: result or error. */
  "tool_call_result": ToolCallResult;
  /** Asks for system_metrics now. */
  "request_system_metrics": RequestSystemMetrics;
  /** How busy the machine is. */
  "system_metrics": SystemMetrics;
  /** How busy the graphics processor is. */
  "gpu_metrics": GpuMetrics;
  /** Something that somebody should look at. */
  "system_alert": SystemAlert;
  /** Whether Ollama can be reached. */
  "ollama_status": OllamaStatus;
  /** A model is loaded or unloaded. */
  "ollama_model_update": OllamaModelUpdate;
  /** How fast a model answers. */
  "ollama_metrics": OllamaMetrics;
  /** Ollama failed. */
  "ollama_error": OllamaError;
  /** The memory of agents changed, or was searched. */
  "memory_update": MemoryUpdate;
  /** The greeting, and news of the connection. */
  "connection_status": ConnectionStatus;
  /** The connection was lost; the SDK tries again. */
  "connection_error": ConnectionError;
  /** The connection was lost for good; the SDK tries no more. */
  "connection_failed": ConnectionFailed;
  /** Something went wrong; durable where it answers a durable message, else for this connection alone. */
  "error": Error;
  /** The client's first message: who it is, and what it has seen of each channel. */
  "hello": Hello;
  /** The session, and from where each of its channels is delivered. */
  "welcome": Welcome;
  /** The message is kept, and this is its run. */
  "ack": Ack;
  /** Stop this run. */
  "cancel": Cancel;
  /** Whether the run is being stopped. */
  "cancel_ack": CancelAck;
  /** Drop what you have of the channel; it goes on from pos, or without pos is gone. */
  "reset": Reset;
  /** Leave, and come back after a random time in this window. */
  "go_away": GoAway;
  /** A run began; its channel is attached from its start. */
  "run_started": RunStarted;
  /** What a service says in a run; consecutive ones with a text may arrive merged. */
  "run_event": RunEvent;
  /** The run waits for a person; answer goes on with it. */
  "run_waiting": RunWaiting;
  /** The service finished; last in the run's channel. */
  "run_completed": RunCompleted;
  /** The run was stopped; last in its channel. */
  "run_cancelled": RunCancelled;
  /** A person's answer to a waiting run; in the run's channel, the one that counts. */
  "answer": Answer;
}

/** Any message of dialect data that the contract knows; `type` says which. */
export type DataMessage = DataMessages[keyof DataMessages];

/** Messages of dialect data that clients send. */
export type DataSent =
  | ChatMessage
  | Ping
  | Pong
  | StartReasoning
  | StopReasoning
  | StartEvolution
  | StopEvolution
  | ManageMcpServer
  | RequestSystemMetrics
  | Hello
  | Cancel
  | Answer;

/** Messages of dialect data that clients receive. */
export type DataReceived =
  | ChatMessage
  | ChatResponse
  | TypingIndicator
  | Ping
  | Pong
  | ReasoningUpdate
  | ReasoningComplete
  | EvolutionProgress
  | EvolutionComplete
  | McpServerStatus
  | McpServerHealth
  | ToolDiscovered
  | ToolCallResult
  | SystemMetrics
  | GpuMetrics
  | SystemAlert
  | OllamaStatus
  | OllamaModelUpdate
  | OllamaMetrics
  | OllamaError
  | MemoryUpdate
  | ConnectionStatus
  | Error
  | Welcome
  | Ack
  | CancelAck
  | Reset
  | GoAway
  | RunStarted
  | RunEvent
  | RunWaiting
  | RunCompleted
  | RunCancelled
  | Answer;
