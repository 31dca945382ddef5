/**
 * An example as its users start it, on a free port and with folders of its own, and peers that know nothing of Trunkline.
 *
 * Purpose: what the tests of all examples need. It knows no example.
 */
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { chromiumProgram, EXAMPLES_FOLDER, SUPPORT_FOLDER } from "./environment.ts";
import { Gateway } from "./gateway.ts";
import type { AnyMessage } from "./peer.ts";
import { outputOf } from "./program.ts";
import { temporaryFolder } from "./workspace.ts";

const PAGE_MS_MAX = 20_000;

/** A message to send, and the type of the last message that answers it. */
export interface Exchange {
  send?: object;
  until: string;
}

/** A running example. */
export interface Example extends AsyncDisposable {
  gateway: Gateway;
  /** A folder for the example's files. */
  folder: string;
}

/** Starts an example by its own configuration; `environment` is made from the folder that it may use. */
export async function startExample(
  name: string,
  environment: (folder: string) => Promise<Record<string, string>>,
): Promise<Example> {
  const home = await temporaryFolder();
  try {
    const own = await environment(home.path);
    const gateway = await Gateway.serve(join(EXAMPLES_FOLDER, name, "trunkline.toml"), {
      TRUNKLINE_BROKER__PATH: join(home.path, "store"),
      TRUNKLINE_CHROMIUM: chromiumProgram(),
      ...own,
    });
    const stop = async () => {
      await gateway[Symbol.asyncDispose]();
      await home[Symbol.asyncDispose]();
    };
    return { gateway, folder: home.path, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await home[Symbol.asyncDispose]();
    throw error;
  }
}

/** Opens the example's page in a tab of its own, and waits until all of its connections are open. */
export async function openPage(browser: Browser, origin: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(PAGE_MS_MAX);
  await page.goto(`${origin}/`);
  await page.locator('[data-testid="status"][data-status="open"]').first().waitFor();
  await page.locator('[data-testid="status"]:not([data-status="open"])').waitFor({ state: "detached" });
  return page;
}

/** Plays a conversation from Python; gives every message that came. */
export async function playInPython(address: string, scene: readonly Exchange[]): Promise<AnyMessage[]> {
  const output = await outputOf(
    "python",
    [join(SUPPORT_FOLDER, "plain_peer.py"), address],
    JSON.stringify(scene),
  );
  return JSON.parse(output) as AnyMessage[];
}

/** The messages of one type. */
export function ofType(messages: readonly AnyMessage[], type: string): AnyMessage[] {
  return messages.filter((message) => message.type === type);
}
