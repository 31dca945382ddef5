/**
 * One socket, and the promise that nothing of it is heard after it was let go.
 *
 * Purpose: binds callbacks to the connection they belong to, so that a late event of an old
 * socket never reaches the new one. It does not know the protocol.
 */
import type { Frame } from "../codec/codec.ts";
import type { Socket, SocketFactory, SocketHandlers } from "../transport/providers.ts";

/** See the module comment. */
export class Link {
  #socket: Socket | undefined;
  #handlers: SocketHandlers | undefined;

  /** Opens a socket. @throws whatever `factory` throws, for example for a URL that is none. */
  constructor(factory: SocketFactory, url: string, subprotocol: string, handlers: SocketHandlers) {
    this.#handlers = handlers;
    this.#socket = factory(url, [subprotocol], {
      open: () => this.#handlers?.open(),
      message: (frame) => this.#handlers?.message(frame),
      close: (code, reason) => {
        const told = this.#handlers;
        this.#letGo();
        told?.close(code, reason);
      },
    });
  }

  /** Whether the link still counts. */
  get alive(): boolean {
    return this.#handlers !== undefined;
  }

  /** Sends a frame, or nothing where the link was let go: what matters is sent again on the next. */
  send(frame: Frame): void {
    this.#socket?.send(frame);
  }

  /** Closes the socket and stops listening at once, without waiting for the other side. */
  drop(code: number, reason: string): void {
    const socket = this.#socket;
    this.#letGo();
    socket?.close(code, reason);
  }

  #letGo(): void {
    this.#handlers = undefined;
    this.#socket = undefined;
  }
}
