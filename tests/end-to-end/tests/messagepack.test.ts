/** Bytes, from a worker in Python to clients of either codec and back, through a resume and a restart. */
import { decode, encode } from "@msgpack/msgpack";
import { createClient, type Envelope, type Run, type RunEvent } from "@trunkline/client";
import { messagePack } from "@trunkline/client/msgpack";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WebSocket } from "ws";
import { SUPPORT_FOLDER } from "../support/environment.ts";
import { Gateway } from "../support/gateway.ts";
import { openSocket } from "../support/packed-socket.ts";
import { outputOf } from "../support/program.ts";
import { temporaryFolder, Workspace } from "../support/workspace.ts";

const IMAGE = Uint8Array.from({ length: 256 }, (_, index) => index);
const SKETCH = new Uint8Array([0, 255]);
/** What JSON has for the other types, in either codec. */
const OTHERS = {
  at: "2026-01-02T03:04:05.678000Z",
  id: "12345678-90ab-cdef-1234-567890abcdef",
  cost: "1.50",
  vector: [[1.5, -2]],
};
const TYPES = { image: "bytes", at: "datetime", id: "UUID", cost: "Decimal", vector: "ndarray" };

const started: AsyncDisposable[] = [];
let gateway: Gateway;

beforeAll(async () => {
  const home = await temporaryFolder();
  started.push(home);
  const workspace = await Workspace.create(home.path, []);
  const more = `
[[route]]
path = "/rich"
service = "rich"

[[worker]]
name = "rich"
command = ["trunkline-worker", "rich_worker.py:worker"]
directory = ${JSON.stringify(SUPPORT_FOLDER)}
`;
  gateway = await Gateway.start({
    home: home.path,
    workspace: workspace.folder,
    wordsPerSecond: 1_000,
    more,
  });
  started.push(gateway);
});
afterAll(async () => {
  for (const part of started.reverse()) await part[Symbol.asyncDispose]();
});

it("serves a plain client of Python in MessagePack, through a resume", async () => {
  const output = await outputOf("python", [
    join(SUPPORT_FOLDER, "packed_peer.py"),
    gateway.socketUrl("/rich"),
  ]);
  const image = { image: Buffer.from(IMAGE).toString("hex"), sketch: "00ff", ...OTHERS };
  expect(JSON.parse(output)).toEqual({
    own: { sketch: "00ff" },
    text: "a bytes: ",
    live: image,
    types: TYPES,
    verdict: "resumed",
    again: image,
    end: { result: null },
  });
});

it("serves a plain client of Node.js in MessagePack, and one in JSON beside it", async () => {
  const packed = new WebSocket(gateway.socketUrl("/rich"), ["trunkline.v1.msgpack"]);
  await new Promise((resolve, reject) => packed.once("open", resolve).once("error", reject));
  const received: Envelope[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    packed.on("close", (code) => reject(new Error(`closed with ${code}`)));
    packed.on("message", (data: Buffer, isBinary) => {
      expect(isBinary).toBe(true);
      const message = decode(new Uint8Array(data)) as Envelope;
      received.push(message);
      if (message.type === "run_completed") resolve();
    });
  });
  packed.send(encode({ type: "hello" }));
  packed.send(encode({ type: "user_message", id: "n1", payload: { sketch: SKETCH } }));
  await ended;
  expect(received.find(({ type }) => type === "image")?.payload).toEqual({
    image: IMAGE,
    sketch: SKETCH,
    ...OTHERS,
  });
  expect(received.find(({ type }) => type === "types")?.payload).toEqual(TYPES);
  const { session, secret } = received.find(({ type }) => type === "welcome")?.payload as Record<
    string,
    string
  >;
  packed.removeAllListeners("close").close();

  const events = await replayed({ id: String(session), secret: String(secret) });
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
  expect(events).toContainEqual({
    kind: "event",
    type: "image",
    payload: { image: base64(IMAGE), sketch: base64(SKETCH), ...OTHERS },
  });
});

it("gives its own client bytes, also of a session from before a restart", async () => {
  const storage = memory();
  const options = { url: gateway.socketUrl("/rich"), codec: messagePack, socket: openSocket, storage };
  const client = createClient(options);
  const run = client.run({ sketch: SKETCH });
  const events = await eventsOf(run);
  const image = { kind: "event", type: "image", payload: { image: IMAGE, sketch: SKETCH, ...OTHERS } };
  expect(events).toContainEqual(image);
  client.close();

  await gateway.stop();
  await gateway.restart();
  const later = createClient(options);
  const replay = new Promise<RunEvent[]>((resolve) =>
    later.onRun((replayed) => void eventsOf(replayed).then(resolve)),
  );
  later.connect();
  expect(await replay).toContainEqual(image);
  later.close();
});

/** The events of a session's run, as a client that speaks JSON is given them. */
async function replayed(session: { id: string; secret: string }): Promise<RunEvent[]> {
  const client = createClient({ url: gateway.socketUrl("/rich"), socket: openSocket, session });
  const events = await new Promise<RunEvent[]>((resolve) => {
    client.onRun((run) => void eventsOf(run).then(resolve));
    client.connect();
  });
  client.close();
  return events;
}

async function eventsOf(run: Run): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  for await (const event of run) events.push(event);
  return events;
}

function memory() {
  const items = new Map<string, string>();
  return {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
    removeItem: (key: string) => void items.delete(key),
  };
}
