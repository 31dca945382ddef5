import { describe, expect, it } from "vitest";
import type { Envelope, ResetNotice, Run, RunEvent } from "../src/index.ts";
import { Fixture } from "./fixture.ts";
import type { Call } from "./gateway-double.ts";
import { turn } from "./in-memory.ts";

/** A service whose calls the test drives by hand. */
function manualService() {
  const calls: Call[] = [];
  return { service: (call: Call) => void calls.push(call), calls, latest: () => calls.at(-1) as Call };
}

async function collect(run: Run): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  for await (const event of run) events.push(event);
  return events;
}

describe("a run", () => {
  it("yields its events and its result", async () => {
    const { service, latest } = manualService();
    const fixture = new Fixture(service);
    const client = await fixture.openClient();
    const run = client.run("hi", { service: "guide", deadlineMs: 5_000 });
    const events = collect(run);
    expect(run.state).toBe("pending");
    await fixture.wires.carry();
    expect(run).toMatchObject({ state: "running", id: latest().run, service: "double" });
    latest().text("Hel");
    await fixture.wires.carry();
    latest().text("lo");
    latest().event("tool_output", { output: 1 });
    latest().complete({ tokens: 2 });
    await fixture.wires.carry();
    expect(await events).toEqual([
      { kind: "text", text: "Hel" },
      { kind: "text", text: "lo" },
      { kind: "event", type: "tool_output", payload: { output: 1 } },
    ]);
    await expect(run.result).resolves.toEqual({ tokens: 2 });
    expect(fixture.heard("user_message")).toMatchObject([
      { payload: { message: "hi" }, to: { service: "guide" }, deadline_ms: 5_000 },
    ]);
  });

  it("merges text for readers that are slow, and gives every reader everything", async () => {
    const { service, latest } = manualService();
    const fixture = new Fixture(service);
    const run = (await fixture.openClient()).run("hi");
    await fixture.wires.carry();
    for (const letter of "abcdef") {
      latest().text(letter);
      await fixture.wires.carry();
    }
    latest().complete();
    await fixture.wires.carry();
    const whole = [{ kind: "text", text: "abcdef" }];
    expect(await collect(run)).toEqual(whole);
    expect(await collect(run)).toEqual(whole);
  });

  it("tells failures, expiry and refusals with their errors", async () => {
    const { service, latest } = manualService();
    const fixture = new Fixture(service);
    const client = await fixture.openClient();
    const failing = client.run("hi", { id: "once" });
    await fixture.wires.carry();
    latest().text("so far");
    latest().fail("worker_lost", "the worker was lost");
    await fixture.wires.carry();
    await expect(collect(failing)).rejects.toMatchObject({ code: "worker_lost", retryable: true });
    await expect(failing.result).rejects.toMatchObject({ code: "worker_lost" });
    expect(failing).toMatchObject({ state: "failed", text: "so far" });
    expect(client.run("other", { id: "once" })).toBe(failing);

    fixture.gateway.inFlightMax = 64;
    fixture.gateway.tamper = (frame) =>
      frame.type === "ack"
        ? {
            type: "error",
            reply_to: frame.reply_to ?? "",
            error: { code: "busy", message: "b", retryable: true },
          }
        : undefined;
    const refused = client.run("again");
    await fixture.wires.carry();
    expect(refused).toMatchObject({ state: "failed", error: { code: "busy", retryable: true } });
  });

  it("shows the newest progress only, and none after its end", async () => {
    const { service, latest } = manualService();
    const fixture = new Fixture(service);
    const client = await fixture.openClient();
    const run = client.run("hi");
    await fixture.wires.carry();
    latest().progress({ percentage: 10 });
    latest().progress({ percentage: 20 });
    await fixture.wires.carry();
    const events = run[Symbol.asyncIterator]();
    expect((await events.next()).value).toEqual({ kind: "progress", payload: { percentage: 20 } });
    latest().complete();
    latest().progress({ percentage: 30 });
    await fixture.wires.carry();
    expect(run.progress).toEqual({ percentage: 20 });
    expect((await events.next()).done).toBe(true);
  });
});

