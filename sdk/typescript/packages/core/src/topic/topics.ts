/**
 * Topics and who is seen in them.
 *
 * Purpose: knows which topics the application wants, and sends what brings them back after
 * each welcome. It does not know sockets, and positions are the inbox's.
 */
import { objectOrEmpty, type Envelope, type JsonObject } from "../codec/envelope.ts";
import type { TrunklineError } from "../errors/error.ts";
import { Listeners, type Notifier, type StopListening } from "../notifier.ts";
import type { Acknowledgement, SendOptions } from "../options.ts";
import { Presence } from "./presence.ts";

/** What was published to a topic. */
export interface TopicMessage {
  readonly payload: unknown;
  /** The verified name of whoever published it; `undefined` where that is anonymous. */
  readonly from: string | undefined;
  readonly message: Envelope;
}

/** What topics need of the client. */
export interface TopicPort {
  readonly notifier: Notifier;
  /** Sends a control message, if there is an open connection. */
  control(message: Envelope): void;
  /** Sends a message that the gateway keeps. */
  publish(payload: JsonObject, options: SendOptions): Promise<Acknowledgement>;
  /** Connects, if that has not begun. */
  connect(): void;
  createId(): string;
  /** Where the inbox stands in a channel. */
  position(channel: string): string | undefined;
  /** Nothing more of a channel is wanted. */
  forget(channel: string): void;
}

/** One topic. Get it with `client.topic(name)`. */
export class Topic {
  readonly #messages: Listeners<TopicMessage>;
  #waiting: Waiting[] = [];
  #wanted = false;
  #attached = false;
  #request: string | undefined;
  /** @internal */
  readonly presence: Presence;

  /** @internal Use `client.topic`. */
  constructor(
    readonly name: string,
    private readonly port: TopicPort,
  ) {
    this.#messages = new Listeners(port.notifier);
    this.presence = new Presence(port.notifier, (state) => {
      const message = { type: "presence_state", channel: this.channel, payload: { state } };
      if (this.#attached) port.control(message);
    });
  }

  /** @internal */
  get channel(): string {
    return `topic:${this.name}`;
  }

  /** @internal */
  get wanted(): boolean {
    return this.#wanted;
  }

  /**
   * Asks for what is published, until {@link unsubscribe}; also after reconnects, from where it stood.
   * Resolves when it is granted, and rejects with a `TrunklineError` where it is refused.
   */
  subscribe(): Promise<void> {
    if (this.#attached) return Promise.resolve();
    const granted = new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    if (!this.#wanted) {
      this.#wanted = true;
      this.port.connect();
      this.#ask();
    }
    return granted;
  }

  /** Gives the topic up, and leaves its presence. */
  unsubscribe(): void {
    if (!this.#wanted) return;
    this.#wanted = false;
    this.presence.ended();
    this.port.control({ type: "unsubscribe", payload: { topic: this.name } });
    this.port.forget(this.channel);
    this.#lost();
    this.#settle((waiting) => waiting.resolve());
  }

  /** Calls `listener` with everything that is published while the topic is subscribed, in order, each once. */
  on(listener: (message: TopicMessage) => void): StopListening {
    return this.#messages.add(listener);
  }

  /** Publishes; resolves when the gateway keeps it. It needs no subscription. */
  publish(payload: unknown, options: SendOptions = {}): Promise<Acknowledgement> {
    return this.port.publish({ topic: this.name, payload }, options);
  }

  /** @internal There is a new connection; `isAttached`: its welcome has the topic already. */
  welcomed(isAttached: boolean): void {
    this.#lost();
    if (isAttached) this.granted();
    else if (this.#wanted) this.#ask();
  }

  /** @internal */
  granted(): void {
    if (!this.#wanted) return;
    this.#attached = true;
    this.presence.say();
    this.#settle((waiting) => waiting.resolve());
  }

  /** @internal Says whether the error answers this topic's request. */
  refused(request: string, error: TrunklineError): boolean {
    if (request !== this.#request) return false;
    this.#wanted = false;
    this.#settle((waiting) => waiting.reject(error));
    return true;
  }

  /** @internal There is no client any more. */
  closed(error: TrunklineError): void {
    this.#wanted = false;
    this.#lost();
    this.#settle((waiting) => waiting.reject(error));
  }

  /** @internal */
  published(message: Envelope): void {
    const { from } = objectOrEmpty(message.meta);
    const { payload } = objectOrEmpty(message.payload);
    this.#messages.notify({ payload, from: typeof from === "string" ? from : undefined, message });
  }

  #ask(): void {
    this.#request = this.port.createId();
    const pos = this.port.position(this.channel) ?? null;
    this.port.control({ type: "subscribe", id: this.#request, payload: { topic: this.name, pos } });
  }

  #lost(): void {
    this.#attached = false;
    this.#request = undefined;
  }

  #settle(how: (waiting: Waiting) => void): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) how(one);
  }
}

interface Waiting {
  resolve(): void;
  reject(error: TrunklineError): void;
}

/** Every topic that the application has asked about. */
export class Topics {
  readonly #topics = new Map<string, Topic>();

  constructor(private readonly port: TopicPort) {}

  /** The topic of this name; the same object each time. */
  get(name: string): Topic {
    const known = this.#topics.get(name) ?? new Topic(name, this.port);
    this.#topics.set(name, known);
    return known;
  }

  /** There is a new connection, and these are its channels. */
  welcomed(verdicts: JsonObject): void {
    for (const topic of this.#topics.values())
      topic.welcomed(typeof objectOrEmpty(verdicts[topic.channel]).pos === "string");
  }

  /** A topic is attached. */
  granted(channel: string): void {
    this.#of(channel)?.granted();
  }

  /** Says whether an error answers a subscription. */
  refused(request: string, error: TrunklineError): boolean {
    return [...this.#topics.values()].some((topic) => topic.refused(request, error));
  }

  /** The client is closed. */
  closed(error: TrunklineError): void {
    for (const topic of this.#topics.values()) topic.closed(error);
  }

  /** Says whether records of this channel are wanted. */
  wants(channel: string): boolean {
    return this.#of(channel)?.wanted === true;
  }

  /** Takes a record of a topic. */
  published(channel: string, message: Envelope): void {
    this.#of(channel)?.published(message);
  }

  /** Takes a message about who is seen where. */
  presence(message: Envelope): void {
    if (message.channel !== undefined) this.#of(message.channel)?.presence.take(message);
  }

  #of(channel: string): Topic | undefined {
    return isTopic(channel) ? this.#topics.get(channel.slice("topic:".length)) : undefined;
  }
}

/** Says whether a channel is a topic's. */
export function isTopic(channel: string): boolean {
  return channel.startsWith("topic:");
}
