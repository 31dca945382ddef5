/**
 * A socket provider of the package `ws` that carries texts and bytes.
 *
 * Purpose: the client of this repository in Node.js 20, which has no `WebSocket`.
 */
import type { SocketFactory } from "@trunkline/client";
import { WebSocket } from "ws";

/** See the module comment. */
export const openSocket: SocketFactory = (url, protocols, handlers) => {
  const socket = new WebSocket(url, [...protocols]);
  socket.on("open", () => handlers.open());
  socket.on("message", (data: Buffer, isBinary) =>
    handlers.message(isBinary ? new Uint8Array(data) : data.toString()),
  );
  socket.on("close", (code, reason) => handlers.close(code, reason.toString()));
  socket.on("error", () => undefined); // `close` follows and says all that matters.
  return socket;
};
