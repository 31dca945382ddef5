/**
 * A child process, its output as lines, and its end.
 *
 * Purpose: what tests need of any program that they start. It ends processes by their ids alone.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** How a process ended. */
export interface Ending {
  /** The exit code; `null` where a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Lines in the order in which they came; waits for one that has not come yet. */
export class Lines {
  readonly all: string[] = [];
  readonly #listeners = new Set<(line: string) => void>();

  /** Takes over what `stream` gives, until it ends. */
  collect(stream: Readable): void {
    createInterface({ input: stream }).on("line", (line) => this.#add(line));
  }

  /** The matches of `pattern` so far. */
  matches(pattern: RegExp): RegExpExecArray[] {
    return this.all.map((line) => pattern.exec(line)).filter((match) => match !== null);
  }

  /** The first match of `pattern` from line `from` on. Rejects after `withinMs`, and then shows the lines. */
  waitFor(pattern: RegExp, { from = 0, withinMs = 10_000 } = {}): Promise<RegExpExecArray> {
    for (const line of this.all.slice(from)) {
      const match = pattern.exec(line);
      if (match) return Promise.resolve(match);
    }
    return new Promise((resolve, reject) => {
      const listener = (line: string) => {
        const match = pattern.exec(line);
        if (match) finish(() => resolve(match));
      };
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        this.#listeners.delete(listener);
        settle();
      };
      const missing = () =>
        new Error(`no line matches ${String(pattern)}:\n${this.all.slice(from).join("\n")}`);
      const timer = setTimeout(() => finish(() => reject(missing())), withinMs);
      this.#listeners.add(listener);
    });
  }

  #add(line: string): void {
    this.all.push(line);
    for (const listener of [...this.#listeners]) listener(line);
  }
}

/** A process that a test has started. */
export class Program {
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;

  /** Starts a program whose output goes to `out` and `errors`; `environment` adds to that of the tests. */
  constructor(
    command: string,
    args: readonly string[],
    output: { out: Lines; errors: Lines; input?: string; environment?: Readonly<Record<string, string>> },
  ) {
    const env = { ...process.env, ...output.environment };
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], env });
    output.out.collect(child.stdout);
    output.errors.collect(child.stderr);
    child.stdin.on("error", () => undefined); // A program that ends early says so by its exit code.
    child.stdin.end(output.input ?? "");
    this.#child = child;
    this.ended = endOf(child);
  }

  /** Sends a signal, unless the process has ended already, and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<Ending> {
    this.#child.kill(signal);
    return this.ended;
  }
}

/** Runs a program to its end and gives what it printed. Rejects where it fails. */
export async function outputOf(command: string, args: readonly string[], input = ""): Promise<string> {
  const [out, errors] = [new Lines(), new Lines()];
  const { code } = await new Program(command, args, { out, errors, input }).ended;
  if (code !== 0)
    throw new Error(`${command} ${args.join(" ")} exited with ${code}:\n${errors.all.join("\n")}`);
  return out.all.join("\n");
}

/** Whether a process is there and has not ended; a zombie has. */
export function isRunning(pid: number): boolean {
  const stat = readProcess(pid, "stat");
  return stat !== undefined && !/\) Z/.test(stat);
}

/** The command line of a process, or `undefined` where there is none. */
export function commandLineOf(pid: number): string | undefined {
  return readProcess(pid, "cmdline")?.replaceAll("\0", " ");
}

function readProcess(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return undefined;
  }
}

/** Resolves when the process has ended and all of its output was read. */
function endOf(child: ChildProcess): Promise<Ending> {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal }));
  });
}
