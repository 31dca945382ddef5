/**
 * What every scene plays on: a workspace, a gateway and a browser context of its own.
 *
 * Purpose: sets all of it up, and takes it down in the right order, also when a scene fails half way.
 */
import { onTestFailed } from "vitest";
import type { Browser } from "playwright-core";
import { ChatTab } from "./browser.ts";
import { Gateway, type GatewayOptions } from "./gateway.ts";
import { temporaryFolder, Workspace } from "./workspace.ts";

/** What a scene needs. */
export interface Scene extends Partial<Pick<GatewayOptions, "wordsPerSecond" | "drain">> {
  /** Everything that is asked in it. */
  questions: readonly string[];
}

/** What a scene gets. */
export interface Stage {
  workspace: Workspace;
  gateway: Gateway;
  /** Opens one more tab; all tabs of a stage share one session. */
  openTab: () => Promise<ChatTab>;
}

/** Plays a scene on a stage of its own. A scene that fails leaves the gateway's log. */
export async function play(
  browser: Browser,
  scene: Scene,
  act: (stage: Stage) => Promise<void>,
): Promise<void> {
  await using home = await temporaryFolder();
  const workspace = await Workspace.create(home.path, scene.questions);
  await using gateway = await Gateway.start({
    home: home.path,
    workspace: workspace.folder,
    wordsPerSecond: scene.wordsPerSecond ?? 100,
    drain: scene.drain ?? "10s",
  });
  onTestFailed(() => void process.stderr.write(`${gateway.log.all.join("\n")}\n`));
  const context = await browser.newContext();
  try {
    await act({ workspace, gateway, openTab: () => ChatTab.open(context, gateway.origin) });
  } finally {
    await context.close();
  }
}
