/**
 * The providers of browsers and Node.
 *
 * Purpose: thin wrappers of what the platform has. It knows no protocol, and touches globals
 * only when called, never when imported.
 */
import { clientError } from "../errors/error.ts";
import type { Clock, Providers, Socket, SocketFactory, Storage, WakeSource } from "./providers.ts";

/** What this platform offers; storage is in memory, because keeping secrets is the application's choice. */
export function platformProviders(): Providers {
  return {
    clock: systemClock,
    socket: openWebSocket,
    storage: memoryStorage(),
    wake: listenForWake,
    random: Math.random,
    createId: () => crypto.randomUUID(),
  };
}

/**
 * Opens the platform's `WebSocket`.
 *
 * Node has one from 22 on; before that pass a `socket` made from the package `ws`.
 */
export const openWebSocket: SocketFactory = (url, protocols, handlers): Socket => {
  if (typeof WebSocket === "undefined")
    throw clientError("no_socket", "this runtime has no WebSocket; pass one as `socket`");
  const socket = new WebSocket(url, [...protocols]);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => handlers.open();
  socket.onmessage = (event: MessageEvent<unknown>) => {
    if (event.data instanceof ArrayBuffer) handlers.message(new Uint8Array(event.data));
    else handlers.message(event.data as string);
  };
  socket.onclose = (event) => handlers.close(event.code, event.reason);
  return socket;
};

/** A {@link Storage} that lives as long as the value itself. */
export function memoryStorage(): Storage {
  const items = new Map<string, string>();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}

const systemClock: Clock = {
  now: () => Date.now(),
  schedule(delayMs, fire) {
    const timer = setTimeout(fire, delayMs);
    return () => clearTimeout(timer);
  },
};

const listenForWake: WakeSource = (wake) => {
  if (typeof window === "undefined") return () => undefined;
  const wakeIfVisible = () => {
    if (document.visibilityState === "visible") wake();
  };
  window.addEventListener("online", wake);
  window.addEventListener("pageshow", wake);
  document.addEventListener("visibilitychange", wakeIfVisible);
  return () => {
    window.removeEventListener("online", wake);
    window.removeEventListener("pageshow", wake);
    document.removeEventListener("visibilitychange", wakeIfVisible);
  };
};
