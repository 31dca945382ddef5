import { expect, it } from "vitest";
import { createClient } from "./index.ts";
import { settingsOf, type ClientOptions } from "./options.ts";

it("takes an option that is undefined as one that is left out", () => {
  const names = Object.keys(settingsOf({ url: "ws://gateway" })).filter((name) => name !== "url");
  const undefinedOnes = Object.fromEntries(names.map((name) => [name, undefined]));
  const settings = settingsOf({ url: "ws://gateway", ...undefinedOnes });
  const defaults = settingsOf({ url: "ws://gateway" });
  for (const name of names.filter((name) => name !== "token" && name !== "session"))
    expect(settings, name).toHaveProperty(name, expect.anything());
  expect(JSON.stringify(settings)).toBe(JSON.stringify(defaults));
  const bounds = { backoff: { initialMs: undefined }, outbox: { messages: undefined } };
  const partly = settingsOf({ url: "ws://gateway", ...(bounds as unknown as Partial<ClientOptions>) });
  expect([partly.backoff, partly.outbox]).toEqual([defaults.backoff, defaults.outbox]);
});

it("says what is missing in a runtime without WebSocket", async () => {
  const native = Object.getOwnPropertyDescriptor(globalThis, "WebSocket");
  Reflect.deleteProperty(globalThis, "WebSocket");
  try {
    const client = createClient({ url: "ws://gateway" });
    await expect(client.send("note", {})).rejects.toMatchObject({
      code: "no_socket",
      message: "this runtime has no WebSocket; pass one as `socket`",
      retryable: false,
    });
    expect(client.state.status).toBe("closed");
  } finally {
    if (native) Object.defineProperty(globalThis, "WebSocket", native);
  }
});
