/** The example `reasoning`: agents that search and evolve, with an older front end's events, in dialect `data`. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Browser } from "playwright-core";
import { launchBrowser } from "../support/browser.ts";
import { ofType, openPage, playInPython, startExample, type Example } from "../support/example.ts";
import { Peer, type AnyMessage } from "../support/peer.ts";

/** Searching takes its time on a busy machine. */
const SEARCH_MS_MAX = 25_000;
const PUZZLE = "reach 788 with 6 7 8 9 25 50";
const ENDLESS = { problem: "reach 9999 with 1 2 3 4 5 6 7 8", parameters: { max_depth: 7, branches: 1000 } };

let browser: Browser;
let example: Example;

beforeAll(async () => {
  browser = await launchBrowser();
  example = await startExample("reasoning", () => Promise.resolve({}));
});
afterAll(async () => {
  await browser.close();
  await example[Symbol.asyncDispose]();
});

it("answers a chat message with the agent that was asked", async () => {
  await using peer = await Peer.connect(example.gateway.socketUrl("/ws"));
  expect(await peer.receive("connection_status")).toMatchObject({ data: { status: "connected" } });
  const [left, right] = [2 + Math.floor(Math.random() * 4_000), 2 + Math.floor(Math.random() * 4_000)];
  const said = async (agentId: string, content: string) => {
    peer.send(chatMessage(agentId, content));
    const messages = await peer.receiveUntil("chat_response", SEARCH_MS_MAX);
    for (const { data } of ofType(messages, "typing_indicator")) expect(data).toMatchObject({ agentId });
    return (messages.at(-1)?.data as { message: unknown }).message;
  };
  expect(await said("general", `${left} * ${right}`)).toEqual({
    id: expect.any(String) as string,
    type: "agent",
    content: `${left} * ${right} = ${left * right}`,
    agentId: "general",
    metadata: { processing_time: expect.any(Number) as number, confidence: 1, reasoning_path: [] },
  });
  expect(await said("reasoning", `reach ${left + right} with ${left} ${right}`)).toMatchObject({
    agentId: "reasoning",
    metadata: { reasoning_path: [expect.stringMatching(new RegExp(`= ${left + right}$`)) as string] },
  });
  expect(await said("coding", `import name${left}`)).toMatchObject({
    content: expect.stringContaining(`\`name${left}\` is imported and never used`) as string,
  });
});

it("reasons step by step, as deep and as broad as it is told", async () => {
  await using peer = await Peer.connect(example.gateway.socketUrl("/ws"));
  const reason = async (parameters: object) => {
    peer.send({ type: "start_reasoning", data: { agent_id: "reasoning", problem: PUZZLE, parameters } });
    return peer.receiveUntil("reasoning_complete", SEARCH_MS_MAX);
  };
  const broad = await reason({ max_depth: 5, branches: 12 });
  const updates = ofType(broad, "reasoning_update").map(({ data }) => data as Record<string, unknown>);
  expect(updates.map(({ step }) => step)).toEqual(updates.map((_, index) => index + 1));
  expect(updates.at(-1)).toMatchObject({ progress: 1 });
  expect(broad.at(-1)?.data).toMatchObject({ run_id: updates[0]?.run_id, result: { solved: true } });
  const narrow = await reason({ max_depth: 5, branches: 2 });
  expect(narrow.at(-1)?.data).toMatchObject({ result: { solved: false, stopped: false } });
});

it("stops reasoning, from the same connection, while it is at work", async () => {
  await using peer = await Peer.connect(example.gateway.socketUrl("/ws"));
  peer.send({ type: "start_reasoning", data: ENDLESS });
  const first = (await peer.receiveUntil("reasoning_update")).at(-1);
  peer.send({ type: "stop_reasoning", data: { run_id: runOf(first) } });
  const last = (await peer.receiveUntil("reasoning_complete", SEARCH_MS_MAX)).at(-1);
  expect(last?.data).toMatchObject({ run_id: runOf(first), result: { solved: false, stopped: true } });
});

