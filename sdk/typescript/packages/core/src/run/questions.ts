/**
 * What a run asks people, and what they answer.
 *
 * Purpose: the shapes, read from the payloads of `run_waiting` and `answer` (`protocol/client.md` §4), and the list of
 * questions that are open. It sends nothing.
 */
import { objectOrEmpty, type Envelope, type JsonObject } from "../codec/envelope.ts";

/** What a run waits for. */
export interface Question {
  /** Names the question in its answer. */
  readonly requestId: string;
  /** `approval` is answered with `granted`, `question` with `value`. */
  readonly kind: "approval" | "question";
  /** The question, for people. */
  readonly message: string;
  /** What is to be approved, such as `delete_file`. */
  readonly action?: string;
  /** What to show beside the question. */
  readonly details?: JsonObject;
  /** The possible answers, where they are few. */
  readonly choices?: readonly string[];
}

/** What to answer. */
export type Reply = ({ readonly granted: boolean } | { readonly value: unknown }) & {
  /** A word beside it, for the record. */
  readonly message?: string;
};

/** The answer that counts, of whatever device. */
export interface Answer {
  readonly requestId: string;
  readonly granted?: boolean;
  readonly value?: unknown;
  readonly message?: string;
  /** Who answered, where the session has a user. */
  readonly by?: string;
}

/** The open questions of one run, the oldest first. */
export class Questions {
  /** The same array until it changes. */
  open: readonly Question[] = [];

  asked(envelope: Envelope): Question {
    const { request_id, ...content } = objectOrEmpty(envelope.payload);
    const question = { ...content, requestId: String(request_id) } as unknown as Question;
    this.open = [...this.open, question];
    return question;
  }

  answered(envelope: Envelope): Answer {
    const { request_id, ...content } = objectOrEmpty(envelope.payload);
    const answer: Answer = { ...content, requestId: String(request_id) };
    this.open = this.open.filter((question) => question.requestId !== answer.requestId);
    return answer;
  }

  /** The run has ended, or its past is told anew. */
  withdraw(): void {
    if (this.open.length > 0) this.open = [];
  }
}
