/**
 * What the gateway delivers: records of channels, each once and in order.
 *
 * Purpose: brings positions and runs up to date with every welcome, record, reset and
 * heartbeat, and says what the application has to be told. It knows no socket and calls no
 * listener of the application itself.
 */
import { isObject, objectOrEmpty, type Envelope } from "../codec/envelope.ts";
import { clientError, type TrunklineError } from "../errors/error.ts";
import type { RunRegistry } from "../run/registry.ts";
import type { Run } from "../run/run.ts";
import { isTopic } from "../topic/topics.ts";
import { Positions, type Arrival } from "./positions.ts";

/** The application must drop what it has of a channel; delivery goes on from the oldest retained place, or not at all. */
export type ResetNotice =
  /** The session's messages, and its ended runs. */
  | { readonly scope: "session"; readonly channel: string; readonly reason: string }
  /** One run's content; the run itself forgot it already. */
  | { readonly scope: "run"; readonly channel: string; readonly reason: string; readonly run: Run }
  /** What was published to a topic. */
  | { readonly scope: "topic"; readonly channel: string; readonly reason: string };

/** What came of a record. `started` is a run that was not announced before. */
export interface Receipt {
  readonly arrival: Arrival;
  readonly started?: Run;
}

/** A record, that is an envelope that stands in a channel. */
export type RecordEnvelope = Envelope & { channel: string; pos: string };

/** Says whether an envelope is a record. */
export function isRecord(envelope: Envelope): envelope is RecordEnvelope {
  return envelope.channel !== undefined && envelope.pos !== undefined;
}

/** See the module comment. */
export class Inbox {
  #session: string | undefined;
  readonly #positions = new Positions();
  readonly #runByChannel = new Map<string, Run>();
  #announced = new WeakSet<Run>();

  constructor(private readonly runs: RunRegistry) {}

  /** What `hello.resume` says when asking for `session`. */
  resume(session: string | undefined): Record<string, string | null> {
    return session === this.#session ? this.#positions.resume() : {};
  }