it("evolves, and stops evolving", async () => {
  await using peer = await Peer.connect(example.gateway.socketUrl("/ws"));
  peer.send({
    type: "start_evolution",
    data: { parameters: { population_size: 6, generations: 3, mutation_rate: 0.5, seed: 5 } },
  });
  const whole = await peer.receiveUntil("evolution_complete", SEARCH_MS_MAX);
  const progress = ofType(whole, "evolution_progress").map(({ data }) => data as Record<string, unknown>);
  const generations = progress.map(({ generation }) => Number(generation));
  expect(generations.length).toBeGreaterThan(0); // A state may be skipped, but none comes late.
  expect(generations).toEqual([...new Set(generations)].sort((left, right) => left - right));
  expect(whole.at(-1)?.data).toMatchObject({
    run_id: progress[0]?.run_id,
    stopped: false,
    improvement: { solved_before: expect.any(Number) as number, solved_after: expect.any(Number) as number },
  });

  peer.send({ type: "start_evolution", data: { parameters: { population_size: 64, generations: 200 } } });
  const first = (await peer.receiveUntil("evolution_progress", SEARCH_MS_MAX)).at(-1);
  peer.send({ type: "stop_evolution", data: { run_id: runOf(first) } });
  const last = (await peer.receiveUntil("evolution_complete", SEARCH_MS_MAX)).at(-1);
  expect(last?.data).toMatchObject({ run_id: runOf(first), stopped: true });
});

it("serves a client of Python, errors included", async () => {
  const scene = [
    { send: { type: "ping" }, until: "pong" },
    { send: { type: "request_system_metrics", data: {} }, until: "system_metrics" },
    {
      send: {
        type: "start_reasoning",
        data: { problem: "measure 4 l with jugs of 3 5", parameters: { max_depth: 8 } },
      },
      until: "reasoning_complete",
    },
    { send: { type: "stop_reasoning", data: { run_id: "$run_id" } }, until: "error" },
  ];
  const messages = await playInPython(example.gateway.socketUrl("/ws"), scene);
  expect(ofType(messages, "system_metrics")[0]?.data).toMatchObject({
    cpu: expect.any(Number) as number,
    memory: expect.any(Number) as number,
  });
  expect(ofType(messages, "reasoning_complete")[0]?.data).toMatchObject({ result: { solved: true } });
  expect(messages.at(-1)?.data).toMatchObject({
    message: expect.stringContaining("that could be stopped") as string,
  });
});

it("shows all of it on its page", async () => {
  const page = await openPage(browser, example.gateway.origin);
  const [left, right] = [Math.floor(Math.random() * 1e6), Math.floor(Math.random() * 1e6)];
  await page.getByTestId("content").fill(`${left} + ${right}`);
  await page.getByTestId("send").click();
  await page.getByTestId("general").waitFor();
  expect(await page.getByTestId("general").textContent()).toBe(`${left} + ${right} = ${left + right}`);

  await page.getByTestId("start-reasoning").click();
  await page.getByTestId("result").waitFor({ timeout: SEARCH_MS_MAX });
  expect(await page.getByTestId("result").textContent()).toMatch(/= 788$/);
  expect(await page.getByTestId("step-1").count()).toBe(1);

  await page.getByTestId("population").fill("64");
  await page.getByTestId("generations").fill("200");
  await page.getByTestId("start-evolution").click();
  await page
    .getByTestId("fitness")
    .locator("polyline")
    .waitFor({ state: "attached", timeout: SEARCH_MS_MAX });
  await page.getByTestId("stop-evolution").click();
  await page.getByTestId("evolved").waitFor({ timeout: SEARCH_MS_MAX });
  expect(await page.getByTestId("evolved").textContent()).toContain("(stopped)");

  await page.getByTestId("ask-metrics").click();
  await expect.poll(() => page.getByTestId("metrics").textContent()).toMatch(/processor .* %, memory .* %/);
});

function chatMessage(agentId: string, content: string): object {
  return {
    type: "chat_message",
    data: { message: { content, agentId, timestamp: new Date().toISOString() } },
  };
}

function runOf(message: AnyMessage | undefined): unknown {
  return (message?.data as { run_id: unknown } | undefined)?.run_id;
}
