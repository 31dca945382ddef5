// Generated from protocol/schema; change it there, then run `make schema`.
import type { Envelope, ErrorBody, Limits, ResetReason, Severity, Verdict } from "./shapes.ts";

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
export interface Hello extends Envelope {
  type: "hello";
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
export interface Welcome extends Envelope {
  type: "welcome";
  /** Session id. */
  session: string;
  payload: WelcomePayload;
}

/** What `attach` says. */
export interface AttachPayload {
  /** The session to attach. (1–256 characters) */
  session?: string;
  /** What an anonymous session got in its first welcome. */
  secret?: string;
  /** The topic to attach. (`^[A-Za-z0-9_.-]*$`) */
  topic?: string;
  /** True for what is published to oneself. */
  user?: boolean;
  /** The last position seen of its channel; null or left out where nothing was seen. */
  pos?: string | null;
}

/** Asks for one more session, a topic, or the channel of one's own user on this connection; answered by attached. (to the gateway, control) */
export interface Attach extends Envelope {
  type: "attach";
  payload: AttachPayload;
}

/** What `attached` says. */
export interface AttachedPayload {
  /** new: everything that is kept follows; resumed: what follows the position that was sent; reset: drop what you have. */
  verdict: AttachedVerdict;
  /** From where delivery goes on. (≥ 1 character) */
  pos?: string;
  /** Why a channel cannot be resumed. */
  reason?: ResetReason;
  /** The session that was attached. (1–256 characters) */
  session?: string;
  /** The topic that was attached. (`^[A-Za-z0-9_.-]*$`) */
  topic?: string;
  /** True where it is one's own user's channel. */
  user?: boolean;
}

/** A channel is delivered from here on; it stands in that channel's order. Without pos nothing is: it is unknown, over or another's. (to clients, control) */
export interface Attached extends Envelope {
  type: "attached";
  /** The channel it stands in; on durable messages only. */
  channel: string;
  payload: AttachedPayload;
}

/** What `detach` says. */
export interface DetachPayload {
  /** The session to detach. (1–256 characters) */
  session?: string;
  /** The topic to detach. (`^[A-Za-z0-9_.-]*$`) */
  topic?: string;
  /** True for one's own user's channel. */
  user?: boolean;
}

/** Gives up a session, a topic or the user's channel of this connection; not answered. (to the gateway, control) */
export interface Detach extends Envelope {
  type: "detach";
  payload: DetachPayload;
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
export interface Ack extends Envelope {
  type: "ack";
  /** Id of the message that it answers. */
  reply_to: string;
  payload: AckPayload;
}

/** What `cancel` says. */
export type CancelPayload = Record<string, unknown>;

/** Stop this run. (to the gateway, control) */
export interface Cancel extends Envelope {
  type: "cancel";
  /** The run it belongs to. */
  run: string;
  payload?: CancelPayload;
}

/** What `cancel_ack` says. */
export interface CancelAckPayload {
  /** False where the run is unknown, over or not yours. */
  cancelled: boolean;
}

/** Whether the run is being stopped. (to clients, control) */
export interface CancelAck extends Envelope {
  type: "cancel_ack";
  /** The run it belongs to. */
  run: string;
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
export interface Reset extends Envelope {
  type: "reset";
  /** The channel it stands in; on durable messages only. */
  channel: string;
  payload: ResetPayload;
}

/** What `token_expiring` says. */
export interface TokenExpiringPayload {
  /** When it ends. (RFC 3339) */
  expires_at: string;
}

/** The token ends soon: send refresh before that. (to clients, control) */
export interface TokenExpiring extends Envelope {
  type: "token_expiring";
  payload: TokenExpiringPayload;
}

/** What `refresh` says. */
export interface RefreshPayload {
  /** Bearer token. (≥ 1 character) */
  token: string;
}

/** A newer token for this connection. (to the gateway, control) */
export interface Refresh extends Envelope {
  type: "refresh";
  payload: RefreshPayload;
}

/** What `refreshed` says. */
export interface RefreshedPayload {
  /** When it ends. (RFC 3339) */
  expires_at: string;
}

/** The newer token is in use. (to clients, control) */
export interface Refreshed extends Envelope {
  type: "refreshed";
  payload: RefreshedPayload;
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
export interface GoAway extends Envelope {
  type: "go_away";
  payload: GoAwayPayload;
}

/** What `endpoints_changed` says. */
export interface EndpointsChangedPayload {
  /** Every endpoint, not only what changed. */
  endpoints: {
    /** The path, with parameters in braces. (`^/`) */
    path: string;
    /** What can be asked for there. */
    capabilities: string[];
    /** The dialect without a subprotocol. */
    dialect?: EndpointsChangedEndpointsDialect;
    /** The agents that can be addressed there. (1–128 characters) */
    agents?: string[];
    /** Of two endpoints with the capability the higher one is preferred. */
    priority?: number;
    /** What to use instead, where this one is to go. */
    deprecated?: string;
  }[];
}

/** All endpoints that this client may use, as they are now. (to clients, latest) */
export interface EndpointsChanged extends Envelope {
  type: "endpoints_changed";
  payload: EndpointsChangedPayload;
}

/** What `heartbeat` says. */
export interface HeartbeatPayload {
  /** The position of each channel. */
  channels: Record<string, string>;
}

/** The position that was sent up to in each channel: a client that has another one has a gap. (to clients, control) */
export interface Heartbeat extends Envelope {
  type: "heartbeat";
  payload: HeartbeatPayload;
}

/** What `connected` says. */
export interface ConnectedPayload {
  /** This connection, for logs. (1–256 characters) */
  clientId: string;
  /** The path of the route that serves it. */
  route: string;
  /** What the route can do. */
  capabilities: string[];
}

/** The greeting of dialect open; a native client gets welcome. (to clients, control) */
export interface Connected extends Envelope {
  type: "connected";
  payload: ConnectedPayload;
}

/** What `presence_join` says. */
export interface PresenceJoinPayload {
  /** Who, as the deployment names users. (1–256 characters) */
  member: string;
  /** What others may know of them. */
  info: Record<string, unknown>;
}

/** Somebody is seen in the topic from now on. (to clients, control) */
export interface PresenceJoin extends Envelope {
  type: "presence_join";
  /** The channel it stands in; on durable messages only. */
  channel: string;
  payload: PresenceJoinPayload;
}

/** What `presence_leave` says. */
export interface PresenceLeavePayload {
  /** Who, as the deployment names users. (1–256 characters) */
  member: string;
  /** What others may know of them. */
  info: Record<string, unknown>;
}

/** Somebody is seen in the topic no more. (to clients, control) */
export interface PresenceLeave extends Envelope {
  type: "presence_leave";
  /** The channel it stands in; on durable messages only. */
  channel: string;
  payload: PresenceLeavePayload;
}

/** What `presence_state` says. */
export interface PresenceStatePayload {
  /** What they are doing. */
  state: PresenceStateState;
  /** Who; the gateway always says it. A client can only speak of itself, and may leave it out. (1–256 characters) */
  member?: string;
}

/** What a member is doing in the topic. A client that has the topic attached is seen in it from its first one on, and answered by presence_members. (both ways, latest: one value for each member) */
export interface PresenceState extends Envelope {
  type: "presence_state";
  /** The channel it stands in; on durable messages only. */
  channel: string;
  payload: PresenceStatePayload;
}

/** What `presence_members` says. */
export interface PresenceMembersPayload {
  /** How many there are. (≥ 0) */
  count: number;
  /** How others know this client; said in the first list that it is told of a topic. (1–256 characters) */
  you?: string;
  /** Those of them that are told. */
  members?: {
    /** Who, as the deployment names users. (1–256 characters) */
    member: string;
    /** What they are doing. */
    state: PresenceMembersMembersState;
  }[];
}

/** Who is seen in the topic; it takes the place of what was known. Without members it is a large topic, of which only the number is told. (to clients, control) */
export interface PresenceMembers extends Envelope {
  type: "presence_members";
  /** The channel it stands in; on durable messages only. */
  channel: string;
  payload: PresenceMembersPayload;
}

/** What `publish` says. */
export interface PublishPayload {
  /** Any JSON. */
  payload: unknown;
  /** The topic. (`^[A-Za-z0-9_.-]*$`) */
  topic?: string;
  /** The user, as the deployment names users; told to all of that user's connections that attached the channel. (1–256 characters) */
  user?: string;
}

/** Content for everybody on a topic, or for one user; subscribers get it as it was sent, with the sender's verified name in meta.from. (both ways, durable) */
export interface Publish extends Envelope {
  type: "publish";
  payload: PublishPayload;
}

/** What `subscribe` says. */
export interface SubscribePayload {
  /** The topic. (`^[A-Za-z0-9_.-]*$`) */
  topic: string;
  /** The last position seen of it; null or left out where nothing was seen. */
  pos?: string | null;
}

/** Asks for a topic; answered by attached. (to the gateway, control) */
export interface Subscribe extends Envelope {
  type: "subscribe";
  payload: SubscribePayload;
}

/** What `unsubscribe` says. */
export interface UnsubscribePayload {
  /** The topic. (`^[A-Za-z0-9_.-]*$`) */
  topic: string;
}

/** Gives a topic up again. (to the gateway, control) */
export interface Unsubscribe extends Envelope {
  type: "unsubscribe";
  payload: UnsubscribePayload;
}

/** What `run_started` says. */
export interface RunStartedPayload {
  /** The service that runs. */
  service: string;
  /** The run's channel. */
  channel: string;
}

/** A run began; its channel is attached from its start. (to clients, durable) */
export interface RunStarted extends Envelope {
  type: "run_started";
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
  payload: RunStartedPayload;
}

/** What `run_event` says. */
export type RunEventPayload = {
  /** The next piece of the answer. */
  text?: string;
} | unknown[] | string | number | boolean | null;

/** What a service says in a run; consecutive ones with a text may arrive merged. (to clients, stream: merged ones have text concatenated) */
export interface RunEvent extends Envelope {
  type: "run_event";
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
export interface RunWaiting extends Envelope {
  type: "run_waiting";
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
  payload: RunWaitingPayload;
}

/** What `run_input` says. */
export interface RunInputPayload {
  /** The message's id. (1–256 characters) */
  input: string;
}

/** The run took a message of its session as input; it has no run of its own. (to clients, durable) */
export interface RunInput extends Envelope {
  type: "run_input";
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
  payload: RunInputPayload;
}

/** What `run_completed` says. */
export interface RunCompletedPayload {
  /** What the service gives back; null where that is nothing. */
  result: unknown;
}

/** The service finished; last in the run's channel. (to clients, durable) */
export interface RunCompleted extends Envelope {
  type: "run_completed";
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
  payload: RunCompletedPayload;
}

/** What `run_failed` says. */
export type RunFailedPayload = Record<string, unknown>;

/** The service or the way to it failed; last in the run's channel. (to clients, durable) */
export interface RunFailed extends Envelope {
  type: "run_failed";
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
  /** What went wrong; the codes stand in errors.json. */
  error: ErrorBody;
  payload?: RunFailedPayload;
}

/** What `run_cancelled` says. */
export type RunCancelledPayload = Record<string, unknown>;

/** The run was stopped; last in its channel. (to clients, durable) */
export interface RunCancelled extends Envelope {
  type: "run_cancelled";
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
  payload?: RunCancelledPayload;
}

/** What `run_expired` says. */
export type RunExpiredPayload = Record<string, unknown>;

/** The run's deadline passed; last in its channel. (to clients, durable) */
export interface RunExpired extends Envelope {
  type: "run_expired";
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
  /** What went wrong; the codes stand in errors.json. */
  error: ErrorBody & {
    /** Name of an error code. */
    code: "deadline_exceeded";
  };
  payload?: RunExpiredPayload;
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
export interface Answer extends Envelope {
  type: "answer";
  /** The run it belongs to. */
  run: string;
  payload: AnswerPayload;
}

/** What `notification` says. */
export interface NotificationPayload {
  /** A few words. */
  title: string;
  /** One or two sentences. */
  body: string;
  /** How bad it is for the person in front of the screen. */
  severity: Severity;
}

/** Something that people should know. (to clients, durable) */
export interface Notification extends Envelope {
  type: "notification";
  payload: NotificationPayload;
}

/** What `service_status` says. */
export interface ServiceStatusPayload {
  /** The service. (1–256 characters) */
  service: string;
  /** Whether calls to it can succeed. */
  state: ServiceStatusState;
  /** Since when. (RFC 3339) */
  since: string;
}

/** How a service is doing. (to clients, latest: one value for each service) */
export interface ServiceStatus extends Envelope {
  type: "service_status";
  payload: ServiceStatusPayload;
}

/** What `file.list` says. */
export interface FileListPayload {
  /** The folder. (`^[^/]`) */
  path: string;
  /** By what they are sorted. */
  sort?: FileListSort;
  /** In which direction. */
  order?: FileListOrder;
  /** At most so many entries. (1–1000) */
  limit?: number;
  /** Where to go on, from the page before. (≥ 1 character) */
  cursor?: string;
}

/** Asks for a folder's entries; they come as the run's events. (to the gateway, durable) */
export interface FileList extends Envelope {
  type: "file.list";
  payload: FileListPayload;
}

/** What `file.stat` says. */
export interface FileStatPayload {
  /** The file or folder. (`^[^/]`) */
  path: string;
}

/** Asks what is known of one file or folder. (to the gateway, durable) */
export interface FileStat extends Envelope {
  type: "file.stat";
  payload: FileStatPayload;
}

/** What `file.read` says. */
export interface FileReadPayload {
  /** The file. (`^[^/]`) */
  path: string;
  /** Where to begin; 0 where it is left out. (bytes, ≥ 0) */
  offset?: number;
  /** How much at most, 524,288 bytes where it is left out. (bytes, 1–524288) */
  length?: number;
  /** Only if the file still is this version. (1–256 characters) */
  if_match?: string;
}

/** Asks for a small file's content; it comes as the run's events, larger files by file.download. (to the gateway, durable) */
export interface FileRead extends Envelope {
  type: "file.read";
  payload: FileReadPayload;
}

/** What `file.write` says. */
export interface FileWritePayload {
  /** The file. (`^[^/]`) */
  path: string;
  /** The content, of at most 524,288 bytes. (≤ 699052 characters) */
  content: string;
  /** How content spells bytes; utf8 where it is left out. */
  encoding?: FileWriteEncoding;
  /** Only if the file still is this version. (1–256 characters) */
  if_match?: string;
}

/** Writes a small file whole; larger files by file.upload. (to the gateway, durable) */
export interface FileWrite extends Envelope {
  type: "file.write";
  payload: FileWritePayload;
}

/** What `file.move` says. */
export interface FileMovePayload {
  /** What. (`^[^/]`) */
  from: string;
  /** Where to, with its new name. (`^[^/]`) */
  to: string;
  /** Whether something that is there already is replaced; false where it is left out. */
  overwrite?: boolean;
}

/** Moves a file or folder. (to the gateway, durable) */
export interface FileMove extends Envelope {
  type: "file.move";
  payload: FileMovePayload;
}

/** What `file.copy` says. */
export interface FileCopyPayload {
  /** What. (`^[^/]`) */
  from: string;
  /** Where to, with its new name. (`^[^/]`) */
  to: string;
  /** Whether something that is there already is replaced; false where it is left out. */
  overwrite?: boolean;
}

/** Copies a file or folder. (to the gateway, durable) */
export interface FileCopy extends Envelope {
  type: "file.copy";
  payload: FileCopyPayload;
}

/** What `file.delete` says. */
export interface FileDeletePayload {
  /** What. (`^[^/]`) */
  path: string;
  /** Whether a folder goes with what is in it; false where it is left out. */
  recursive?: boolean;
  /** Only if the file still is this version. (1–256 characters) */
  if_match?: string;
}

/** Deletes a file or folder. (to the gateway, durable) */
export interface FileDelete extends Envelope {
  type: "file.delete";
  payload: FileDeletePayload;
}

/** What `file.mkdir` says. */
export interface FileMkdirPayload {
  /** The folder. (`^[^/]`) */
  path: string;
  /** Whether missing folders above it are made, too; false where it is left out. */
  parents?: boolean;
}

/** Makes a folder. (to the gateway, durable) */
export interface FileMkdir extends Envelope {
  type: "file.mkdir";
  payload: FileMkdirPayload;
}

/** What `file.watch` says. */
export interface FileWatchPayload {
  /** The file or folder. (`^[^/]`) */
  path: string;
  /** Whether with all that is below; false where it is left out. */
  recursive?: boolean;
}

/** Asks to be told of changes; they come as the run's events until it is cancelled. (to the gateway, durable) */
export interface FileWatch extends Envelope {
  type: "file.watch";
  payload: FileWatchPayload;
}

/** What `file.upload` says. */
export interface FileUploadPayload {
  /** Where the file is to stand. (`^[^/]`) */
  path: string;
  /** Its size. (bytes, ≥ 0) */
  size: number;
  /** BLAKE3 of the whole content, in lower-case hexadecimal. (`^[0-9a-f]{64}$`) */
  hash?: string;
  /** Only if the file still is this version. (1–256 characters) */
  if_match?: string;
}

/** Asks for a place on the file lane to send a file to; answered by file.opened. (to the gateway, control) */
export interface FileUpload extends Envelope {
  type: "file.upload";
  payload: FileUploadPayload;
}

/** What `file.download` says. */
export interface FileDownloadPayload {
  /** The file. (`^[^/]`) */
  path: string;
  /** The size that is expected, where it is known. (bytes, ≥ 0) */
  size?: number;
  /** BLAKE3 of the whole content, in lower-case hexadecimal. (`^[0-9a-f]{64}$`) */
  hash?: string;
  /** Only if the file still is this version. (1–256 characters) */
  if_match?: string;
}

/** Asks for a place on the file lane to fetch a file from; answered by file.opened. (to the gateway, control) */
export interface FileDownload extends Envelope {
  type: "file.download";
  payload: FileDownloadPayload;
}

/** What `file.opened` says. */
export interface FileOpenedPayload {
  /** Names the transfer in the lane's path. (1–256 characters) */
  operation_id: string;
  /** A one-use right to open the lane's connection; never to be logged. (1–256 characters) */
  ticket: string;
  /** Until when the ticket opens it. (RFC 3339) */
  expires_at: string;
}

/** The file lane is ready: connect to /ws/file-stream/{operation_id} with the ticket. (to clients, control) */
export interface FileOpened extends Envelope {
  type: "file.opened";
  /** Id of the message that it answers. */
  reply_to: string;
  payload: FileOpenedPayload;
}

/** What `terminal.open` says. */
export interface TerminalOpenPayload {
  /** A terminal of the configuration; it decides on the program, folder and environment. (1–256 characters) */
  profile: string;
  /** Columns of the first screen. (1–65535) */
  cols?: number;
  /** Rows of the first screen. (1–65535) */
  rows?: number;
}

/** Asks for a terminal; answered by terminal.opened. (to the gateway, control) */
export interface TerminalOpen extends Envelope {
  type: "terminal.open";
  payload: TerminalOpenPayload;
}

/** What `terminal.opened` says. */
export interface TerminalOpenedPayload {
  /** Names the terminal in the lane's path. (1–256 characters) */
  id: string;
  /** A one-use right to open the lane's connection; never to be logged. (1–256 characters) */
  ticket: string;
  /** Until when the ticket opens it. (RFC 3339) */
  expires_at?: string;
}

/** The terminal runs: connect to /ws/terminal/{id} with the ticket. (to clients, control) */
export interface TerminalOpened extends Envelope {
  type: "terminal.opened";
  /** Id of the message that it answers. */
  reply_to: string;
  payload: TerminalOpenedPayload;
}

/** What `terminal.closed` says. */
export interface TerminalClosedPayload {
  /** The terminal. (1–256 characters) */
  id: string;
  /** How its program ended: by itself with a status, or by a signal. */
  exit: {
    /** Its exit status; 0 is success. */
    status?: number;
    /** The signal's name. */
    signal?: string;
  };
}

/** The terminal's program ended. (to clients, durable) */
export interface TerminalClosed extends Envelope {
  type: "terminal.closed";
  payload: TerminalClosedPayload;
}

/** What `command.run` says. */
export interface CommandRunPayload {
  /** A set of allowed commands of the configuration. (1–256 characters) */
  profile: string;
  /** The program and its arguments; no shell reads them. (≥ 1 item) */
  argv: string[];
}

/** Runs an allowed command; its start, output and end come as the run's events. (to the gateway, durable) */
export interface CommandRun extends Envelope {
  type: "command.run";
  payload: CommandRunPayload;
}

/** What `command_output` says. */
export interface CommandOutputPayload {
  /** The execution, from command_execution_start. (1–256 characters) */
  execution_id: string;
  /** Which output. */
  stream: CommandOutputStream;
  /** The next piece of it. */
  data: string;
}

/** Output of a command; consecutive ones of one execution and stream may arrive merged. (to clients, stream: merged ones have data concatenated) */
export interface CommandOutput extends Envelope {
  type: "command_output";
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
  payload: CommandOutputPayload;
}

/** What `error` says. */
export type ErrorPayload = Record<string, unknown>;

/** A message could not be accepted; the connection stays open. (to clients, control) */
export interface Error extends Envelope {
  type: "error";
  /** What went wrong; the codes stand in errors.json. */
  error: ErrorBody;
  payload?: ErrorPayload;
}

/** What `ping` says. */
export type PingPayload = unknown;

/** Are you there? The payload comes back in the pong. (both ways, control) */
export interface Ping extends Envelope {
  type: "ping";
  payload?: PingPayload;
}

/** What `pong` says. */
export type PongPayload = unknown;

/** The answer to ping, with its payload. (both ways, control) */
export interface Pong extends Envelope {
  type: "pong";
  payload?: PongPayload;
}

/** What `health_check` says. */
export type HealthCheckPayload = Record<string, unknown>;

/** How are you? (to the gateway, control) */
export interface HealthCheck extends Envelope {
  type: "health_check";
  payload?: HealthCheckPayload;
}

/** What `health_response` says. */
export interface HealthResponsePayload {
  /** How the gateway is: healthy or unhealthy. */
  status: string;
  /** When that was so. */
  timestamp: string;
}

/** The answer to health_check. (to clients, control) */
export interface HealthResponse extends Envelope {
  type: "health_response";
  payload: HealthResponsePayload;
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

/** How far a run is. (to clients, latest: one value for each operation) */
export interface Progress extends Envelope {
  type: "progress";
  /** Its position in the channel. */
  pos?: never;
  /** The run it belongs to. */
  run: string;
  /** First event number of the run that it carries. */
  seq?: never;
  payload: ProgressPayload;
}

/** Values of AttachedVerdict. */
export const ATTACHED_VERDICT = ["new", "resumed", "reset"] as const;
/** Values of AttachedVerdict. */
export type AttachedVerdict = (typeof ATTACHED_VERDICT)[number];

/** Values of AckLevel. */
export const ACK_LEVEL = ["accepted", "stored"] as const;
/** Values of AckLevel. */
export type AckLevel = (typeof ACK_LEVEL)[number];

/** Values of EndpointsChangedEndpointsDialect. */
export const ENDPOINTS_CHANGED_ENDPOINTS_DIALECT = ["native", "payload", "data", "flat", "open"] as const;
/** Values of EndpointsChangedEndpointsDialect. */
export type EndpointsChangedEndpointsDialect = (typeof ENDPOINTS_CHANGED_ENDPOINTS_DIALECT)[number];

/** Values of PresenceStateState. */
export const PRESENCE_STATE_STATE = ["online", "typing", "thinking", "away"] as const;
/** Values of PresenceStateState. */
export type PresenceStateState = (typeof PRESENCE_STATE_STATE)[number];

/** Values of PresenceMembersMembersState. */
export const PRESENCE_MEMBERS_MEMBERS_STATE = ["online", "typing", "thinking", "away"] as const;
/** Values of PresenceMembersMembersState. */
export type PresenceMembersMembersState = (typeof PRESENCE_MEMBERS_MEMBERS_STATE)[number];

/** Values of RunWaitingKind. */
export const RUN_WAITING_KIND = ["approval", "question"] as const;
/** Values of RunWaitingKind. */
export type RunWaitingKind = (typeof RUN_WAITING_KIND)[number];

/** Values of ServiceStatusState. */
export const SERVICE_STATUS_STATE = ["available", "degraded", "unavailable"] as const;
/** Values of ServiceStatusState. */
export type ServiceStatusState = (typeof SERVICE_STATUS_STATE)[number];

/** Values of FileListSort. */
export const FILE_LIST_SORT = ["name", "size", "modified"] as const;
/** Values of FileListSort. */
export type FileListSort = (typeof FILE_LIST_SORT)[number];

/** Values of FileListOrder. */
export const FILE_LIST_ORDER = ["asc", "desc"] as const;
/** Values of FileListOrder. */
export type FileListOrder = (typeof FILE_LIST_ORDER)[number];

/** Values of FileWriteEncoding. */
export const FILE_WRITE_ENCODING = ["utf8", "base64"] as const;
/** Values of FileWriteEncoding. */
export type FileWriteEncoding = (typeof FILE_WRITE_ENCODING)[number];

/** Values of CommandOutputStream. */
export const COMMAND_OUTPUT_STREAM = ["stdout", "stderr"] as const;
/** Values of CommandOutputStream. */
export type CommandOutputStream = (typeof COMMAND_OUTPUT_STREAM)[number];

/** Every type of dialect native, by its name. */
export interface NativeMessages {
  /** The client's first message: who it is, and what it has seen of each channel. */
  "hello": Hello;
  /** The session, and from where each of its channels is delivered. */
  "welcome": Welcome;
  /** Asks for one more session, a topic, or the channel of one's own user on this connection; answered by attached. */
  "attach": Attach;
  /** A channel is delivered from here on; it stands in that channel's order. Without pos nothing is: it is unknown, over or another's. */
  "attached": Attached;
  /** Gives up a session, a topic or the user's channel of this connection; not answered. */
  "detach": Detach;
  /** The message is kept, and this is its run. */
  "ack": Ack;
  /** Stop this run. */
  "cancel": Cancel;
  /** Whether the run is being stopped. */
  "cancel_ack": CancelAck;
  /** Drop what you have of the channel; it goes on from pos, or without pos is gone. */
  "reset": Reset;
  /** The token ends soon: send refresh before that. */
  "token_expiring": TokenExpiring;
  /** A newer token for this connection. */
  "refresh": Refresh;
  /** The newer token is in use. */
  "refreshed": Refreshed;
  /** Leave, and come back after a random time in this window. */
  "go_away": GoAway;
  /** All endpoints that this client may use, as they are now. */
  "endpoints_changed": EndpointsChanged;
  /** The position that was sent up to in each channel: a client that has another one has a gap. */
  "heartbeat": Heartbeat;
  /** The greeting of dialect open; a native client gets welcome. */
  "connected": Connected;
  /** Somebody is seen in the topic from now on. */
  "presence_join": PresenceJoin;
  /** Somebody is seen in the topic no more. */
  "presence_leave": PresenceLeave;
  /** What a member is doing in the topic. A client that has the topic attached is seen in it from its first one on, and answered by presence_members. */
  "presence_state": PresenceState;
  /** Who is seen in the topic; it takes the place of what was known. Without members it is a large topic, of which only the number is told. */
  "presence_members": PresenceMembers;
  /** Content for everybody on a topic, or for one user; subscribers get it as it was sent, with the sender's verified name in meta.from. */
  "publish": Publish;
  /** Asks for a topic; answered by attached. */
  "subscribe": Subscribe;
  /** Gives a topic up again. */
  "unsubscribe": Unsubscribe;
  /** A run began; its channel is attached from its start. */
  "run_started": RunStarted;
  /** What a service says in a run; consecutive ones with a text may arrive merged. */
  "run_event": RunEvent;
  /** The run waits for a person; answer goes on with it. */
  "run_waiting": RunWaiting;
  /** The run took a message of its session as input; it has no run of its own. */
  "run_input": RunInput;
  /** The service finished; last in the run's channel. */
  "run_completed": RunCompleted;
  /** The service or the way to it failed; last in the run's channel. */
  "run_failed": RunFailed;
  /** The run was stopped; last in its channel. */
  "run_cancelled": RunCancelled;
  /** The run's deadline passed; last in its channel. */
  "run_expired": RunExpired;
  /** A person's answer to a waiting run; in the run's channel, the one that counts. */
  "answer": Answer;
  /** Something that people should know. */
  "notification": Notification;
  /** How a service is doing. */
  "service_status": ServiceStatus;
  /** Asks for a folder's entries; they come as the run's events. */
  "file.list": FileList;
  /** Asks what is known of one file or folder. */
  "file.stat": FileStat;
  /** Asks for a small file's content; it comes as the run's events, larger files by file.download. */
  "file.read": FileRead;
  /** Writes a small file whole; larger files by file.upload. */
  "file.write": FileWrite;
  /** Moves a file or folder. */
  "file.move": FileMove;
  /** Copies a file or folder. */
  "file.copy": FileCopy;
  /** Deletes a file or folder. */
  "file.delete": FileDelete;
  /** Makes a folder. */
  "file.mkdir": FileMkdir;
  /** Asks to be told of changes; they come as the run's events until it is cancelled. */
  "file.watch": FileWatch;
  /** Asks for a place on the file lane to send a file to; answered by file.opened. */
  "file.upload": FileUpload;
  /** Asks for a place on the file lane to fetch a file from; answered by file.opened. */
  "file.download": FileDownload;
  /** The file lane is ready: connect to /ws/file-stream/{operation_id} with the ticket. */
  "file.opened": FileOpened;
  /** Asks for a terminal; answered by terminal.opened. */
  "terminal.open": TerminalOpen;
  /** The terminal runs: connect to /ws/terminal/{id} with the ticket. */
  "terminal.opened": TerminalOpened;
  /** The terminal's program ended. */
  "terminal.closed": TerminalClosed;
  /** Runs an allowed command; its start, output and end come as the run's events. */
  "command.run": CommandRun;
  /** Output of a command; consecutive ones of one execution and stream may arrive merged. */
  "command_output": CommandOutput;
  /** A message could not be accepted; the connection stays open. */
  "error": Error;
  /** Are you there? The payload comes back in the pong. */
  "ping": Ping;
  /** The answer to ping, with its payload. */
  "pong": Pong;
  /** How are you? */
  "health_check": HealthCheck;
  /** The answer to health_check. */
  "health_response": HealthResponse;
  /** How far a run is. */
  "progress": Progress;
}

/** Any message of dialect native that the contract knows; `type` says which. */
export type NativeMessage = NativeMessages[keyof NativeMessages];

/** Messages of dialect native that clients send. */
export type NativeSent =
  | Hello
  | Attach
  | Detach
  | Cancel
  | Refresh
  | PresenceState
  | Publish
  | Subscribe
  | Unsubscribe
  | Answer
  | FileList
  | FileStat
  | FileRead
  | FileWrite
  | FileMove
  | FileCopy
  | FileDelete
  | FileMkdir
  | FileWatch
  | FileUpload
  | FileDownload
  | TerminalOpen
  | CommandRun
  | Ping
  | Pong
  | HealthCheck;

/** Messages of dialect native that clients receive. */
export type NativeReceived =
  | Welcome
  | Attached
  | Ack
  | CancelAck
  | Reset
  | TokenExpiring
  | Refreshed
  | GoAway
  | EndpointsChanged
  | Heartbeat
  | Connected
  | PresenceJoin
  | PresenceLeave
  | PresenceState
  | PresenceMembers
  | Publish
  | RunStarted
  | RunEvent
  | RunWaiting
  | RunInput
  | RunCompleted
  | RunFailed
  | RunCancelled
  | RunExpired
  | Answer
  | Notification
  | ServiceStatus
  | FileOpened
  | TerminalOpened
  | TerminalClosed
  | CommandOutput
  | Error
  | Ping
  | Pong
  | HealthResponse
  | Progress;