  /** Takes `welcome`'s session and verdicts; returns what was lost. */
  welcome(session: string, verdicts: Readonly<Record<string, unknown>>): ResetNotice[] {
    const followed = this.#positions.channels();
    const changed = this.#session !== undefined && this.#session !== session;
    this.#session = session;
    const notices = Object.entries(verdicts).flatMap(([channel, verdict]) => this.#judged(channel, verdict));
    const unnamed = followed.filter((channel) => !Object.hasOwn(verdicts, channel));
    notices.push(...unnamed.map((channel) => this.#lose(channel, "unknown")));
    if (changed) this.#loseRuns();
    return notices;
  }

  /** Takes a record, unless it was seen before or something before it is missing. */
  record(envelope: RecordEnvelope): Receipt {
    const { run, seq } = envelope;
    return run !== undefined && seq !== undefined
      ? this.#runRecord(envelope, run, seq)
      : this.#sessionRecord(envelope);
  }

  /** Takes a `reset` in a channel's order. */
  reset(channel: string, position: string | undefined, reason: string): ResetNotice {
    return position === undefined ? this.#lose(channel, reason) : this.#restart(channel, position, reason);
  }

  /** Takes the verdict of `attached`; returns what was lost. */
  attached(channel: string, verdict: unknown): ResetNotice[] {
    return this.#judged(channel, verdict);
  }

  /** Where a channel stands. */
  position(channel: string): string | undefined {
    return this.#positions.of(channel);
  }

  /** Nothing more is wanted of a channel. */
  forget(channel: string): void {
    this.#positions.forget(channel);
  }

  /** Says whether a heartbeat's positions prove that something never came. */
  misses(sent: Readonly<Record<string, unknown>>): boolean {
    return this.#positions.misses(sent);
  }

  /** Nothing more is expected of a run. */
  ended(run: Run): void {
    for (const [channel, owner] of this.#runByChannel) {
      if (owner !== run) continue;
      this.#runByChannel.delete(channel);
      this.#positions.forget(channel);
    }
  }

  #judged(channel: string, verdict: unknown): ResetNotice[] {
    if (!isObject(verdict)) return [];
    const position = typeof verdict.pos === "string" ? verdict.pos : undefined;
    if (verdict.verdict === "reset") return [this.reset(channel, position, String(verdict.reason))];
    if (position !== undefined && this.#positions.of(channel) === undefined)
      this.#positions.moveTo(channel, position);
    return [];
  }

  #sessionRecord(envelope: RecordEnvelope): Receipt {
    const { channel, pos, prev } = envelope;
    const arrival = this.#positions.judge(channel, pos, prev);
    if (arrival !== "next") return { arrival };
    this.#positions.moveTo(channel, pos);
    // An answer stands in its run's channel without a number: it is no event of the service.
    if (envelope.type === "answer") this.#runByChannel.get(channel)?.record(envelope);
    const started = envelope.type === "run_started" ? this.#start(envelope) : undefined;
    return { arrival, ...(started && { started }) };
  }

  /** From `run_started` on, the run's channel is followed from its start. */
  #start(envelope: RecordEnvelope): Run | undefined {
    if (envelope.run === undefined) return undefined;
    const { service, channel } = objectOrEmpty(envelope.payload);
    const run = this.runs.accepted(
      envelope.run,
      envelope.reply_to,
      typeof service === "string" ? service : undefined,
    );
    if (typeof channel === "string" && !run.ended) {
      this.#runByChannel.set(channel, run);
      this.#positions.begin(channel);
    }
    return this.#announce(run);
  }

  #announce(run: Run): Run | undefined {
    if (this.#announced.has(run)) return undefined;
    this.#announced.add(run);
    return run;
  }

  #runRecord(envelope: RecordEnvelope, id: string, first: number): Receipt {
    const run = this.runs.byId(id) ?? this.#joinMidway(id);
    if (!run) return { arrival: "gap" };
    const last = envelope.seq_end ?? first;
    const arrival = run.ended ? "duplicate" : run.sequence.judge(first, last);
    if (arrival !== "next") return { arrival };
    run.sequence.moveBeyond(last);
    this.#runByChannel.set(envelope.channel, run);
    this.#positions.moveTo(envelope.channel, envelope.pos);
    run.record(envelope);
    if (envelope.type === "run_input") this.runs.took(run, String(objectOrEmpty(envelope.payload).input));
    const started = this.#announce(run);
    return { arrival, ...(started && { started }) };
  }

  /**
   * A run whose `run_started` is no longer retained: what comes first is its start for us.
   * While a run of our own waits to learn its id this could be that run, so it is a gap then.
   */
  #joinMidway(id: string): Run | undefined {
    if (this.runs.all().some((run) => run.state === "pending" && !run.isOffered)) return undefined;
    const run = this.runs.accepted(id, undefined);
    run.sequence.reset();
    return run;
  }

  /** The channel goes on at `position`; what was seen of it does not count any more. */
  #restart(channel: string, position: string, reason: string): ResetNotice {
    this.#positions.forget(channel);
    this.#positions.moveTo(channel, position);
    if (isTopic(channel)) return { scope: "topic", channel, reason };
    const run = this.#runByChannel.get(channel);
    if (run) {
      run.reset(reason);
      return { scope: "run", channel, reason, run };
    }
    this.runs.forgetEnded();
    this.#announced = new WeakSet();
    return { scope: "session", channel, reason };
  }

  /** The channel does not go on for this client. */
  #lose(channel: string, reason: string): ResetNotice {
    this.#positions.forget(channel);
    if (isTopic(channel)) return { scope: "topic", channel, reason };
    const run = this.#runByChannel.get(channel);
    if (!run) return { scope: "session", channel, reason };
    run.fail(lostRun(reason));
    return { scope: "run", channel, reason, run };
  }

  /** With another session, nothing comes any more of the runs that the old one had accepted. */
  #loseRuns(): void {
    for (const run of this.runs.all())
      if (!run.ended && (run.state !== "pending" || run.isOffered)) run.fail(lostRun("unknown"));
    this.runs.forgetEnded();
  }
}

function lostRun(reason: string): TrunklineError {
  return clientError("reset", `the run can no longer be followed (${reason})`);
}
