/**
 * One timer for the earliest of all deadlines.
 *
 * Purpose: calls back at or before a time that moves often. It does not know what is due: the
 * owner looks, and sets the alarm again. Firing early is harmless and cheaper than moving a
 * timer with every frame.
 */
import type { Clock } from "../transport/providers.ts";

/** See the module comment. */
export class Alarm {
  #set: { at: number; stop: () => void } | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly fire: () => void,
  ) {}

  /** Fires no later than `at`, in milliseconds of the clock; `Infinity` for never. */
  moveTo(at: number): void {
    if (this.#set && this.#set.at <= at && at !== Infinity) return;
    this.#set?.stop();
    this.#set = undefined;
    if (at === Infinity) return;
    const stop = this.clock.schedule(Math.max(0, at - this.clock.now()), () => {
      this.#set = undefined;
      this.fire();
    });
    this.#set = { at, stop };
  }
}
