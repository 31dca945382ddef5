import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { decode, encode } from "../src/codec/dialects.ts";
import { createClient, memoryStorage, type ClientOptions } from "../src/index.ts";
import { GatewayDouble } from "./gateway-double.ts";
import { listen, nodeSocket, type ListeningDouble } from "./web-socket.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const examples = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, code = ""]) => code);
const gateway = new GatewayDouble((call) => {
  call.text("Once upon a time");
  const { message } = call.message.payload as { message: string };
  if (!message.startsWith("Count")) call.complete();
});
let server: ListeningDouble;

beforeAll(async () => void (server = await listen(gateway)));
afterAll(() => server[Symbol.asyncDispose]());

it.each(examples)("%s", async (code) => {
  vi.spyOn(console, "log").mockImplementation(() => undefined);
  const make = (options: ClientOptions) => createClient({ socket: nodeSocket, ...options });
  const body = code.replace(/^import .*$/gm, "");
  // Each example runs as a user would paste it, after the first one's imports and client.
  const needsClient = !body.includes("const client =");
  const given = { createClient: make, memoryStorage, url: server.url, WebSocket, decode, encode };
  const client = make({ url: server.url });
  const names = [...Object.keys(given), ...(needsClient ? ["client"] : [])];
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the examples are text, and ours
  const run = new Function(...names, `return (async () => {${body}})()`) as (
    ...values: unknown[]
  ) => Promise<void>;
  await run(...Object.values(given), client);
  client.close();
  for (const connection of gateway.connections) connection.close(4501, "the example is over");
});

it("has examples", () => expect(examples.length).toBeGreaterThan(5));
