/**
 * What the application sends and the gateway has not acknowledged yet.
 *
 * Purpose: two lists, in order: what waits to be sent, and what was sent and waits for its
 * acknowledgement. Bounded in messages, bytes and age. It does not know sockets or timers;
 * every message ends in exactly one call of its `settle`.
 */
import type { Frame } from "../codec/codec.ts";
import { clientError, type TrunklineError } from "../errors/error.ts";

/** Bounds of the outbox. */
export interface OutboxLimits {
  messages: number;
  /** Bytes of all frames together. */
  bytes: number;
}

/** Seed figure of the message queue; 4 MiB hold a thousand messages of 4 KiB. */
export const DEFAULT_OUTBOX_LIMITS: OutboxLimits = { messages: 1_000, bytes: 4 * 1024 * 1024 };
/** The gateway deduplicates by id for 24 h; an older message could take effect twice. */
export const AGE_MS_MAX = 24 * 60 * 60 * 1_000;

/** How a message ended. `run` is the run it started. */
export type Settlement =
  | { ok: true; run: string | undefined; level: string; duplicate: boolean }
  | { ok: false; error: TrunklineError };

/** One message on its way. */
export interface OutgoingMessage {
  readonly id: string;
  readonly frame: Frame;
  readonly bytes: number;
  readonly createdAt: number;
  readonly settle: (settlement: Settlement) => void;
}

/** See the module comment. */
export class Outbox {
  /** Never handed to a connection. */
  #unsent: OutgoingMessage[] = [];
  /** Handed to some connection, perhaps one that is gone. */
  #unacknowledged: OutgoingMessage[] = [];
  /** Those of the unacknowledged that the present connection carries. */
  readonly #inFlight = new Set<OutgoingMessage>();
  #bytes = 0;

  constructor(private readonly limits: OutboxLimits) {}

  /** When the oldest message becomes too old; `Infinity` where there is none. */
  get deadline(): number {
    return Math.min(...this.#all().map((message) => message.createdAt + AGE_MS_MAX));
  }

  /** Takes a message, or settles it at once where a bound is reached. */
  add(message: OutgoingMessage): void {
    const full = this.#count() >= this.limits.messages || this.#bytes + message.bytes > this.limits.bytes;
    if (full) return fail(message, queueFull(this.limits));
    if (this.#find(message.id))
      return fail(message, clientError("bad_request", "this id is on its way already"));
    this.#unsent.push(message);
    this.#bytes += message.bytes;
  }

  /** Hands out what may be sent now, the unacknowledged first, so that at most `inFlightMax` are in flight. */
  takeSendable(inFlightMax: number, messageBytesMax: number): OutgoingMessage[] {
    for (const message of this.#all().filter((candidate) => candidate.bytes > messageBytesMax)) {
      this.#end(message, { ok: false, error: tooLarge(messageBytesMax) });
    }
    const idle = this.#all().filter((message) => !this.#inFlight.has(message));
    const sendable = idle.slice(0, Math.max(0, inFlightMax - this.#inFlight.size));
    for (const message of sendable) this.#inFlight.add(message);
    this.#unacknowledged.push(...this.#unsent.filter((message) => this.#inFlight.has(message)));
    this.#unsent = this.#unsent.filter((message) => !this.#inFlight.has(message));
    return sendable;
  }

  /** The connection is gone: what it carried is sent again on the next, with the same ids. */
  connectionLost(): void {
    this.#inFlight.clear();
  }

  /** The gateway, or the caller, ended the message. Unknown ids are ignored: an answer may come twice. */
  settle(id: string, settlement: Settlement): void {
    const message = this.#find(id);
    if (message) this.#end(message, settlement);
  }

  /** Says whether the message was never handed to a connection. */
  isUnsent(id: string): boolean {
    return this.#unsent.some((message) => message.id === id);
  }

  /** Fails what is older than {@link AGE_MS_MAX}. */
  expire(now: number): void {
    const isOld = (message: OutgoingMessage) => now - message.createdAt >= AGE_MS_MAX;
    const error = clientError("expired", "the message could not be delivered within 24 h");
    for (const message of this.#all().filter(isOld)) this.#end(message, { ok: false, error });
  }

  /** Fails everything. */
  clear(error: TrunklineError): void {
    for (const message of this.#all()) this.#end(message, { ok: false, error });
  }

  #all(): OutgoingMessage[] {
    return [...this.#unacknowledged, ...this.#unsent];
  }

  #count(): number {
    return this.#unacknowledged.length + this.#unsent.length;
  }

  #find(id: string): OutgoingMessage | undefined {
    return this.#all().find((message) => message.id === id);
  }

  #end(message: OutgoingMessage, settlement: Settlement): void {
    const others = (candidate: OutgoingMessage) => candidate !== message;
    this.#unsent = this.#unsent.filter(others);
    this.#unacknowledged = this.#unacknowledged.filter(others);
    this.#inFlight.delete(message);
    this.#bytes -= message.bytes;
    message.settle(settlement);
  }
}

function fail(message: OutgoingMessage, error: TrunklineError): void {
  message.settle({ ok: false, error });
}

function queueFull(limits: OutboxLimits): TrunklineError {
  const bounds = `${limits.messages} messages or ${limits.bytes} bytes`;
  return clientError("queue_full", `${bounds} wait for the gateway already`, { retryable: true });
}

function tooLarge(bytesMax: number): TrunklineError {
  return clientError("payload_too_large", `the gateway takes at most ${bytesMax} bytes in a message`);
}
