/**
 * The conversation as a list of turns: what was asked, and the run that answers.
 *
 * Purpose: puts together what the client tells, from this tab, from others and from the past.
 * It knows no elements.
 */
import type { Client, Envelope, Run } from "@trunkline/client";

/** One question and its answer. */
export interface Turn {
  /** Ties together what this tab sent and what comes back. */
  readonly messageId: string;
  question: string | undefined;
  run: Run | undefined;
}

/** What a viewer of the conversation is told. */
export interface ConversationViewer {
  /** A turn is new, or its question or run became known. */
  turnChanged(turn: Turn): void;
  /** A turn is no longer part of the conversation. */
  turnRemoved(turn: Turn): void;
  /** Earlier parts of the conversation cannot be had any more. */
  pastLost(): void;
}

/** See the module comment. */
export class Conversation {
  readonly #turns = new Map<string, Turn>();

  constructor(
    private readonly client: Client,
    private readonly viewer: ConversationViewer,
  ) {
    client.on("user_message", (message) => this.#heard(message));
    client.onRun((run) => this.#started(run));
    client.onReset((notice) => notice.scope === "session" && this.#forget());
  }

  /** Asks a question; it waits where there is no connection. */
  ask(question: string): void {
    const run = this.client.run(question);
    this.#update(run.messageId ?? "", { question, run });
  }

  /** The answers that are still being made, the oldest first. */
  get running(): Run[] {
    return [...this.#turns.values()].flatMap(({ run }) => (run && !run.ended ? [run] : []));
  }

  #heard(message: Envelope): void {
    if (message.id !== undefined) this.#update(message.id, { question: questionOf(message) });
  }

  #started(run: Run): void {
    this.#update(run.messageId ?? run.id ?? "", { run });
  }

  #update(messageId: string, news: Partial<Pick<Turn, "question" | "run">>): void {
    const turn: Turn = this.#turns.get(messageId) ?? { messageId, question: undefined, run: undefined };
    Object.assign(turn, news);
    this.#turns.set(messageId, turn);
    this.viewer.turnChanged(turn);
  }

  /** What the gateway still has comes again; what it never got stays. */
  #forget(): void {
    for (const [messageId, turn] of this.#turns) {
      if (turn.run?.state === "pending") continue;
      this.#turns.delete(messageId);
      this.viewer.turnRemoved(turn);
    }
    this.viewer.pastLost();
  }
}

function questionOf(message: Envelope): string {
  const { payload } = message;
  if (typeof payload === "object" && payload !== null && "message" in payload) return String(payload.message);
  return typeof payload === "string" ? payload : JSON.stringify(payload);
}
