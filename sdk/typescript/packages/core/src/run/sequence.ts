/**
 * The order of a run's events.
 *
 * Purpose: decides by `seq` and `seq_end` (`protocol/client.md` §4) whether a record is next,
 * seen before, or proof of a gap. It does not know what the events say.
 */
import type { Arrival } from "../session/positions.ts";

/** Counts a run's events. */
export class RunSequence {
  /** The next number; `undefined` where the past was lost and any number may come. */
  #next: number | undefined = 0;

  /** Judges the range `first..last` without moving. A partly seen range cannot be cut, so it is a gap. */
  judge(first: number, last: number): Arrival {
    if (this.#next === undefined || first === this.#next) return "next";
    return last < this.#next ? "duplicate" : "gap";
  }

  /** Everything up to `last` was seen. */
  moveBeyond(last: number): void {
    this.#next = last + 1;
  }

  /** The past was lost: whatever comes next is taken as the start. */
  reset(): void {
    this.#next = undefined;
  }
}
