/**
 * Connects clients to a {@link GatewayDouble} over real sockets, with the package `ws`.
 *
 * Purpose: both ends of a real WebSocket for tests. It knows no protocol.
 */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import type { Frame } from "../src/codec/codec.ts";
import type { SocketFactory } from "../src/transport/providers.ts";
import type { GatewayDouble } from "./gateway-double.ts";

/** A listening double; stops when disposed. */
export interface ListeningDouble extends AsyncDisposable {
  readonly url: string;
  /** Ends every connection in the middle, without a close frame. */
  cut(): void;
}

/** Listens on a free port of the loopback interface; requests that are no upgrades go to `onRequest`. */
export async function listen(gateway: GatewayDouble, onRequest?: RequestListener): Promise<ListeningDouble> {
  const http = createServer(onRequest);
  const server = new WebSocketServer({ server: http, handleProtocols: () => gateway.codec.subprotocol });
  server.on("connection", (socket) => {
    const connection = gateway.accept({
      send: (frame) => socket.send(frame),
      close: (code, reason) => socket.close(code, reason),
    });
    socket.on("message", (data: Buffer, isBinary) => connection.receive(frameOf(data, isBinary)));
    socket.on("close", () => connection.gone());
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    for (const socket of server.clients) socket.terminate();
  };
  return {
    url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}/ws`,
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

/** A `socket` provider for Node versions without a global `WebSocket`. */
export const nodeSocket: SocketFactory = (url, protocols, handlers) => {
  const socket = new WebSocket(url, [...protocols]);
  socket.on("open", () => handlers.open());
  socket.on("message", (data: Buffer, isBinary) => handlers.message(frameOf(data, isBinary)));
  socket.on("close", (code, reason) => handlers.close(code, reason.toString()));
  socket.on("error", () => undefined); // `close` follows and says all that matters.
  return socket;
};

/** What the package `ws` received, as the client has it. */
function frameOf(data: Buffer, isBinary: boolean): Frame {
  return isBinary ? new Uint8Array(data) : data.toString();
}
