/** The example `goals`: a front end of dialect `payload`, real commands, approvals. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import type { Browser } from "playwright-core";
import { launchBrowser } from "../support/browser.ts";
import { ofType, openPage, playInPython, startExample, type Example } from "../support/example.ts";
import { Peer, type AnyMessage } from "../support/peer.ts";

const STEP = [
  "workflow_step_started",
  "command_execution_start",
  "command_execution_end",
  "workflow_step_completed",
];
const ARCHIVE = { type: "user_message", payload: { message: "archive the logs" } };

let browser: Browser;
let example: Example;
let files: string;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());
beforeEach(async () => {
  example = await startExample("goals", async (folder) => {
    files = join(folder, "files");
    await mkdir(files);
    await writeFile(join(files, "a.log"), "one\ntwo\n");
    await writeFile(join(files, "b.log"), "three\n");
    await writeFile(join(files, "notes.txt"), "four five six\n");
    return { GOALS_FOLDER: files };
  });
});
afterEach(() => example[Symbol.asyncDispose]());

it("packs and deletes after the person has approved on the page", async () => {
  const page = await openPage(browser, example.gateway.origin);
  await page.getByTestId("message").fill("Please archive the logs");
  await page.getByTestId("send").click();
  await page.getByTestId("approval").waitFor();
  expect(await page.getByTestId("step").count()).toBe(4);
  expect(await page.getByTestId("command").allTextContents()).toEqual([
    expect.stringContaining("2 a.log") as string,
    expect.stringContaining("$ tar -czf logs.tar.gz -- a.log b.log") as string,
    expect.stringContaining("a.log\nb.log") as string,
  ]);
  expect(await readdir(files)).toEqual(expect.arrayContaining(["a.log", "b.log"]));
  await page.getByTestId("approve").click();
  await page.locator('[data-testid="workflow"][data-state="completed"]').waitFor();
  expect((await readdir(files)).sort()).toEqual(["logs.tar.gz", "notes.txt"]);
});

it("deletes nothing where the person denies", async () => {
  const page = await openPage(browser, example.gateway.origin);
  await page.getByTestId("message").fill("archive the logs");
  await page.getByTestId("send").click();
  await page.getByTestId("deny").click();
  await page.locator('[data-testid="workflow"][data-state="cancelled"]').waitFor();
  expect(await page.getByTestId("outcome").textContent()).toBe("Cancelled at step 4");
  expect(await readdir(files)).toContain("a.log");
});

it("asks a client of Node.js, and takes its answer from another connection", async () => {
  await using peer = await Peer.connect(example.gateway.socketUrl("/ws"));
  peer.send(ARCHIVE);
  const asked = own(await peer.receiveUntil("workflow_approval_required"));
  expect(asked.map(({ type }) => type)).toEqual([
    "goal_received",
    "plan_ready",
    ...STEP,
    ...STEP,
    ...STEP,
    "workflow_approval_required",
  ]);
  const question = asked.at(-1)?.payload;
  expect(question).toMatchObject({ action: "delete_file", details: { files: ["a.log", "b.log"] } });

  await using other = await Peer.connect(example.gateway.socketUrl("/ws"));
  other.send({
    type: "workflow_approval",
    payload: { workflow_id: question?.workflow_id, approved: true, message: "Approved by user" },
  });
  const done = own(await other.receiveUntil("goal_completed"));
  expect(done.map(({ type }) => type)).toEqual([...STEP, "workflow_completed", "goal_completed"]);
  expect(done.at(-1)?.payload).toMatchObject({ results: { status: "success" } });
  expect((await readdir(files)).sort()).toEqual(["logs.tar.gz", "notes.txt"]);
});

it("keeps a question over kill -9 of the gateway and of the worker", async () => {
  await using peer = await Peer.connect(example.gateway.socketUrl("/ws"));
  peer.send(ARCHIVE);
  const question = (await peer.receiveUntil("workflow_approval_required")).at(-1)?.payload;
  process.kill(example.gateway.workerPid, "SIGKILL");
  await example.gateway.kill();
  await example.gateway.restart();
  await using later = await Peer.connect(example.gateway.socketUrl("/ws"));
  later.send({ type: "workflow_approval", payload: { workflow_id: question?.workflow_id, approved: true } });
  const done = await later.receiveUntil("goal_completed");
  expect(ofType(done, "workflow_completed")[0]?.payload).toMatchObject({
    total_steps: 4,
    results: { deleted: ["a.log", "b.log"] },
  });
});

it("serves a client of Python, whose answer depends on the files", async () => {
  const report = [
    {
      send: { type: "user_message", payload: { message: "report about the notes" } },
      until: "goal_completed",
    },
  ];
  const first = await playInPython(example.gateway.socketUrl("/ws"), report);
  expect(ofType(first, "workflow_completed")[0]?.payload).toMatchObject({
    results: { words: { "notes.txt": 3 } },
  });
  await writeFile(join(files, "notes.txt"), "one more word than before\n");
  const second = await playInPython(example.gateway.socketUrl("/ws"), report);
  expect(ofType(second, "workflow_completed")[0]?.payload).toMatchObject({
    results: { words: { "notes.txt": 5 } },
  });
  expect(await readFile(join(files, "report.md"), "utf8")).toContain("| notes.txt | 5 |");
});

it("fails in the open where a step cannot be done", async () => {
  await writeFile(join(files, "logs.tar.gz"), "in the way");
  const messages = await playInPython(example.gateway.socketUrl("/ws"), [
    { send: ARCHIVE, until: "goal_completed" },
  ]);
  expect(ofType(messages, "workflow_failed")[0]?.payload).toMatchObject({
    error: "logs.tar.gz is there already",
    failed_step: 2,
    total_steps: 4,
  });
});

it("answers what it calculates, and tells how the machine is", async () => {
  await using peer = await Peer.connect(example.gateway.socketUrl("/ws"));
  const [left, right] = [Math.floor(Math.random() * 1e6), Math.floor(Math.random() * 1e6)];
  peer.send({ type: "user_message", payload: { message: `what is ${left} * ${right}?`, chat_id: "c7" } });
  const answer = (await peer.receiveUntil("llm_response")).at(-1)?.payload;
  expect(answer).toMatchObject({ response: `${left} * ${right} = ${left * right}`, chat_id: "c7" });
  peer.send({ type: "diagnostics", payload: {} });
  const { payload } = (await peer.receiveUntil("diagnostics_report")).at(-1) ?? {};
  expect(payload).toMatchObject({
    system: { cpu_usage: expect.any(Number) as number },
    services: { tar: "healthy" },
  });
});

/** What the application says: without what the gateway says about itself, and without state that may be skipped. */
function own(messages: readonly AnyMessage[]): AnyMessage[] {
  const gateways = [
    "connection_established",
    "welcome",
    "ack",
    "user_message",
    "workflow_approval",
    "run_started",
    "progress",
  ];
  return messages.filter(({ type }) => !gateways.includes(type));
}
