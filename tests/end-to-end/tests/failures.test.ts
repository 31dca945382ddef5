/** What a person sees when sockets, gateways and workers are lost in the middle of an answer. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launchBrowser, type ChatTab } from "../support/browser.ts";
import { play } from "../support/stage.ts";
import type { Workspace } from "../support/workspace.ts";

/** How soon a run whose worker is lost must end: the worker's 30 s to come back, and some for a busy machine. */
const LOST_WITHIN_MS = 35_000;
const CUTS = 4;

const LONG = "read long.txt";
const SHORT = "read short.txt";
let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

it("goes on to the character when its socket is cut again and again", async () => {
  await play(browser, { questions: [LONG], wordsPerSecond: 60 }, async ({ workspace, openTab }) => {
    const tab = await openTab();
    await tab.ask(LONG);
    let shown = "";
    for (let cut = 0; cut < CUTS; cut++) {
      shown = await tab.textBeyond(0, shown.length);
      await tab.cut();
      await tab.connected();
    }
    expect(shown).not.toBe(workspace.answer(LONG));
    await tab.answered(0, "completed");
    await expectGrowth(tab, workspace);
    expect(await tab.reconnects()).toBe(CUTS);
  });
});

it("goes on to the character when the gateway is killed and started again, because the worker lives", async () => {
  await play(browser, { questions: [LONG], wordsPerSecond: 60 }, async ({ workspace, gateway, openTab }) => {
    const tab = await openTab();
    await tab.ask(LONG);
    const shown = await tab.textBeyond(0, 200);
    await gateway.kill();
    await gateway.restart();
    await tab.connected();
    await tab.textBeyond(0, shown.length);
    await tab.answered(0, "completed");
    await expectGrowth(tab, workspace);
    expect(gateway.log.matches(/its worker came back/)).toHaveLength(1);

    const later = await openTab();
    await later.answered(0, "completed");
    expect(await later.conversation()).toEqual(await tab.conversation());
  });
});

it("says that an answer is lost when gateway and worker are both killed", { timeout: 90_000 }, async () => {
  await play(
    browser,
    { questions: [LONG, SHORT], wordsPerSecond: 60 },
    async ({ workspace, gateway, openTab }) => {
      const tab = await openTab();
      await tab.ask(LONG);
      const shown = await tab.textBeyond(0, 200);
      const lost = gateway.workerPid;
      await gateway.kill();
      process.kill(lost, "SIGKILL");
      await gateway.restart();
      await tab.answered(0, "failed", LOST_WITHIN_MS);
      await expectLost(tab, workspace, shown);

      await tab.ask(SHORT);
      await tab.answered(1, "completed");
      expect(await tab.text(1)).toBe(workspace.answer(SHORT));
    },
  );
});

it("says that an answer is lost when its worker is killed, and answers the next one", async () => {
  await play(
    browser,
    { questions: [LONG, SHORT], wordsPerSecond: 60 },
    async ({ workspace, gateway, openTab }) => {
      const tab = await openTab();
      await tab.ask(LONG);
      const shown = await tab.textBeyond(0, 200);
      const lost = gateway.workerPid;
      process.kill(lost, "SIGKILL");
      await tab.answered(0, "failed");
      await expectLost(tab, workspace, shown);

      await tab.ask(SHORT);
      await tab.answered(1, "completed");
      expect(await tab.text(1)).toBe(workspace.answer(SHORT));
      expect(gateway.workerPid).not.toBe(lost);
    },
  );
});

/** The answer is complete, and every text that was ever shown of it is a part of the next. */
async function expectGrowth(tab: ChatTab, workspace: Workspace): Promise<void> {
  expect(await tab.text(0)).toBe(workspace.answer(LONG));
  const texts = await tab.texts(0);
  expect(texts.filter((text, index) => !text.startsWith(texts[index - 1] ?? ""))).toEqual([]);
  expect(texts.at(-1)).toBe(workspace.answer(LONG));
}

/** The answer has ended with its reason, and what was shown of it is still there. */
async function expectLost(tab: ChatTab, workspace: Workspace, shown: string): Promise<void> {
  const [, answer] = await tab.conversation();
  expect(answer).toMatchObject({ role: "assistant", state: "failed" });
  expect(answer?.caption).toMatch(/worker/i);
  expect(answer?.text.startsWith(shown)).toBe(true);
  expect(workspace.answer(LONG).startsWith(answer?.text ?? "no answer")).toBe(true);
}