describe("cancel", () => {
  it("reaches the gateway and ends the run", async () => {
    const { service, latest } = manualService();
    const fixture = new Fixture(service);
    const run = (await fixture.openClient()).run("hi");
    await fixture.wires.carry();
    latest().text("so far");
    const cancelled = run.cancel();
    await fixture.wires.carry();
    expect(await cancelled).toBe(true);
    expect(run).toMatchObject({ state: "cancelled", text: "so far", error: { code: "cancelled" } });
    expect(await collect(run)).toEqual([{ kind: "text", text: "so far" }]);
    expect(await run.cancel()).toBe(false);
  });

  it("is asked again after a reconnect, and once only before", async () => {
    const { service } = manualService();
    const fixture = new Fixture(service);
    const run = (await fixture.openClient()).run("hi");
    await fixture.wires.carry();
    const cancelled = [run.cancel(), run.cancel()];
    fixture.wires.cut();
    await fixture.reconnect();
    expect(await Promise.all(cancelled)).toEqual([true, true]);
    expect(run.state).toBe("cancelled");
    expect(fixture.heard("cancel")).toHaveLength(1);
  });

  it("that was carried out unheard is answered by the run's end", async () => {
    const { service } = manualService();
    const fixture = new Fixture(service);
    const run = (await fixture.openClient()).run("hi");
    await fixture.wires.carry();
    fixture.gateway.tamper = () => undefined;
    const cancelled = run.cancel();
    await fixture.wires.carry();
    fixture.wires.cut();
    fixture.gateway.tamper = undefined;
    await fixture.reconnect();
    expect(run.state).toBe("cancelled");
    expect(await cancelled).toBe(true);
  });

  it("takes back what was not sent yet", async () => {
    const fixture = new Fixture();
    fixture.wires.reachable = false;
    const client = fixture.client();
    const run = client.run("hi");
    expect(await run.cancel()).toBe(true);
    expect(run.state).toBe("cancelled");
    fixture.wires.reachable = true;
    await fixture.reconnect();
    expect(fixture.heard("user_message")).toEqual([]);
  });

  it("waits for the run's id where the message is on its way", async () => {
    const { service } = manualService();
    const fixture = new Fixture(service);
    const client = await fixture.openClient();
    const abort = new AbortController();
    const run = client.run("hi", { signal: abort.signal });
    abort.abort();
    await fixture.wires.carry();
    expect(run.state).toBe("cancelled");
    expect(client.run("hi", { signal: abort.signal })).toMatchObject({
      state: "cancelled",
      error: { code: "aborted" },
    });
  });
});

