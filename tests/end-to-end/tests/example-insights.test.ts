/** The example `insights`: a guide and liaison agents on the paths of older front ends, in dialect `flat`. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Browser } from "playwright-core";
import { launchBrowser } from "../support/browser.ts";
import { ofType, openPage, playInPython, startExample, type Example } from "../support/example.ts";
import { Peer, type AnyMessage } from "../support/peer.ts";

const TOKEN = "?session_token=t";
const INSIGHTS = { agent: "liaison", pillar: "insights" };

let browser: Browser;
let example: Example;
let totals: Record<"north" | "south", number>;

beforeAll(async () => {
  browser = await launchBrowser();
  example = await startExample("insights", async (folder) => {
    const files = join(folder, "files");
    await mkdir(files);
    await writeFile(join(files, "README.md"), "# Sample\n\nFigures of a test.\n");
    await writeSales(files);
    return { INSIGHTS_FOLDER: files, TRUNKLINE_WORKSPACE: files, TRUNKLINE_GUIDE_WORDS_PER_SECOND: "200" };
  });
});
afterAll(async () => {
  await browser.close();
  await example[Symbol.asyncDispose]();
});

it("streams the guide's answer in numbered pieces, and completes it", async () => {
  await using peer = await Peer.connect(example.gateway.socketUrl(`/api/ws/guide${TOKEN}`));
  peer.send({ type: "user_message", session_token: "t", agent: "guide", message: "what is this?" });
  const messages = await peer.receiveUntil("agent_complete");
  expectStream(messages, "Figures of a test.", 2);
  expect(messages.at(-1)).toMatchObject({ agent: "guide" });
  expect(ofType(messages, "session_created")).toHaveLength(1);
});

it("lists the files, analyses one, and draws what it says", async () => {
  const { file_uuid, file_name } = await firstFile();
  await using peer = await Peer.connect(example.gateway.socketUrl(`/api/ws/liaison/insights${TOKEN}`));
  peer.send({ type: "file_selected", session_token: "t", ...INSIGHTS, file_uuid, file_name });
  const messages = await peer.receiveUntil("visualization_data");
  expect(ofType(messages, "file_complete")[0]).toMatchObject({ file_uuid, file_name, data: { rows: 4 } });
  const [result] = ofType(messages, "analysis_result");
  expect(result).toMatchObject({ ...INSIGHTS, timestamp: expect.any(String) as string });
  expect((result?.data as { columns: object[] }).columns[2]).toMatchObject({
    name: "amount",
    sum: totals.north + totals.south,
  });
  const [picture] = ofType(messages, "visualization_data");
  expect(picture?.data).toEqual(ranked());
  expect((await peer.receive("visualization_data")).data).toMatchObject({ chart: "line" });

  peer.send({ type: "user_message", session_token: "t", ...INSIGHTS, message: "total amount by region" });
  const answer = await peer.receiveUntil("agent_complete");
  expectStream(answer, `north ${totals.north.toLocaleString("en")}`);
  expect(answer.at(-1)).toMatchObject(INSIGHTS);
  expect(ofType(answer, "visualization_data")[0]?.data).toEqual(ranked());
});

it("tells a client of Python other figures of another file", async () => {
  const before = totals.north;
  const { file_uuid } = await firstFile();
  await writeSales(join(example.folder, "files"));
  const scene = [
    { send: { type: "file_selected", ...INSIGHTS, file_uuid }, until: "visualization_data" },
    { send: { type: "user_message", ...INSIGHTS, message: "largest amount" }, until: "agent_complete" },
    { send: { type: "user_message", ...INSIGHTS, message: "what is love?" }, until: "error_message" },
  ];
  const messages = await playInPython(example.gateway.socketUrl(`/api/ws/liaison/insights${TOKEN}`), scene);
  expect(totals.north).not.toBe(before);
  expect(ofType(messages, "visualization_data")[0]?.data).toEqual(ranked());
  expect(messages.at(-1)).toMatchObject({
    error_code: "BAD_REQUEST",
    error_details: { code: "bad_request", retryable: false },
    message: expect.stringContaining("I can tell the sum") as string,
  });
  const refused = await playInPython(example.gateway.socketUrl(`/api/ws/liaison/insights${TOKEN}`), [
    { send: { type: "file_selected", ...INSIGHTS, file_uuid: "none" }, until: "file_error" },
  ]);
  expect(refused.at(-1)).toMatchObject({ message: "there is no file none", file_uuid: "none" });
});

it("shows all of it on its page", async () => {
  const page = await openPage(browser, example.gateway.origin);
  await page.getByTestId("ask-guide").click();
  await page.locator('[data-testid="answer"][data-state="complete"]').waitFor();
  expect(await page.getByTestId("answer").textContent()).toContain("Figures of a test.");

  await page.locator("option").first().waitFor({ state: "attached" });
  await page.getByTestId("analyse").click();
  await page.getByTestId("picture").last().waitFor();
  expect(await page.getByTestId("figures").textContent()).toContain("amount");
  const labels = await page.getByTestId("picture").last().locator("text").allTextContents();
  const { labels: names, values } = ranked();
  expect(labels).toEqual(names.flatMap((name, at) => [name, (values[at] ?? 0).toLocaleString("en")]));

  await page.getByTestId("about").fill("average amount");
  await page.getByTestId("ask-insights").click();
  await expect.poll(() => page.locator('[data-testid="answer"][data-state="complete"]').count()).toBe(2);
  const average = ((totals.north + totals.south) / 4).toLocaleString("en", { maximumFractionDigits: 2 });
  expect(await page.getByTestId("answer").first().textContent()).toContain(average.split(".")[0]);
});

it("answers a heartbeat in kind", async () => {
  await using peer = await Peer.connect(example.gateway.socketUrl(`/api/ws/guide${TOKEN}`));
  peer.send({ type: "ping", timestamp: 17 });
  expect((await peer.receiveUntil("pong")).at(-1)).toMatchObject({ timestamp: 17 });
});

/** Pieces are numbered 0, 1, 2, … and together are the text of the end. */
function expectStream(messages: readonly AnyMessage[], contained: string, fewest = 1): void {
  const pieces = ofType(messages, "agent_streaming");
  const [end] = ofType(messages, "agent_complete");
  expect(pieces.length).toBeGreaterThanOrEqual(fewest);
  expect(pieces.map(({ stream_index }) => stream_index)).toEqual(pieces.map((_, index) => index));
  expect(pieces.every(({ is_streaming }) => is_streaming === true)).toBe(true);
  expect(pieces.map(({ message }) => message).join("")).toBe(end?.message);
  expect(end).toMatchObject({ is_streaming: false, message: expect.stringContaining(contained) as string });
}

