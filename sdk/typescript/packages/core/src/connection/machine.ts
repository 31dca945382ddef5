/**
 * The life of the connection: one state machine, events in, actions out.
 *
 * Purpose: decides when to open, greet, give up, wait and try again. It knows no socket, no
 * timer and no channel: the client (`client.ts`) feeds it, does what it returns, and calls
 * `handle({type: "timeout"})` when `deadline` has passed. Every wait has a deadline.
 */
import { clientError, type TrunklineError } from "../errors/error.ts";
import { backoffDelay, type BackoffOptions } from "../retry/backoff.ts";
import { CLOSE_ABANDONED, CLOSE_NORMAL, lostError, terminalError } from "./close-codes.ts";
import type { ConnectionState } from "./state.ts";

/** What happened. */
export type ConnectionEvent =
  | { type: "connect" }
  | { type: "close" }
  | { type: "socket_opened" }
  | { type: "socket_closed"; code: number; reason: string }
  /** Any frame arrived. */
  | { type: "heard" }
  | { type: "welcomed"; session: string; connection: string; resumable: boolean; heartbeatMs: number }
  /** An `error` that answers no message. */
  | { type: "refused"; error: TrunklineError }
  | { type: "told_to_leave"; windowMinMs: number; windowMaxMs: number }
  /** This side no longer trusts the connection, for example because of a gap. */
  | { type: "distrusted"; error: TrunklineError }
  /** No connection can ever be made, for example because the URL is none. */
  | { type: "impossible"; error: TrunklineError }
  /** The network or the page came back. */
  | { type: "woken" }
  | { type: "timeout" };

/** What to do now, in this order. */
export type ConnectionAction =
  | { type: "open_socket" }
  | { type: "send_hello" }
  /** Let go of the socket and listen to it no more. */
  | { type: "drop_socket"; code: number; reason: string }
  | { type: "send_ping" };

/** A socket that does not open, or a `hello` that is not answered, is given up after this. */
export const HANDSHAKE_MS_MAX = 10_000;
/** After the page wakes, a connection that does not answer a ping within this is given up. */
export const PROBE_MS_MAX = 5_000;
/** Only a connection that held this long counts as success and starts the backoff anew. */
export const STABLE_MS_MIN = 5_000;
/** Missed heartbeats until the connection counts as dead (`protocol/client.md` §5). */
const HEARTBEATS_MISSED_MAX = 2;
/** Refusals of a `hello` that no repetition can mend, whatever the close code is. */
const TERMINAL_REFUSALS: ReadonlySet<string> = new Set(["unauthorized", "permission_denied"]);

/** See the module comment. */
export class ConnectionMachine {
  #state: ConnectionState = { status: "idle" };
  #deadline = Infinity;
  #attempt = 0;
  #openedAt = 0;
  #heartbeatMs = 0;
  #returnNotBefore: number | undefined;
  /** When to come back, counted from the end of a connection that the gateway has said it will end. */
  #returnAfterMs: number | undefined;
  #refusal: TrunklineError | undefined;

  constructor(
    private readonly backoff: BackoffOptions,
    private readonly random: () => number,
  ) {}

  /** Where the connection stands; a new object for every change. */
  get state(): ConnectionState {
    return this.#state;
  }

  /** When to call `handle({type: "timeout"})`, in milliseconds of the caller's clock; `Infinity` for never. */
  get deadline(): number {
    return this.#deadline;
  }

  /** Takes one event at time `now` and says what to do. */
  handle(event: ConnectionEvent, now: number): ConnectionAction[] {
    if (this.#state.status === "closed") return [];
    switch (event.type) {
      case "connect":
        return this.#state.status === "idle" ? this.#connect(now) : [];
      case "close":
        return this.#close(undefined);
      case "socket_opened":
        return this.#greet(now);
      case "socket_closed":
        return this.#lose(event.code, event.reason, now);
      case "heard":
        return this.#hear(now);
      case "welcomed":
        return this.#welcome(event, now);
      case "refused":
        return this.#refuse(event.error, now);
      case "told_to_leave":
        return this.#planReturn(event.windowMinMs, event.windowMaxMs);
      case "distrusted":
        return this.#abandon(event.error, now);
      case "impossible":
        return this.#close(event.error);
      case "woken":
        return this.#wake(now);
      case "timeout":
        return now >= this.#deadline ? this.#timeOut(now) : [];
    }
  }

  #connect(now: number): ConnectionAction[] {
    const error = this.#lastError();
    this.#refusal = undefined;
    this.#become({ status: "connecting", ...(error && { error }) }, now + HANDSHAKE_MS_MAX);
    return [{ type: "open_socket" }];
  }

