/** Clients that know nothing of Trunkline: plain WebSockets from Node.js and Python, and HTTP. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { SUPPORT_FOLDER } from "../support/environment.ts";
import { Gateway } from "../support/gateway.ts";
import { Peer, type PayloadMessage } from "../support/peer.ts";
import { outputOf } from "../support/program.ts";
import { temporaryFolder, Workspace } from "../support/workspace.ts";

const QUESTION = "read short.txt";
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

const started: AsyncDisposable[] = [];
let workspace: Workspace;
let gateway: Gateway;

beforeAll(async () => {
  const home = await temporaryFolder();
  started.push(home);
  workspace = await Workspace.create(home.path, [QUESTION]);
  gateway = await Gateway.start({ home: home.path, workspace: workspace.folder, wordsPerSecond: 1_000 });
  started.push(gateway);
});
afterAll(async () => {
  for (const part of started.reverse()) await part[Symbol.asyncDispose]();
});

it("serves a plain client of Node.js in dialect payload", async () => {
  await using peer = await Peer.connect(gateway.socketUrl("/ws"));
  expectGreeting(await peer.receive("connection_established"));
  peer.send({ type: "ping", payload: { timestamp: 17 } });
  expect(await peer.receive("pong")).toMatchObject({ payload: { timestamp: 17 } });
  peer.send({ type: "health_check" });
  expectHealth(await peer.receive("health_response"));
  peer.send({ type: "user_message", payload: { message: QUESTION }, _tl: { id: "node-1" } });
  expectAnswer(await peer.receiveUntil("llm_response"), "node-1");
});

it("tells a client of dialect payload that says hello of its run, and of every position", async () => {
  await using peer = await Peer.connect(gateway.socketUrl("/ws"));
  peer.send({ type: "hello", payload: {} });
  await peer.receiveUntil("welcome");
  peer.send({ type: "user_message", payload: { message: QUESTION }, _tl: { id: "node-2" } });
  expectRun(await peer.receiveUntil("llm_response"), "node-2");
});

it("serves a plain client of Python in dialect payload", async () => {
  const output = await outputOf("python", [join(SUPPORT_FOLDER, "peer.py"), gateway.socketUrl(""), QUESTION]);
  const said = JSON.parse(output) as Record<string, PayloadMessage> & { run: PayloadMessage[] };
  expectGreeting(said.greeting);
  expect(said.pong).toMatchObject({ type: "pong", payload: { timestamp: 17 } });
  expectHealth(said.health);
  expectAnswer(said.run, "python-1");
  expect(said.echo).toEqual({ type: "echo", message: "no JSON: {[ żółć 日本語" });
  expectHealth(said.socket_health);
});

it.each(["", "hello", '{"type":"ping"}', "{", "null", "👩‍👩‍👧‍👦 e\u0301 \u0000 \"'\\", "x".repeat(300)])(
  "echoes any text on /ws-test: %j",
  async (text) => {
    await using peer = await Peer.connect(gateway.socketUrl("/ws-test"));
    peer.send(text);
    expect(await peer.receive("echo")).toEqual({ type: "echo", message: text });
  },
);

it("answers a wrong message with an error and goes on", async () => {
  await using peer = await Peer.connect(gateway.socketUrl("/ws"));
  await peer.receive("connection_established");
  peer.send("no JSON");
  const { payload } = await peer.receive("error");
  expect(payload).toMatchObject({ error_code: "BAD_ENVELOPE", severity: "medium" });
  expect(payload?.message).toEqual(expect.any(String));
  peer.send({ type: "ping", payload: {} });
  await peer.receive("pong");
});

it("tells its health on /ws/health, to GET and to WebSockets", async () => {
  const response = await fetch(`${gateway.origin}/ws/health`);
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({
    status: "healthy",
    timestamp: expect.stringMatching(TIME) as string,
  });
  await using peer = await Peer.connect(gateway.socketUrl("/ws/health"));
  peer.send("how are you?");
  expectHealth(await peer.receive("health_response"));
});

it("lists its endpoints", async () => {
  const response = await fetch(`${gateway.origin}/api/endpoints`);
  const { endpoints, limits } = (await response.json()) as { endpoints: { path: string }[]; limits: object };
  expect(endpoints.map(({ path }) => path).sort()).toEqual(["/ws", "/ws-test", "/ws/health"]);
  expect(endpoints.find(({ path }) => path === "/ws")).toMatchObject({
    dialect: "payload",
    service: "guide",
    state: "available",
  });
  expect(limits).toMatchObject({ message_bytes_max: 1_048_576, in_flight_max: 64 });
});

it.each([
  ["/wss", "/ws"],
  ["/ws-tset", "/ws-test"],
  ["/WS/Health/", "/ws/health"],
])("names the nearest path of %s: %s", async (path, nearest) => {
  const response = await fetch(gateway.origin + path);
  expect(response.status).toBe(404);
  const { error } = (await response.json()) as { error: { code: string; details: { nearest: string[] } } };
  expect(error).toMatchObject({ code: "unknown_route", message: expect.stringContaining(nearest) as string });
  expect(error.details.nearest[0]).toBe(nearest);
  await expect(Peer.connect(gateway.socketUrl(path))).rejects.toThrow("404");
});

function expectGreeting(greeting: PayloadMessage | undefined): void {
  expect(greeting).toEqual({
    type: "connection_established",
    payload: { message: expect.any(String) as string },
  });
}

function expectHealth(health: PayloadMessage | undefined): void {
  expect(health).toMatchObject({
    type: "health_response",
    payload: { status: "healthy", timestamp: expect.stringMatching(TIME) as string },
  });
}

/** All that follows the first message of a client that said no `hello`: a session, an ack because it gave an id, and the answer. */
function expectAnswer(messages: readonly PayloadMessage[], id: string): void {
  const durable = messages.filter(({ type }) => type !== "ack" && type !== "progress");
  const [welcome, answer] = durable;
  expect(durable.map(({ type }) => type)).toEqual(["welcome", "llm_response"]);
  expect(messages.filter(({ type }) => type === "ack")).toMatchObject([{ payload: { id, level: "stored" } }]);
  expect(answer).toMatchObject({
    payload: {
      response: workspace.answer(QUESTION),
      chat_id: welcome?.payload?.session,
      model: "guide",
      processing_time: expect.any(Number) as number,
    },
    _tl: { reply_to: id },
  });
}

