// Generated from protocol/schema; change it there, then run `make schema`.
import type { Limits, ResetReason, Severity, Verdict, Wrapper } from "./shapes.ts";

/** What `connection_established` says. */
export interface ConnectionEstablishedPayload {
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
  /** A sentence for people. */
  message: string;
}

/** The greeting: the connection is open. (to clients, control) */
export interface ConnectionEstablished {
  type: "connection_established";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: ConnectionEstablishedPayload;
}

/** What `ping` says. */
export interface PingPayload {
  /** When the ping was sent, by the sender's clock. */
  timestamp?: string | number;
}

/** Are you there? The payload comes back in the pong. (both ways, control) */
export interface Ping {
  type: "ping";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload?: PingPayload;
}

/** What `pong` says. */
export interface PongPayload {
  /** When the ping was sent, by the sender's clock. */
  timestamp?: string | number;
}

/** The answer to ping, with its payload. (both ways, control) */
export interface Pong {
  type: "pong";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload?: PongPayload;
}

/** What `health_check` says. */
export type HealthCheckPayload = Record<string, unknown>;

/** How are you? (to the gateway, control) */
export interface HealthCheck {
  type: "health_check";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload?: HealthCheckPayload;
}

/** What `health_response` says. */
export interface HealthResponsePayload {
  /** How the gateway is: healthy or unhealthy. */
  status: string;
  /** When that was so. (RFC 3339) */
  timestamp: string;
}

/** The answer to health_check. (to clients, control) */
export interface HealthResponse {
  type: "health_response";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: HealthResponsePayload;
}

/** What `user_message` says. */
export interface UserMessagePayload {
  /** The text. */
  message: string;
  /** The conversation, as the application names it. (1–256 characters) */
  chat_id?: string;
  /** The client's own clock, for display only: RFC 3339, or the number or text that old clients send. */
  timestamp?: string | number;
}

/** What a person said; the user's other connections see it, too. (both ways, durable) */
export interface UserMessage {
  type: "user_message";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: UserMessagePayload;
}

/** What `llm_response` says. */
export interface LlmResponsePayload {
  /** The text. */
  response: string;
  /** The conversation, as the application names it. (1–256 characters) */
  chat_id: string;
  /** The model. (1–256 characters) */
  model: string;
  /** How long it took, in seconds. (seconds, ≥ 0) */
  processing_time: number;
}

/** A language model's whole answer. (to clients, durable) */
export interface LlmResponse {
  type: "llm_response";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: LlmResponsePayload;
}

/** What `goal_received` says. */
export interface GoalReceivedPayload {
  /** The goal, in the person's words. */
  goal: string;
}

/** A goal was understood as one. (to clients, durable) */
export interface GoalReceived {
  type: "goal_received";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: GoalReceivedPayload;
}

/** What `plan_ready` says. */
export interface PlanReadyPayload {
  /** The plan in the model's words. */
  llm_response: string;
  /** What will be done, in order. */
  steps: string[];
}

/** A plan for the goal. (to clients, durable) */
export interface PlanReady {
  type: "plan_ready";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: PlanReadyPayload;
}

/** What `goal_completed` says. */
export interface GoalCompletedPayload {
  /** What came of it. */
  results: {
    /** How it ended, such as success. */
    status: string;
    /** What it came to, for people. */
    output: string;
    /** Figures of any kind. */
    metrics: Record<string, unknown>;
  };
}

/** The goal was reached, or given up. (to clients, durable) */
export interface GoalCompleted {
  type: "goal_completed";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: GoalCompletedPayload;
}

/** What `command_execution_start` says. */
export interface CommandExecutionStartPayload {
  /** The command line, for people. */
  command: string;
  /** Names this execution in its output and end. (1–256 characters) */
  execution_id: string;
}

/** A command begins. (to clients, durable) */
export interface CommandExecutionStart {
  type: "command_execution_start";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: CommandExecutionStartPayload;
}

/** What `command_execution_end` says. */
export interface CommandExecutionEndPayload {
  /** The execution, from command_execution_start. (1–256 characters) */
  execution_id: string;
  /** Whether it succeeded. */
  status: CommandExecutionEndStatus;
  /** What it wrote, cut where it is long. */
  output: string;
  /** Its exit code; negative for a signal. */
  exit_code: number;
  /** Why it failed. */
  error?: string;
}

