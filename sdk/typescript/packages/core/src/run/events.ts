/**
 * What a run says, as users see it, and the log that keeps it.
 *
 * Purpose: the run's content in order, with consecutive text merged, so that a slow reader
 * costs an index and not a queue. It does not know envelopes, channels or connections.
 */
import type { Answer, Question } from "./questions.ts";

/** One thing that a run said. */
export type RunEvent =
  /** Text that goes on where the text before ended. */
  | { readonly kind: "text"; readonly text: string }
  /** Anything else that the service emitted, under the type that the service gave it. */
  | { readonly kind: "event"; readonly type: string; readonly payload: unknown }
  /** The run waits for a person until this is answered. */
  | { readonly kind: "waiting"; readonly question: Question }
  /** Somebody answered, on this device or another. */
  | { readonly kind: "answered"; readonly answer: Answer }
  /** The newest progress; older ones may have been skipped. */
  | { readonly kind: "progress"; readonly payload: unknown }
  /** Drop what you have of this run: what came before can no longer be delivered whole. */
  | { readonly kind: "reset"; readonly reason: string };

/** Entries kept of one run; beyond it the oldest half is dropped and late readers are told by a `reset`. */
export const ENTRIES_MAX = 10_000;

/** Text is merged up to this many characters, so that reading on costs what is new and not what was there. */
const MERGED_CHARACTERS_MAX = 16_384;

/** Where a reader stands: the entry, and how much of its text was read. */
export interface ReadingPlace {
  entry: number;
  characters: number;
}

/** See the module comment. Entries are numbered from 0 for the life of the run. */
export class RunLog {
  #entries: RunEvent[] = [];
  #first = 0;
  #text = "";

  /** All text since the last reset. */
  get text(): string {
    return this.#text;
  }

  appendText(text: string): void {
    this.#text += text;
    const last = this.#entries.at(-1);
    const mergeable = last?.kind === "text" && last.text.length < MERGED_CHARACTERS_MAX;
    if (mergeable) this.#entries[this.#entries.length - 1] = { kind: "text", text: last.text + text };
    else this.append({ kind: "text", text });
  }

  append(event: RunEvent): void {
    this.#entries.push(event);
    if (this.#entries.length > ENTRIES_MAX) this.#forget(ENTRIES_MAX / 2);
  }

  appendEvent(type: string, payload: unknown): void {
    this.append({ kind: "event", type, payload });
  }

  /** Forgets everything said so far. */
  reset(reason: string): void {
    this.#text = "";
    this.#forget(this.#entries.length);
    this.append({ kind: "reset", reason });
  }

  /** The next event after `place`, which moves on; `undefined` where the reader has everything. */
  read(place: ReadingPlace): RunEvent | undefined {
    if (place.entry < this.#first) return this.#skip(place);
    const event = this.#entries[place.entry - this.#first];
    if (event?.kind === "text") return this.#readText(event.text, place);
    if (event) place.entry += 1;
    return event;
  }

  /** A text entry may grow while it is the last, so the place stays in it until another follows. */
  #readText(whole: string, place: ReadingPlace): RunEvent | undefined {
    const text = whole.slice(place.characters);
    const mayGrow = place.entry - this.#first === this.#entries.length - 1;
    place.characters = mayGrow ? whole.length : 0;
    if (!mayGrow) place.entry += 1;
    if (text !== "") return { kind: "text", text };
    return mayGrow ? undefined : this.read(place);
  }

  /** A reader that was overtaken is told so, by the log's own `reset` or by one made for it. */
  #skip(place: ReadingPlace): RunEvent | undefined {
    place.entry = this.#first;
    place.characters = 0;
    const startsWithReset = this.#entries[0]?.kind === "reset";
    return startsWithReset ? this.read(place) : { kind: "reset", reason: "too_far" };
  }

  #forget(count: number): void {
    this.#entries = this.#entries.slice(count);
    this.#first += count;
  }
}
