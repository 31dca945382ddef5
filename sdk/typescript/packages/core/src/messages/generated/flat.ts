// Generated from protocol/schema; change it there, then run `make schema`.
import type { FlatFrame, Limits, ResetReason, Verdict, Wrapper } from "./shapes.ts";

/** What a person said; the user's other connections see it, too. (both ways, durable) */
export interface UserMessage extends FlatFrame {
  type: "user_message";
  /** The text. */
  message: string;
}

/** An agent's whole message. (to clients, durable) */
export interface AgentMessage extends FlatFrame {
  type: "agent_message";
  /** When it was made. (RFC 3339) */
  timestamp: string;
  /** The text. */
  message: string;
}

/** The next piece of an agent's answer; consecutive ones may arrive merged. (to clients, stream: merged ones have message concatenated) */
export interface AgentStreaming extends FlatFrame {
  type: "agent_streaming";
  /** When it was made. (RFC 3339) */
  timestamp: string;
  /** The next piece of the text. */
  message: string;
  /** A free map; what the gateway adds stands in _tl within it. */
  metadata: {
    /** The envelope's fields for which a dialect has no place of its own, by their native names. */
    _tl: Wrapper & {
      /** The run it belongs to. */
      run: string;
      /** The whole payload, where it cannot stand beside type. */
      payload?: unknown;
    };
  };
  /** Always true. */
  is_streaming: true;
  /** The place of this piece in its answer, counted from 0 without gaps on each connection. (≥ 0) */
  stream_index: number;
}

/** An agent's answer is whole: message has all of its text, and data the run's result where there is one. A run that was cancelled ends so, too, if it had text. (to clients, durable) */
export interface AgentComplete extends FlatFrame {
  type: "agent_complete";
  /** When it was made. (RFC 3339) */
  timestamp: string;
  /** The whole text. */
  message: string;
  /** The gateway writes one of two: cancelled, where the run was cancelled and message is what it had said; cut, where message is not all of the text. Left out where the answer is whole. */
  status?: string;
  /** False, or left out. */
  is_streaming?: false;
}

/** Something that the system says. (to clients, durable) */
export interface SystemMessage extends FlatFrame {
  type: "system_message";
  /** When it was made. (RFC 3339) */
  timestamp: string;
  /** The text. */
  message: string;
}

/** Something that a person should be careful about. (to clients, durable) */
export interface WarningMessage extends FlatFrame {
  type: "warning_message";
  /** When it was made. (RFC 3339) */
  timestamp: string;
  /** The text. */
  message: string;
}

/** Something went wrong; durable where it answers a durable message, else for this connection alone. (to clients, durable) */
export interface ErrorMessage extends FlatFrame {
  type: "error_message";
  /** When it was made. (RFC 3339) */
  timestamp: string;
  /** One sentence for people. */
  message: string;
  /** An error code of errors.json in capitals, SYSTEM_ERROR for internal (payload_code there). (`^[A-Z][A-Z0-9_]*$`) */
  error_code: string;
  /** The envelope's error without its message. */
  error_details: {
    /** The error code as errors.json has it. */
    code: string;
    /** Whether the same message may succeed later. */
    retryable: boolean;
    /** How long to wait before that, in milliseconds. (milliseconds, ≥ 0) */
    retry_after_ms?: number;
    /** Anything that helps a program. */
    details?: unknown;
    /** Finds the matching log lines of gateway and worker. */
    trace_id?: string;
  };
}

/** The session is open; data has the facts of welcome. (to clients, control) */
export interface SessionCreated extends FlatFrame {
  type: "session_created";
  /** When it was made. (RFC 3339) */
  timestamp: string;
  /** Session id. */
  session_id: string;
  /** The session, and from where each of its channels is delivered. */
  data: {
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
  };
}

/** Something about the session changed. (to clients, control) */
export interface SessionUpdated extends FlatFrame {
  type: "session_updated";
  /** When it was made. (RFC 3339) */
  timestamp: string;
  /** Session id. */
  session_id: string;
  /** What is different now. */
  data?: Record<string, unknown>;
}

/** The session that was asked for cannot be had: it has ended, or never was this client's. A new one follows (session_created). (to clients, control) */
export interface SessionExpired extends FlatFrame {
  type: "session_expired";
  /** When it was made. (RFC 3339) */
  timestamp: string;
  /** Session id. */
  session_id: string;
}

/** A person chose a file for what follows. (to the gateway, durable) */
export interface FileSelected extends FlatFrame {
  type: "file_selected";
  /** The file that the message is about. (1–256 characters) */
  file_uuid: string;
}

