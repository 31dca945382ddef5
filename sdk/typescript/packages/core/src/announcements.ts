/**
 * What the application listens to.
 *
 * Purpose: keeps the listeners of a client and tells them in order. It does not know when there
 * is something to tell.
 */
import type { Envelope } from "./codec/envelope.ts";
import type { ConnectionState } from "./connection/state.ts";
import type { TrunklineError } from "./errors/error.ts";
import { listenerFailed } from "./errors/raised.ts";
import { Listeners, Notifier, type StopListening } from "./notifier.ts";
import type { Run } from "./run/run.ts";
import type { ResetNotice } from "./session/inbox.ts";

/** See the module comment. */
export class Announcements {
  readonly notifier = new Notifier((thrown) => this.report(listenerFailed(thrown)));
  readonly states = new Listeners<ConnectionState>(this.notifier);
  readonly messages = new Listeners<Envelope>(this.notifier);
  readonly resets = new Listeners<ResetNotice>(this.notifier);
  readonly startedRuns = new Listeners<Run>(this.notifier);
  /** A listener of errors that throws has nobody left to tell but the console. */
  readonly errors = new Listeners<TrunklineError>(new Notifier((thrown) => console.error(thrown)));
  readonly #byType = new Map<string, Listeners<Envelope>>();

  onType(type: string, listener: (message: Envelope) => void): StopListening {
    const listeners = this.#byType.get(type) ?? new Listeners<Envelope>(this.notifier);
    this.#byType.set(type, listeners);
    return listeners.add(listener);
  }

  /** Tells those who listen to the message's type. */
  byType(message: Envelope): void {
    this.#byType.get(message.type)?.notify(message);
  }

  /** Tells of an error that belongs to no call; a mistake of the application is never silent. */
  report(error: TrunklineError): void {
    if (this.errors.size > 0) this.errors.notify(error);
    else if (error.code === "listener_failed") console.error(error.cause);
  }
}
