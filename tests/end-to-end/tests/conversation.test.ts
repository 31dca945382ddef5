/** What a person does when nothing goes wrong: ask, read, stop, ask twice, open another tab. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launchBrowser } from "../support/browser.ts";
import { play } from "../support/stage.ts";

/**
 * What Stop may take, from the click to the worker's own word that its handler has ended: far less than the two seconds
 * after which a worker is not waited for.
 */
const STOP_MS_MAX = 1_000;

const LONG = "read long.txt";
let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

it("streams an answer, to the character", async () => {
  await play(browser, { questions: [LONG], wordsPerSecond: 200 }, async ({ workspace, openTab }) => {
    const tab = await openTab();
    await tab.ask(LONG);
    await tab.answered(0, "completed");
    const answer = workspace.answer(LONG);
    expect(await tab.conversation()).toEqual([
      { role: "user", state: "completed", text: LONG, caption: "" },
      { role: "assistant", state: "completed", text: answer, caption: "" },
    ]);
    const partly = (await tab.texts(0)).filter((text) => text !== "" && text !== answer);
    expect(partly.length).toBeGreaterThanOrEqual(3);
    expect(partly.filter((text) => !answer.startsWith(text))).toEqual([]);
  });
});

it("stops the worker at once, and shows nothing more", async () => {
  const questions = [LONG, "read short.txt"];
  await play(browser, { questions, wordsPerSecond: 40 }, async ({ workspace, gateway, openTab }) => {
    const tab = await openTab();
    await tab.ask(LONG);
    await tab.textBeyond(0, 50);
    const clickedAt = await tab.stop();
    const [, stoppedAt = "", tookMs] = await gateway.log.waitFor(
      /(\d\S+Z) .*text=info trunkline run cancelled .*took_ms=([\d.]+)/,
    );
    expect(Number(tookMs)).toBeLessThan(STOP_MS_MAX);
    expect(Date.parse(stoppedAt) - clickedAt).toBeLessThan(STOP_MS_MAX);
    await tab.answered(0, "cancelled");
    const stopped = await tab.text(0);
    expect(workspace.answer(LONG).startsWith(stopped)).toBe(true);

    await tab.ask("read short.txt");
    await tab.answered(1, "completed");
    const expected = [
      { role: "user", state: "completed", text: LONG, caption: "" },
      { role: "assistant", state: "cancelled", text: stopped, caption: "Stopped" },
      { role: "user", state: "completed", text: "read short.txt", caption: "" },
      { role: "assistant", state: "completed", text: workspace.answer("read short.txt"), caption: "" },
    ];
    expect(await tab.conversation()).toEqual(expected);
    const later = await openTab();
    await later.answered(1, "completed");
    expect(await later.conversation()).toEqual(expected);
  });
});

it("answers two quick messages one after the other", async () => {
  const questions = [LONG, "read longer.txt"];
  await play(browser, { questions, wordsPerSecond: 400 }, async ({ workspace, openTab }) => {
    const tab = await openTab();
    for (const question of questions) await tab.ask(question);
    await tab.answered(1, "completed");
    expect((await tab.conversation()).map(({ text }) => text)).toEqual(
      questions.flatMap((question) => [question, workspace.answer(question)]),
    );
    const shown = (await tab.allTexts()).filter(({ text }) => text !== "");
    const secondBegins = shown.findIndex(({ answer }) => answer === 1);
    expect(shown[secondBegins - 1]).toEqual({ answer: 0, text: workspace.answer(LONG) });
    expect(shown.slice(secondBegins).filter(({ answer }) => answer === 0)).toEqual([]);
  });
});

it("shows every tab the same, while an answer streams and afterwards", async () => {
  const questions = [LONG, "read longer.txt"];
  await play(browser, { questions, wordsPerSecond: 200 }, async ({ workspace, openTab }) => {
    const first = await openTab();
    await first.ask(LONG);
    const begun = await first.textBeyond(0, 50);
    const second = await first.openSecond();
    const joined = await second.textBeyond(0, begun.length);
    expect(joined).not.toBe(workspace.answer(LONG));
    await Promise.all([first, second].map((tab) => tab.answered(0, "completed")));

    await second.ask("read longer.txt");
    await first.textBeyond(1, 50);
    await Promise.all([first, second].map((tab) => tab.answered(1, "completed")));
    const third = await openTab();
    await third.answered(1, "completed");

    const expected = questions.flatMap((question) => [
      { role: "user", state: "completed", text: question, caption: "" },
      { role: "assistant", state: "completed", text: workspace.answer(question), caption: "" },
    ]);
    for (const tab of [first, second, third]) expect(await tab.conversation()).toEqual(expected);
  });
});
