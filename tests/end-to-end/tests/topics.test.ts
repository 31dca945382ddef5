/** Topics and presence in two tabs of different users, across the gateway's sudden death. */
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { launchBrowser } from "../support/browser.ts";
import { Gateway } from "../support/gateway.ts";
import { temporaryFolder } from "../support/workspace.ts";

const CLIENT = fileURLToPath(new URL("../../../sdk/typescript/packages/core/dist", import.meta.url));
const TOKENS = { alice: "alice-0123456789abcdef", bob: "bob-0123456789abcdef" };
const CONFIGURATION = `
server.page = "page"

[[auth.tokens]]
token = "${TOKENS.alice}"
subject = "alice"
scopes = ["subscribe:room", "publish:room", "presence:room", "publish:user:*"]

[[auth.tokens]]
token = "${TOKENS.bob}"
subject = "bob"
scopes = ["subscribe:room", "publish:room", "presence:room"]

[[route]]
path = "/ws"
service = "builtin:echo"
`;

/** What the page of a tab keeps; it runs the client as it is published. */
const SCRIPT = `
import { createClient } from "./client/index.js";
const token = location.hash.slice(1);
const client = createClient({ url: location.origin.replace("http", "ws") + "/ws", token });
const room = client.topic("room");
const seen = { messages: [], members: {}, resets: 0, statuses: [] };
room.on(({ payload, from }) => seen.messages.push(from + ": " + payload));
client.presence("room").on(({ states }) => { seen.members = Object.fromEntries(states); });
client.onReset(() => { seen.resets += 1; });
client.onState(({ status }) => seen.statuses.push(status));
Object.assign(window, { client, room, seen });
`;

interface Tab {
  client: {
    topic(name: string): Tab["room"];
    presence(topic: string): { set(state: string): void };
  };
  room: { subscribe(): Promise<void>; publish(payload: unknown): Promise<{ duplicate: boolean }> };
  seen: { messages: string[]; members: Record<string, string>; resets: number; statuses: string[] };
}

const started: AsyncDisposable[] = [];
let browser: Browser;
let gateway: Gateway;

beforeAll(async () => {
  browser = await launchBrowser();
  const home = await temporaryFolder();
  started.push(home);
  const page = join(home.path, "page");
  await mkdir(page);
  await cp(CLIENT, join(page, "client"), { recursive: true });
  await writeFile(join(page, "index.html"), '<!doctype html><script type="module" src="tab.js"></script>');
  await writeFile(join(page, "tab.js"), SCRIPT);
  const configuration = join(home.path, "trunkline.toml");
  await writeFile(configuration, CONFIGURATION);
  gateway = await Gateway.serve(configuration);
  started.push(gateway);
});

afterAll(async () => {
  await browser.close();
  for (const one of started.reverse()) await one[Symbol.asyncDispose]();
});

async function openTab(token: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${gateway.origin}/#${token}`);
  await page.waitForFunction(() => "room" in window);
  return page;
}

const inTab = <Result>(page: Page, act: (tab: Tab) => Result): Promise<Awaited<Result>> =>
  page.evaluate<Awaited<Result>>(`(${act.toString()})(window)`);

const until = (page: Page, holds: (tab: Tab) => boolean) =>
  vi.waitUntil(() => inTab(page, holds), { timeout: 20_000 });

it("tells two users of each other and of what they publish, once, whatever happens to the gateway", async () => {
  const [alice, bob] = [await openTab(TOKENS.alice), await openTab(TOKENS.bob)];
  for (const tab of [alice, bob]) {
    await inTab(tab, ({ client, room }) => {
      client.presence("room").set("online");
      return room.subscribe();
    });
  }
  await until(alice, ({ seen }) => seen.members.bob === "online");
  await until(bob, ({ seen }) => seen.members.alice === "online");
  await inTab(bob, ({ client }) => client.presence("room").set("typing"));
  await until(alice, ({ seen }) => seen.members.bob === "typing");
  await inTab(bob, ({ room }) => room.publish("hello"));
  await until(alice, ({ seen }) => seen.messages.length === 1);

  await gateway.kill();
  await until(alice, ({ seen }) => seen.statuses.includes("reconnecting"));
  const waiting = inTab(alice, ({ room }) => room.publish("are you there?"));
  await gateway.restart();
  expect((await waiting).duplicate).toBe(false);
  await inTab(bob, ({ room }) => room.publish("still here"));
  const said = ["bob: hello", "alice: are you there?", "bob: still here"];
  for (const tab of [alice, bob]) {
    await until(tab, ({ seen }) => seen.messages.length >= 3);
    const { messages, resets } = await inTab(tab, ({ seen }) => seen);
    expect({ messages, resets }).toEqual({ messages: said, resets: 0 });
    await until(tab, ({ seen }) => seen.members.alice === "online" && seen.members.bob === "online");
  }
  await bob.close();
  await until(alice, ({ seen }) => !("bob" in seen.members));
});

it("rejects what the configuration does not allow", async () => {
  const tab = await openTab(TOKENS.bob);
  const refused = await inTab(tab, ({ client }) =>
    client
      .topic("elsewhere")
      .subscribe()
      .catch((error: unknown) => (error as { code: string }).code),
  );
  expect(refused).toBe("permission_denied");
  await inTab(tab, ({ room }) => room.subscribe());
});
