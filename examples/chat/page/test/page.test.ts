/**
 * The built page in Chromium, served as the gateway serves it, against a double of the gateway.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, type BrowserContext, type Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { GatewayDouble, type Call } from "../../../../sdk/typescript/packages/core/test/gateway-double.ts";
import { listen, type ListeningDouble } from "../../../../sdk/typescript/packages/core/test/web-socket.ts";

const CHROMIUM = process.env.TRUNKLINE_CHROMIUM;
if (!CHROMIUM) throw new Error("TRUNKLINE_CHROMIUM is not set: it is the path of Chromium");
/** Where to leave pictures for people to look at; none by default. */
const PICTURES = process.env.PAGE_PICTURES;
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

const root = fileURLToPath(new URL("..", import.meta.url));
let dist: string;
let profile: string;
let browser: BrowserContext;
let server: ListeningDouble;
let gateway: GatewayDouble;
let calls: Call[];
let page: Page;
const complaints: string[] = [];

const serve: RequestListener = (request, response) => {
  const path = request.url === "/" ? "/index.html" : (request.url ?? "");
  readFile(join(dist, path)).then(
    (body) => {
      response.setHeader("content-type", TYPES[extname(path)] ?? "application/octet-stream");
      response.setHeader(
        "content-security-policy",
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
      );
      response.end(body);
    },
    () => response.writeHead(404).end(),
  );
};

describe("the page", () => {
  beforeAll(async () => {
    dist = await mkdtemp(join(tmpdir(), "chat-page-"));
    profile = await mkdtemp(join(tmpdir(), "chat-profile-"));
    await build({ root, logLevel: "error", build: { outDir: dist, emptyOutDir: true } });
    gateway = new GatewayDouble((call) => void calls.push(call));
    server = await listen(gateway, serve);
    browser = await chromium.launchPersistentContext(profile, { executablePath: CHROMIUM, args: ARGUMENTS });
  });

  afterAll(async () => {
    await browser.close();
    await server[Symbol.asyncDispose]();
    await Promise.all([dist, profile].map((folder) => rm(folder, { recursive: true })));
  });

  beforeEach(async () => {
    calls = [];
    for (const old of browser.pages().slice(1)) await old.close();
    page = await open();
    // A page that is still being welcomed would store its session again.
    await page.locator('[data-status="open"]').waitFor();
    await page.evaluate(() => localStorage.clear());
    await page.reload();
    await page.locator('[data-status="open"]').waitFor();
    complaints.length = 0;
  });

  it("streams an answer, renders it safely, and complains of nothing", async () => {
    await ask("Tell me **everything**");
    const call = await nextCall(1);
    call.progress({ message: "Reading documents", percentage: 40 });
    await answer().getByText("Reading documents").waitFor();
    await picture("progress");
    call.text("A **bold** word, `code` and <img src=x onerror=alert(1)>\n\n- one\n- two\n");
    await answer().locator("strong", { hasText: "bold" }).waitFor();
    expect(await answer().getAttribute("data-state")).toBe("streaming");
    expect(await answer().getByText("Reading documents").count()).toBe(0);
    expect(await page.getByTestId("stop").isVisible()).toBe(true);
    call.text("\n```\nlet a = 1;\n```\nThe end.");
    call.complete();
    await answer("completed").waitFor();
    expect(await answer().locator("img").count()).toBe(0);
    expect(await answer().locator("li").count()).toBe(2);
    expect(await rawText()).toBe(
      "A **bold** word, `code` and <img src=x onerror=alert(1)>\n\n- one\n- two\n\n```\nlet a = 1;\n```\nThe end.",
    );
    expect(await answer().getAttribute("data-run")).toBe(call.run);
    expect(await page.getByTestId("stop").isVisible()).toBe(false);
    expect(complaints).toEqual([]);
    await picture("answer");
  });

  it("goes on after its socket is cut in the middle of an answer", async () => {
    await ask("count");
    const call = await nextCall(1);
    call.text("one ");
    await answer().getByText("one").waitFor();
    await page.getByTestId("cut").click();
    await page.locator('[data-testid="status"]:not([data-status="open"])').waitFor();
    call.text("two ");
    call.text("three");
    call.complete();
    await answer("completed").waitFor();
    expect(await rawText()).toBe("one two three");
    expect(await page.getByTestId("status").getAttribute("data-status")).toBe("open");
  });

  it("shows stopped and failed answers as what they are, and tries again", async () => {
    await ask("long story");
    (await nextCall(1)).text("Once upon a time");
    await answer().getByText("Once").waitFor();
    await page.getByTestId("stop").click();
    await answer("cancelled").getByText("Stopped").waitFor();
    await ask("fail");
    (await nextCall(2)).fail("upstream_error", "the model is out of memory");
    await answer("failed").getByText("The model is out of memory.").waitFor();
    await picture("failed");
    await page.getByTestId("retry").last().click();
    const again = await nextCall(3);
    expect(again.message.payload).toEqual({ message: "fail" });
    again.text("Now it works.");
    again.complete();
    await answer("completed").waitFor();
  });

  it("queues while there is no connection, and says so", async () => {
    gateway.refuseHello = (connection) => connection.close(4004);
    await page.getByTestId("cut").click();
    await page.locator('[data-status="reconnecting"]').waitFor();
    await ask("are you there?");
    await page.locator('[data-role="user"][data-state="pending"]').waitFor();
    await answer().getByText("Waiting for the connection").waitFor();
    await picture("offline");
    gateway.refuseHello = undefined;
    const call = await nextCall(1);
    call.text("Yes.");
    call.complete();
    await answer("completed").waitFor();
    expect(await page.locator('[data-role="user"]').getAttribute("data-state")).toBe("completed");
  });

  it("shows the same conversation in a second tab, and a new one after New", async () => {
    await ask("shared");
    const call = await nextCall(1);
    call.text("half ");
    await answer().getByText("half").waitFor();
    const [second] = await Promise.all([
      browser.waitForEvent("page"),
      page.getByTestId("second-tab").click(),
    ]);
    const theirs = second.locator('[data-role="assistant"]');
    await theirs.getByText("half").waitFor();
    expect(await second.locator('[data-role="user"]').innerText()).toContain("shared");
    call.text("done");
    call.complete();
    await Promise.all([
      answer("completed").waitFor(),
      second.locator('[data-role="assistant"][data-state="completed"]').waitFor(),
    ]);
    expect(
      await theirs
        .getByTestId("text")
        .evaluate((element) => (element as never as { rawText: string }).rawText),
    ).toBe("half done");
    await second.close();
    const sessions = gateway.sessions.size;
    await page.getByTestId("new-session").click();
    await page.locator('[data-status="open"]').waitFor();
    expect(await page.getByTestId("message").count()).toBe(0);
    expect(gateway.sessions.size).toBe(sessions + 1);
  });

  it("says so when the conversation is lost, and goes on", async () => {
    await ask("remember me");
    (await nextCall(1)).text("Certainly");
    await answer().getByText("Certainly").waitFor();
    for (const id of [...gateway.sessions.keys()]) gateway.expireSession(id);
    await page.getByTestId("cut").click();
    await page.getByTestId("notice").waitFor();
    expect(await page.getByTestId("message").count()).toBe(0);
    await picture("lost");
    await ask("who am I?");
    (await nextCall(2)).complete();
    await answer("completed").waitFor();
  });

  it("is worked by keyboard alone", async () => {
    await page.getByTestId("input").focus();
    await page.keyboard.type("first line");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("second line");
    await page.keyboard.press("Enter");
    const call = await nextCall(1);
    expect(call.message.payload).toEqual({ message: "first line\nsecond line" });
    await page.keyboard.press("Escape");
    await answer("cancelled").waitFor();
    await page.getByTestId("input").and(page.locator(":focus")).waitFor();
  });
});

