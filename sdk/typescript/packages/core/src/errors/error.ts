/**
 * The one error class of the client.
 *
 * Purpose: every failure that a caller can see has a code, says whether a retry makes
 * sense, and when. It does not know where the error came from: the gateway's errors and
 * the client's own share the shape.
 */

/** The `error` field of an envelope, as the gateway spells it (`protocol/client.md` §1). */
export interface ErrorBody {
  code: string;
  message: string;
  retryable: boolean;
  retry_after_ms?: number;
  details?: unknown;
  trace_id?: string;
}

/**
 * Codes that the client itself raises; all others are the gateway's (`protocol/errors.json`).
 *
 * - `connection_lost`: the connection ended and is being made again;
 * - `connection_closed`: the client was closed, by `close()` or by a refusal that no retry can mend;
 * - `connect_timeout`, `heartbeat_timeout`: nothing was heard in time;
 * - `gap`: a message of a channel is missing, so the client reconnects from its last good position;
 * - `no_socket`: this runtime has no WebSocket, and none was passed as `socket`;
 * - `token_failed`: the `token` function threw;
 * - `queue_full`: too many messages, or bytes, wait to be sent;
 * - `expired`: a message waited longer than 24 h, after which the gateway no longer deduplicates it;
 * - `aborted`: the caller's `AbortSignal` fired;
 * - `listener_failed`: a callback of the application threw; `cause` is what it threw.
 */
export type ClientErrorCode = (typeof CLIENT_ERROR_CODES)[number];

/** Every {@link ClientErrorCode}. */
export const CLIENT_ERROR_CODES = [
  "connection_lost",
  "connection_closed",
  "connect_timeout",
  "heartbeat_timeout",
  "gap",
  "no_socket",
  "token_failed",
  "queue_full",
  "expired",
  "aborted",
  "listener_failed",
] as const;

/** Codes of the gateway that the client raises too, where it sees first what the gateway would say. */
export const SHARED_ERROR_CODES = [
  "payload_too_large",
  "payload_too_deep",
  "bad_request",
  "bad_envelope",
  "reset",
  "cancelled",
] as const;

/** What went wrong, in a form that programs can act on and people can read. */
export class TrunklineError extends Error {
  override readonly name = "TrunklineError";
  /** A {@link ClientErrorCode} or a code of the gateway. */
  readonly code: string;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** Milliseconds to wait before that, where the gateway said so. */
  readonly retryAfterMs: number | undefined;
  /** Anything that helps a program. */
  readonly details: unknown;
  /** Finds the matching log lines of gateway and worker. */
  readonly traceId: string | undefined;

  constructor(body: ErrorBody, options?: ErrorOptions) {
    super(body.message, options);
    this.code = body.code;
    this.retryable = body.retryable;
    this.retryAfterMs = body.retry_after_ms;
    this.details = body.details;
    this.traceId = body.trace_id;
  }
}

/** An error that the client raises itself. */
export function clientError(
  code: ClientErrorCode | (typeof SHARED_ERROR_CODES)[number],
  message: string,
  options: { retryable?: boolean; cause?: unknown } = {},
): TrunklineError {
  const { retryable = false, cause } = options;
  return new TrunklineError({ code, message, retryable }, cause === undefined ? undefined : { cause });
}