/** All that follows the first message of a client that said `hello`; its own message is not repeated to it. */
function expectRun(messages: readonly PayloadMessage[], id: string): void {
  const ack = messages.find(({ type }) => type === "ack");
  const [started, ...events] = messages.filter((message) => message !== ack);
  const run = ack?._tl?.run;
  expect(ack).toMatchObject({ payload: { id, level: "stored" }, _tl: { reply_to: id } });
  expect(started).toMatchObject({
    type: "run_started",
    payload: { service: "guide" },
    _tl: { reply_to: id, run },
  });
  const durable = events.filter(({ _tl }) => _tl?.pos !== undefined);
  expect(durable.at(-1)).toMatchObject({ type: "llm_response", _tl: { run, reply_to: id } });
  const texts = durable.slice(0, -1);
  expect(texts.filter(({ type }) => type !== "run_event")).toEqual([]);
  const text = texts.map(({ payload }) => payload?.text).join("");
  expect([text, durable.at(-1)?.payload?.response]).toEqual([
    workspace.answer(QUESTION),
    workspace.answer(QUESTION),
  ]);
  expectDense(durable);
}

/** Event numbers go from 0 without a gap, and each event names the position before it. */
function expectDense(events: readonly PayloadMessage[]): void {
  let next = 0;
  for (const [index, { _tl }] of events.entries()) {
    expect(_tl?.seq).toBe(next);
    next = Number(_tl?.seq_end ?? _tl?.seq) + 1;
    if (index > 0) expect(_tl?.prev).toBe(events[index - 1]?._tl?.pos);
  }
}