async function open(): Promise<Page> {
  const opened = browser.pages()[0] ?? (await browser.newPage());
  opened.removeAllListeners();
  opened.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  opened.on("pageerror", (error) => complaints.push(String(error)));
  await opened.goto(server.url.replace("ws:", "http:").replace("/ws", "/"));
  return opened;
}

async function ask(question: string): Promise<void> {
  await page.getByTestId("input").fill(question);
  await page.getByTestId("send").click();
}

/** The last answer, once it has `state`. */
function answer(state?: string) {
  const suffix = state === undefined ? "" : `[data-state="${state}"]`;
  return page.locator(`[data-role="assistant"]${suffix}`).last();
}

function rawText(): Promise<string> {
  const text = answer().getByTestId("text");
  return text.evaluate((element) => (element as never as { rawText: string }).rawText);
}

/** The gateway's call number `count`, once it is there. */
async function nextCall(count: number): Promise<Call> {
  await expect.poll(() => calls.length, { timeout: 20_000 }).toBe(count);
  const call = calls[count - 1];
  if (!call) throw new Error("no call");
  return call;
}

async function picture(name: string): Promise<void> {
  if (PICTURES === undefined) return;
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const [device, width, height] of [
      ["desktop", 1_280, 800],
      ["phone", 390, 844],
    ] as const) {
      await page.setViewportSize({ width, height });
      await page.screenshot({
        path: join(PICTURES, `${name}-${device}-${colorScheme}.png`),
        animations: "disabled",
      });
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1_280, height: 720 });
}
