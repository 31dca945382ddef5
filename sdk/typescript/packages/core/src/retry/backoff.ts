/**
 * How long to wait before the next attempt.
 *
 * Purpose: exponential backoff with full jitter. It knows neither clock nor connection.
 */

/** Bounds of the wait, in milliseconds. */
export interface BackoffOptions {
  /** Upper bound of the first wait; it doubles with each attempt. */
  initialMs: number;
  /** Upper bound of every wait. */
  maxMs: number;
}

/** The protocol's figures. */
export const DEFAULT_BACKOFF: BackoffOptions = { initialMs: 250, maxMs: 20_000 };

/**
 * Milliseconds to wait before attempt `attempt` (from 1), evenly spread over [0, bound): a
 * thousand clients that lost one gateway do not come back in one instant.
 *
 * @param random a number in [0, 1).
 */
export function backoffDelay(attempt: number, random: number, options: BackoffOptions): number {
  const bound = Math.min(options.maxMs, options.initialMs * 2 ** Math.min(attempt - 1, 30));
  return Math.floor(random * bound);
}
