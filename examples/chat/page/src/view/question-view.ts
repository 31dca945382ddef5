/**
 * What an answer waits for: the question, what it is about, and what can be said to it.
 *
 * Purpose: shows the open questions of one run, each with its buttons. What happens to a reply is not its business, except
 * that the buttons rest until it is known.
 */
import type { Question, Reply } from "@trunkline/client";

/** Gives a reply to a question; rejects where it did not count. */
export type OnReply = (question: Question, reply: Reply) => Promise<unknown>;

/** See the module comment. */
export class QuestionView {
  readonly element = document.createElement("div");
  #shown: readonly Question[] = [];

  constructor(private readonly onReply: OnReply) {
    this.element.className = "questions";
  }

  /** Shows these questions instead of those before. */
  show(questions: readonly Question[]): void {
    if (questions === this.#shown) return;
    this.#shown = questions;
    this.element.replaceChildren(...questions.map((question) => this.#box(question)));
  }

  #box(question: Question): HTMLElement {
    const box = document.createElement("form");
    box.className = "question";
    box.dataset.testid = "question";
    const message = document.createElement("p");
    message.textContent = question.message;
    box.append(message);
    if (question.details) {
      const details = document.createElement("pre");
      details.textContent = Object.entries(question.details).map(lineOf).join("\n");
      box.append(details);
    }
    box.append(...this.#controls(question, box));
    return box;
  }

  #controls(question: Question, box: HTMLFormElement): HTMLElement[] {
    const reply = (words: string, content: Reply) => button(words, () => this.#reply(question, content, box));
    if (question.kind === "approval")
      return [reply("Approve", { granted: true }), reply("Deny", { granted: false })];
    if (question.choices) return question.choices.map((choice) => reply(choice, { value: choice }));
    const input = document.createElement("input");
    input.setAttribute("aria-label", question.message);
    return [input, button("Answer", () => this.#reply(question, { value: input.value }, box))];
  }

  #reply(question: Question, content: Reply, box: HTMLFormElement): void {
    const controls = [...box.querySelectorAll("button")];
    for (const control of controls) control.disabled = true;
    // An answer that counts takes the question away; after any other one may try again.
    this.onReply(question, content).catch(() => {
      for (const control of controls) control.disabled = false;
    });
  }
}

function lineOf([name, value]: [string, unknown]): string {
  return `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`;
}

function button(words: string, onClick: () => void): HTMLButtonElement {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = words;
  element.addEventListener("click", onClick);
  return element;
}