async function firstFile(): Promise<Record<"file_uuid" | "file_name", string>> {
  await using peer = await Peer.connect(example.gateway.socketUrl(`/api/ws/liaison/content${TOKEN}`));
  peer.send({ type: "user_message", agent: "liaison", pillar: "content", message: "which files are there?" });
  const answer = (await peer.receiveUntil("question_answer")).at(-1);
  const [file] = (answer?.data as { files: Record<"file_uuid" | "file_name", string>[] }).files;
  if (file === undefined) throw new Error("there is no file");
  return file;
}

/** Writes a table with random figures, and notes what they come to. */
async function writeSales(folder: string): Promise<void> {
  const amounts = Array.from({ length: 4 }, () => 1 + Math.floor(Math.random() * 100_000));
  const [a = 0, b = 0, c = 0, d = 0] = amounts;
  totals = { north: a + c, south: b + d };
  const rows = amounts.map(
    (amount, at) => `2025-0${at + 1}-01,${at % 2 === 0 ? "north" : "south"},${amount}`,
  );
  await writeFile(join(folder, "sales.csv"), ["date,region,amount", ...rows, ""].join("\n"));
}

/** The totals as a picture has them: the largest first. */
function ranked(): { chart: string; labels: string[]; values: number[] } {
  const entries = Object.entries(totals).sort(([, left], [, right]) => right - left);
  return { chart: "bar", labels: entries.map(([name]) => name), values: entries.map(([, value]) => value) };
}
