/**
 * The client: wires the protocol's parts to a socket, a clock and the application.
 *
 * Purpose: feeds what happens to the parts that decide (`connection/machine.ts`,
 * `session/inbox.ts`, `session/outbox.ts`) and does what they say. It decides nothing that
 * they could, and knows no platform: that comes as providers.
 */
import { Announcements } from "./announcements.ts";
import type { Frame } from "./codec/codec.ts";
import { byteLength, isMessageId, objectOrEmpty, type Envelope } from "./codec/envelope.ts";
import { Alarm } from "./connection/alarm.ts";
import { Link } from "./connection/link.ts";
import { ConnectionMachine, type ConnectionAction, type ConnectionEvent } from "./connection/machine.ts";
import type { ConnectionState } from "./connection/state.ts";
import { readHeartbeat, readLeaveWindow, readWelcome, type Limits } from "./connection/welcome.ts";
import { clientError, TrunklineError } from "./errors/error.ts";
import { aborted, cancelled, closed, listenerFailed } from "./errors/raised.ts";
import type { StopListening } from "./notifier.ts";
import {
  settingsOf,
  type Acknowledgement,
  type AnswerOptions,
  type ClientOptions,
  type RunOptions,
  type SendOptions,
  type Settings,
} from "./options.ts";
import { Cancellations } from "./run/cancellations.ts";
import { RunRegistry } from "./run/registry.ts";
import type { Reply } from "./run/questions.ts";
import type { Run } from "./run/run.ts";
import { IdentityStore } from "./session/identity.ts";
import { Inbox, isRecord, type RecordEnvelope, type ResetNotice } from "./session/inbox.ts";
import { Outbox, type Settlement } from "./session/outbox.ts";
import type { Presence } from "./topic/presence.ts";
import { isTopic, Topics, type Topic } from "./topic/topics.ts";

/** Makes a client. Nothing connects before `connect()` or the first `send` or `run`. */
export function createClient(options: ClientOptions): Client {
  return new Client(settingsOf(options));
}

