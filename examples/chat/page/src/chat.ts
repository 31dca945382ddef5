/**
 * One chat: a client, its conversation and the elements that show them.
 *
 * Purpose: wires page and client together; ends completely when disposed, so that the next
 * session starts clean. It knows no protocol.
 */
import { createClient, memoryStorage, type Client, type Storage } from "@trunkline/client";
import { Conversation, type Turn } from "./conversation.ts";
import { createCuttableSocket } from "./socket.ts";
import { StatusView } from "./view/status-view.ts";
import { TurnView } from "./view/turn-view.ts";

/** How near to the end, in pixels, the reader must be for the page to follow the text. */
const FOLLOW_DISTANCE = 80;

/** The page's fixed elements. */
export interface ChatElements {
  scroll: HTMLElement;
  welcome: HTMLElement;
  /** Says that a part of the conversation is lost. */
  notice: HTMLElement;
  messages: HTMLElement;
  status: HTMLElement;
  form: HTMLFormElement;
  input: HTMLTextAreaElement;
  send: HTMLButtonElement;
  stop: HTMLButtonElement;
  cut: HTMLButtonElement;
}

/** See the module comment. */
export class Chat {
  readonly #client: Client;
  readonly #conversation: Conversation;
  readonly #views = new Map<Turn, TurnView>();
  readonly #listening = new AbortController();
  #isFollowing = true;

  constructor(
    private readonly elements: ChatElements,
    url: string,
  ) {
    const socket = createCuttableSocket();
    this.#client = createClient({ url, socket: socket.open, storage: tabStorage() });
    this.#conversation = new Conversation(this.#client, {
      turnChanged: (turn) => this.#turnChanged(turn),
      turnRemoved: (turn) => this.#turnRemoved(turn),
      pastLost: () => this.#pastLost(),
    });
    this.#observeConnection();
    this.#listen(elements.cut, "click", () => socket.cut());
    this.#listenToComposer();
    this.#client.connect();
  }

  /** Ends the chat and its session; the next one starts a new conversation. */
  endSession(): void {
    this.#listening.abort();
    this.#client.forgetSession();
    for (const view of this.#views.values()) view.remove();
    this.#views.clear();
    this.elements.notice.hidden = true;
    this.#showWelcome();
  }

  #observeConnection(): void {
    const status = new StatusView(this.elements.status);
    status.show(this.#client.state);
    this.#client.onState((state) => {
      if (this.#listening.signal.aborted) return;
      status.show(state);
      this.elements.cut.disabled = state.status !== "open";
      for (const view of this.#views.values()) view.connectionChanged(state.status);
      this.#updateButtons();
    });
  }

  #listenToComposer(): void {
    const { form, input, stop, scroll } = this.elements;
    this.#listen(form, "submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#listen(input, "input", () => this.#updateButtons());
    this.#listen(input, "keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
    this.#listen(document.body, "keydown", (event) => event.key === "Escape" && this.#stop());
    this.#listen(stop, "click", () => this.#stop());
    this.#listen(scroll, "scroll", () => {
      const below = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight;
      this.#isFollowing = below < FOLLOW_DISTANCE;
    });
  }

  #listen<Name extends keyof HTMLElementEventMap>(
    element: HTMLElement,
    name: Name,
    listener: (event: HTMLElementEventMap[Name]) => void,
  ): void {
    element.addEventListener(name, listener, { signal: this.#listening.signal });
  }

  #submit(): void {
    const { input } = this.elements;
    const question = input.value.trim();
    if (question === "" || this.#client.state.status === "closed") return;
    input.value = "";
    this.#ask(question);
  }

  #ask(question: string): void {
    this.#isFollowing = true;
    this.#conversation.ask(question);
    this.elements.input.focus();
  }

  /** Stops the answers that are still being made; what fails is shown by the answers themselves. */
  #stop(): void {
    for (const run of this.#conversation.running) void run.cancel();
  }

  #turnChanged(turn: Turn): void {
    if (this.#listening.signal.aborted) return;
    const view = this.#views.get(turn) ?? this.#addView(turn);
    view.update(turn);
    this.#rendered();
  }

  #addView(turn: Turn): TurnView {
    const retry = () => turn.question !== undefined && this.#ask(turn.question);
    const view = new TurnView(retry, () => this.#rendered());
    view.connectionChanged(this.#client.state.status);
    this.#views.set(turn, view);
    this.elements.messages.append(...view.elements);
    return view;
  }

  #turnRemoved(turn: Turn): void {
    this.#views.get(turn)?.remove();
    this.#views.delete(turn);
  }

  #pastLost(): void {
    this.elements.notice.hidden = this.#listening.signal.aborted;
    this.#rendered();
  }

  #rendered(): void {
    this.#showWelcome();
    this.#updateButtons();
    const { scroll } = this.elements;
    if (this.#isFollowing) scroll.scrollTop = scroll.scrollHeight;
  }

  #showWelcome(): void {
    this.elements.welcome.hidden = this.#views.size > 0 || !this.elements.notice.hidden;
  }

  #updateButtons(): void {
    const { input, send, stop } = this.elements;
    const isClosed = this.#client.state.status === "closed";
    send.disabled = isClosed || input.value.trim() === "";
    stop.hidden = isClosed || this.#conversation.running.length === 0;
  }
}

/** What tabs share; where the browser forbids it, each tab has a session of its own. */
function tabStorage(): Storage {
  try {
    return localStorage;
  } catch {
    return memoryStorage();
  }
}
