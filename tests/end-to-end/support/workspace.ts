/**
 * A folder of random files, and what the guide says about it.
 *
 * Purpose: gives the tests a workspace that nothing else knows, and the expected answers, which the worker's
 * own code computes without any gateway. It does not know what is asked.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "vitest";
import { CHAT_FOLDER, SUPPORT_FOLDER } from "./environment.ts";
import { outputOf } from "./program.ts";

/** Lines of a long file: as many as the guide reads of one. */
const LONG_LINES = 80;
const LONG_LINE_WORDS = 8;
const SHORT_LINES = 6;

/** Pieces that break a careless renderer, encoder or counter, each without a space. */
const ODD_WORDS = [
  "<b>&amp;",
  "**bold**",
  "`tick`",
  "żółć",
  "日本語",
  "👩‍👩‍👧‍👦",
  "é",
  "e\u0301",
  "\\n",
  '"quoted"',
  "#",
  "-",
  "$1",
];

/** A folder with random content, below one that is removed at the end. */
export class Workspace {
  private constructor(
    readonly folder: string,
    private readonly answers: ReadonlyMap<string, string>,
  ) {}

  /**
   * Writes the files into `parent`: `long.txt`, whose reading fills some hundred words, `longer.txt`, which also
   * does, `short.txt`, and some in `src`. `questions` are all that will be asked.
   */
  static async create(parent: string, questions: readonly string[]): Promise<Workspace> {
    const folder = join(parent, "workspace");
    const random = randomFrom(inject("seed"));
    await mkdir(join(folder, "src"), { recursive: true });
    await writeFile(join(folder, "long.txt"), randomLines(random, LONG_LINES));
    await writeFile(join(folder, "longer.txt"), randomLines(random, 2 * LONG_LINES));
    await writeFile(join(folder, "short.txt"), randomLines(random, SHORT_LINES));
    await writeFile(join(folder, "README.md"), `# Sample\n\n${randomLines(random, SHORT_LINES)}`);
    for (const name of ["one.py", "two.rs", "three.ts"]) {
      await writeFile(join(folder, "src", name), randomLines(random, SHORT_LINES * 3));
    }
    return new Workspace(folder, await answersOf(folder, questions));
  }

  /** What the guide must answer, to the character. */
  answer(question: string): string {
    const answer = this.answers.get(question);
    if (answer === undefined) throw new Error(`the answer to ${question} was not prepared`);
    return answer;
  }
}

/** A new folder directly below the system's temporary one, so that paths of sockets stay short. */
export async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), "trunkline-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/** Asks the worker's own code, in a process of its own. */
async function answersOf(folder: string, questions: readonly string[]): Promise<Map<string, string>> {
  const program = join(SUPPORT_FOLDER, "answers.py");
  const output = await outputOf("python", [program, CHAT_FOLDER, folder], JSON.stringify(questions));
  const answers = JSON.parse(output) as string[];
  return new Map(questions.map((question, index) => [question, answers[index] ?? ""]));
}

function randomLines(random: () => number, count: number): string {
  const lines = Array.from({ length: count }, () =>
    Array.from({ length: LONG_LINE_WORDS }, () => randomWord(random)).join(" "),
  );
  return `${lines.join("\n")}\n`;
}

function randomWord(random: () => number): string {
  const odd = ODD_WORDS[Math.floor(random() * ODD_WORDS.length * 4)];
  return odd ?? Math.floor(random() * 36 ** 8).toString(36);
}

/** Numbers from 0 to below 1 that depend on the seed alone (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
