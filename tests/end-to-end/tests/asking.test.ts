/** What a person sees when an answer asks first: on every tab, across a kill -9 of the gateway, and answered once. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launchBrowser, type ChatTab } from "../support/browser.ts";
import { play } from "../support/stage.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

const question = (tab: ChatTab) => tab.page.getByTestId("question");

it("asks before it writes, also after the gateway was killed, and writes once", async () => {
  await play(browser, { questions: [] }, async ({ workspace, gateway, openTab }) => {
    const tab = await openTab();
    await tab.ask("note: buy more pears");
    await question(tab).waitFor();
    expect(await question(tab).innerText()).toContain("Shall I add this to NOTES.md?");
    expect(await question(tab).innerText()).toContain("text: buy more pears");
    const other = await openTab();
    await question(other).waitFor();
    expect(await other.page.locator(".caption").last().innerText()).toBe("Waiting for you");

    await gateway.kill();
    await gateway.restart();
    for (const device of [tab, other]) {
      await device.connected();
      await question(device).waitFor();
    }
    await other.page.getByRole("button", { name: "Approve" }).click();
    for (const device of [tab, other]) {
      await device.answered(0, "completed");
      expect(await device.text(0)).toBe("Noted in `NOTES.md`.\n");
      expect(await question(device).count()).toBe(0);
    }
    expect(await readFile(join(workspace.folder, "NOTES.md"), "utf8")).toBe("- buy more pears\n");
  });
});

it("leaves things as they are when it is denied or stopped", async () => {
  await play(browser, { questions: [] }, async ({ workspace, openTab }) => {
    const tab = await openTab();
    await tab.ask("note: sell the shop");
    await tab.page.getByRole("button", { name: "Deny" }).click();
    await tab.answered(0, "completed");
    await tab.ask("note: sell the shop");
    await question(tab).waitFor();
    await tab.stop();
    await tab.answered(1, "cancelled");
    expect(await question(tab).count()).toBe(0);
    await expect(readFile(join(workspace.folder, "NOTES.md"))).rejects.toThrow("ENOENT");
  });
});
