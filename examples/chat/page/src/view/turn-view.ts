/**
 * One turn on the page: the question and the answer.
 *
 * Purpose: shows a turn's state in full: never a spinner without an end, never an end without
 * its reason. It knows neither the client nor where it stands on the page.
 */
import type { ConnectionState, Run } from "@trunkline/client";
import type { Turn } from "../conversation.ts";
import { QuestionView } from "./question-view.ts";
import { TextView } from "./text-view.ts";

/** Collects changes and applies them once per frame; hidden pages get no frames, so they use a timer. */
function oncePerFrame(apply: () => void): () => void {
  let isPlanned = false;
  return () => {
    if (isPlanned) return;
    isPlanned = true;
    const run = () => {
      isPlanned = false;
      apply();
    };
    if (document.hidden) setTimeout(run, 50);
    else requestAnimationFrame(run);
  };
}

/** See the module comment. */
export class TurnView {
  readonly #question = createMessage("user");
  readonly #answer = createMessage("assistant");
  readonly #retry = createRetry();
  readonly #questions = new QuestionView(async ({ requestId }, reply) => this.#run?.answer(requestId, reply));
  #run: Run | undefined;
  /** The newest progress, and how much text there was when it came. */
  #progress: { value: unknown; textLength: number } = { value: undefined, textLength: 0 };
  #stopObserving: () => void = () => undefined;
  #status: ConnectionState["status"] = "idle";
  readonly #renderSoon: () => void;

  constructor(onRetry: () => void, onRendered: () => void) {
    this.#renderSoon = oncePerFrame(() => {
      this.#render();
      onRendered();
    });
    this.#retry.addEventListener("click", onRetry);
    this.#answer.caption.after(this.#retry);
    this.#answer.caption.before(this.#questions.element);
  }

  /** The turn's elements, in order. */
  get elements(): HTMLElement[] {
    return [this.#question.element, this.#answer.element];
  }

  /** Shows what is known of the turn. */
  update(turn: Turn): void {
    this.#question.element.hidden = turn.question === undefined;
    this.#question.text.show(turn.question ?? "");
    if (turn.run && turn.run !== this.#run) {
      this.#stopObserving();
      this.#stopObserving = turn.run.onChange(this.#renderSoon);
      this.#run = turn.run;
    }
    this.#render();
  }

  /** What a waiting answer says depends on the connection. */
  connectionChanged(status: ConnectionState["status"]): void {
    this.#status = status;
    if (!this.#run?.ended) this.#render();
  }

  remove(): void {
    this.#stopObserving();
    for (const element of this.elements) element.remove();
  }

  #render(): void {
    const run = this.#run;
    const isPending = run?.state === "pending";
    const isLive = !run?.ended;
    for (const { element } of [this.#question, this.#answer]) element.dataset.run = run?.id ?? "";
    this.#question.element.dataset.state = isPending ? "pending" : "completed";
    this.#question.caption.textContent = isPending && this.#status !== "open" ? "Not sent yet" : "";
    this.#answer.element.dataset.state = run && !isLive ? run.state : "streaming";
    this.#answer.element.setAttribute("aria-busy", String(isLive));
    const isThinking = isLive && this.#status === "open" && run?.text === "" && run.state !== "waiting";
    this.#answer.element.classList.toggle("waiting", isThinking);
    this.#questions.show(run?.questions ?? []);
    this.#answer.text.show(run?.text ?? "");
    const progress = this.#currentProgress(run);
    this.#answer.caption.textContent = captionOf(run, this.#status, progress);
    this.#retry.hidden = !(run?.state === "failed" || run?.state === "expired") || this.#status === "closed";
    showProgress(this.#answer.progress, isLive ? percentageOf(progress) : undefined);
  }

  /** What the answer is at; the text that follows is the better news. */
  #currentProgress(run: Run | undefined): Progress {
    const value = run?.progress;
    const textLength = run?.text.length ?? 0;
    if (value !== this.#progress.value) this.#progress = { value, textLength };
    const isCurrent = textLength === this.#progress.textLength;
    return isCurrent && typeof value === "object" && value !== null ? value : {};
  }
}

/** What stands below an answer. */
function captionOf(run: Run | undefined, status: ConnectionState["status"], progress: Progress): string {
  switch (run?.state) {
    case "completed":
      return run.text === "" ? "Finished without an answer" : "";
    case "cancelled":
      return "Stopped";
    case "waiting":
      return "Waiting for you";
    case "failed":
    case "expired":
      return run.error?.message ? sentence(run.error.message) : "The answer failed.";
    default:
      if (status === "open") return progress.message ?? (run?.text ? "" : "Thinking");
      return status === "closed" ? "The connection is closed." : "Waiting for the connection";
  }
}

function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}

function percentageOf({ percentage }: Progress): number | undefined {
  return typeof percentage === "number" ? percentage : undefined;
}

function showProgress(bar: HTMLProgressElement, percentage: number | undefined): void {
  bar.hidden = percentage === undefined;
  if (percentage !== undefined) bar.value = percentage;
}

/** What workers say of their progress, as far as the page knows it. */
interface Progress {
  message?: string;
  percentage?: number;
}

interface Message {
  element: HTMLElement;
  text: TextView;
  caption: HTMLElement;
  progress: HTMLProgressElement;
}

function createMessage(role: "user" | "assistant"): Message {
  const element = document.createElement("li");
  const text = new TextView();
  const caption = document.createElement("p");
  const progress = document.createElement("progress");
  element.className = "message";
  Object.assign(element.dataset, { testid: "message", role });
  element.setAttribute("aria-label", role === "user" ? "You" : "Answer");
  caption.className = "caption";
  Object.assign(progress, { max: 100, hidden: true });
  progress.setAttribute("aria-label", "Progress");
  element.append(text.element, progress, caption);
  return { element, text, caption, progress };
}

function createRetry(): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "retry";
  button.dataset.testid = "retry";
  button.textContent = "Try again";
  button.hidden = true;
  return button;
}
