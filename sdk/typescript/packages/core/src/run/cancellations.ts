/**
 * Wishes to stop a run that are not answered yet.
 *
 * Purpose: one promise per run, kept across reconnects until `cancel_ack` or the run's end
 * answers it. It does not send anything.
 */
import type { Run } from "./run.ts";

interface Wish {
  readonly answer: Promise<boolean>;
  readonly resolve: (cancelled: boolean) => void;
}

/** See the module comment. Holds at most one wish per run that goes on. */
export class Cancellations {
  readonly #wishes = new Map<Run, Wish>();

  /** The answer for a run, now or later; `false` in `isNew` where it was asked for before. */
  add(run: Run): { answer: Promise<boolean>; isNew: boolean } {
    const known = this.#wishes.get(run);
    if (known) return { answer: known.answer, isNew: false };
    let resolve!: (cancelled: boolean) => void;
    const answer = new Promise<boolean>((settle) => (resolve = settle));
    this.#wishes.set(run, { answer, resolve });
    return { answer, isNew: true };
  }

  has(run: Run): boolean {
    return this.#wishes.has(run);
  }

  /** Answers the wish, if there is one. */
  settle(run: Run, cancelled: boolean): void {
    this.#wishes.get(run)?.resolve(cancelled);
    this.#wishes.delete(run);
  }

  /** The runs whose wish is to be sent (again), as far as the gateway's ids are known. */
  runIds(): string[] {
    return [...this.#wishes.keys()].flatMap((run) => (run.id === undefined ? [] : [run.id]));
  }
}