describe("across connections", () => {
  it("a run goes on without a missing or doubled character", async () => {
    const { service, latest } = manualService();
    const fixture = new Fixture(service);
    const run = (await fixture.openClient()).run("hi");
    await fixture.wires.carry();
    latest().text("one ");
    await fixture.wires.carry();
    fixture.wires.cut();
    latest().text("two ");
    latest().text("three");
    latest().complete();
    await fixture.reconnect();
    expect(run).toMatchObject({ state: "completed", text: "one two three" });
  });

  it("a run of which nothing was seen is resumed from its start", async () => {
    const { service, latest } = manualService();
    const fixture = new Fixture(service);
    const run = (await fixture.openClient()).run("hi");
    await fixture.wires.carry();
    fixture.wires.cut();
    latest().text("all of it");
    await fixture.reconnect();
    expect(run.text).toBe("all of it");
    const [, hello] = fixture.heard("hello");
    expect(Object.values((hello?.payload as { resume: object }).resume)).toContain(null);
  });

  it("a sealed run is not resumed", async () => {
    const fixture = new Fixture();
    const client = await fixture.openClient();
    const run = client.run("hello");
    await fixture.wires.carry();
    expect(run.state).toBe("completed");
    fixture.wires.cut();
    await fixture.reconnect();
    const [, hello] = fixture.heard("hello");
    expect(Object.keys((hello?.payload as { resume: object }).resume)).toHaveLength(1);
  });

  it.each(["run_event", "user_message"])(
    "a lost %s is noticed by the next record and fetched",
    async (type) => {
      const { service, calls, latest } = manualService();
      const fixture = new Fixture(service);
      const client = await fixture.openClient();
      const errors: string[] = [];
      client.onState((state) => "error" in state && errors.push(state.error.code));
      const run = client.run("hi");
      await fixture.wires.carry();
      fixture.gateway.tamper = (frame) => {
        if (frame.type !== type) return frame;
        fixture.gateway.tamper = undefined;
        return undefined;
      };
      const second = client.run("second");
      latest().text("a");
      await fixture.wires.carry();
      calls[0]?.text("b");
      await fixture.reconnect();
      expect(errors[0]).toBe("gap");
      expect(run.text).toBe("ab");
      expect(second.state).toBe("running");
    },
  );

  it("a lost last record is noticed by the heartbeat", async () => {
    const { service, latest } = manualService();
    const fixture = new Fixture(service);
    const client = await fixture.openClient();
    const run = client.run("hi");
    await fixture.wires.carry();
    latest().text("a");
    await fixture.wires.carry();
    fixture.gateway.connection.heartbeat();
    await fixture.wires.carry();
    expect(client.state.status).toBe("open");
    fixture.gateway.tamper = () => undefined;
    latest().text("b");
    fixture.gateway.tamper = undefined;
    fixture.gateway.connection.heartbeat();
    await fixture.reconnect();
    expect(fixture.wires.attempts).toBe(2);
    expect(run.text).toBe("ab");
  });

  it("records that come twice are seen once", async () => {
    const fixture = new Fixture();
    const client = await fixture.openClient();
    const seen: Envelope[] = [];
    client.onMessage((message) => seen.push(message));
    let previous: Envelope | undefined;
    fixture.gateway.tamper = (frame, connection) => {
      if (frame.pos === undefined || frame === previous) return frame;
      previous = frame;
      connection.send(frame);
      return frame;
    };
    const run = client.run("hello");
    await fixture.wires.carry();
    expect(run.text).toBe("hello");
    expect(seen.map(({ type }) => type)).toEqual([
      "user_message",
      "run_started",
      "run_event",
      "run_event",
      "run_completed",
    ]);
    expect(fixture.wires.attempts).toBe(1);
  });
});

