/**
 * A bare WebSocket client, from the package `ws`.
 *
 * Purpose: an independent peer that knows nothing of Trunkline's own clients.
 */
import { WebSocket } from "ws";

/** A message of dialect `payload`; only what the tests look at. */
export interface PayloadMessage {
  type: string;
  payload?: Record<string, unknown>;
  message?: string;
  _tl?: Record<string, unknown>;
}

/** A message of any dialect. */
export type AnyMessage = PayloadMessage & Record<string, unknown>;

const RECEIVE_MS_MAX = 10_000;

/** See the module comment. */
export class Peer implements AsyncDisposable {
  readonly #received: AnyMessage[] = [];
  #changed: () => void = () => undefined;

  private constructor(private readonly socket: WebSocket) {
    socket.on("message", (data: Buffer) => {
      this.#received.push(JSON.parse(data.toString()) as AnyMessage);
      this.#changed();
    });
  }

  /** Connects. Rejects where the gateway refuses. */
  static async connect(url: string): Promise<Peer> {
    const socket = new WebSocket(url);
    const peer = new Peer(socket);
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    return peer;
  }

  /** Sends a text as it is, or anything else as JSON. */
  send(message: unknown): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  /** Gives messages until one of `type` has come, which is the last of them. Rejects after `withinMs`. */
  receiveUntil(type: string, withinMs = RECEIVE_MS_MAX): Promise<AnyMessage[]> {
    return this.#take((message) => message.type === type, `no ${type}`, withinMs);
  }

  /** Gives the next message, of whatever type. */
  async next(): Promise<AnyMessage> {
    const [message] = await this.#take(() => true, "nothing", RECEIVE_MS_MAX);
    if (message === undefined) throw new Error("there is a message, or the wait rejects");
    return message;
  }

  /** Gives the next message, which must be of `type`. */
  async receive(type: string): Promise<AnyMessage> {
    const messages = await this.receiveUntil(type);
    const [first] = messages;
    if (first === undefined || messages.length !== 1) {
      throw new Error(`expected ${type} alone, not ${JSON.stringify(messages)}`);
    }
    return first;
  }

  /** Takes messages up to the first that `isLast`. */
  async #take(
    isLast: (message: AnyMessage) => boolean,
    missing: string,
    withinMs: number,
  ): Promise<AnyMessage[]> {
    const timeout = AbortSignal.timeout(withinMs);
    for (;;) {
      const end = this.#received.findIndex(isLast);
      if (end >= 0) return this.#received.splice(0, end + 1);
      await new Promise<void>((resolve, reject) => {
        this.#changed = resolve;
        const error = new Error(`${missing} came, but ${JSON.stringify(this.#received)}`);
        timeout.addEventListener("abort", () => reject(error), { once: true });
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    const closed = new Promise((resolve) => this.socket.once("close", resolve));
    this.socket.close();
    await closed;
  }
}
