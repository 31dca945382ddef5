/**
 * A gateway for tests: speaks `protocol/client.md` natively, keeps everything in memory, and
 * misbehaves on request.
 *
 * Purpose: scripted scenarios and the chat page's development. It knows no socket: a transport
 * hands it peers (`in-memory.ts`, `web-socket.ts`). Its services are functions of the test.
 */
import { randomUUID } from "node:crypto";
import type { Codec, Frame } from "../src/codec/codec.ts";
import type { Envelope, JsonObject } from "../src/codec/envelope.ts";
import { objectOrEmpty } from "../src/codec/envelope.ts";
import { codecUnderTest } from "./codec.ts";

/** The types that seal a run's channel. */
const ENDS: ReadonlySet<string> = new Set(["run_completed", "run_failed", "run_cancelled", "run_expired"]);

/** The other end of one connection. */
export interface Peer {
  send(frame: Frame): void;
  close(code: number, reason: string): void;
}

/** A record as it is kept. */
type Kept = Envelope & { channel: string; pos: string; prev: string };

/** One channel's log. */
interface Channel {
  readonly name: string;
  readonly records: Kept[];
  /** Records before this index are no longer retained. */
  oldest: number;
}

export interface Session {
  readonly id: string;
  readonly secret: string;
  readonly channel: Channel;
  readonly accepted: Map<string, { text: string; run: string }>;
}

/** What a service of the double does with one call. */
export interface Call {
  readonly run: string;
  readonly message: Envelope;
  /** Whether the run has ended, for example because it was cancelled. */
  readonly ended: boolean;
  text(text: string): void;
  /** Asks a person; the answer stands in the run's channel. */
  ask(request: string, content: JsonObject): void;
  answer(answer: Envelope): JsonObject | string;
  event(type: string, payload: unknown): void;
  progress(payload: unknown): void;
  complete(result?: unknown): void;
  fail(code: string, message: string): void;
  onCancel(listener: () => void): void;
}

/** See the module comment. */
export class GatewayDouble {
  readonly sessions = new Map<string, Session>();
  readonly connections = new Set<Connection>();
  readonly calls = new Map<string, CallRecord>();
  readonly channels = new Map<string, Channel>();
  /** Announced in `welcome`. */
  heartbeatMs = 25_000;
  inFlightMax = 64;
  /** The run that new messages are offered to as input, instead of starting their own. */
  offersTo: string | undefined;
  /** Answers every hello, instead of a welcome. */
  refuseHello: ((connection: Connection) => void) | undefined;
  /** Sees every frame on its way to a client and may replace it; `undefined` swallows it. */
  tamper: ((frame: Envelope, connection: Connection) => Envelope | undefined) | undefined;
  /** Hears every frame of every client. */
  readonly heard: Envelope[] = [];

  constructor(
    public service: (call: Call) => void,
    readonly codec: Codec = codecUnderTest,
  ) {}

  /** A client connected. */
  accept(peer: Peer): Connection {
    const connection = new Connection(this, peer);
    this.connections.add(connection);
    return connection;
  }

  /** The only connection. @throws Error where there is not exactly one. */
  get connection(): Connection {
    const [connection, ...others] = this.connections;
    if (!connection || others.length > 0) throw new Error(`${this.connections.size} connections`);
    return connection;
  }

  createSession(): Session {
    const id = randomUUID();
    const session = {
      id,
      secret: randomUUID(),
      channel: this.#channel(`session:${id}`),
      accepted: new Map(),
    };
    this.sessions.set(id, session);
    return session;
  }

  /** Forgets a session, as after its expiry. */
  expireSession(id: string): void {
    this.sessions.delete(id);
  }

  /** Starts the run of a message, or finds the one it started before. */
  start(
    session: Session,
    message: Envelope & { id: string },
  ): { run: string; duplicate: boolean } | "duplicate_id" {
    const text = JSON.stringify([message.type, message.payload]);
    const known = session.accepted.get(message.id);
    if (known) return known.text === text ? { run: known.run, duplicate: true } : "duplicate_id";
    const run = randomUUID();
    session.accepted.set(message.id, { text, run });
    return { run, duplicate: false };
  }