/** A command ended. (to clients, durable) */
export interface CommandExecutionEnd {
  type: "command_execution_end";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: CommandExecutionEndPayload;
}

/** What `workflow_step_started` says. */
export interface WorkflowStepStartedPayload {
  /** The workflow. (1–256 characters) */
  workflow_id: string;
  /** What the step does. */
  description: string;
  /** Which step, from 1. (≥ 1) */
  step_number: number;
  /** How many steps there are. (≥ 0) */
  total_steps: number;
}

/** A step of a workflow begins. (to clients, durable) */
export interface WorkflowStepStarted {
  type: "workflow_step_started";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: WorkflowStepStartedPayload;
}

/** What `workflow_step_completed` says. */
export interface WorkflowStepCompletedPayload {
  /** The workflow. (1–256 characters) */
  workflow_id: string;
  /** What the step does. */
  description: string;
  /** What came of it, for people. */
  result: string;
  /** Which step, from 1. (≥ 1) */
  step_number: number;
  /** How many steps there are. (≥ 0) */
  total_steps: number;
}

/** A step of a workflow is done. (to clients, durable) */
export interface WorkflowStepCompleted {
  type: "workflow_step_completed";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: WorkflowStepCompletedPayload;
}

/** What `workflow_approval_required` says. */
export interface WorkflowApprovalRequiredPayload {
  /** The workflow. (1–256 characters) */
  workflow_id: string;
  /** What is to be approved, for people. */
  description: string;
  /** What is to be approved, for programs, such as delete_file, install_package or modify_config. */
  action: string;
  /** What to show beside the question. */
  details: Record<string, unknown>;
}

/** A workflow waits for workflow_approval. (to clients, durable) */
export interface WorkflowApprovalRequired {
  type: "workflow_approval_required";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: WorkflowApprovalRequiredPayload;
}

/** What `workflow_approval` says. */
export interface WorkflowApprovalPayload {
  /** The workflow. (1–256 characters) */
  workflow_id: string;
  /** Whether it may go on. */
  approved: boolean;
  /** A word beside it, for the record. */
  message?: string;
}

/** The answer to workflow_approval_required. (to the gateway, durable) */
export interface WorkflowApproval {
  type: "workflow_approval";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: WorkflowApprovalPayload;
}

/** What `workflow_cancel` says. */
export interface WorkflowCancelPayload {
  /** The workflow. (1–256 characters) */
  workflow_id: string;
  /** Why, for the record. */
  reason?: string;
}

/** Stop the workflow. (to the gateway, durable) */
export interface WorkflowCancel {
  type: "workflow_cancel";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: WorkflowCancelPayload;
}

/** What `workflow_completed` says. */
export interface WorkflowCompletedPayload {
  /** The workflow. (1–256 characters) */
  workflow_id: string;
  /** How many steps it had. (≥ 0) */
  total_steps: number;
  /** How long it took, in seconds. (seconds, ≥ 0) */
  execution_time: number;
  /** What came of it. */
  results: Record<string, unknown>;
}

/** A workflow is done. (to clients, durable) */
export interface WorkflowCompleted {
  type: "workflow_completed";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: WorkflowCompletedPayload;
}

/** What `workflow_failed` says. */
export interface WorkflowFailedPayload {
  /** The workflow. (1–256 characters) */
  workflow_id: string;
  /** Why, for people. */
  error: string;
  /** The step that failed, from 1; 0 where none had begun. (≥ 0) */
  failed_step: number;
  /** How many steps it had. (≥ 0) */
  total_steps: number;
}

/** A workflow failed. (to clients, durable) */
export interface WorkflowFailed {
  type: "workflow_failed";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: WorkflowFailedPayload;
}

/** What `workflow_cancelled` says. */
export interface WorkflowCancelledPayload {
  /** The workflow. (1–256 characters) */
  workflow_id: string;
  /** The step that it had come to, from 1; 0 where none had begun. (≥ 0) */
  cancelled_at_step: number;
  /** How many steps it had. (≥ 0) */
  total_steps: number;
}

/** A workflow was stopped. (to clients, durable) */
export interface WorkflowCancelled {
  type: "workflow_cancelled";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: WorkflowCancelledPayload;
}

