/**
 * The runs that a client knows.
 *
 * Purpose: finds a run by its id or by the message that started it, so that there is one
 * object per run. It does not know channels or connections.
 */
import { Run, type RunOwner } from "./run.ts";

/** Ended runs that are kept, to recognise what comes again; beyond it the oldest is let go. */
export const ENDED_RUNS_MAX = 1_000;

/** See the module comment. */
export class RunRegistry {
  /** In order of appearance. */
  readonly #runs = new Set<Run>();
  readonly #byId = new Map<string, Run>();
  readonly #byMessage = new Map<string, Run>();

  constructor(private readonly owner: RunOwner) {}

  /** Every known run, the oldest first. */
  all(): Run[] {
    return [...this.#runs];
  }

  byId(id: string): Run | undefined {
    return this.#byId.get(id);
  }

  byMessage(messageId: string): Run | undefined {
    return this.#byMessage.get(messageId);
  }

  /** Makes a run for a message of this client. */
  create(messageId: string | undefined): Run {
    const run = new Run(messageId, this.owner);
    this.#runs.add(run);
    if (messageId !== undefined) this.#byMessage.set(messageId, run);
    this.#letGoOfOldest();
    return run;
  }

  /** Finds or makes the run that the gateway calls `id`. */
  accepted(id: string, messageId: string | undefined, service?: string): Run {
    const known =
      this.#byId.get(id) ?? (messageId === undefined ? undefined : this.#byMessage.get(messageId));
    const run = known ?? this.create(messageId);
    this.#byId.set(id, run);
    run.accepted(id, service);
    return run;
  }

  /** A run took this message as input. */
  took(run: Run, messageId: string): void {
    const own = this.#byMessage.get(messageId);
    if (own) run.took(own);
  }

  /** Forgets the runs that ended; they are made anew should they be told again. */
  forgetEnded(): void {
    for (const run of this.all()) if (run.ended) this.#forget(run);
  }

  #letGoOfOldest(): void {
    const ended = this.all().filter((run) => run.ended);
    for (const run of ended.slice(0, Math.max(0, ended.length - ENDED_RUNS_MAX))) this.#forget(run);
  }

  #forget(run: Run): void {
    this.#runs.delete(run);
    if (run.id !== undefined && this.#byId.get(run.id) === run) this.#byId.delete(run.id);
    if (run.messageId !== undefined) this.#byMessage.delete(run.messageId);
  }
}
