/**
 * A socket that can be cut in the middle, to show what the client makes of it.
 *
 * Purpose: wraps the client's own socket. It knows no protocol.
 */
import { openWebSocket, type Socket, type SocketFactory } from "@trunkline/client";

/** A socket provider and the scissors for it. */
export interface CuttableSocket {
  readonly open: SocketFactory;
  /**
   * Ends the present connection as a lost network would: the client sees code 1006 at once, and
   * nothing that was still on its way arrives. Does nothing where there is no connection.
   */
  cut(): void;
}

/** See the module comment. */
export function createCuttableSocket(): CuttableSocket {
  let cut: () => void = () => undefined;
  const open: SocketFactory = (url, protocols, handlers): Socket => {
    let isCut = false;
    const socket = openWebSocket(url, protocols, {
      open: () => !isCut && handlers.open(),
      message: (text) => !isCut && handlers.message(text),
      close: (code, reason) => !isCut && handlers.close(code, reason),
    });
    cut = () => {
      if (isCut) return;
      isCut = true;
      handlers.close(1006, "cut");
      socket.close();
    };
    return socket;
  };
  return { open, cut: () => cut() };
}
