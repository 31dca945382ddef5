/**
 * Errors that the client raises in more than one place.
 *
 * Purpose: one wording for each. It does not decide when they are raised.
 */
import { clientError, type TrunklineError } from "./error.ts";

/** The caller's `AbortSignal` fired. */
export function aborted(): TrunklineError {
  return clientError("aborted", "the caller's signal fired");
}

/** A run was cancelled before anything of it left the client. */
export function cancelled(): TrunklineError {
  return clientError("cancelled", "the run was cancelled before it was sent");
}

/** The application closed the client. */
export function closed(): TrunklineError {
  return clientError("connection_closed", "the client is closed");
}

/** A function of the application threw. */
export function listenerFailed(thrown: unknown): TrunklineError {
  return clientError("listener_failed", "a function of the application threw", { cause: thrown });
}
