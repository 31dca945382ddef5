/**
 * The chat page in a real Chromium.
 *
 * Purpose: opens tabs and reads what they show. It knows the page's test ids and nothing of the gateway.
 */
import { chromium, type Browser, type BrowserContext, type Locator, type Page } from "playwright-core";
import { expect } from "vitest";
import { chromiumProgram } from "./environment.ts";

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** How long the page may take for what should happen soon. */
const SOON_MS = 20_000;

/** How an answer stands. */
export type AnswerState = "streaming" | "completed" | "cancelled" | "failed" | "expired";

/** One message as the page shows it. */
export interface ShownMessage {
  role: string;
  state: string;
  /** The text before it was rendered. */
  text: string;
  caption: string;
}

/** A text that answer number `answer`, from 0, began to show. */
export interface ShownText {
  answer: number;
  text: string;
}

/** Starts a browser with a profile of its own. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumProgram(), args: ARGUMENTS });
}

/** One tab with the chat. Tabs of one context share a session. */
export class ChatTab {
  private constructor(readonly page: Page) {
    page.setDefaultTimeout(SOON_MS);
  }

  /** Opens the page in a new tab and waits until it is connected. */
  static async open(context: BrowserContext, origin: string): Promise<ChatTab> {
    const tab = new ChatTab(await context.newPage());
    await tab.page.addInitScript(recordTexts);
    await tab.page.goto(`${origin}/`);
    await tab.connected();
    return tab;
  }

  /** Presses the page's own button for a second tab. */
  async openSecond(): Promise<ChatTab> {
    const opening = this.page.context().waitForEvent("page");
    await this.page.getByTestId("second-tab").click();
    const tab = new ChatTab(await opening);
    await tab.connected();
    return tab;
  }

  /** Types a question and sends it. */
  async ask(question: string): Promise<void> {
    await this.page.getByTestId("input").fill(question);
    await this.page.getByTestId("input").press("Enter");
  }

  /** Waits until the page is connected. */
  async connected(): Promise<void> {
    await this.#status("open").waitFor();
  }

  /** Presses the page's scissors and waits until the page has noticed. */
  async cut(): Promise<void> {
    await this.page.getByTestId("cut").click();
  }

  /** Presses Stop; gives the time of the click as the page's clock has it, which is that of the machine. */
  async stop(): Promise<number> {
    return this.page.getByTestId("stop").evaluate((button: HTMLElement) => {
      const clickedAt = Date.now();
      button.click();
      return clickedAt;
    });
  }

  /** Waits until answer number `index`, from 0, stands as `state`. */
  async answered(index: number, state: AnswerState, withinMs = SOON_MS): Promise<void> {
    await expect
      .poll(() => this.#answer(index).getAttribute("data-state"), { timeout: withinMs })
      .toBe(state);
  }

  /** Waits until answer number `index` shows more than `characters`; gives what it shows then. */
  async textBeyond(index: number, characters: number): Promise<string> {
    const longer = () => this.text(index).then((text) => text.length);
    await expect.poll(longer, { timeout: SOON_MS }).toBeGreaterThan(characters);
    return this.text(index);
  }

  /** The text of answer number `index`, as it is shown now. */
  async text(index: number): Promise<string> {
    return rawText(this.#answer(index));
  }

  /** Everything that the page shows of the conversation, in order. */
  async conversation(): Promise<ShownMessage[]> {
    const messages = await this.page.getByTestId("message").all();
    const shown = messages.map(async (message) => ({
      role: (await message.getAttribute("data-role")) ?? "",
      state: (await message.getAttribute("data-state")) ?? "",
      text: await rawText(message),
      caption: await message.locator(".caption").innerText(),
    }));
    return Promise.all(shown);
  }

  /** Every text that answer number `index` has ever shown in this tab. */
  async texts(index: number): Promise<string[]> {
    return (await this.allTexts()).filter((text) => text.answer === index).map(({ text }) => text);
  }

  /** Every text that any answer has ever shown in this tab, in the order of time. */
  allTexts(): Promise<ShownText[]> {
    return this.page.evaluate(() => window.recordedTexts);
  }

  /** How often the page has lost its connection and come back. */
  reconnects(): Promise<number> {
    return this.page.evaluate(() => window.recordedStatuses.filter((status) => status === "open").length - 1);
  }

  #answer(index: number): Locator {
    return this.page.locator('[data-role="assistant"]').nth(index);
  }

  #status(status: string): Locator {
    return this.page.locator(`[data-testid="status"][data-status="${status}"]`);
  }
}

declare global {
  interface Window {
    recordedTexts: ShownText[];
    recordedStatuses: string[];
  }
}

function rawText(message: Locator): Promise<string> {
  const text = message.getByTestId("text");
  return text.evaluate((element) => (element as unknown as { rawText: string }).rawText);
}

/** Runs in the page before anything else: keeps every text and every status that is shown, however shortly. */
function recordTexts(): void {
  const newest: string[] = [];
  window.recordedTexts = [];
  window.recordedStatuses = [];
  const observer = new MutationObserver(() => {
    const elements = document.querySelectorAll('[data-role="assistant"] [data-testid="text"]');
    for (const [answer, element] of elements.entries()) {
      const text = (element as unknown as { rawText: string }).rawText;
      if (newest[answer] !== text) window.recordedTexts.push({ answer, text });
      newest[answer] = text;
    }
    const status = document.querySelector<HTMLElement>('[data-testid="status"]')?.dataset.status;
    if (status !== undefined && window.recordedStatuses.at(-1) !== status)
      window.recordedStatuses.push(status);
  });
  observer.observe(document, {
    subtree: true,
    childList: true,
    characterData: true,
    attributeFilter: ["data-status"],
  });
}
