/** Messages that are input to a run that goes on, as a route with `while_busy = "steer"` has them. */
import { describe, expect, it } from "vitest";
import type { Client, Run } from "../src/index.ts";
import { Fixture } from "./fixture.ts";
import type { Call, Session } from "./gateway-double.ts";

/** A run that goes on, at a gateway that offers it what is sent meanwhile. */
async function steered() {
  const calls: Call[] = [];
  const fixture = new Fixture((call) => void calls.push(call));
  const client = await fixture.openClient();
  const run = client.run("m1", { id: "m1" });
  await fixture.wires.carry();
  const call = calls[0] as Call;
  fixture.gateway.offersTo = call.run;
  /** The message of `m2` begins a run of its own after all. */
  const begin = () => {
    const [session] = fixture.gateway.sessions.values();
    fixture.gateway.begin(session as Session, { type: "user_message", id: "m2", payload: {} }, "own");
  };
  return { fixture, client, run, call, begin, latest: () => calls.at(-1) as Call };
}

/** Sends a further message, which the gateway keeps. */
async function sendFurther(fixture: Fixture, client: Client): Promise<Run> {
  const further = client.run("m2", { id: "m2" });
  await fixture.wires.carry();
  expect(further.state).toBe("pending");
  return further;
}

describe("a message for a run that goes on", () => {
  it("is acknowledged with that run", async () => {
    const { fixture, client, call } = await steered();
    const sent = client.send("user_message", { message: "m2" });
    await fixture.wires.carry();
    await expect(sent).resolves.toMatchObject({ run: call.run, level: "stored" });
  });

  it("ends with the run that took it, and a cancel is that one's", async () => {
    const { fixture, client, run, call } = await steered();
    const further = await sendFurther(fixture, client);
    const cancelled = further.cancel();
    await fixture.wires.carry();
    expect(fixture.heard("cancel")).toEqual([]);
    call.event("run_input", { input: "m2" });
    await fixture.wires.carry();
    expect([further.id, further.service]).toEqual([run.id, "double"]);
    expect(fixture.heard("cancel")).toMatchObject([{ run: run.id }]);
    expect([run.state, further.state]).toEqual(["cancelled", "cancelled"]);
    await expect(cancelled).resolves.toBe(true);
  });

  it("has the result of the run that took it", async () => {
    const { fixture, client, call } = await steered();
    const further = await sendFurther(fixture, client);
    call.event("run_input", { input: "m2" });
    call.text("both");
    call.complete({ done: 2 });
    await fixture.wires.carry();
    await expect(further.result).resolves.toEqual({ done: 2 });
    expect(client.runs.filter((known) => !known.ended)).toEqual([]);
  });

  it("begins a run of its own where nobody took it", async () => {
    const { fixture, client, call, begin, latest } = await steered();
    const further = await sendFurther(fixture, client);
    call.complete();
    begin();
    await fixture.wires.carry();
    expect(further).toMatchObject({ state: "running", id: "own" });
    latest().text("mine");
    latest().complete({ done: 1 });
    await fixture.wires.carry();
    await expect(further.result).resolves.toEqual({ done: 1 });
    expect(further.text).toBe("mine");
  });

  it("does not make the client wait for runs whose beginning it missed", async () => {
    const { fixture, client, begin, latest } = await steered();
    await sendFurther(fixture, client);
    fixture.gateway.tamper = (frame) => (frame.type === "run_started" ? undefined : frame);
    begin();
    latest().text("seen");
    await fixture.wires.carry();
    expect(client.state.status).toBe("open");
    expect(client.runs.at(-1)).toMatchObject({ id: "own", text: "seen" });
  });
});
