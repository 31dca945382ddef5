/**
 * A run as users hold it: its state, its content, and the right to stop it.
 *
 * Purpose: one object per run, the same across reconnects, for runs of this client and of
 * others. It does not know connections or channels; the client tells it what it learned.
 */
import type { Envelope } from "../codec/envelope.ts";
import { clientError, TrunklineError, type ErrorBody } from "../errors/error.ts";
import { Listeners, type Notifier, type StopListening } from "../notifier.ts";
import type { Acknowledgement, AnswerOptions } from "../options.ts";
import { RunLog, type ReadingPlace, type RunEvent } from "./events.ts";
import { Questions, type Question, type Reply } from "./questions.ts";
import { RunSequence } from "./sequence.ts";

/** `pending` until the gateway has the message, `running`, or `waiting` for a person, until one of the four ends. */
export type RunState = "pending" | "running" | "waiting" | "completed" | "failed" | "cancelled" | "expired";

/** What the gateway calls the four ends. */
const ENDS: Readonly<Partial<Record<string, RunState>>> = {
  run_completed: "completed",
  run_failed: "failed",
  run_cancelled: "cancelled",
  run_expired: "expired",
};

/** What a run needs from the client that made it. */
export interface RunOwner {
  readonly notifier: Notifier;
  cancel(run: Run): Promise<boolean>;
  answer(run: Run, requestId: string, reply: Reply, options: AnswerOptions): Promise<Acknowledgement>;
  /** Called once, when the run has reached its end. */
  ended(run: Run): void;
  /** Called when the gateway's id of the run has become known. */
  named(run: Run, id: string): void;
}

/** One call to a service. Iterate over it, or listen to `onChange` and read `text` and `state`. */
export class Run implements AsyncIterable<RunEvent> {
  /** The value of `run_completed`; rejects with the error of any other end. */
  readonly result: Promise<unknown>;
  /** @internal Judges what arrives; the client's alone. */
  readonly sequence = new RunSequence();

  #id: string | undefined;
  #service: string | undefined;
  #isOffered = false;
  /** Runs whose messages this one took as input. */
  readonly #joined: Run[] = [];
  #state: RunState = "pending";
  #error: TrunklineError | undefined;
  #progress: unknown;
  #progressRevision = 0;
  readonly #questions = new Questions();
  readonly #log = new RunLog();
  readonly #changes: Listeners<Run>;
  #wakeReaders: (() => void)[] = [];
  #resolve!: (value: unknown) => void;
  #reject!: (error: TrunklineError) => void;

  /** @internal Made by the client. */
  constructor(
    /** The id of the message that started it; unknown where only later parts of the run were seen. */
    readonly messageId: string | undefined,
    private readonly owner: RunOwner,
  ) {
    this.#changes = new Listeners(owner.notifier);
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.result.catch(() => undefined); // Whoever does not ask for the result is not owed its failure.
  }

  /** The gateway's id of the run, known once the message was accepted. */
  get id(): string | undefined {
    return this.#id;
  }

  /** The service that does the work, known from `run_started`. */
  get service(): string | undefined {
    return this.#service;
  }

  get state(): RunState {
    return this.#state === "running" && this.#questions.open.length > 0 ? "waiting" : this.#state;
  }

  /** What the run waits for; the same array until it changes. */
  get questions(): readonly Question[] {
    return this.#questions.open;
  }

  /** Whether the run has reached one of its four ends. */
  get ended(): boolean {
    return this.#state !== "pending" && this.#state !== "running";
  }

  /** All text so far. */
  get text(): string {
    return this.#log.text;
  }

  /** The payload of the newest `progress`. */
  get progress(): unknown {
    return this.#progress;
  }

  /** Why it failed, was cancelled or expired. */
  get error(): TrunklineError | undefined {
    return this.#error;
  }

  /** Calls `listener` after changes of state, text, questions, progress or error; the function returned stops it. */
  onChange(listener: (run: Run) => void): StopListening {
    return this.#changes.add(listener);
  }

  /**
   * Stops the run, also one that was started elsewhere or that still waits to be sent.
   *
   * Resolves with whether this stopped it: `false` when it was over, unknown or not this
   * session's. Without a connection the answer comes after the next one is made.
   */
  cancel(): Promise<boolean> {
    return this.owner.cancel(this);
  }

