/**
 * The states of a connection, as users see them.
 *
 * Purpose: one value says everything, the last error included. It does not know how states
 * follow each other (`machine.ts`).
 */
import type { TrunklineError } from "../errors/error.ts";

/** `idle → connecting → authenticating → open → (reconnecting → connecting → …)* → closed`. */
export type ConnectionState =
  /** Nothing was asked for yet. */
  | { readonly status: "idle" }
  /** A socket is being opened; `error` says why the one before ended. */
  | { readonly status: "connecting"; readonly error?: TrunklineError }
  /** The socket is open and `hello` is on its way. */
  | { readonly status: "authenticating"; readonly error?: TrunklineError }
  /** Messages flow. `resumable` is false where the gateway cannot keep what is sent. */
  | {
      readonly status: "open";
      readonly session: string;
      readonly connection: string;
      readonly resumable: boolean;
    }
  /** Waiting until `retryAt` (milliseconds since the epoch) for attempt number `attempt`. */
  | {
      readonly status: "reconnecting";
      readonly attempt: number;
      readonly retryAt: number;
      readonly error: TrunklineError;
    }
  /** Over for good; `error` says why, unless the application closed it. */
  | { readonly status: "closed"; readonly error?: TrunklineError };
