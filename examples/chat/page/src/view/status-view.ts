/**
 * The connection's state in words, with the time until the next attempt.
 *
 * Purpose: shows a {@link ConnectionState}. It does not change it.
 */
import type { ConnectionState } from "@trunkline/client";

const COUNTDOWN_MS = 250;

/** See the module comment. The element carries the state's name in `data-status`. */
export class StatusView {
  #countdown: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly element: HTMLElement) {}

  show(state: ConnectionState): void {
    clearInterval(this.#countdown);
    this.element.dataset.status = state.status;
    this.#write(state);
    if (state.status === "reconnecting")
      this.#countdown = setInterval(() => this.#write(state), COUNTDOWN_MS);
  }

  #write(state: ConnectionState): void {
    const label = this.element.querySelector(".label");
    const text = wordsFor(state);
    if (label && label.textContent !== text) label.textContent = text;
  }
}

function wordsFor(state: ConnectionState): string {
  switch (state.status) {
    case "idle":
      return "Not connected";
    case "connecting":
    case "authenticating":
      return state.error ? "Reconnecting" : "Connecting";
    case "open":
      return "Connected";
    case "reconnecting": {
      const seconds = Math.ceil((state.retryAt - Date.now()) / 1_000);
      return seconds > 0 ? `Reconnecting in ${seconds} s` : "Reconnecting";
    }
    case "closed":
      return state.error ? `Closed: ${state.error.message}` : "Closed";
  }
}