/** How far the work on a file is. (to clients, latest: one value for each file_uuid) */
export interface FileProcessing extends FlatFrame {
  type: "file_processing";
  /** When it was made. (RFC 3339) */
  timestamp: string;
  /** The file that the message is about. (1–256 characters) */
  file_uuid: string;
}

/** The work on a file is done. (to clients, durable) */
export interface FileComplete extends FlatFrame {
  type: "file_complete";
  /** When it was made. (RFC 3339) */
  timestamp: string;
  /** The file that the message is about. (1–256 characters) */
  file_uuid: string;
}

/** The work on a file failed. (to clients, durable) */
export interface FileError extends FlatFrame {
  type: "file_error";
  /** When it was made. (RFC 3339) */
  timestamp: string;
  /** Why, for people. */
  message: string;
  /** The file that the message is about. (1–256 characters) */
  file_uuid: string;
}

/** An agent's answer to a question about the material. (to clients, durable) */
export interface QuestionAnswer extends FlatFrame {
  type: "question_answer";
  /** When it was made. (RFC 3339) */
  timestamp: string;
  /** The answer. */
  message: string;
}

/** Data for a picture. (to clients, durable) */
export interface VisualizationData extends FlatFrame {
  type: "visualization_data";
  /** When it was made. (RFC 3339) */
  timestamp: string;
  /** What to draw, in the service's own form. */
  data: unknown;
}

/** What an analysis found. (to clients, durable) */
export interface AnalysisResult extends FlatFrame {
  type: "analysis_result";
  /** When it was made. (RFC 3339) */
  timestamp: string;
  /** The findings, in the service's own form. */
  data: unknown;
}

/** A workflow was drawn up. (to clients, durable) */
export interface WorkflowGenerated extends FlatFrame {
  type: "workflow_generated";
  /** When it was made. (RFC 3339) */
  timestamp: string;
  /** The workflow, in the service's own form. */
  data: unknown;
}

/** A standard operating procedure was drawn up. (to clients, durable) */
export interface SopGenerated extends FlatFrame {
  type: "sop_generated";
  /** When it was made. (RFC 3339) */
  timestamp: string;
  /** The procedure, in the service's own form. */
  data: unknown;
}

/** A state; only the newest matters. (to clients, latest) */
export interface StatusUpdate extends FlatFrame {
  type: "status_update";
  /** When it was made. (RFC 3339) */
  timestamp: string;
  /** A state, in the words of whoever sends it. */
  status: string;
}

/** How much is done; only the newest matters. (to clients, latest) */
export interface ProgressUpdate extends FlatFrame {
  type: "progress_update";
  /** When it was made. (RFC 3339) */
  timestamp: string;
  /** How much is done, from 0 to 1. (fraction, 0–1) */
  progress: number;
}

/** Are you there? The timestamp comes back in the pong. (both ways, control) */
export interface Ping extends FlatFrame {
  type: "ping";
}

/** The answer to ping, with its timestamp. (both ways, control) */
export interface Pong extends FlatFrame {
  type: "pong";
}