  #greet(now: number): ConnectionAction[] {
    const error = this.#lastError();
    this.#become({ status: "authenticating", ...(error && { error }) }, now + HANDSHAKE_MS_MAX);
    return [{ type: "send_hello" }];
  }

  #welcome(event: ConnectionEvent & { type: "welcomed" }, now: number): ConnectionAction[] {
    if (this.#state.status !== "authenticating") return [];
    const { session, connection, resumable, heartbeatMs } = event;
    this.#openedAt = now;
    this.#heartbeatMs = heartbeatMs;
    this.#become({ status: "open", session, connection, resumable }, this.#silenceDeadline(now));
    return [];
  }

  /** A refusal explains the end of the connection only if nothing came after it. */
  #hear(now: number): ConnectionAction[] {
    this.#refusal = undefined;
    if (this.#state.status === "open") this.#deadline = this.#silenceDeadline(now);
    return [];
  }

  #silenceDeadline(now: number): number {
    return now + this.#heartbeatMs * HEARTBEATS_MISSED_MAX;
  }

  #refuse(error: TrunklineError, now: number): ConnectionAction[] {
    this.#refusal = error;
    if (error.retryAfterMs !== undefined) this.#returnNotBefore = now + error.retryAfterMs;
    const terminal = this.#state.status === "authenticating" && TERMINAL_REFUSALS.has(error.code);
    return terminal ? this.#close(error) : [];
  }

  /** The time of return is drawn once; the gateway's close, or that time, ends the connection. */
  /** The connection is of use until the gateway ends it: runs are heard to their ends. */
  #planReturn(windowMinMs: number, windowMaxMs: number): ConnectionAction[] {
    const width = Math.max(0, windowMaxMs - windowMinMs);
    this.#returnAfterMs = windowMinMs + Math.floor(this.random() * width);
    return [];
  }

  #lose(code: number, reason: string, now: number): ConnectionAction[] {
    const terminal = terminalError(code, reason);
    if (terminal) return this.#close(this.#refusal ?? terminal);
    return this.#waitForReturn(this.#refusal ?? lostError(code, reason), now);
  }

  #abandon(error: TrunklineError, now: number): ConnectionAction[] {
    if (!this.#hasSocket()) return [];
    const actions = this.#waitForReturn(error, now);
    return [{ type: "drop_socket", code: CLOSE_ABANDONED, reason: error.code }, ...actions];
  }

  #waitForReturn(error: TrunklineError, now: number): ConnectionAction[] {
    const wasStable = this.#state.status === "open" && now - this.#openedAt >= STABLE_MS_MIN;
    this.#attempt = wasStable ? 1 : this.#attempt + 1;
    const asked = this.#returnAfterMs;
    if (asked !== undefined) this.#returnNotBefore = now + asked;
    const wait = asked ?? backoffDelay(this.#attempt, this.random(), this.backoff);
    const retryAt = Math.max(now + wait, this.#returnNotBefore ?? now);
    this.#returnAfterMs = undefined;
    this.#become({ status: "reconnecting", attempt: this.#attempt, retryAt, error }, retryAt);
    return [];
  }

  /** A wait that the gateway asked for is kept even when the page wakes. */
  #wake(now: number): ConnectionAction[] {
    const asked = this.#returnNotBefore !== undefined && this.#returnNotBefore > now;
    if (this.#state.status === "reconnecting" && !asked) return this.#connect(now);
    if (this.#state.status !== "open") return [];
    this.#deadline = Math.min(this.#deadline, now + PROBE_MS_MAX);
    return [{ type: "send_ping" }];
  }

  #timeOut(now: number): ConnectionAction[] {
    switch (this.#state.status) {
      case "reconnecting":
        this.#returnNotBefore = undefined;
        return this.#connect(now);
      case "open":
        return this.#abandon(silent(), now);
      default:
        return this.#abandon(handshakeTimeout(), now);
    }
  }

  #close(error: TrunklineError | undefined): ConnectionAction[] {
    const hadSocket = this.#hasSocket();
    this.#become({ status: "closed", ...(error && { error }) }, Infinity);
    return hadSocket ? [{ type: "drop_socket", code: CLOSE_NORMAL, reason: "" }] : [];
  }

  #hasSocket(): boolean {
    return ["connecting", "authenticating", "open"].includes(this.#state.status);
  }

  #lastError(): TrunklineError | undefined {
    return "error" in this.#state ? this.#state.error : undefined;
  }

  /** The only place where the state changes; every state comes with its deadline. */
  #become(state: ConnectionState, deadline: number): void {
    this.#state = state;
    this.#deadline = deadline;
  }
}

function silent(): TrunklineError {
  return clientError("heartbeat_timeout", "the gateway was silent for too long", { retryable: true });
}

function handshakeTimeout(): TrunklineError {
  return clientError("connect_timeout", "the gateway did not answer in time", { retryable: true });
}
