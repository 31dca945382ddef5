/**
 * Doubles of the providers: sockets in memory and a clock that moves when told.
 *
 * Purpose: tests of the client, and of applications, without network or waiting. It knows no
 * protocol: the test plays the gateway.
 */
import { jsonCodec, type Codec, type Frame } from "../codec/codec.ts";
import type { Envelope } from "../codec/envelope.ts";
import type { Clock, Socket, SocketFactory, SocketHandlers } from "./providers.ts";

/** The far end of a socket that a client opened, in the hands of the test. */
export class MemorySocket implements Socket {
  /** Every frame that the client sent, parsed. */
  readonly sent: Record<string, unknown>[] = [];
  /** How the client closed it. */
  closed: { code: number | undefined; reason: string | undefined } | undefined;

  constructor(
    readonly url: string,
    readonly protocols: readonly string[],
    /** Plays the network: `open()`, `message(frame)`, `close(code, reason)`. */
    readonly handlers: SocketHandlers,
    private readonly codec: Codec = jsonCodec,
  ) {}

  send(frame: Frame): void {
    this.sent.push({ ...this.codec.decode(frame) });
  }

  close(code?: number, reason?: string): void {
    this.closed ??= { code, reason };
  }

  /** Delivers a frame to the client. */
  receive(frame: unknown): void {
    this.handlers.message(this.codec.encode(frame as Envelope));
  }
}

/** Opens {@link MemorySocket}s and keeps them in order. */
export class MemoryNetwork {
  readonly sockets: MemorySocket[] = [];

  /** `codec` is the client's. */
  constructor(private readonly codec: Codec = jsonCodec) {}

  readonly open: SocketFactory = (url, protocols, handlers) => {
    const socket = new MemorySocket(url, protocols, handlers, this.codec);
    this.sockets.push(socket);
    return socket;
  };

  /** The socket opened last. @throws Error where none was. */
  get latest(): MemorySocket {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error("no socket was opened");
    return socket;
  }
}

/** A clock that stands still until {@link ManualClock.advance}. */
export class ManualClock implements Clock {
  #now: number;
  readonly #timers = new Set<{ at: number; fire: () => void }>();

  constructor(start = 0) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  schedule(delayMs: number, fire: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, delayMs), fire };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Lets `durationMs` pass, firing what is due in order of time. */
  advance(durationMs: number): void {
    const end = this.#now + durationMs;
    for (let due = this.#earliest(end); due; due = this.#earliest(end)) {
      this.#timers.delete(due);
      this.#now = due.at;
      due.fire();
    }
    this.#now = end;
  }

  #earliest(end: number) {
    const due = [...this.#timers].filter((timer) => timer.at <= end);
    return due.sort((left, right) => left.at - right.at)[0];
  }
}