/** One session's view of a gateway. Make it with {@link createClient}. */
export class Client {
  readonly #announcements = new Announcements();
  readonly #settings: Settings;
  readonly #machine: ConnectionMachine;
  readonly #outbox: Outbox;
  readonly #identity: IdentityStore;
  readonly #alarm: Alarm;
  readonly #cancellations = new Cancellations();
  readonly #runs = new RunRegistry({
    notifier: this.#announcements.notifier,
    cancel: (run) => this.#cancel(run),
    answer: (run, requestId, reply, options) => this.#answer(run, requestId, reply, options),
    ended: (run) => this.#runEnded(run),
    named: (run, id) => this.#runNamed(run, id),
  });
  readonly #inbox = new Inbox(this.#runs);
  readonly #topics = new Topics({
    notifier: this.#announcements.notifier,
    control: (message) => this.#control(message),
    publish: (payload, options) => this.send("publish", payload, options),
    connect: () => this.connect(),
    createId: () => this.#settings.createId(),
    position: (channel) => this.#inbox.position(channel),
    forget: (channel) => this.#inbox.forget(channel),
  });

  #link: Link | undefined;
  #limits: Limits = { messageBytesMax: Infinity, inFlightMax: 0 };
  #stopWaking: StopListening | undefined;

  /** @internal Use {@link createClient}. */
  constructor(settings: Settings) {
    this.#settings = settings;
    this.#machine = new ConnectionMachine(settings.backoff, settings.random);
    this.#outbox = new Outbox(settings.outbox);
    this.#alarm = new Alarm(settings.clock, () => this.#timePassed());
    this.#identity = new IdentityStore(settings.storage, settings.storageKey, settings.session);
  }

  /** Where the connection stands; the same object until it changes. */
  get state(): ConnectionState {
    return this.#machine.state;
  }

  /** The runs that this client knows, its own and others', the oldest first. */
  get runs(): readonly Run[] {
    return this.#runs.all();
  }

  /** Starts connecting, and keeps connected until `close()` or a refusal for good. Does nothing when called again. */
  connect(): void {
    if (this.state.status !== "idle") return;
    this.#stopWaking = this.#settings.wake(() => this.#step({ type: "woken" }));
    this.#step({ type: "connect" });
  }

  /** Ends the connection for good. Waiting messages and followed runs fail with `connection_closed`. */
  close(): void {
    this.#step({ type: "close" });
  }

  /** Closes, and removes the session from the storage: the next client with it starts a new one. */
  forgetSession(): void {
    this.#identity.clear();
    this.close();
  }

  /**
   * Sends a message that the gateway keeps; resolves when it says so.
   *
   * Without a connection the message waits, and is sent (again) with the same id after the
   * next one is made: its effect happens once. Rejects with a {@link TrunklineError}.
   */
  send(type: string, payload: unknown, options: SendOptions = {}): Promise<Acknowledgement> {
    return this.#deliver({ type, payload }, options);
  }

  async #answer(run: Run, requestId: string, reply: Reply, options: AnswerOptions): Promise<Acknowledgement> {
    if (run.id === undefined) throw clientError("bad_request", "the run has asked nothing yet");
    return this.#deliver(
      { type: "answer", run: run.id, payload: { request_id: requestId, ...reply } },
      options,
    );
  }

  #deliver(content: Envelope, options: SendOptions): Promise<Acknowledgement> {
    const id = options.id ?? this.#settings.createId();
    return new Promise((resolve, reject) => {
      const stopObserving = observeAbort(options.signal, () =>
        this.#outbox.settle(id, { ok: false, error: aborted() }),
      );
      this.#enqueue(messageOf(content, id, options), options.signal, (settlement) => {
        stopObserving();
        if (settlement.ok) resolve({ id, ...settlementFields(settlement) });
        else reject(settlement.error);
      });
    });
  }

  /** Starts a run of a service. A text as `input` is sent as `{message: input}`. Failures are the run's. */
  run(input: unknown, options: RunOptions = {}): Run {
    const { id = this.#settings.createId(), service, type = "user_message", signal } = options;
    const known = this.#runs.byMessage(id);
    if (known) return known;
    const run = this.#runs.create(id);
    const stopObserving = observeAbort(signal, () => void run.cancel());
    void run.result.then(stopObserving, stopObserving);
    const payload = typeof input === "string" ? { message: input } : input;
    const to = service === undefined ? {} : { to: { service } };
    const message = messageOf({ type, payload }, id, { ...options, ...to });
    this.#enqueue(message, signal, (settlement) => this.#runSettled(run, settlement));
    return run;
  }

  /** A topic: what is published to it, and publishing to it. */
  topic(name: string): Topic {
    return this.#topics.get(name);
  }

  /** Who is seen in a topic; the topic has to be subscribed. */
  presence(topic: string): Presence {
    return this.#topics.get(topic).presence;
  }

  /** Publishes to a user's own channel. */
  publishToUser(user: string, payload: unknown, options: SendOptions = {}): Promise<Acknowledgement> {
    return this.send("publish", { user, payload }, options);
  }

  /** Calls `listener` with every new state. */
  onState(listener: (state: ConnectionState) => void): StopListening {
    return this.#announcements.states.add(listener);
  }

  /** Calls `listener` with every message of type `type` that is not the protocol's own, each once. */
  on(type: string, listener: (message: Envelope) => void): StopListening {
    return this.#announcements.onType(type, listener);
  }

  /** Calls `listener` with every durable message of the session and its runs, in order, each once. */
  onMessage(listener: (message: Envelope) => void): StopListening {
    return this.#announcements.messages.add(listener);
  }

  /** Calls `listener` with every run that is seen to start: of this client or another, live or replayed. */
  onRun(listener: (run: Run) => void): StopListening {
    return this.#announcements.startedRuns.add(listener);
  }

  /** Calls `listener` when content that was delivered must be dropped, see {@link ResetNotice}. */
  onReset(listener: (notice: ResetNotice) => void): StopListening {
    return this.#announcements.resets.add(listener);
  }

  /** Calls `listener` with errors that belong to no call: refusals, unreadable frames, listeners that threw. */
  onError(listener: (error: TrunklineError) => void): StopListening {
    return this.#announcements.errors.add(listener);
  }

  /** Tells the machine what happened, does what it says, and what its new state asks for. */
  #step(event: ConnectionEvent): void {
    const before = this.state;
    const actions = this.#machine.handle(event, this.#now());
    if (this.state !== before) this.#stateChanged();
    for (const action of actions) this.#perform(action);
    this.#setAlarm();
  }

  #stateChanged(): void {
    const { state } = this;
    this.#announcements.states.notify(state);
    if (state.status === "reconnecting") this.#outbox.connectionLost();
    if (state.status === "closed") this.#finish(state.error);
  }

  #perform(action: ConnectionAction): void {
    switch (action.type) {
      case "open_socket":
        return this.#openSocket();
      case "send_hello":
        return void this.#sendHello();
      case "drop_socket":
        return this.#link?.drop(action.code, action.reason);
      case "send_ping":
        return this.#link?.send(this.#settings.codec.encode({ type: "ping" }));
    }
  }

  #openSocket(): void {
    try {
      this.#link = new Link(this.#settings.socket, this.#settings.url, this.#settings.codec.subprotocol, {
        open: () => this.#step({ type: "socket_opened" }),
        message: (frame) => this.#receive(frame),
        close: (code, reason) => this.#step({ type: "socket_closed", code, reason }),
      });
    } catch (cause) {
      const error =
        cause instanceof TrunklineError
          ? cause
          : clientError("bad_request", "no socket can be opened", { cause });
      this.#step({ type: "impossible", error });
    }
  }

  async #sendHello(): Promise<void> {
    const link = this.#link;
    try {
      const token = await this.#token();
      if (link?.alive) link.send(this.#hello(token));
    } catch (cause) {
      const error = clientError("token_failed", "the token could not be had", { retryable: true, cause });
      if (link?.alive) this.#step({ type: "distrusted", error });
    }
  }

  async #token(): Promise<string | undefined> {
    const { token } = this.#settings;
    return typeof token === "function" ? await token() : token;
  }

  #hello(token: string | undefined): Frame {
    const identity = this.#identity.load();
    const payload = {
      token,
      session: identity?.id,
      secret: identity?.secret,
      resume: this.#inbox.resume(identity?.id),
      client: this.#settings.clientInfo,
    };
    return this.#settings.codec.encode({ type: "hello", payload });
  }

  #receive(frame: Frame): void {
    try {
      const envelope = this.#settings.codec.decode(frame);
      this.#step({ type: "heard" });
      this.#dispatch(envelope);
    } catch (thrown) {
      this.#announcements.report(thrown instanceof TrunklineError ? thrown : listenerFailed(thrown));
    }
  }

  #dispatch(envelope: Envelope): void {
    if (envelope.type === "welcome") this.#welcome(envelope);
    else if (envelope.type === "error") this.#failed(envelope);
    else if (this.state.status === "open") this.#dispatchOpen(envelope);
  }

  /** Without a welcome nothing else has a meaning: positions belong to a session. */
  #dispatchOpen(envelope: Envelope): void {
    switch (envelope.type) {
      case "ack":
        return this.#acknowledged(envelope);
      case "cancel_ack":
        return this.#cancelAnswered(envelope);
      case "heartbeat":
        return this.#inbox.misses(readHeartbeat(envelope)) ? this.#distrust() : undefined;
      case "go_away":
        return this.#step({ type: "told_to_leave", ...readLeaveWindow(envelope) });
      case "reset":
        return this.#reset(envelope);
      case "attached":
        return this.#attached(envelope);
      case "presence_members":
      case "presence_join":
      case "presence_leave":
      case "presence_state":
        return this.#topics.presence(envelope);
      default:
        return isRecord(envelope) ? this.#record(envelope) : this.#passing(envelope);
    }
  }

  #welcome(envelope: Envelope): void {
    const welcome = readWelcome(envelope);
    const { session, connection, resumable, heartbeatMs, secret } = welcome;
    this.#limits = welcome.limits;
    for (const notice of this.#inbox.welcome(session, welcome.channels))
      this.#announcements.resets.notify(notice);
    this.#step({ type: "welcomed", session, connection, resumable, heartbeatMs });
    for (const run of this.#cancellations.runIds()) this.#sendCancel(run);
    this.#topics.welcomed(welcome.channels);
    this.#flush();
    this.#identity.settle(session, secret); // Last: a storage that is full throws, and is only reported.
  }

  #acknowledged(envelope: Envelope): void {
    const payload = objectOrEmpty(envelope.payload);
    const id = envelope.reply_to ?? String(payload.id);
    const level = typeof payload.level === "string" ? payload.level : "accepted";
    this.#outbox.settle(id, { ok: true, run: envelope.run, level, duplicate: payload.duplicate === true });
    this.#flush();
  }

  #failed(envelope: Envelope): void {
    const error = new TrunklineError(
      envelope.error ?? { code: "internal", message: "the gateway reported an error", retryable: false },
    );
    const { reply_to: answered } = envelope;
    if (answered !== undefined && !this.#topics.refused(answered, error))
      this.#outbox.settle(answered, { ok: false, error });
    else if (answered === undefined) this.#step({ type: "refused", error });
    if (envelope.reply_to === undefined) this.#announcements.report(error);
    this.#flush();
  }

  #cancelAnswered(envelope: Envelope): void {
    const run = envelope.run === undefined ? undefined : this.#runs.byId(envelope.run);
    if (run) this.#cancellations.settle(run, objectOrEmpty(envelope.payload).cancelled === true);
  }

  #reset(envelope: Envelope): void {
    const { pos, reason } = objectOrEmpty(envelope.payload);
    if (envelope.channel === undefined) return;
    const position = typeof pos === "string" ? pos : undefined;
    this.#announcements.resets.notify(this.#inbox.reset(envelope.channel, position, String(reason)));
  }

  #attached(envelope: Envelope): void {
    const { channel, payload } = envelope;
    if (channel === undefined || !this.#topics.wants(channel)) return;
    for (const notice of this.#inbox.attached(channel, payload)) this.#announcements.resets.notify(notice);
    this.#topics.granted(channel);
  }

  #record(envelope: RecordEnvelope): void {
    if (isTopic(envelope.channel) && !this.#topics.wants(envelope.channel)) return;
    const { arrival, started } = this.#inbox.record(envelope);
    if (arrival === "gap") return this.#distrust();
    if (started) this.#announcements.startedRuns.notify(started);
    if (arrival === "duplicate") return;
    if (isTopic(envelope.channel)) return this.#topics.published(envelope.channel, envelope);
    this.#announcements.messages.notify(envelope);
    this.#announcements.byType(envelope);
  }

  /** What has no position: latest state and answers to control messages. */
  #passing(envelope: Envelope): void {
    const run = envelope.run === undefined ? undefined : this.#runs.byId(envelope.run);
    if (envelope.type === "progress") run?.progressed(envelope.payload);
    this.#announcements.byType(envelope);
  }

  #distrust(): void {
    this.#step({
      type: "distrusted",
      error: clientError("gap", "a message is missing", { retryable: true }),
    });
  }

  /** Hands a message to the outbox; `settle` is called exactly once. */
  #enqueue(
    message: Envelope & { id: string },
    signal: AbortSignal | undefined,
    settle: (end: Settlement) => void,
  ): void {
    try {
      this.#refuseEarly(message.id, signal);
      const frame = this.#settings.codec.encode(message);
      const bytes = typeof frame === "string" ? byteLength(frame) : frame.length;
      this.#outbox.add({ id: message.id, frame, bytes, createdAt: this.#now(), settle });
    } catch (thrown) {
      settle({ ok: false, error: thrown instanceof TrunklineError ? thrown : listenerFailed(thrown) });
      return;
    }
    this.connect();
    this.#flush();
    this.#setAlarm();
  }

  #refuseEarly(id: string, signal: AbortSignal | undefined): void {
    if (signal?.aborted) throw aborted();
    if (this.state.status === "closed") throw this.state.error ?? closed();
    if (!isMessageId(id)) throw clientError("bad_request", "an id is 1–64 of A-Za-z0-9_.:-");
  }

  /** Sends what may be sent; without an open connection, nothing. */
  #flush(): void {
    if (this.state.status !== "open") return;
    this.#outbox.expire(this.#now());
    const { inFlightMax, messageBytesMax } = this.#limits;
    for (const message of this.#outbox.takeSendable(inFlightMax, messageBytesMax))
      this.#link?.send(message.frame);
  }

  #runSettled(run: Run, settlement: Settlement): void {
    if (!settlement.ok) return run.fail(settlement.error);
    if (settlement.run === undefined || run.messageId === undefined) return;
    const goesOn = this.#runs.byId(settlement.run);
    if (goesOn && goesOn !== run) return run.offered();
    this.#runs.accepted(settlement.run, run.messageId);
  }

  #runNamed(run: Run, id: string): void {
    if (this.#cancellations.has(run)) this.#sendCancel(id);
  }

  async #cancel(run: Run): Promise<boolean> {
    if (run.ended) return false;
    if (run.messageId !== undefined && this.#outbox.isUnsent(run.messageId)) {
      this.#outbox.settle(run.messageId, { ok: false, error: cancelled() });
      return true;
    }
    const { answer, isNew } = this.#cancellations.add(run);
    if (isNew && run.id !== undefined) this.#sendCancel(run.id);
    return answer;
  }

  #sendCancel(run: string): void {
    this.#control({ type: "cancel", run });
  }

  #control(message: Envelope): void {
    if (this.state.status === "open") this.#link?.send(this.#settings.codec.encode(message));
  }

  #runEnded(run: Run): void {
    this.#inbox.ended(run);
    this.#cancellations.settle(run, run.state === "cancelled");
  }

  #finish(reason: TrunklineError | undefined): void {
    const error = reason ?? closed();
    this.#stopWaking?.();
    this.#outbox.clear(error);
    this.#topics.closed(error);
    for (const run of this.#runs.all()) if (!run.ended) run.fail(error);
  }

  #setAlarm(): void {
    const isClosed = this.state.status === "closed";
    this.#alarm.moveTo(isClosed ? Infinity : Math.min(this.#machine.deadline, this.#outbox.deadline));
  }

  #timePassed(): void {
    this.#outbox.expire(this.#now());
    this.#step({ type: "timeout" });
  }

  #now(): number {
    return this.#settings.clock.now();
  }
}

function messageOf(content: Envelope, id: string, options: SendOptions): Envelope & { id: string } {
  const { to, deadlineMs } = options;
  return { ...content, id, ...(to && { to }), ...(deadlineMs !== undefined && { deadline_ms: deadlineMs }) };
}

function settlementFields({ run, level, duplicate }: Settlement & { ok: true }): Omit<Acknowledgement, "id"> {
  return { run, level, duplicate };
}

function observeAbort(signal: AbortSignal | undefined, onAbort: () => void): StopListening {
  signal?.addEventListener("abort", onAbort, { once: true });
  return () => signal?.removeEventListener("abort", onAbort);
}
