/** Real clients on a route that compresses: all agree to it, and what they are told survives. */
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WebSocket as NodeSocket } from "ws";
import { launchBrowser } from "../support/browser.ts";
import { SUPPORT_FOLDER } from "../support/environment.ts";
import { Gateway } from "../support/gateway.ts";
import { outputOf } from "../support/program.ts";
import { temporaryFolder, Workspace } from "../support/workspace.ts";

const QUESTION = "read long.txt";
const AGREED = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/** What a client saw. */
interface Seen {
  extensions: string;
  /** The client's own message, as it is told of it. */
  own: string;
  answer: string;
  /** The length of all messages. */
  characters: number;
}

const started: AsyncDisposable[] = [];
let browser: Browser;
let workspace: Workspace;
let gateway: Gateway;

beforeAll(async () => {
  browser = await launchBrowser();
  const home = await temporaryFolder();
  started.push(home);
  workspace = await Workspace.create(home.path, [QUESTION]);
  const more = '[[route]]\npath = "/compressed"\nservice = "guide"\ncompress = true\n';
  gateway = await Gateway.start({
    home: home.path,
    workspace: workspace.folder,
    wordsPerSecond: 1_000,
    more,
  });
  started.push(gateway);
});
afterAll(async () => {
  await browser.close();
  for (const part of started.reverse()) await part[Symbol.asyncDispose]();
});

it("compresses for the package ws of Node.js", async () => {
  const options = { perMessageDeflate: { threshold: 0 } };
  const socket = new NodeSocket(gateway.socketUrl("/compressed"), ["trunkline.v1.json"], options);
  let onTheWire = 0;
  socket.on("upgrade", ({ socket: stream }) =>
    stream.on("data", (chunk: Buffer) => (onTheWire += chunk.length)),
  );
  const seen = await converse({ question: QUESTION, socket: socket as unknown as WebSocket });
  expectAnswer(seen, "permessage-deflate");
  expect(onTheWire).toBeGreaterThan(0);
  expect(onTheWire).toBeLessThan(seen.characters);
});

it("compresses for the package websockets of Python, as it is without options", async () => {
  const program = [join(SUPPORT_FOLDER, "compressed_peer.py"), gateway.socketUrl("/compressed"), QUESTION];
  const seen = JSON.parse(await outputOf("python", program)) as Seen;
  expectAnswer(seen, "permessage-deflate, 15 bits, no context");
});

it("compresses for Chromium", async () => {
  const page = await browser.newPage();
  await page.goto(`${gateway.origin}/`);
  const seen = await page.evaluate(converse, { question: QUESTION, url: gateway.socketUrl("/compressed") });
  expectAnswer(seen, AGREED);
});

function expectAnswer(seen: Seen, extensions: string): void {
  expect(seen.extensions).toBe(extensions);
  expect([seen.own, seen.answer]).toEqual([QUESTION, workspace.answer(QUESTION)]);
}

/** Asks on a socket, or on a new one, and gives what came. It runs in the page, too, so it uses nothing from here. */
async function converse(given: { question: string; url?: string; socket?: WebSocket }): Promise<Seen> {
  const { question, url = "", socket = new WebSocket(url, ["trunkline.v1.json"]) } = given;
  const seen: Seen = { extensions: "", own: "", answer: "", characters: 0 };
  await new Promise<void>((resolve, reject) => {
    socket.onclose = ({ code }) => reject(new Error(`closed with ${code}`));
    socket.onopen = () => {
      seen.extensions = socket.extensions;
      socket.send(JSON.stringify({ type: "hello" }));
      socket.send(JSON.stringify({ type: "user_message", id: "m1", payload: { message: question } }));
    };
    socket.onmessage = ({ data }: MessageEvent<string>) => {
      seen.characters += data.length;
      const { type, payload } = JSON.parse(data) as {
        type: string;
        payload?: { message?: string; text?: string };
      };
      if (type === "user_message") seen.own = payload?.message ?? "";
      if (type === "run_event") seen.answer += payload?.text ?? "";
      if (type === "run_completed") resolve();
    };
  });
  socket.onclose = null;
  socket.close();
  return seen;
}