  /**
   * Answers a question of the run, also one that was asked on another device.
   *
   * Resolves when the gateway keeps it: sent again after a lost connection, it counts once. Rejects with
   * `already_answered` where somebody else was faster.
   */
  answer(requestId: string, reply: Reply, options: AnswerOptions = {}): Promise<Acknowledgement> {
    return this.owner.answer(this, requestId, reply, options);
  }

  /**
   * Every event from the first on, at the reader's own pace; several readers do not disturb
   * each other. Ends with the run when it completed or was cancelled, and throws the error of
   * a run that failed or expired.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<RunEvent, void, undefined> {
    const place: ReadingPlace = { entry: 0, characters: 0 };
    let progressSeen = 0;
    for (;;) {
      const event = this.#log.read(place);
      if (event) yield event;
      else if (this.ended) break;
      else if (progressSeen < this.#progressRevision) {
        progressSeen = this.#progressRevision;
        yield { kind: "progress", payload: this.#progress };
      } else await new Promise<void>((wake) => this.#wakeReaders.push(wake));
    }
    if (this.#error && this.#state !== "cancelled") throw this.#error;
  }

  /** @internal The gateway accepted it under this id. */
  accepted(id: string, service?: string): void {
    const isNew = this.#id === undefined;
    this.#id ??= id;
    this.#service ??= service;
    if (this.#state === "pending") this.#state = "running";
    if (isNew) this.owner.named(this, id);
    this.#changed();
  }

  /** @internal Whether the gateway keeps its message, for a run that goes on: that one takes it, or this run begins. */
  get isOffered(): boolean {
    return this.#isOffered && this.#state === "pending";
  }

  /** @internal Its message is offered to a run that goes on. */
  offered(): void {
    this.#isOffered = true;
  }

  /** @internal This run took the message of another one as input: that one has its id, and ends with it. */
  took(other: Run): void {
    if (other === this || other.#id !== undefined || this.#id === undefined) return;
    this.#joined.push(other);
    other.accepted(this.#id, this.#service);
  }

  /** @internal A record of the run's channel that is next in order. */
  record(envelope: Envelope): void {
    const end = ENDS[envelope.type];
    const text = textOf(envelope);
    if (end) return this.end(end, valueOf(envelope), envelope.error);
    if (text !== undefined) this.#log.appendText(text);
    else if (envelope.type === "run_waiting")
      this.#log.append({ kind: "waiting", question: this.#questions.asked(envelope) });
    else if (envelope.type === "answer")
      this.#log.append({ kind: "answered", answer: this.#questions.answered(envelope) });
    else this.#log.appendEvent(envelope.type, envelope.payload);
    this.#changed();
  }

  /** @internal The newest progress. */
  progressed(payload: unknown): void {
    if (this.ended) return;
    this.#progress = payload;
    this.#progressRevision += 1;
    this.#changed();
  }

  /** @internal The past can no longer be delivered whole. */
  reset(reason: string): void {
    this.sequence.reset();
    this.#questions.withdraw();
    this.#log.reset(reason);
    this.#changed();
  }

  /** @internal The client lost sight of it for good, or it never started. */
  fail(error: TrunklineError): void {
    this.end(
      error.code === "cancelled" || error.code === "aborted" ? "cancelled" : "failed",
      undefined,
      error,
    );
  }

  /** @internal Reaches one of the four ends; the first one counts. */
  end(state: RunState, value: unknown, error: ErrorBody | TrunklineError | undefined): void {
    if (this.ended) return;
    this.#state = state;
    this.#questions.withdraw();
    if (state === "completed") this.#resolve(value);
    else this.#reject((this.#error = errorOfEnd(state, error)));
    this.owner.ended(this);
    for (const joined of this.#joined) joined.end(state, value, error);
    this.#changed();
  }

  #changed(): void {
    const readers = this.#wakeReaders;
    this.#wakeReaders = [];
    for (const wake of readers) wake();
    this.#changes.notify(this);
  }
}

function textOf(envelope: Envelope): string | undefined {
  if (envelope.type !== "run_event") return undefined;
  const text = (envelope.payload as { text?: unknown } | null | undefined)?.text;
  return typeof text === "string" ? text : undefined;
}

function valueOf(envelope: Envelope): unknown {
  return (envelope.payload as { result?: unknown } | null | undefined)?.result;
}

function errorOfEnd(state: RunState, error: ErrorBody | TrunklineError | undefined): TrunklineError {
  if (error instanceof TrunklineError) return error;
  if (error) return new TrunklineError(error);
  return clientError(state === "cancelled" ? "cancelled" : "reset", `the run ended as ${state}`);
}