/** What `error` says. */
export interface ErrorPayload {
  /** One sentence for people. */
  message: string;
  /** An error code of errors.json in capitals, SYSTEM_ERROR for internal (payload_code there). (`^[A-Z][A-Z0-9_]*$`) */
  error_code: string;
  /** How bad it is for the person in front of the screen. */
  severity: Severity;
}

/** Something went wrong; durable where it answers a durable message, else for this connection alone. (to clients, durable) */
export interface Error {
  type: "error";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: ErrorPayload;
}

/** What `progress` says. */
export interface ProgressPayload {
  /** What is being done, for people. */
  message: string;
  /** How much is done, from 0 to 100; left out where nobody knows. (percent, 0–100) */
  percentage?: number;
  /** The stage, such as processing, analyzing or executing. */
  stage?: string;
  /** What it is the progress of, where a run has more than one. (1–256 characters) */
  operation?: string;
}

/** How far something is; only the newest of one operation matters. (to clients, latest: one value for each operation) */
export interface Progress {
  type: "progress";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: ProgressPayload;
}

/** What `llm_status` says. */
export interface LlmStatusPayload {
  /** How the connection to it is. */
  status: LlmStatusStatus;
  /** The model. (1–256 characters) */
  model: string;
  /** More about it, for people. */
  message: string;
}

/** Whether a language model can be reached. (to clients, latest: one value for each model) */
export interface LlmStatus {
  type: "llm_status";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: LlmStatusPayload;
}

/** What `settings_updated` says. */
export interface SettingsUpdatedPayload {
  /** What was changed. */
  settings: {
    /** The names of the changed settings. */
    updated_keys: string[];
    /** When. (RFC 3339) */
    timestamp: string;
  };
}

/** Settings were changed. (to clients, durable) */
export interface SettingsUpdated {
  type: "settings_updated";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: SettingsUpdatedPayload;
}

/** What `file_uploaded` says. */
export interface FileUploadedPayload {
  /** Its name. (≥ 1 character) */
  filename: string;
  /** Its size in bytes. (bytes, ≥ 0) */
  size: number;
  /** The file, for later messages. (1–256 characters) */
  file_id: string;
  /** The conversation that it belongs to. (1–256 characters) */
  chat_id?: string;
}

/** A file has arrived. (to clients, durable) */
export interface FileUploaded {
  type: "file_uploaded";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: FileUploadedPayload;
}

/** What `knowledge_base_update` says. */
export interface KnowledgeBaseUpdatePayload {
  /** What was done. */
  type: KnowledgeBaseUpdateType;
  /** What it holds now. */
  details: {
    /** How many documents there are now. (≥ 0) */
    document_count: number;
    /** How many pieces of text were added. (≥ 0) */
    chunks_added: number;
  };
}

/** The knowledge base was changed. (to clients, durable) */
export interface KnowledgeBaseUpdate {
  type: "knowledge_base_update";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: KnowledgeBaseUpdatePayload;
}

/** What `tool_code` says. */
export interface ToolCodePayload {
  /** The code. */
  code: string;
  /** Its language. (1–256 characters) */
  language: string;
  /** The tool. (1–256 characters) */
  tool: string;
}

/** Code that a tool is about to run. (to clients, durable) */
export interface ToolCode {
  type: "tool_code";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: ToolCodePayload;
}

/** What `tool_output` says. */
export interface ToolOutputPayload {
  /** Its output. */
  output: string;
  /** The tool. (1–256 characters) */
  tool: string;
  /** Whether it succeeded. */
  success: boolean;
}

/** What a tool gave. (to clients, durable) */
export interface ToolOutput {
  type: "tool_output";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: ToolOutputPayload;
}

/** What `thought` says. */
export interface ThoughtPayload {
  /** The thought. */
  thought: {
    /** The thought itself. */
    content: string;
    /** What led to it. */
    reasoning: string;
    /** How sure the agent is, from 0 to 1. (fraction, 0–1) */
    confidence: number;
  };
}

/** What an agent thinks on its way. (to clients, durable) */
export interface Thought {
  type: "thought";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: ThoughtPayload;
}

