/** The example `assistant`: vision, voice and automation on the paths of older front ends, in dialect `open`. */
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Browser } from "playwright-core";
import { launchBrowser } from "../support/browser.ts";
import { ofType, openPage, playInPython, startExample, type Example } from "../support/example.ts";
import { Peer, type AnyMessage } from "../support/peer.ts";
import { tone } from "../support/sound.ts";

/** A picture of a page needs a browser of its own. */
const LOOK_MS_MAX = 25_000;
const WORDS = ["amber", "bridge", "candle", "engine", "forest", "garden", "harbour", "island"];

let browser: Browser;
let example: Example;

beforeAll(async () => {
  browser = await launchBrowser();
  example = await startExample("assistant", async (folder) => {
    const own = { VISION_FOLDER: "pages", VOICE_FOLDER: "sounds", AUTOMATION_FOLDER: "inbox" };
    const folders = Object.entries(own).map(([name, below]) => [name, join(folder, below)] as const);
    for (const [, path] of folders) await mkdir(path);
    await writeFile(join(folder, "sounds", "low.wav"), Buffer.from(tone(120, 0.5, 0.5), "base64"));
    return Object.fromEntries(folders);
  });
  await desk(["Nothing yet"]);
});
afterAll(async () => {
  await browser.close();
  await example[Symbol.asyncDispose]();
});

it("sees on a page what is there, and then what changed", async () => {
  const [first, second] = [word(), word()];
  await using peer = await Peer.connect(example.gateway.socketUrl("/ws/vision"));
  expect(await peer.receive("connected")).toMatchObject({
    route: "/ws/vision",
    capabilities: ["vision", "monitoring"],
    clientId: expect.any(String) as string,
  });
  await desk([`The ${first} is overdue`]);
  peer.send({ type: "request_workspace_analysis" });
  const seen = analysis(await peer.receiveUntil("workspace_analysis", LOOK_MS_MAX));
  expect(seen.text).toBe(`The ${first} is overdue`);
  expect(seen.attention).toEqual([`The ${first} is overdue`]);

  await desk([`The ${second} is paid`]);
  peer.send({ type: "request_workspace_analysis", page: "desk.html" });
  const again = analysis(await peer.receiveUntil("workspace_analysis", LOOK_MS_MAX));
  expect(again.changes).toEqual({ added: [`The ${second} is paid`], removed: [`The ${first} is overdue`] });
  expect(again.attention).toEqual([]);
});

it("hears how high and how loud a sound is", async () => {
  const [frequency, amplitude] = [100 + Math.round(500 * Math.random()), 0.1 + 0.8 * Math.random()];
  await using peer = await Peer.connect(example.gateway.socketUrl("/ws/voice"));
  peer.send({ type: "request_voice_analysis", audio: tone(frequency, amplitude, 0.5) });
  const heard = (await peer.receiveUntil("voice_analysis")).at(-1);
  expect(Number(heard?.pitch_hz) / frequency).toBeCloseTo(1, 1);
  expect(Number(heard?.level_dbfs)).toBeCloseTo(20 * Math.log10(amplitude / Math.SQRT2), 0);

  peer.send({ type: "request_voice_analysis", file: "low.wav" });
  expect((await peer.receiveUntil("voice_analysis")).at(-1)).toMatchObject({
    file: "low.wav",
    pitch_hz: expect.closeTo(120, 0) as number,
  });
  peer.send({ type: "request_voice_analysis", audio: "bm8gc291bmQ=" });
  const error = (await peer.receiveUntil("error")).at(-1);
  expect(error).toMatchObject({ message: expect.stringContaining("no uncompressed WAV") as string });
  expect(error?.error).toBe(error?.message);
});

it("serves a client of Python on all paths, and on one connection", async () => {
  await inbox({ "a.txt": "same", "b.txt": "same", "c.csv": "x\n1\n" });
  const scene = [
    { send: { type: "start_workflow", workflow: "tidy" }, until: "workflow_approval_required" },
    {
      send: { type: "workflow_approval", workflow_id: "$workflow_id", approved: true },
      until: "workflow_completed",
    },
  ];
  const messages = await playInPython(example.gateway.socketUrl("/ws/automation"), scene);
  expect(ofType(messages, "workflow_approval_required")[0]).toMatchObject({
    action: "delete_file",
    details: { same_as: { "texts/b.txt": "texts/a.txt" } },
  });
  expect(messages.at(-1)).toMatchObject({ total_steps: 4, results: { kept: 2, deleted: 1 } });
  expect((await readdir(join(example.folder, "inbox"))).sort()).toEqual(["index.md", "tables", "texts"]);
  expect(await readdir(join(example.folder, "inbox", "texts"))).toEqual(["a.txt"]);

  const both = await playInPython(example.gateway.socketUrl("/ws"), [
    { send: { type: "request_voice_analysis", file: "low.wav" }, until: "voice_analysis" },
    { send: { type: "start_workflow", workflow: "tidy" }, until: "workflow_failed" },
  ]);
  expect(both.at(-1)).toMatchObject({ error: "the inbox is empty", failed_step: 1 });
});

it("shows all of it on its page", async () => {
  const [shown, pitch] = [word(), 200];
  await desk([`Call the ${shown} today`]);
  await inbox({ "one.png": "1", "two.png": "1" });
  const page = await openPage(browser, example.gateway.origin);
  await page.getByTestId("look").click();
  await page.getByTestId("seen").waitFor({ timeout: LOOK_MS_MAX });
  expect(await page.getByTestId("text").textContent()).toBe(`Call the ${shown} today`);

  await page.getByTestId("pitch").fill(String(pitch));
  await page.getByTestId("measure").click();
  await page.getByTestId("heard").waitFor();
  expect(await page.getByTestId("heard").textContent()).toContain(`about ${pitch} Hz`);

  await page.getByTestId("tidy").click();
  await page.getByTestId("deny").click();
  await page.locator('[data-testid="workflow"][data-state="cancelled"]').waitFor();
  expect((await readdir(join(example.folder, "inbox", "pictures"))).sort()).toEqual(["one.png", "two.png"]);
});

it("finds the path that was meant", async () => {
  const response = await fetch(`${example.gateway.origin}/vision/ws/vision`);
  expect(response.status).toBe(404);
  expect(await response.text()).toContain("/ws/vision");
});

/** Writes the page that is looked at. */
async function desk(lines: readonly string[]): Promise<void> {
  const body = lines.map((line) => `<p>${line}</p>`).join("");
  const style = "font: 32px DejaVu Sans, sans-serif; margin: 48px";
  const page = `<!doctype html><meta charset="utf-8"><body style="${style}">${body}</body>`;
  await writeFile(join(example.folder, "pages", "desk.html"), page);
}

/** Puts files into the inbox. */
async function inbox(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files))
    await writeFile(join(example.folder, "inbox", name), text);
}

/** A random word that the reader cannot mistake for another. */
function word(): string {
  const taken = WORDS.splice(Math.floor(Math.random() * WORDS.length), 1);
  return taken[0] ?? "word";
}

function analysis(messages: readonly AnyMessage[]): Record<string, unknown> {
  return messages.at(-1)?.analysis as Record<string, unknown>;
}
