// Generated from protocol/schema; change it there, then run `make schema`.

/** To whom a message is addressed: hints to the router. */
export interface Address {
  /** A service of the route. */
  service?: string;
  /** An agent. */
  agent?: string;
  /** A pillar of a liaison agent. */
  pillar?: string;
  /** The realm; never another than the token's. */
  realm?: string;
  /** Whoever has this capability. */
  capability?: string;
  /** A user, on all their connections. */
  user?: string;
  /** Everybody on a topic. */
  topic?: string;
}

/** What went wrong; the codes stand in errors.json. */
export interface ErrorBody {
  /** Name of an error code. */
  code: string;
  /** One sentence for people. */
  message: string;
  /** Whether the same message may succeed later. */
  retryable: boolean;
  /** How long to wait before that. (milliseconds, ≥ 0) */
  retry_after_ms?: number;
  /** Anything that helps a program. */
  details?: unknown;
  /** Finds the matching log lines of gateway and worker. */
  trace_id?: string;
}

/** One message. Fields that are not named here are kept as they are. */
export interface Envelope {
  /** What it is; at most 128 bytes of UTF-8. (1–128 characters) */
  type: string;
  /** Idempotency key of a client's message within its session. (`^[A-Za-z0-9_.:-]{1,64}$`) */
  id?: string;
  /** When the gateway accepted it. */
  ts?: string;
  /** The channel it stands in; on durable messages only. */
  channel?: string;
  /** Its position in the channel. */
  pos?: string;
  /** The position before it. */
  prev?: string;
  /** Session id. */
  session?: string;
  /** The run it belongs to. */
  run?: string;
  /** First event number of the run that it carries. (≥ 0) */
  seq?: number;
  /** Last one; left out where it equals seq. (≥ 0) */
  seq_end?: number;
  /** To whom a message is addressed: hints to the router. */
  to?: Address;
  /** Id of the message that it answers. */
  reply_to?: string;
  /** The content, opaque to the gateway. */
  payload?: unknown;
  /** How long the client is willing to wait for the run. (milliseconds, ≥ 0) */
  deadline_ms?: number;
  /** What went wrong; the codes stand in errors.json. */
  error?: ErrorBody;
  /** Free map. */
  meta?: Record<string, unknown>;
  /** Unknown fields that stood in _tl where another dialect spelled the message. */
  _tl?: Record<string, unknown>;
}

/** From where one channel is delivered. */
export interface Verdict {
  /** new: everything that is kept follows; resumed: what follows the position that was sent; reset: drop what you have. */
  verdict: VerdictVerdict;
  /** From where delivery goes on. (≥ 1 character) */
  pos?: string;
  /** Why a channel cannot be resumed. */
  reason?: ResetReason;
}

/** Why a channel cannot be resumed. */
export const RESET_REASON = ["expired", "epoch_changed", "too_far", "forked", "unknown"] as const;
/** Why a channel cannot be resumed. */
export type ResetReason = (typeof RESET_REASON)[number];

/** What the gateway holds its clients to. */
export interface Limits {
  /** Bytes of one message; above it the connection closes with 1009. (bytes, ≥ 0) */
  message_bytes_max: number;
  /** Bytes of one message before the client has authenticated. (bytes, ≥ 0) */
  message_bytes_before_auth_max?: number;
  /** Nested arrays and objects of one message; above it: payload_too_deep. (≥ 0) */
  depth_max: number;
  /** Unacknowledged messages of a connection; one more is too_many_in_flight. (≥ 0) */
  in_flight_max: number;
  /** Longest time that a run may take; a longer wish is shortened to it. (milliseconds, ≥ 0) */
  deadline_ms_max: number;
  /** Channels that one hello may resume; more are bad_envelope. (≥ 0) */
  resume_channels_max?: number;
  /** Runs of a session that wait for their turn; one more is busy. (≥ 0) */
  runs_waiting_max?: number;
  /** Runs of a session that go beside the others, where the route allows it; one more is busy. (≥ 0) */
  runs_parallel_max?: number;
  /** Events of one run; one more fails it with payload_too_large. (≥ 0) */
  run_events_max?: number;
  /** Bytes of all events of one run; one more fails it with payload_too_large. (bytes, ≥ 0) */
  run_bytes_max?: number;
  /** Bytes of one event or result; one more fails its run with payload_too_large. (bytes, ≥ 0) */
  event_bytes_max?: number;
  /** Messages of a connection in a minute that are refused as mistakes; one more closes it with 4505. (≥ 0) */
  mistakes_per_minute_max?: number;
  /** Protocol pings of a connection in a second; one more closes it with 4006. (≥ 0) */
  pings_per_second_max?: number;
}