/** What `diagnostics_report` says. */
export interface DiagnosticsReportPayload {
  /** How much is in use. */
  system: {
    /** Processor, from 0 to 100. (percent, 0–100) */
    cpu_usage: number;
    /** Memory, from 0 to 100. (percent, 0–100) */
    memory_usage: number;
    /** Disk, from 0 to 100. (percent, 0–100) */
    disk_usage: number;
  };
  /** The state of each service by its name, such as healthy. */
  services: Record<string, string>;
}

/** How the system is doing. (to clients, latest) */
export interface DiagnosticsReport {
  type: "diagnostics_report";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: DiagnosticsReportPayload;
}

/** What `user_permission_request` says. */
export interface UserPermissionRequestPayload {
  /** What is to be allowed, such as install_package. */
  action: string;
  /** Why, for people. */
  reason: string;
  /** The package that it is about. */
  package?: string;
  /** Names the request in its answer; always there from the gateway. (1–256 characters) */
  request_id?: string;
}

/** Asks a person for leave; user_permission_response answers. (to clients, durable) */
export interface UserPermissionRequest {
  type: "user_permission_request";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: UserPermissionRequestPayload;
}

/** What `user_permission_response` says. */
export interface UserPermissionResponsePayload {
  /** The request. (1–256 characters) */
  request_id: string;
  /** Whether it may be done. */
  granted: boolean;
  /** A word beside it, for the record. */
  message?: string;
}

/** The answer to user_permission_request. (to the gateway, durable) */
export interface UserPermissionResponse {
  type: "user_permission_response";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper;
  payload: UserPermissionResponsePayload;
}

/** What was said, said again; its text stands beside type. (to clients, control) */
export interface Echo {
  type: "echo";
  /** The text that came in, JSON or not. */
  message: string;
}

/** What `hello` says. */
export interface HelloPayload {
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
  payload?: HelloPayload;
}

/** What `welcome` says. */
export interface WelcomePayload {
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
  payload: WelcomePayload;
}

/** What `ack` says. */
export interface AckPayload {
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
  payload: AckPayload;
}

/** What `cancel` says. */
export type CancelPayload = Record<string, unknown>;

/** Stop this run. (to the gateway, control) */
export interface Cancel {
  type: "cancel";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl: Wrapper & {
    /** The run it belongs to. */
    run: string;
  };
  payload?: CancelPayload;
}

/** What `cancel_ack` says. */
export interface CancelAckPayload {
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
  payload: CancelAckPayload;
}

/** What `reset` says. */
export interface ResetPayload {
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
  payload: ResetPayload;
}

/** What `go_away` says. */
export interface GoAwayPayload {
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
  payload: GoAwayPayload;
}

/** What `run_started` says. */
export interface RunStartedPayload {
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
  payload: RunStartedPayload;
}

/** What `run_event` says. */
export type RunEventPayload = {
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
  payload: RunEventPayload;
}

/** What `run_waiting` says. */
export interface RunWaitingPayload {
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
  payload: RunWaitingPayload;
}

/** What `run_completed` says. */
export interface RunCompletedPayload {
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
  payload: RunCompletedPayload;
}

/** What `run_cancelled` says. */
export type RunCancelledPayload = Record<string, unknown>;

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
  payload?: RunCancelledPayload;
}

/** What `answer` says. */
export interface AnswerPayload {
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
  payload: AnswerPayload;
}

/** Values of CommandExecutionEndStatus. */
export const COMMAND_EXECUTION_END_STATUS = ["success", "failed"] as const;
/** Values of CommandExecutionEndStatus. */
export type CommandExecutionEndStatus = (typeof COMMAND_EXECUTION_END_STATUS)[number];

/** Values of LlmStatusStatus. */
export const LLM_STATUS_STATUS = ["connected", "disconnected", "reconnecting"] as const;
/** Values of LlmStatusStatus. */
export type LlmStatusStatus = (typeof LLM_STATUS_STATUS)[number];

/** Values of KnowledgeBaseUpdateType. */
export const KNOWLEDGE_BASE_UPDATE_TYPE = ["document_added", "document_removed", "reindexed"] as const;
/** Values of KnowledgeBaseUpdateType. */
export type KnowledgeBaseUpdateType = (typeof KNOWLEDGE_BASE_UPDATE_TYPE)[number];

/** Values of AckLevel. */
export const ACK_LEVEL = ["accepted", "stored"] as const;
/** Values of AckLevel. */
export type AckLevel = (typeof ACK_LEVEL)[number];

