import { describe, expect, it } from "vitest";
import { Fixture } from "./fixture.ts";
import type { Call } from "./gateway-double.ts";

/** Small seeded generator (mulberry32); numbers in [0, 1). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const DELTAS = 60;
const STEPS_MAX = 2_000;

/** One random history: deltas, cuts, lost and doubled frames, slow spells; then peace until both ends agree. */
async function play(seed: number) {
  const random = generator(seed);
  const calls: Call[] = [];
  const fixture = new Fixture((call) => void calls.push(call));
  const clients = [fixture.client({ random }), fixture.client({ random })] as const;
  const run = clients[0].run("tell me");
  let read = "";
  const reading = (async () => {
    for await (const event of run) if (event.kind === "text") read += event.text;
  })();
  let said = "";
  let spoken = 0;
  const isDone = () => run.ended && clients.every((client) => client.runs.every((seen) => seen.ended));
  for (let step = 0; step < STEPS_MAX && !isDone(); step += 1) {
    const calm = spoken > DELTAS;
    const dice = random();
    fixture.gateway.tamper = calm ? undefined : mischief(random);
    if (!calm && dice < 0.15) fixture.wires.cut();
    else if (!calm && dice < 0.2) for (const connection of fixture.gateway.connections) connection.hold();
    else if (calm || dice < 0.3) for (const connection of fixture.gateway.connections) connection.release();
    const [call] = calls;
    if (call && spoken < DELTAS) {
      const text = `<${spoken++}>`;
      said += text;
      call.text(text);
    } else if (call && spoken++ === DELTAS) call.complete();
    await fixture.wires.carry(calm ? Infinity : Math.floor(random() * 6));
    fixture.clock.advance(calm ? 1_000 : 200);
    for (const connection of fixture.gateway.connections) connection.heartbeat();
    if (step === 3) clients[1].connect(); // A second tab, once there is a session to share.
  }
  if (run.ended) await reading;
  for (const client of clients) client.close();
  return { run, read, said, calls, other: clients[1].runs };
}

/** Loses one frame in twenty and doubles one in twenty. */
function mischief(random: () => number): Fixture["gateway"]["tamper"] {
  return (frame, connection) => {
    const dice = random();
    if (dice < 0.05) return undefined;
    if (dice < 0.1 && frame.pos !== undefined) connection.send(frame);
    return frame;
  };
}

describe("exactly once", () => {
  it.each(Array.from({ length: 100 }, (_, index) => index + 1))("with seed %i", async (seed) => {
    const { run, read, said, calls, other } = await play(seed);
    expect(run.state).toBe("completed");
    expect(run.text).toBe(said);
    expect(read).toBe(said);
    expect(calls).toHaveLength(1);
    for (const seen of other) expect(seen.text).toBe(said);
  });
});
