import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { decode, encode } from "../src/codec/dialects.ts";
import { jsonCodec, type Codec } from "../src/codec/codec.ts";
import { createClient, memoryStorage, type ClientOptions } from "../src/index.ts";
import { messagePack } from "../src/msgpack/index.ts";
import { GatewayDouble, type Call } from "./gateway-double.ts";
import { listen, nodeSocket, type ListeningDouble } from "./web-socket.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const examples = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, code = ""]) => code);
/** The gateways that examples find, by the codec that they speak. */
const gateways = [jsonCodec, messagePack].map((codec) => new GatewayDouble(tell, codec));
const servers = new Map<Codec, ListeningDouble>();

beforeAll(async () => {
  for (const gateway of gateways) servers.set(gateway.codec, await listen(gateway));
});
afterAll(async () => {
  for (const server of servers.values()) await server[Symbol.asyncDispose]();
});

function tell(call: Call): void {
  call.text("Once upon a time");
  const { message } = call.message.payload as { message: string };
  if (!message.startsWith("Count")) call.complete();
}

it.each(examples)("%s", async (code) => {
  vi.spyOn(console, "log").mockImplementation(() => undefined);
  const make = (options: ClientOptions) => createClient({ socket: nodeSocket, ...options });
  const body = code.replace(/^import .*$/gm, "");
  // Each example runs as a user would paste it, after the first one's imports and client.
  const needsClient = !body.includes("const client =");
  const url = servers.get(body.includes("messagePack") ? messagePack : jsonCodec)?.url ?? "";
  const given = { createClient: make, memoryStorage, url, WebSocket, decode, encode, messagePack };
  const client = make({ url });
  const names = [...Object.keys(given), ...(needsClient ? ["client"] : [])];
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the examples are text, and ours
  const run = new Function(...names, `return (async () => {${body}})()`) as (
    ...values: unknown[]
  ) => Promise<void>;
  await run(...Object.values(given), client);
  client.close();
  for (const gateway of gateways) {
    for (const connection of gateway.connections) connection.close(4501, "the example is over");
  }
});

it("has examples", () => expect(examples.length).toBeGreaterThan(5));
