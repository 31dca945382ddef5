import { expect, it, vi } from "vitest";

it("importing the client and making one does nothing", async () => {
  const touched = vi.fn<() => object>(() => ({}));
  for (const name of ["WebSocket", "localStorage", "sessionStorage", "setTimeout", "setInterval", "fetch"]) {
    vi.stubGlobal(name, new Proxy(touched, { get: touched, apply: touched, construct: touched }));
  }
  const { createClient } = await import("./index.ts");
  const client = createClient({ url: "ws://nowhere.invalid/ws" });
  expect(client.state).toEqual({ status: "idle" });
  expect(touched).not.toHaveBeenCalled();
  vi.unstubAllGlobals();
});
