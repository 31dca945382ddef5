/**
 * Up to where each channel was seen.
 *
 * Purpose: decides for each record whether it is next, old, or proof that something is
 * missing, and remembers what to send in `hello.resume`. Positions are opaque. It does not
 * know sessions and runs, only channels.
 */

/** What a record is, seen from the last position. */
export type Arrival = "next" | "duplicate" | "gap";

/** Channels that one `hello` may resume (`protocol/limits.json`). */
export const RESUME_CHANNELS_MAX = 64;

/** See the module comment. */
export class Positions {
  /** `null` where nothing of the channel was seen yet; in order of first appearance. */
  readonly #positions = new Map<string, string | null>();

  /** Follows a channel from its start; a channel that is followed already stays where it is. */
  begin(channel: string): void {
    if (!this.#positions.has(channel)) this.#positions.set(channel, null);
  }

  /** Puts a channel at `position`: delivery goes on after it. */
  moveTo(channel: string, position: string): void {
    this.#positions.set(channel, position);
  }

  /** Nothing more is expected of the channel. */
  forget(channel: string): void {
    this.#positions.delete(channel);
  }

  /** Where a channel stands; `undefined` where it is not followed or nothing of it was seen. */
  of(channel: string): string | undefined {
    return this.#positions.get(channel) ?? undefined;
  }

  /** Every channel that is followed. */
  channels(): string[] {
    return [...this.#positions.keys()];
  }

  /** Judges a record by its chain; does not move. */
  judge(channel: string, position: string, previous: string | undefined): Arrival {
    const known = this.of(channel);
    if (known === position) return "duplicate";
    const chained = known === undefined || previous === undefined || previous === known;
    return chained ? "next" : "gap";
  }

  /** Says whether the gateway has sent something of a followed channel that never came. */
  misses(sent: Readonly<Record<string, unknown>>): boolean {
    return Object.entries(sent).some(([channel, position]) => (this.of(channel) ?? position) !== position);
  }

  /** What `hello.resume` says: at most {@link RESUME_CHANNELS_MAX} channels, those followed longest. */
  resume(): Record<string, string | null> {
    return Object.fromEntries([...this.#positions].slice(0, RESUME_CHANNELS_MAX));
  }
}
