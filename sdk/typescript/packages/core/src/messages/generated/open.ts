// Generated from protocol/schema; change it there, then run `make schema`.
import type { Limits, OpenFrame, ResetReason, Verdict, Wrapper } from "./shapes.ts";

/** Asks the vision service to look at the screen and say what it sees. (to the gateway, durable) */
export interface RequestWorkspaceAnalysis extends OpenFrame {
  type: "request_workspace_analysis";
}

/** The greeting: the connection is open. (to clients, control) */
export interface Connected extends OpenFrame {
  type: "connected";
  /** This connection, for logs. (1–256 characters) */
  clientId: string;
  /** The path of the route that serves it. */
  route: string;
  /** What the route can do. */
  capabilities: string[];
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
}

/** A service's whole answer, where that is no frame of its own: what the service returned stands beside type, or in result if it is no object. (to clients, durable) */
export interface Response extends OpenFrame {
  type: "response";
  /** The whole text, where there is one. */
  message?: string;
  /** What the service returned, where that is no object. */
  result?: unknown;
}

/** Something went wrong; durable where it answers a durable message, else for this connection alone. (to clients, durable) */
export interface Error extends OpenFrame {
  type: "error";
  /** One sentence for people. */
  message: string;
  /** The same sentence. */
  error: string;
}

/** Are you there? What stands beside type comes back in the pong. (both ways, control) */
export interface Ping extends OpenFrame {
  type: "ping";
  /** When the ping was sent, by the sender's clock. */
  timestamp?: string | number;
}

/** The answer to ping, with what stood beside its type. (both ways, control) */
export interface Pong extends OpenFrame {
  type: "pong";
  /** When the ping was sent, by the sender's clock. */
  timestamp?: string | number;
}

/** The client's first message: who it is, and what it has seen of each channel. (to the gateway, control) */
export interface Hello extends OpenFrame {
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

/** The session, and from where each of its channels is delivered. (to clients, control) */
export interface Welcome extends OpenFrame {
  type: "welcome";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl: Wrapper & {
    /** Session id. */
    session: string;
    /** The whole payload, where it cannot stand beside type. */
    payload?: unknown;
  };
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

/** The message is kept, and this is its run. (to clients, control) */
export interface Ack extends OpenFrame {
  type: "ack";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl: Wrapper & {
    /** Id of the message that it answers. */
    reply_to: string;
    /** The whole payload, where it cannot stand beside type. */
    payload?: unknown;
  };
  /** The message's id. (`^[A-Za-z0-9_.:-]{1,64}$`) */
  id: string;
  /** How safely it is kept. */
  level: AckLevel;
  /** True where the same message was acknowledged before. */
  duplicate?: boolean;
}

/** Stop this run. (to the gateway, control) */
export interface Cancel extends OpenFrame {
  type: "cancel";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl: Wrapper & {
    /** The run it belongs to. */
    run: string;
    /** The whole payload, where it cannot stand beside type. */
    payload?: unknown;
  };
}

/** Whether the run is being stopped. (to clients, control) */
export interface CancelAck extends OpenFrame {
  type: "cancel_ack";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl: Wrapper & {
    /** The run it belongs to. */
    run: string;
    /** The whole payload, where it cannot stand beside type. */
    payload?: unknown;
  };
  /** False where the run is unknown, over or not yours. */
  cancelled: boolean;
}

/** Drop what you have of the channel; it goes on from pos, or without pos is gone. (to clients, control) */
export interface Reset extends OpenFrame {
  type: "reset";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl: Wrapper & {
    /** The channel it stands in; on durable messages only. */
    channel: string;
    /** The whole payload, where it cannot stand beside type. */
    payload?: unknown;
  };
  /** Why a channel cannot be resumed. */
  reason: ResetReason;
  /** The oldest retained place. (≥ 1 character) */
  pos?: string;
}

/** Leave, and come back after a random time in this window. (to clients, control) */
export interface GoAway extends OpenFrame {
  type: "go_away";
  /** Why, such as drain. */
  reason: string;
  /** How long to wait at least. (milliseconds, ≥ 0) */
  reconnect_min_ms: number;
  /** How long to wait at most. (milliseconds, ≥ 0) */
  reconnect_max_ms: number;
}

/** A run began; its channel is attached from its start. (to clients, durable) */
export interface RunStarted extends OpenFrame {
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
    /** The whole payload, where it cannot stand beside type. */
    payload?: unknown;
  };
  /** The service that runs. */
  service: string;
  /** The run's channel. */
  channel: string;
}

/** What a service says in a run; consecutive ones with a text may arrive merged. (to clients, stream: merged ones have text concatenated) */
export interface RunEvent extends OpenFrame {
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
    /** The whole payload, where it cannot stand beside type. */
    payload?: unknown;
  };
  /** The next piece of the answer. */
  text?: string;
}

/** The run waits for a person; answer goes on with it. (to clients, durable) */
export interface RunWaiting extends OpenFrame {
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
    /** The whole payload, where it cannot stand beside type. */
    payload?: unknown;
  };
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

/** The service finished; last in the run's channel. (to clients, durable) */
export interface RunCompleted extends OpenFrame {
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
    /** The whole payload, where it cannot stand beside type. */
    payload?: unknown;
  };
  /** What the service gives back; null where that is nothing. */
  result: unknown;
}

/** The run was stopped; last in its channel. (to clients, durable) */
export interface RunCancelled extends OpenFrame {
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
    /** The whole payload, where it cannot stand beside type. */
    payload?: unknown;
  };
}

/** A person's answer to a waiting run; in the run's channel, the one that counts. (both ways, durable) */
export interface Answer extends OpenFrame {
  type: "answer";
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl: Wrapper & {
    /** The run it belongs to. */
    run: string;
    /** The whole payload, where it cannot stand beside type. */
    payload?: unknown;
  };
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

/** Values of AckLevel. */
export const ACK_LEVEL = ["accepted", "stored"] as const;
/** Values of AckLevel. */
export type AckLevel = (typeof ACK_LEVEL)[number];

/** Values of RunWaitingKind. */
export const RUN_WAITING_KIND = ["approval", "question"] as const;
/** Values of RunWaitingKind. */
export type RunWaitingKind = (typeof RUN_WAITING_KIND)[number];

/** Every type of dialect open, by its name. */
export interface OpenMessages {
  /** Asks the vision service to look at the screen and say what it sees. */
  "request_workspace_analysis": RequestWorkspaceAnalysis;
  /** The greeting: the connection is open. */
  "connected": Connected;
  /** A service's whole answer, where that is no frame of its own: what the service returned stands beside type, or in result if it is no object. */
  "response": Response;
  /** Something went wrong; durable where it answers a durable message, else for this connection alone. */
  "error": Error;
  /** Are you there? What stands beside type comes back in the pong. */
  "ping": Ping;
  /** The answer to ping, with what stood beside its type. */
  "pong": Pong;
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

/** Any message of dialect open that the contract knows; `type` says which. */
export type OpenMessage = OpenMessages[keyof OpenMessages];

/** Messages of dialect open that clients send. */
export type OpenSent =
  | RequestWorkspaceAnalysis
  | Ping
  | Pong
  | Hello
  | Cancel
  | Answer;

/** Messages of dialect open that clients receive. */
export type OpenReceived =
  | Connected
  | Response
  | Error
  | Ping
  | Pong
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
