/**
 * What the client needs from the world around it, as replaceable interfaces.
 *
 * Purpose: the seam between the protocol, which is plain code, and sockets, time, chance and
 * storage. Nothing here knows the protocol.
 */

import type { Frame } from "../codec/codec.ts";

/** What a socket tells its owner. After `close` it says nothing more. */
export interface SocketHandlers {
  open(): void;
  /** One message: a text, or bytes. */
  message(frame: Frame): void;
  /** The connection ended, or never came to be (1006). */
  close(code: number, reason: string): void;
}

/** One transport connection. */
export interface Socket {
  send(frame: Frame): void;
  close(code?: number, reason?: string): void;
}

/** Opens a socket; failures arrive as `handlers.close(1006, …)`. */
export type SocketFactory = (url: string, protocols: readonly string[], handlers: SocketHandlers) => Socket;

/** Time in milliseconds. */
export interface Clock {
  /** Now, since the epoch. */
  now(): number;
  /** Calls `fire` once after `delayMs`; the function returned takes it back. */
  schedule(delayMs: number, fire: () => void): () => void;
}

/** A place for small texts that tabs share, such as `localStorage`. */
export interface Storage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** Tells when it is worth trying at once: the network or the page came back. */
export type WakeSource = (wake: () => void) => () => void;

/** Everything above, together. */
export interface Providers {
  clock: Clock;
  socket: SocketFactory;
  storage: Storage;
  wake: WakeSource;
  /** A number in [0, 1). */
  random: () => number;
  /** A fresh id, random so that a duplicated tab never repeats one. */
  createId: () => string;
}
