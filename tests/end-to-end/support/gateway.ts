/**
 * A real gateway with real workers, on a free port, with a folder of its own.
 *
 * Purpose: starts, kills, restarts and stops the gateway, and knows its workers' process ids. It speaks no protocol.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { vi } from "vitest";
import { CHAT_FOLDER, gatewayProgram } from "./environment.ts";
import { commandLineOf, isRunning, Lines, Program, type Ending } from "./program.ts";

/** How a gateway differs from test to test. */
export interface GatewayOptions {
  /** Where configuration and data are kept. */
  home: string;
  /** The folder that the worker answers about. */
  workspace: string;
  wordsPerSecond: number;
  /** How long a stopping gateway waits for its runs. */
  drain?: string;
  /** Further routes and workers, in TOML. */
  more?: string;
}

/** How long a gateway and its worker may take to be ready, on a busy machine. */
const READY_WITHIN_MS = 15_000;
/** How long a killed process may take to be gone. */
const GONE_WITHIN_MS = 5_000;

/** See the module comment. Disposing it ends all of its processes, however the test ended. */
export class Gateway implements AsyncDisposable {
  readonly log = new Lines();
  readonly #out = new Lines();
  #program: Program | undefined;
  #origin = "";

  private constructor(
    private readonly configuration: string,
    private readonly environment: Readonly<Record<string, string>>,
  ) {}

  /** Starts a gateway with the chat example's worker on a free port; resolves when its worker is there. */
  static async start(options: GatewayOptions): Promise<Gateway> {
    const configuration = join(options.home, "trunkline.toml");
    await writeFile(configuration, configurationFor(options));
    return Gateway.serve(configuration);
  }

  /** Starts a gateway with any configuration on a free port; resolves when all of its workers are there. */
  static async serve(
    configuration: string,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Gateway> {
    const gateway = new Gateway(configuration, environment);
    try {
      await gateway.#launch("127.0.0.1:0");
    } catch (error) {
      await gateway[Symbol.asyncDispose]();
      throw error;
    }
    return gateway;
  }

  /** The address of the page, without a path. */
  get origin(): string {
    return this.#origin;
  }

  /** The address of a WebSocket path. */
  socketUrl(path: string): string {
    return this.#origin.replace("http:", "ws:") + path;
  }

  /** The process id of the worker that was started last. */
  get workerPid(): number {
    const pid = this.#workerPids.at(-1);
    if (pid === undefined) throw new Error("the log names no worker that was started");
    return pid;
  }

  /** Ends the gateway's process at once; its worker lives on. */
  async kill(): Promise<void> {
    await this.#program?.end("SIGKILL");
  }

  /** Starts a gateway that was killed or stopped, on the same port and data; resolves when a worker is there. */
  async restart(): Promise<void> {
    await this.#launch(new URL(this.#origin).host);
  }

  /** Asks the gateway to stop, and waits for its end. */
  async stop(): Promise<Ending & { tookMs: number }> {
    if (this.#program === undefined) throw new Error("the gateway was not started");
    const askedAt = performance.now();
    const ending = await this.#program.end("SIGTERM");
    return { ...ending, tookMs: performance.now() - askedAt };
  }

  /** Waits until workers serve all routes. */
  async ready(): Promise<void> {
    await vi.waitUntil(async () => (await this.#states()).every((state) => state === "available"), {
      timeout: READY_WITHIN_MS,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program?.end("SIGKILL");
    for (const pid of this.#workerPids) {
      if (commandLineOf(pid)?.includes("trunkline-worker")) process.kill(pid, "SIGKILL");
    }
    await vi.waitUntil(() => !this.#workerPids.some(isRunning), { timeout: GONE_WITHIN_MS });
  }

  get #workerPids(): number[] {
    return this.log.matches(/a worker is started .*pid=(\d+)/).map(([, pid]) => Number(pid));
  }

  async #launch(address: string): Promise<void> {
    const from = this.#out.all.length;
    const args = ["serve", "--config", this.configuration, "--listen", address];
    this.#program = new Program(gatewayProgram(), args, {
      out: this.#out,
      errors: this.log,
      environment: this.environment,
    });
    const died = this.#program.ended.then(({ code }) => {
      throw new Error(`the gateway exited with ${code}:\n${this.log.all.join("\n")}`);
    });
    died.catch(() => undefined); // Only an end before the announcement is a failure.
    const announced = this.#out.waitFor(/trunkline: open (\S+)\/$/, { from, withinMs: READY_WITHIN_MS });
    this.#origin = (await Promise.race([announced, died]))[1] ?? "";
    await this.ready();
  }

  async #states(): Promise<string[]> {
    const response = await fetch(`${this.#origin}/api/endpoints`);
    const { endpoints } = (await response.json()) as { endpoints: { state: string }[] };
    return endpoints.map(({ state }) => state);
  }
}

function configurationFor({ workspace, wordsPerSecond, drain = "10s", more = "" }: GatewayOptions): string {
  return `
[server]
page = ${JSON.stringify(join(CHAT_FOLDER, "page", "dist"))}
drain = "${drain}"

[broker]
path = "data"

[[route]]
path = "/ws"
service = "guide"

[[worker]]
name = "workspace-guide"
command = ["trunkline-worker", "workspace_guide.py:worker"]
directory = ${JSON.stringify(CHAT_FOLDER)}
environment = { TRUNKLINE_WORKSPACE = ${JSON.stringify(workspace)}, TRUNKLINE_GUIDE_WORDS_PER_SECOND = "${wordsPerSecond}" }
${more}`;
}
