/**
 * Calling the application's functions, apart from the protocol's work.
 *
 * Purpose: listeners run after the event that caused them was dealt with completely, in
 * order, and one that throws disturbs neither the others nor the connection. It does not
 * know what is being told.
 */

/** Ends a subscription; calling it again does nothing. */
export type StopListening = () => void;

/** Runs callbacks in order, after the current task's work. */
export class Notifier {
  #pending: (() => void)[] = [];

  /** @param onFailure gets what a callback threw; must not throw itself. */
  constructor(private readonly onFailure: (thrown: unknown) => void) {}

  /** Calls `callback` soon. The list is emptied before the task ends, so it holds one task's events. */
  later(callback: () => void): void {
    if (this.#pending.push(callback) === 1) queueMicrotask(() => this.#run());
  }

  #run(): void {
    const callbacks = this.#pending;
    this.#pending = [];
    for (const callback of callbacks) {
      try {
        callback();
      } catch (thrown) {
        this.onFailure(thrown);
      }
    }
  }
}

/** A set of listeners of one thing. */
export class Listeners<Value> {
  readonly #listeners = new Set<(value: Value) => void>();

  constructor(private readonly notifier: Notifier) {}

  get size(): number {
    return this.#listeners.size;
  }

  add(listener: (value: Value) => void): StopListening {
    const own = (value: Value) => listener(value); // The same function may be added twice.
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** Tells every listener that is still there when its turn comes. */
  notify(value: Value): void {
    for (const listener of this.#listeners) {
      this.notifier.later(() => {
        if (this.#listeners.has(listener)) listener(value);
      });
    }
  }
}
