/**
 * A workflow on a page: its steps, its questions, its end.
 *
 * Purpose: shows what the messages `workflow_…` say, and sends the answers. It does not know how a dialect spells them.
 */
import { byId, make } from "./socket.js";

/** @typedef {(type: string, content: object) => void} Send */

/** One workflow. */
export class WorkflowCard {
  #send;
  #workflow = "";
  #progress = make("progress", { max: "100", value: "0" });
  #steps = make("ol", { class: "steps" });
  #cancel = make("button", { type: "button", "data-testid": "cancel" }, "Cancel");

  /**
   * @param {string} title
   * @param {string[]} steps
   * @param {Send} send
   */
  constructor(title, steps, send) {
    this.#send = send;
    this.#cancel.hidden = true;
    this.#cancel.onclick = () =>
      send("workflow_cancel", { workflow_id: this.#workflow, reason: "the person pressed Cancel" });
    this.#steps.append(
      ...steps.map((step) => make("li", { "data-testid": "step", "data-state": "waiting" }, step)),
    );
    const parts = [make("h2", {}, title), this.#progress, this.#steps, this.#cancel];
    this.element = make(
      "article",
      { class: "card", "data-testid": "workflow", "data-state": "running" },
      ...parts,
    );
    byId("answers").prepend(this.element);
  }

  /** What is done for each type of message. */
  handlers = {
    workflow_step_started: (/** @type {any} */ step) => {
      this.#workflow = step.workflow_id;
      this.#cancel.hidden = false;
      this.#mark(step.step_number, "running");
    },
    workflow_step_completed: (/** @type {any} */ step) => {
      this.#mark(step.step_number, "done").append(make("br"), make("small", {}, step.result));
      this.#progress.setAttribute("value", String((100 * step.step_number) / step.total_steps));
    },
    workflow_approval_required: (/** @type {any} */ question) => this.#ask(question),
    workflow_completed: (/** @type {any} */ end) => this.#end("completed", `Done in ${end.execution_time} s`),
    workflow_cancelled: (/** @type {any} */ end) =>
      this.#end("cancelled", `Cancelled at step ${end.cancelled_at_step}`),
    workflow_failed: (/** @type {any} */ end) => {
      this.#mark(end.failed_step, "failed");
      this.#end("failed", end.error);
    },
  };

  /**
   * Shows something below the steps.
   *
   * @param {Node} element
   */
  append(element) {
    this.#cancel.before(element);
  }

  /**
   * @param {number} number
   * @param {string} state
   */
  #mark(number, state) {
    const step = /** @type {HTMLElement} */ (this.#steps.children[number - 1]);
    step.dataset.state = state;
    return step;
  }

  /** @param {{ workflow_id: string, description: string, details: object }} question */
  #ask({ workflow_id: id, description, details }) {
    const yes = make("button", { type: "button", class: "main", "data-testid": "approve" }, "Approve");
    const no = make("button", { type: "button", "data-testid": "deny" }, "Deny");
    const facts = make("pre", {}, JSON.stringify(details, null, 2));
    const card = make(
      "div",
      { class: "card asks", "data-testid": "approval" },
      make("p", {}, description),
      facts,
      yes,
      " ",
      no,
    );
    const answer = (/** @type {boolean} */ approved) => {
      card.remove();
      this.#send("workflow_approval", { workflow_id: id, approved });
    };
    yes.onclick = () => answer(true);
    no.onclick = () => answer(false);
    this.#steps.after(card);
  }

  /**
   * @param {string} state
   * @param {string} text
   */
  #end(state, text) {
    this.element.dataset.state = state;
    this.#cancel.remove();
    this.element.querySelector(".asks")?.remove();
    this.element.append(
      make("p", { "data-testid": "outcome", class: state === "failed" ? "error" : "muted" }, text),
    );
  }
}

/**
 * Shows a line with its kind.
 *
 * @param {string} kind
 * @param {string} text
 */
export function note(kind, text) {
  const shown = make(text.includes("\n") ? "pre" : "p", { "data-testid": kind }, text);
  byId("answers").prepend(
    make("article", { class: `card note ${kind}` }, make("small", { class: "muted" }, kind), shown),
  );
}