  /** Stores the message. */
  store(session: Session, message: Envelope & { id: string }, run: string): void {
    const { type, id, payload } = message;
    this.append(session.channel, { type, id, payload, session: session.id, run });
  }

  /** Stores the `run_started` of a message, then calls the service. */
  begin(session: Session, message: Envelope & { id: string }, run: string): void {
    const channel = this.#channel(`run:${run}`);
    const call = new CallRecord(this, session.id, run, message, channel);
    this.calls.set(run, call);
    this.append(session.channel, {
      type: "run_started",
      id: randomUUID(),
      session: session.id,
      run,
      reply_to: message.id,
      payload: { service: "double", channel: channel.name },
    });
    this.service(call);
  }

  append(channel: Channel, envelope: Envelope): void {
    const offset = channel.records.length;
    const place = { channel: channel.name, pos: positionOf(offset + 1), prev: positionOf(offset) };
    channel.records.push({ ...envelope, ts: new Date(0).toISOString(), ...place });
    for (const connection of this.connections) connection.pump();
  }

  /** Lets retention overtake everyone who reads: only the last `keep` records remain. */
  trim(channelName: string, keep: number): void {
    const channel = this.#channel(channelName);
    channel.oldest = Math.max(0, channel.records.length - keep);
  }

  #channel(name: string): Channel {
    const channel = this.channels.get(name) ?? { name, records: [], oldest: 0 };
    this.channels.set(name, channel);
    return channel;
  }
}

/** One connection as the gateway sees it. */
export class Connection {
  session: Session | undefined;
  /** How many records of each channel this connection was sent. */
  readonly #sent = new Map<Channel, number>();
  /** While held, records wait and are folded when released. */
  #held = false;

  constructor(
    private readonly gateway: GatewayDouble,
    private readonly peer: Peer,
  ) {}

  /** A frame came from the client. */
  receive(received: Frame): void {
    const frame = this.gateway.codec.decode(received);
    this.gateway.heard.push(frame);
    if (frame.type === "hello") this.#hello(objectOrEmpty(frame.payload));
    else if (frame.type === "ping") this.send({ type: "pong", payload: frame.payload });
    else if (frame.type === "cancel") this.#cancel(String(frame.run));
    else if (frame.type === "answer") this.#answer({ ...frame, id: String(frame.id) });
    else if (frame.id !== undefined) this.#durable({ ...frame, id: frame.id });
  }

  /** The transport lost the client. */
  gone(): void {
    this.gateway.connections.delete(this);
  }

  /** Closes from this side. */
  close(code: number, reason = ""): void {
    this.gone();
    this.peer.close(code, reason);
  }

  send(frame: Envelope): void {
    const sent = this.gateway.tamper ? this.gateway.tamper(frame, this) : frame;
    if (sent && this.gateway.connections.has(this)) this.peer.send(this.gateway.codec.encode(sent));
  }

