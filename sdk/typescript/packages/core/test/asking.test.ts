import { describe, expect, it } from "vitest";
import type { Run, RunEvent } from "../src/index.ts";
import { Fixture } from "./fixture.ts";
import type { Call } from "./gateway-double.ts";

const APPROVAL = {
  kind: "approval",
  message: "Delete it?",
  action: "delete_file",
  details: { file: "a.txt" },
};

/** A run that waits for an approval, on the device that started it and on another. */
async function asking() {
  const calls: Call[] = [];
  const fixture = new Fixture((call) => void calls.push(call));
  const client = await fixture.openClient();
  const run = client.run("tidy up");
  await fixture.wires.carry();
  const call = calls[0] as Call;
  call.text("I would ");
  call.ask("q1", APPROVAL);
  await fixture.wires.carry();
  const other = (await fixture.openClient()).runs[0] as Run;
  return { fixture, client, run, other, call };
}

async function collect(run: Run): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  for await (const event of run) events.push(event);
  return events;
}

describe("a run that asks", () => {
  it("waits, is answered once, and goes on, on every device", async () => {
    const { fixture, run, other, call } = await asking();
    const question = { ...APPROVAL, requestId: "q1" };
    for (const device of [run, other]) {
      expect(device.state).toBe("waiting");
      expect(device.questions).toEqual([question]);
      expect(device.questions).toBe(device.questions);
    }
    const answered = other.answer("q1", { granted: true, message: "go on" });
    const late = run.answer("q1", { granted: false });
    await fixture.wires.carry();
    await expect(answered).resolves.toMatchObject({ level: "stored", duplicate: false });
    await expect(late).rejects.toMatchObject({ code: "already_answered" });
    call.text("delete it");
    call.complete();
    await fixture.wires.carry();
    for (const device of [run, other]) {
      expect(await collect(device)).toEqual([
        { kind: "text", text: "I would " },
        { kind: "waiting", question },
        { kind: "answered", answer: { requestId: "q1", granted: true, message: "go on" } },
        { kind: "text", text: "delete it" },
      ]);
    }
  });

  it("is answered once although the answer is sent again", async () => {
    const { fixture, run } = await asking();
    fixture.gateway.tamper = (frame) => (frame.type === "ack" ? undefined : frame);
    const answered = run.answer("q1", { value: null });
    await fixture.wires.carry();
    expect(run.state).toBe("running");
    fixture.gateway.tamper = undefined;
    for (const connection of [...fixture.gateway.connections]) connection.close(4000);
    await fixture.reconnect();
    await expect(answered).resolves.toMatchObject({ duplicate: true });
    expect(fixture.heard("answer")).toHaveLength(2);
    expect(run.questions).toEqual([]);
  });

  it("shows an open question after a reload, and withdraws it with the run's end", async () => {
    const { fixture, client } = await asking();
    client.close();
    const reloaded = await fixture.openClient();
    const run = reloaded.runs[0] as Run;
    expect(run).toMatchObject({ state: "waiting", questions: [{ requestId: "q1" }] });
    void run.cancel();
    await fixture.wires.carry();
    expect(run).toMatchObject({ state: "cancelled", questions: [] });
  });

  it("has nothing to answer before the gateway knows it", async () => {
    const run = new Fixture().client().run("hi");
    await expect(run.answer("q1", { granted: true })).rejects.toMatchObject({ code: "bad_request" });
  });
});