/** Values of RunWaitingKind. */
export const RUN_WAITING_KIND = ["approval", "question"] as const;
/** Values of RunWaitingKind. */
export type RunWaitingKind = (typeof RUN_WAITING_KIND)[number];

/** Every type of dialect payload, by its name. */
export interface PayloadMessages {
  /** The greeting: the connection is open. */
  "connection_established": ConnectionEstablished;
  /** Are you there? The payload comes back in the pong. */
  "ping": Ping;
  /** The answer to ping, with its payload. */
  "pong": Pong;
  /** How are you? */
  "health_check": HealthCheck;
  /** The answer to health_check. */
  "health_response": HealthResponse;
  /** What a person said; the user's other connections see it, too. */
  "user_message": UserMessage;
  /** A language model's whole answer. */
  "llm_response": LlmResponse;
  /** A goal was understood as one. */
  "goal_received": GoalReceived;
  /** A plan for the goal. */
  "plan_ready": PlanReady;
  /** The goal was reached, or given up. */
  "goal_completed": GoalCompleted;
  /** A command begins. */
  "command_execution_start": CommandExecutionStart;
  /** A command ended. */
  "command_execution_end": CommandExecutionEnd;
  /** A step of a workflow begins. */
  "workflow_step_started": WorkflowStepStarted;
  /** A step of a workflow is done. */
  "workflow_step_completed": WorkflowStepCompleted;
  /** A workflow waits for workflow_approval. */
  "workflow_approval_required": WorkflowApprovalRequired;
  /** The answer to workflow_approval_required. */
  "workflow_approval": WorkflowApproval;
  /** Stop the workflow. */
  "workflow_cancel": WorkflowCancel;
  /** A workflow is done. */
  "workflow_completed": WorkflowCompleted;
  /** A workflow failed. */
  "workflow_failed": WorkflowFailed;
  /** A workflow was stopped. */
  "workflow_cancelled": WorkflowCancelled;
  /** Something went wrong; durable where it answers a durable message, else for this connection alone. */
  "error": Error;
  /** How far something is; only the newest of one operation matters. */
  "progress": Progress;
  /** Whether a language model can be reached. */
  "llm_status": LlmStatus;
  /** Settings were changed. */
  "settings_updated": SettingsUpdated;
  /** A file has arrived. */
  "file_uploaded": FileUploaded;
  /** The knowledge base was changed. */
  "knowledge_base_update": KnowledgeBaseUpdate;
  /** Code that a tool is about to run. */
  "tool_code": ToolCode;
  /** What a tool gave. */
  "tool_output": ToolOutput;
  /** What an agent thinks on its way. */
  "thought": Thought;
  /** How the system is doing. */
  "diagnostics_report": DiagnosticsReport;
  /** Asks a person for leave; user_permission_response answers. */
  "user_permission_request": UserPermissionRequest;
  /** The answer to user_permission_request. */
  "user_permission_response": UserPermissionResponse;
  /** What was said, said again; its text stands beside type. */
  "echo": Echo;
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

/** Any message of dialect payload that the contract knows; `type` says which. */
export type PayloadMessage = PayloadMessages[keyof PayloadMessages];

/** Messages of dialect payload that clients send. */
export type PayloadSent =
  | Ping
  | Pong
  | HealthCheck
  | UserMessage
  | WorkflowApproval
  | WorkflowCancel
  | UserPermissionResponse
  | Hello
  | Cancel
  | Answer;

/** Messages of dialect payload that clients receive. */
export type PayloadReceived =
  | ConnectionEstablished
  | Ping
  | Pong
  | HealthResponse
  | UserMessage
  | LlmResponse
  | GoalReceived
  | PlanReady
  | GoalCompleted
  | CommandExecutionStart
  | CommandExecutionEnd
  | WorkflowStepStarted
  | WorkflowStepCompleted
  | WorkflowApprovalRequired
  | WorkflowCompleted
  | WorkflowFailed
  | WorkflowCancelled
  | Error
  | Progress
  | LlmStatus
  | SettingsUpdated
  | FileUploaded
  | KnowledgeBaseUpdate
  | ToolCode
  | ToolOutput
  | Thought
  | DiagnosticsReport
  | UserPermissionRequest
  | Echo
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