  /** Sends the positions up to which this connection was served. */
  heartbeat(): void {
    const channels = Object.fromEntries(
      [...this.#sent].map(([channel, count]) => [channel.name, positionOf(count)]),
    );
    this.send({ type: "heartbeat", payload: { channels } });
  }

  /** Announces a drain; the close is up to the test. */
  goAway(minMs: number, maxMs: number): void {
    this.send({
      type: "go_away",
      payload: { reason: "drain", reconnect_min_ms: minMs, reconnect_max_ms: maxMs },
    });
  }

  /** Makes the connection slow: nothing is sent until `release`, then consecutive text comes folded. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.pump();
  }

  /** Starts a channel over at its oldest retained record, told in the channel's order. */
  reset(channelName: string, reason: string): void {
    const channel = [...this.#sent.keys()].find(({ name }) => name === channelName);
    if (!channel) throw new Error(`${channelName} is not attached`);
    this.#sent.set(channel, channel.oldest);
    this.send({ type: "reset", channel: channelName, payload: { reason, pos: positionOf(channel.oldest) } });
    this.pump();
  }

  /** Sends what is new in every attached channel. */
  pump(): void {
    if (this.#held) return;
    for (const [channel, count] of this.#sent) {
      const news = fold(channel.records.slice(count));
      this.#sent.set(channel, channel.records.length);
      for (const record of news) this.#deliver(record);
    }
  }

  #deliver(record: Kept): void {
    this.send(record);
    if (record.type === "run_started") this.#attach(String(objectOrEmpty(record.payload).channel), 0);
  }

  #attach(name: string, from: number): void {
    const channel = this.gateway.channels.get(name);
    const isSealed = ENDS.has(channel?.records.at(-1)?.type ?? "");
    if (!channel || (this.#sent.has(channel) && !isSealed)) return;
    this.#sent.set(channel, from);
    this.pump();
  }

  #hello(payload: JsonObject): void {
    if (this.gateway.refuseHello) return this.gateway.refuseHello(this);
    const asked =
      typeof payload.session === "string" ? this.gateway.sessions.get(payload.session) : undefined;
    const resumed = asked && asked.secret === payload.secret ? asked : undefined;
    const session = resumed ?? this.gateway.createSession();
    this.session = session;
    const resume = new Map(Object.entries(objectOrEmpty(payload.resume)));
    const verdicts = resumed ? this.#verdicts(session, resume) : lostVerdicts(payload.session, resume);
    if (!resumed) verdicts[session.channel.name] = { pos: positionOf(0), verdict: "new" };
    this.send(this.#welcome(session, resumed ? undefined : session.secret, verdicts));
    for (const [name, verdict] of Object.entries(verdicts)) {
      if (typeof verdict.pos === "string") this.#attach(name, offsetOf(verdict.pos));
    }
  }

  #welcome(session: Session, secret: string | undefined, channels: JsonObject): Envelope {
    const limits = { message_bytes_max: 1_048_576, depth_max: 64, in_flight_max: this.gateway.inFlightMax };
    return {
      type: "welcome",
      session: session.id,
      payload: {
        session: session.id,
        ...(secret !== undefined && { secret }),
        connection: randomUUID(),
        resume: true,
        channels,
        heartbeat_ms: this.gateway.heartbeatMs,
        limits,
        server: { name: "double", version: "0" },
      },
    };
  }

  #verdicts(session: Session, resume: Map<string, unknown>): Record<string, JsonObject> {
    const names = new Set([session.channel.name, ...resume.keys()]);
    return Object.fromEntries([...names].map((name) => [name, this.#verdict(name, resume.get(name))]));
  }

  #verdict(name: string, asked: unknown): JsonObject {
    const channel = this.gateway.channels.get(name);
    if (!channel) return { verdict: "reset", reason: "unknown" };
    const oldest = positionOf(channel.oldest);
    if (typeof asked !== "string") return { verdict: "new", pos: oldest };
    const isRetained = offsetOf(asked) >= channel.oldest && offsetOf(asked) <= channel.records.length;
    return isRetained
      ? { verdict: "resumed", pos: asked }
      : { verdict: "reset", reason: "expired", pos: oldest };
  }

  #durable(message: Envelope & { id: string }): void {
    if (!this.session) return this.close(1002, "no hello");
    const started = this.gateway.start(this.session, message);
    if (started === "duplicate_id") return this.send(refusal(message.id, "duplicate_id", false));
    const { run, duplicate } = started;
    const payload = { id: message.id, level: "stored", ...(duplicate && { duplicate }) };
    const { session } = this;
    const { offersTo } = this.gateway;
    this.send({ type: "ack", reply_to: message.id, run: offersTo ?? run, payload });
    if (duplicate) return;
    this.gateway.store(session, message, offersTo ?? run);
    if (offersTo === undefined) this.gateway.begin(session, message, run);
  }

  #answer(answer: Envelope & { id: string }): void {
    const verdict = this.gateway.calls.get(String(answer.run))?.answer(answer) ?? "bad_request";
    if (typeof verdict === "string") return this.send(refusal(answer.id, verdict, false));
    const payload = { id: answer.id, level: "stored", ...verdict };
    this.send({
      type: "ack",
      reply_to: answer.id,
      ...(answer.run !== undefined && { run: answer.run }),
      payload,
    });
  }

  #cancel(run: string): void {
    const call = this.gateway.calls.get(run);
    const cancelled = call !== undefined && !call.ended;
    this.send({ type: "cancel_ack", run, payload: { cancelled } });
    if (cancelled) call.cancel();
  }
}