describe("resets", () => {
  it("in a run's order drop its content and go on from what is retained", async () => {
    const { service, latest } = manualService();
    const fixture = new Fixture(service);
    const client = await fixture.openClient();
    const notices: ResetNotice[] = [];
    client.onReset((notice) => notices.push(notice));
    const run = client.run("hi");
    await fixture.wires.carry();
    const events = collect(run);
    for (const text of ["a", "b", "c"]) latest().text(text);
    await fixture.wires.carry();
    fixture.gateway.trim(`run:${latest().run}`, 1);
    fixture.gateway.connection.reset(`run:${latest().run}`, "too_far");
    latest().text("d");
    latest().complete();
    await fixture.wires.carry();
    expect(run).toMatchObject({ text: "cd", state: "completed" });
    expect(notices).toMatchObject([{ scope: "run", reason: "too_far", run }]);
    expect(await events).toEqual([
      ...["a", "b", "c"].map((text) => ({ kind: "text", text })),
      { kind: "reset", reason: "too_far" },
      ...["c", "d"].map((text) => ({ kind: "text", text })),
    ]);
  });

  it("of the session at resume tell its listeners, and the retained messages come again", async () => {
    const fixture = new Fixture();
    const client = await fixture.openClient();
    const seen: (string | undefined)[] = [];
    const runs: Run[] = [];
    client.onReset(() => seen.push("reset"));
    client.onMessage(({ type }) => type === "user_message" && seen.push(type));
    client.onRun((run) => runs.push(run));
    const [old] = [client.run("old"), await fixture.wires.carry()];
    fixture.wires.cut();
    const other = fixture.client();
    const recent = other.run("recent");
    fixture.clock.advance(0);
    for (let frames = 0; !recent.ended && frames < 20; frames += 1) await fixture.wires.carry(1);
    const [session] = fixture.gateway.sessions.values();
    fixture.gateway.trim(session?.channel.name ?? "", 1);
    await fixture.reconnect();
    expect(seen).toEqual(["user_message", "reset"]);
    expect(runs).toMatchObject([{ text: "old" }, { text: "recent", state: "completed" }]);
    expect(client.runs).not.toContain(old);

    fixture.gateway.connections.forEach((connection) =>
      connection.reset(session?.channel.name ?? "", "too_far"),
    );
    await fixture.wires.carry();
    expect(seen.slice(2)).toEqual(["reset"]);
    expect(runs.map((run) => run.text)).toEqual(["old", "recent", "recent"]);
  });

  it("of an expired session end its runs, and unacknowledged messages go to the new one", async () => {
    const { service, calls } = manualService();
    const fixture = new Fixture(service);
    const client = await fixture.openClient();
    const notices: ResetNotice[] = [];
    client.onReset((notice) => notices.push(notice));
    const lost = client.run("lost");
    await fixture.wires.carry();
    calls[0]?.text("some");
    await fixture.wires.carry();
    const [old] = fixture.gateway.sessions.keys();
    fixture.gateway.expireSession(old ?? "");
    fixture.wires.cut();
    const kept = client.run("kept");
    await fixture.reconnect();
    expect(lost).toMatchObject({ state: "failed", error: { code: "reset" } });
    expect(kept).toMatchObject({ state: "running" });
    expect(notices.map(({ scope, reason }) => [scope, reason]).sort()).toEqual([
      ["run", "unknown"],
      ["session", "unknown"],
    ]);
    const [session] = fixture.gateway.sessions.keys();
    expect(client.state).toMatchObject({ session });
    expect(JSON.parse(fixture.storage.getItem("trunkline.session") ?? "")).toMatchObject({ id: session });
  });
});

describe("a second tab", () => {
  it("sees the first tab's messages and runs, live and replayed", async () => {
    const { service, latest } = manualService();
    const fixture = new Fixture(service);
    const first = await fixture.openClient();
    const own = first.run("question");
    await fixture.wires.carry();
    latest().text("half ");
    await fixture.wires.carry();

    const second = fixture.client();
    const messages: Envelope[] = [];
    const runs: Run[] = [];
    second.on("user_message", (message) => messages.push(message));
    second.onRun((run) => runs.push(run));
    second.connect();
    await fixture.wires.carry();
    expect(messages).toMatchObject([{ payload: { message: "question" }, id: own.messageId, run: own.id }]);
    expect(runs).toMatchObject([{ text: "half ", state: "running", messageId: own.messageId }]);
    latest().text("done");
    await fixture.wires.carry();
    expect([own.text, runs[0]?.text]).toEqual(["half done", "half done"]);

    const cancelled = runs[0]?.cancel();
    await fixture.wires.carry();
    expect(await cancelled).toBe(true);
    expect([own.state, runs[0]?.state]).toEqual(["cancelled", "cancelled"]);
    expect(second.runs).toEqual(runs);
  });
});

it("an abandoned iterator does not disturb the run", async () => {
  const { service, latest } = manualService();
  const fixture = new Fixture(service);
  const run = (await fixture.openClient()).run("hi");
  await fixture.wires.carry();
  latest().text("a");
  await fixture.wires.carry();
  for await (const event of run) {
    expect(event).toEqual({ kind: "text", text: "a" });
    break;
  }
  latest().complete("done");
  await fixture.wires.carry();
  await turn();
  await expect(run.result).resolves.toBe("done");
});