/** How bad it is for the person in front of the screen. */
export const SEVERITY = ["low", "medium", "high", "critical"] as const;
/** How bad it is for the person in front of the screen. */
export type Severity = (typeof SEVERITY)[number];

/** The facts of welcome in a greeting; they are there when the session is opened together with the connection. */
export interface Opening {
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

/** The envelope's fields for which a dialect has no place of its own, by their native names. */
export interface Wrapper {
  /** Idempotency key of a client's message within its session. (`^[A-Za-z0-9_.:-]{1,64}$`) */
  id?: string;
  /** When the gateway accepted it. */
  ts?: string;
  /** The channel it stands in; on durable messages only. */
  channel?: string;
  /** Its position in the channel. */
  pos?: string;
  /** The position before it. */
  prev?: string;
  /** Session id. */
  session?: string;
  /** The run it belongs to. */
  run?: string;
  /** First event number of the run that it carries. (≥ 0) */
  seq?: number;
  /** Last one; left out where it equals seq. (≥ 0) */
  seq_end?: number;
  /** To whom a message is addressed: hints to the router. */
  to?: Address;
  /** Id of the message that it answers. */
  reply_to?: string;
  /** How long the client is willing to wait for the run. (milliseconds, ≥ 0) */
  deadline_ms?: number;
  /** What went wrong; the codes stand in errors.json. */
  error?: ErrorBody;
  /** Free map. */
  meta?: Record<string, unknown>;
}

/** The fields that any message of dialect flat may have. */
export interface FlatFrame {
  /** What it is; at most 128 bytes of UTF-8. (1–128 characters) */
  type: string;
  /** The message's id; from a client it is the idempotency key within its session. (`^[A-Za-z0-9_.:-]{1,64}$`) */
  message_id?: string;
  /** When the message was made; the gateway writes RFC 3339 in UTC with milliseconds. */
  timestamp?: string | number;
  /** The client's credential, for front ends that send it in every message; it is taken out before anybody else sees the message. */
  session_token?: string;
  /** Session id. */
  session_id?: string;
  /** The agent that the message is for, or that it comes from. (1–128 characters) */
  agent?: string;
  /** The role in which the agent speaks. */
  role?: string;
  /** The pillar of a liaison agent. (1–128 characters) */
  pillar?: string;
  /** The text. */
  message?: string;
  /** Content that is more than text. */
  data?: unknown;
  /** The file that the message is about. (1–256 characters) */
  file_uuid?: string;
  /** That file's name. */
  file_name?: string;
  /** Where that file can be fetched. */
  file_url?: string;
  /** A free map; what the gateway adds stands in _tl within it. */
  metadata?: {
    /** The envelope's fields for which a dialect has no place of its own, by their native names. */
    _tl?: Wrapper & {
      /** The whole payload, where it cannot stand beside type. */
      payload?: unknown;
    };
  };
  /** A free map; some old front ends send an empty text. */
  additional_info?: Record<string, unknown> | string;
  /** An error code: of errors.json in capitals, or the service's own. */
  error_code?: string;
  /** What a program wants to know about an error. */
  error_details?: Record<string, unknown>;
  /** A state, in the words of whoever sends it. */
  status?: string;
  /** How much is done, from 0 to 1. (fraction, 0–1) */
  progress?: number;
  /** Whether more of the same answer follows; false where it is left out. */
  is_streaming?: boolean;
  /** The place of this piece in its answer, counted from 0 without gaps on each connection. (≥ 0) */
  stream_index?: number;
}

/** The fields that any message of dialect open may have. */
export interface OpenFrame {
  /** What it is; at most 128 bytes of UTF-8. (1–128 characters) */
  type: string;
  /** The envelope's fields for which a dialect has no place of its own, by their native names. */
  _tl?: Wrapper & {
    /** The whole payload, where it cannot stand beside type. */
    payload?: unknown;
  };
}

/** An error in the words of dialect payload; the whole error stands in _tl.error. */
export interface PayloadError {
  /** One sentence for people. */
  message: string;
  /** An error code of errors.json in capitals, SYSTEM_ERROR for internal (payload_code there). (`^[A-Z][A-Z0-9_]*$`) */
  error_code: string;
  /** How bad it is for the person in front of the screen. */
  severity: Severity;
}

/** An error in dialect data; the whole error stands in _tl.error. */
export interface DataError {
  /** One sentence for people. */
  message: string;
}

/** Values of VerdictVerdict. */
export const VERDICT_VERDICT = ["new", "resumed", "reset"] as const;
/** Values of VerdictVerdict. */
export type VerdictVerdict = (typeof VERDICT_VERDICT)[number];
