/**
 * What a close code asks of the client (`protocol/close-codes.json`).
 *
 * Purpose: the meaning of a number. It does not act on it.
 */
import { clientError, TrunklineError } from "../errors/error.ts";

/** The client is done. */
export const CLOSE_NORMAL = 1000;
/** The client leaves a connection that it no longer trusts, to come back on another. */
export const CLOSE_ABANDONED = 3000;

const TERMINAL_MIN = 4500;
const TERMINAL_MAX = 4999;

/** Codes after which the same would happen again, and what they are called; others of their range have no name yet. */
const TERMINAL_NAMES: Readonly<Record<number, string>> = {
  1000: "normal",
  1002: "protocol_error",
  1003: "unsupported",
  1007: "invalid_text",
  1008: "policy_violation",
  1009: "too_big",
  4500: "auth_failed",
  4505: "too_many_violations",
};

/** The reason for not coming back after this close code, if there is one. */
export function terminalError(code: number, reason: string): TrunklineError | undefined {
  const name = TERMINAL_NAMES[code];
  const isTerminal = name !== undefined || (code >= TERMINAL_MIN && code <= TERMINAL_MAX);
  if (!isTerminal) return undefined;
  return new TrunklineError({
    code: name ?? "connection_closed",
    message: reason || `the gateway closed the connection with ${code}`,
    retryable: false,
    details: { close_code: code },
  });
}

/** The error of a connection that ended with any other code. */
export function lostError(code: number, reason: string): TrunklineError {
  const detail = reason ? `${code} ${reason}` : String(code);
  return clientError("connection_lost", `the connection ended (${detail})`, { retryable: true });
}
