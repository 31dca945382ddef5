/** Latest state, from a worker in Python that emits more than anybody reads to clients of dialect `data`. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { SUPPORT_FOLDER } from "../support/environment.ts";
import { Gateway } from "../support/gateway.ts";
import { Peer, type AnyMessage } from "../support/peer.ts";
import { temporaryFolder, Workspace } from "../support/workspace.ts";

/** The newest state of each key, when all has been told. */
const NEWEST = { a: 199, b: 199, general: false };

const started: AsyncDisposable[] = [];
let gateway: Gateway;

beforeAll(async () => {
  const home = await temporaryFolder();
  started.push(home);
  const workspace = await Workspace.create(home.path, []);
  const more = `
[[route]]
path = "/evolution"
dialect = "data"
service = "evolve"

[[worker]]
name = "evolving"
command = ["trunkline-worker", "evolving_worker.py:worker"]
directory = ${JSON.stringify(SUPPORT_FOLDER)}
`;
  gateway = await Gateway.start({
    home: home.path,
    workspace: workspace.folder,
    wordsPerSecond: 1_000,
    more,
  });
  started.push(gateway);
});
afterAll(async () => {
  for (const part of started.reverse()) await part[Symbol.asyncDispose]();
});

it("brings the newest value of each key, and no other to who comes later", async () => {
  await using first = await Peer.connect(gateway.socketUrl("/evolution"));
  first.send({ type: "start_evolution", data: { parameters: {} }, _tl: { id: "m1" } });
  const seen = await statesOf(first);
  for (const values of Object.values(seen.values)) {
    const generations = values.filter((value) => typeof value === "number");
    expect(generations).toEqual([...new Set(generations)].sort((one, other) => one - other));
  }
  expect(seen.others.map(({ type }) => type)).not.toContain("error");

  const welcome = seen.others.find(({ type }) => type === "welcome");
  const { session, secret } = dataOf(welcome);
  await using later = await Peer.connect(gateway.socketUrl("/evolution"));
  later.send({ type: "hello", data: { session, secret } });
  const { values } = await statesOf(later);
  expect(values).toEqual({ a: [199], b: [199], general: [false] });
});

/** Takes messages until the newest state of each key has come; gives each key's values in their order, and the other messages. */
async function statesOf(peer: Peer): Promise<{ values: Record<string, unknown[]>; others: AnyMessage[] }> {
  const values: Record<string, unknown[]> = {};
  const others: AnyMessage[] = [];
  const isComplete = (): boolean =>
    Object.entries(NEWEST).every(([key, newest]) => values[key]?.at(-1) === newest);
  while (!isComplete()) {
    const message = await peer.next();
    const { type } = message;
    const data = dataOf(message);
    if (type !== "evolution_progress" && type !== "typing_indicator") {
      others.push(message);
      continue;
    }
    expect(message._tl).toMatchObject({ run: expect.any(String) as string });
    expect(message._tl).not.toHaveProperty("pos");
    const [key, value] =
      type === "evolution_progress" ? [data.run_id, data.generation] : [data.agentId, data.typing];
    (values[String(key)] ??= []).push(value);
  }
  return { values, others };
}

function dataOf(message: AnyMessage | undefined): Record<string, unknown> {
  return (message?.data ?? {}) as Record<string, unknown>;
}