/** The client's first message: who it is, and what it has seen of each channel; token and session stand in session_token and session_id. (to the gateway, control) */
export interface Hello extends FlatFrame {
  type: "hello";
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

/** The message is kept, and this is its run. (to clients, control) */
export interface Ack extends FlatFrame {
  type: "ack";
  /** A free map; what the gateway adds stands in _tl within it. */
  metadata: {
    /** The envelope's fields for which a dialect has no place of its own, by their native names. */
    _tl: Wrapper & {
      /** Id of the message that it answers. */
      reply_to: string;
      /** The whole payload, where it cannot stand beside type. */
      payload?: unknown;
    };
  };
  /** The message's id. (`^[A-Za-z0-9_.:-]{1,64}$`) */
  id: string;
  /** How safely it is kept. */
  level: AckLevel;
  /** True where the same message was acknowledged before. */
  duplicate?: boolean;
}

/** Stop this run. (to the gateway, control) */
export interface Cancel extends FlatFrame {
  type: "cancel";
  /** A free map; what the gateway adds stands in _tl within it. */
  metadata: {
    /** The envelope's fields for which a dialect has no place of its own, by their native names. */
    _tl: Wrapper & {
      /** The run it belongs to. */
      run: string;
      /** The whole payload, where it cannot stand beside type. */
      payload?: unknown;
    };
  };
}

/** Whether the run is being stopped. (to clients, control) */
export interface CancelAck extends FlatFrame {
  type: "cancel_ack";
  /** A free map; what the gateway adds stands in _tl within it. */
  metadata: {
    /** The envelope's fields for which a dialect has no place of its own, by their native names. */
    _tl: Wrapper & {
      /** The run it belongs to. */
      run: string;
      /** The whole payload, where it cannot stand beside type. */
      payload?: unknown;
    };
  };
  /** False where the run is unknown, over or not yours. */
  cancelled: boolean;
}

/** Drop what you have of the channel; it goes on from pos, or without pos is gone. (to clients, control) */
export interface Reset extends FlatFrame {
  type: "reset";
  /** A free map; what the gateway adds stands in _tl within it. */
  metadata: {
    /** The envelope's fields for which a dialect has no place of its own, by their native names. */
    _tl: Wrapper & {
      /** The channel it stands in; on durable messages only. */
      channel: string;
      /** The whole payload, where it cannot stand beside type. */
      payload?: unknown;
    };
  };
  /** Why a channel cannot be resumed. */
  reason: ResetReason;
  /** The oldest retained place. (≥ 1 character) */
  pos?: string;
}

/** Leave, and come back after a random time in this window. (to clients, control) */
export interface GoAway extends FlatFrame {
  type: "go_away";
  /** Why, such as drain. */
  reason: string;
  /** How long to wait at least. (milliseconds, ≥ 0) */
  reconnect_min_ms: number;
  /** How long to wait at most. (milliseconds, ≥ 0) */
  reconnect_max_ms: number;
}

/** A run began; its channel is attached from its start. (to clients, durable) */
export interface RunStarted extends FlatFrame {
  type: "run_started";
  /** Session id. */
  session_id: string;
  /** A free map; what the gateway adds stands in _tl within it. */
  metadata: {
    /** The envelope's fields for which a dialect has no place of its own, by their native names. */
    _tl: Wrapper & {
      /** The channel it stands in; on durable messages only. */
      channel: string;
      /** Its position in the channel. */
      pos: string;
      /** The position before it. */
      prev: string;
      /** The run it belongs to. */
      run: string;
      /** Id of the message that it answers. */
      reply_to: string;
      /** The whole payload, where it cannot stand beside type. */
      payload?: unknown;
    };
  };
  /** The service that runs. */
  service: string;
  /** The run's channel. */
  channel: string;
}

/** What a service says in a run; consecutive ones with a text may arrive merged. (to clients, stream: merged ones have text concatenated) */
export interface RunEvent extends FlatFrame {
  type: "run_event";
  /** Session id. */
  session_id: string;
  /** A free map; what the gateway adds stands in _tl within it. */
  metadata: {
    /** The envelope's fields for which a dialect has no place of its own, by their native names. */
    _tl: Wrapper & {
      /** The channel it stands in; on durable messages only. */
      channel: string;
      /** Its position in the channel. */
      pos: string;
      /** The position before it. */
      prev: string;
      /** The run it belongs to. */
      run: string;
      /** First event number of the run that it carries. (≥ 0) */
      seq: number;
      /** The whole payload, where it cannot stand beside type. */
      payload?: unknown;
    };
  };
  /** The next piece of the answer. */
  text?: string;
}

/** The run waits for a person; answer goes on with it. (to clients, durable) */
export interface RunWaiting extends FlatFrame {
  type: "run_waiting";
  /** Session id. */
  session_id: string;
  /** The question, for people. */
  message: string;
  /** A free map; what the gateway adds stands in _tl within it. */
  metadata: {
    /** The envelope's fields for which a dialect has no place of its own, by their native names. */
    _tl: Wrapper & {
      /** The channel it stands in; on durable messages only. */
      channel: string;
      /** Its position in the channel. */
      pos: string;
      /** The position before it. */
      prev: string;
      /** The run it belongs to. */
      run: string;
      /** First event number of the run that it carries. (≥ 0) */
      seq: number;
      /** The whole payload, where it cannot stand beside type. */
      payload?: unknown;
    };
  };
  /** Names the question in its answer. (1–256 characters) */
  request_id: string;
  /** Whether to answer with granted or with value. */
  kind: RunWaitingKind;
  /** What is to be approved, such as delete_file or install_package. */
  action?: string;
  /** What to show beside the question. */
  details?: Record<string, unknown>;
  /** The possible answers, where they are few. (≥ 1 item) */
  choices?: string[];
  /** When the run ends (run_expired) if nobody has answered. (RFC 3339) */
  expires_at?: string;
}

/** The run was stopped; last in its channel. (to clients, durable) */
export interface RunCancelled extends FlatFrame {
  type: "run_cancelled";
  /** Session id. */
  session_id: string;
  /** A free map; what the gateway adds stands in _tl within it. */
  metadata: {
    /** The envelope's fields for which a dialect has no place of its own, by their native names. */
    _tl: Wrapper & {
      /** The channel it stands in; on durable messages only. */
      channel: string;
      /** Its position in the channel. */
      pos: string;
      /** The position before it. */
      prev: string;
      /** The run it belongs to. */
      run: string;
      /** First event number of the run that it carries. (≥ 0) */
      seq: number;
      /** The whole payload, where it cannot stand beside type. */
      payload?: unknown;
    };
  };
}

/** A person's answer to a waiting run; in the run's channel, the one that counts. (both ways, durable) */
export interface Answer extends FlatFrame {
  type: "answer";
  /** A word beside it, for the record. */
  message?: string;
  /** A free map; what the gateway adds stands in _tl within it. */
  metadata: {
    /** The envelope's fields for which a dialect has no place of its own, by their native names. */
    _tl: Wrapper & {
      /** The run it belongs to. */
      run: string;
      /** The whole payload, where it cannot stand beside type. */
      payload?: unknown;
    };
  };
  /** The question, from run_waiting. (1–256 characters) */
  request_id: string;
  /** Whether the approval is given. */
  granted?: boolean;
  /** The answer to a question. */
  value?: unknown;
  /** Who answered, where that is known; the gateway says it. */
  by?: string;
}

/** Values of AckLevel. */
export const ACK_LEVEL = ["accepted", "stored"] as const;
/** Values of AckLevel. */
export type AckLevel = (typeof ACK_LEVEL)[number];

/** Values of RunWaitingKind. */
export const RUN_WAITING_KIND = ["approval", "question"] as const;
/** Values of RunWaitingKind. */
export type RunWaitingKind = (typeof RUN_WAITING_KIND)[number];

/** Every type of dialect flat, by its name. */
export interface FlatMessages {
  /** What a person said; the user's other connections see it, too. */
  "user_message": UserMessage;
  /** An agent's whole message. */
  "agent_message": AgentMessage;
  /** The next piece of an agent's answer; consecutive ones may arrive merged. */
  "agent_streaming": AgentStreaming;
  /** An agent's answer is whole: message has all of its text, and data the run's result where there is one. A run that was cancelled ends so, too, if it had text. */
  "agent_complete": AgentComplete;
  /** Something that the system says. */
  "system_message": SystemMessage;
  /** Something that a person should be careful about. */
  "warning_message": WarningMessage;
  /** Something went wrong; durable where it answers a durable message, else for this connection alone. */
  "error_message": ErrorMessage;
  /** The session is open; data has the facts of welcome. */
  "session_created": SessionCreated;
  /** Something about the session changed. */
  "session_updated": SessionUpdated;
  /** The session that was asked for cannot be had: it has ended, or never was this client's. A new one follows (session_created). */
  "session_expired": SessionExpired;
  /** A person chose a file for what follows. */
  "file_selected": FileSelected;
  /** How far the work on a file is. */
  "file_processing": FileProcessing;
  /** The work on a file is done. */
  "file_complete": FileComplete;
  /** The work on a file failed. */
  "file_error": FileError;
  /** An agent's answer to a question about the material. */
  "question_answer": QuestionAnswer;
  /** Data for a picture. */
  "visualization_data": VisualizationData;
  /** What an analysis found. */
  "analysis_result": AnalysisResult;
  /** A workflow was drawn up. */
  "workflow_generated": WorkflowGenerated;
  /** A standard operating procedure was drawn up. */
  "sop_generated": SopGenerated;
  /** A state; only the newest matters. */
  "status_update": StatusUpdate;
  /** How much is done; only the newest matters. */
  "progress_update": ProgressUpdate;
  /** Are you there? The timestamp comes back in the pong. */
  "ping": Ping;
  /** The answer to ping, with its timestamp. */
  "pong": Pong;
  /** The client's first message: who it is, and what it has seen of each channel; token and session stand in session_token and session_id. */
  "hello": Hello;
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
  /** The run was stopped; last in its channel. */
  "run_cancelled": RunCancelled;
  /** A person's answer to a waiting run; in the run's channel, the one that counts. */
  "answer": Answer;
}

/** Any message of dialect flat that the contract knows; `type` says which. */
export type FlatMessage = FlatMessages[keyof FlatMessages];

/** Messages of dialect flat that clients send. */
export type FlatSent =
  | UserMessage
  | FileSelected
  | Ping
  | Pong
  | Hello
  | Cancel
  | Answer;

/** Messages of dialect flat that clients receive. */
export type FlatReceived =
  | UserMessage
  | AgentMessage
  | AgentStreaming
  | AgentComplete
  | SystemMessage
  | WarningMessage
  | ErrorMessage
  | SessionCreated
  | SessionUpdated
  | SessionExpired
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
  | Ack
  | CancelAck
  | Reset
  | GoAway
  | RunStarted
  | RunEvent
  | RunWaiting
  | RunCancelled
  | Answer;