/** A call in progress, and its run's channel. */
class CallRecord implements Call {
  ended = false;
  #next = 0;
  readonly #answers = new Map<string, string | undefined>();
  readonly #cancelListeners: (() => void)[] = [];

  constructor(
    private readonly gateway: GatewayDouble,
    private readonly session: string,
    readonly run: string,
    readonly message: Envelope,
    private readonly channel: Channel,
  ) {}

  text(text: string): void {
    this.event("run_event", { text });
  }

  event(type: string, payload: unknown): void {
    this.#append({ type, payload });
  }

  progress(payload: unknown): void {
    for (const connection of this.gateway.connections)
      connection.send({ type: "progress", run: this.run, payload });
  }

  ask(request: string, content: JsonObject): void {
    this.event("run_waiting", { request_id: request, ...content });
  }

  /** Takes the first answer to each question; gives what the `ack` says beside its level, or an error's code. */
  answer(answer: Envelope): JsonObject | string {
    const request = String(objectOrEmpty(answer.payload).request_id);
    const first = this.#answers.get(request);
    if (first !== undefined) return first === answer.id ? { duplicate: true } : "already_answered";
    this.#answers.set(request, answer.id);
    this.gateway.append(this.channel, { ...answer, session: this.session });
    return {};
  }

  complete(result: unknown = null): void {
    this.#end({ type: "run_completed", payload: { result } });
  }

  fail(code: string, message: string): void {
    this.#end({ type: "run_failed", error: { code, message, retryable: true } });
  }

  cancel(): void {
    this.#end({ type: "run_cancelled", payload: {} });
    for (const listener of this.#cancelListeners) listener();
  }

  onCancel(listener: () => void): void {
    this.#cancelListeners.push(listener);
  }

  #end(envelope: Envelope): void {
    this.#append(envelope);
    this.ended = true;
  }

  #append(envelope: Envelope): void {
    if (this.ended) return;
    const seq = this.#next++;
    this.gateway.append(this.channel, { ...envelope, session: this.session, run: this.run, seq });
  }
}

function fold(records: readonly Kept[]): Kept[] {
  const folded: Kept[] = [];
  for (const record of records) {
    const last = folded.at(-1);
    const left = last && textOf(last);
    const right = textOf(record);
    if (last === undefined || left === undefined || right === undefined) folded.push(record);
    else {
      const range = { seq_end: record.seq_end ?? record.seq ?? 0, pos: record.pos };
      folded[folded.length - 1] = { ...last, ...range, payload: { text: left + right } };
    }
  }
  return folded;
}

function textOf(record: Envelope): string | undefined {
  const { text } = objectOrEmpty(record.payload);
  return record.type === "run_event" && typeof text === "string" ? text : undefined;
}

function lostVerdicts(session: unknown, resume: Map<string, unknown>): Record<string, JsonObject> {
  const names = [...resume.keys(), ...(typeof session === "string" ? [`session:${session}`] : [])];
  return Object.fromEntries(names.map((name) => [name, { verdict: "reset", reason: "unknown" }]));
}

/** The error that answers a message. */
export function refusal(replyTo: string, code: string, retryable: boolean): Envelope {
  return { type: "error", reply_to: replyTo, error: { code, message: `refused: ${code}`, retryable } };
}

function positionOf(offset: number): string {
  return `1-${offset.toString(16)}-${(offset * 7).toString(16)}`;
}

function offsetOf(position: string): number {
  return Number.parseInt(position.split("-")[1] ?? "", 16);
}
