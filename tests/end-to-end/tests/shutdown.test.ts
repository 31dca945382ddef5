/** What SIGTERM does to a gateway: it ends in time, leaves no process behind, and loses nothing that was finished. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launchBrowser } from "../support/browser.ts";
import { isRunning } from "../support/program.ts";
import { play } from "../support/stage.ts";

/** What a gateway grants workers and clients after its runs: 3 s and 2 s, and 1 s for a busy machine. */
const AFTER_DRAIN_MS_MAX = 6_000;
const STOPPED = { code: 0, signal: null };

const LONG = "read long.txt";
let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

it("ends at once when nothing runs, and the page comes back after a restart", async () => {
  await play(
    browser,
    { questions: ["help"], wordsPerSecond: 1_000 },
    async ({ workspace, gateway, openTab }) => {
      const tab = await openTab();
      await tab.ask("help");
      await tab.answered(0, "completed");
      const worker = gateway.workerPid;
      const { tookMs, ...ending } = await gateway.stop();
      expect(ending).toEqual(STOPPED);
      expect(tookMs).toBeLessThan(AFTER_DRAIN_MS_MAX);
      expect(isRunning(worker)).toBe(false);

      await gateway.restart();
      await tab.connected();
      await tab.ask("help");
      await tab.answered(1, "completed");
      expect([await tab.text(0), await tab.text(1)]).toEqual(Array(2).fill(workspace.answer("help")));
    },
  );
});

it("finishes an answer before it ends, where there is time", async () => {
  await play(
    browser,
    { questions: [LONG], wordsPerSecond: 200, drain: "20s" },
    async ({ workspace, gateway, openTab }) => {
      const tab = await openTab();
      await tab.ask(LONG);
      const shown = await tab.textBeyond(0, 50);
      const worker = gateway.workerPid;
      const { tookMs, ...ending } = await gateway.stop();
      expect(ending).toEqual(STOPPED);
      expect(tookMs).toBeLessThan(20_000);
      expect(isRunning(worker)).toBe(false);
      expect(shown).not.toBe(workspace.answer(LONG));

      await gateway.restart();
      await tab.answered(0, "completed");
      expect(await tab.text(0)).toBe(workspace.answer(LONG));
    },
  );
});

it("cuts an answer off when the time is over, and says so", async () => {
  await play(
    browser,
    { questions: [LONG], wordsPerSecond: 10, drain: "1s" },
    async ({ workspace, gateway, openTab }) => {
      const tab = await openTab();
      await tab.ask(LONG);
      const shown = await tab.textBeyond(0, 50);
      const worker = gateway.workerPid;
      const { tookMs, ...ending } = await gateway.stop();
      expect(ending).toEqual(STOPPED);
      expect(tookMs).toBeLessThan(1_000 + AFTER_DRAIN_MS_MAX);
      expect(isRunning(worker)).toBe(false);

      await gateway.restart();
      await tab.answered(0, "failed");
      const text = await tab.text(0);
      expect(text.startsWith(shown)).toBe(true);
      expect(workspace.answer(LONG).startsWith(text)).toBe(true);
    },
  );
});
