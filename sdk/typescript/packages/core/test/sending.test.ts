import { describe, expect, it } from "vitest";
import { Fixture } from "./fixture.ts";
import { refusal } from "./gateway-double.ts";

describe("sending", () => {
  it("keeps order and ids across a reconnect, and the effect happens once", async () => {
    const fixture = new Fixture();
    const client = await fixture.openClient();
    fixture.gateway.tamper = (frame) => (frame.type === "ack" ? undefined : frame);
    const sent = ["a", "b"].map((id) => client.send("note", { message: id }, { id }));
    await fixture.wires.carry();
    fixture.wires.cut();
    sent.push(client.send("note", { message: "c" }, { id: "c" }));
    fixture.gateway.tamper = undefined;
    await fixture.reconnect();
    const acknowledgements = await Promise.all(sent);
    expect(acknowledgements.map(({ id, duplicate }) => [id, duplicate])).toEqual([
      ["a", true],
      ["b", true],
      ["c", false],
    ]);
    expect(fixture.heard("note").map(({ id }) => id)).toEqual(["a", "b", "a", "b", "c"]);
    expect(fixture.gateway.calls.size).toBe(3);
  });

  it("keeps at most in_flight_max unacknowledged", async () => {
    const fixture = new Fixture();
    fixture.gateway.inFlightMax = 2;
    const client = await fixture.openClient();
    fixture.gateway.tamper = (frame) => (frame.type === "ack" ? undefined : frame);
    for (const id of ["a", "b", "c"])
      void client.send("note", { message: id }, { id }).catch(() => undefined);
    await fixture.wires.carry();
    expect(fixture.heard("note").map(({ id }) => id)).toEqual(["a", "b"]);
    fixture.gateway.connection.close(4000);
    fixture.gateway.tamper = undefined;
    await fixture.reconnect();
    expect(fixture.heard("note").map(({ id }) => id)).toEqual(["a", "b", "a", "b", "c"]);
  });

  it("rejects what the gateway refuses, with its words", async () => {
    const fixture = new Fixture();
    const client = await fixture.openClient();
    await Promise.all([client.send("note", { message: "1" }, { id: "x" }), fixture.wires.carry()]);
    const other = client.send("note", { message: "2" }, { id: "x" });
    const outcome = expect(other).rejects.toMatchObject({ code: "duplicate_id", retryable: false });
    await fixture.wires.carry();
    await outcome;
  });

  it("is bounded in messages and bytes while there is no connection", async () => {
    const fixture = new Fixture();
    fixture.wires.reachable = false;
    const client = fixture.client({ outbox: { messages: 2, bytes: 1_000 } });
    const waiting = [client.send("note", 1), client.send("note", 2)];
    await expect(client.send("note", 3)).rejects.toMatchObject({ code: "queue_full", retryable: true });
    client.close();
    await expect(Promise.allSettled(waiting)).resolves.toMatchObject([
      { status: "rejected" },
      { status: "rejected" },
    ]);
    const other = fixture.client({ outbox: { messages: 2, bytes: 1_000 } });
    await expect(other.send("note", "é".repeat(600))).rejects.toMatchObject({ code: "queue_full" });
  });

  it("fails what is older than 24 h", async () => {
    const fixture = new Fixture();
    fixture.wires.reachable = false;
    const client = fixture.client();
    const sent = client.send("note", 1);
    const outcome = expect(sent).rejects.toMatchObject({ code: "expired" });
    fixture.clock.advance(24 * 60 * 60 * 1_000);
    await outcome;
    client.close();
  });

  it("stops at the caller's signal, before and after it was sent", async () => {
    const fixture = new Fixture();
    const client = await fixture.openClient();
    await expect(client.send("note", 1, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "aborted",
    });
    fixture.gateway.tamper = (frame) => (frame.type === "ack" ? undefined : frame);
    const abort = new AbortController();
    const sent = client.send("note", { message: "x" }, { signal: abort.signal });
    await fixture.wires.carry();
    abort.abort(); // Rejects no earlier than this.
    await expect(sent).rejects.toMatchObject({ code: "aborted" });
    fixture.wires.cut();
    await fixture.reconnect();
    expect(fixture.heard("note")).toHaveLength(1);
  });

  it("refuses what cannot be sent at all", async () => {
    const fixture = new Fixture();
    const client = await fixture.openClient();
    await expect(client.send("note", 1, { id: "no spaces" })).rejects.toMatchObject({ code: "bad_request" });
    await expect(client.send("note", 1n)).rejects.toMatchObject({ code: "bad_request" });
    await expect(client.send("note", "x".repeat(1_048_577))).rejects.toMatchObject({
      code: "payload_too_large",
    });
    await fixture.wires.carry();
    expect(fixture.heard("note")).toEqual([]);
  });

  it("takes two answers to one message as one", async () => {
    const fixture = new Fixture();
    const client = await fixture.openClient();
    fixture.gateway.tamper = (frame, connection) => {
      fixture.gateway.tamper = undefined;
      connection.send(frame);
      connection.send(refusal("x", "busy", true));
      return frame;
    };
    const sent = client.send("note", { message: "m" }, { id: "x" });
    await fixture.wires.carry();
    await expect(sent).resolves.toMatchObject({ id: "x" });
    expect(client.state.status).toBe("open");
  });
});
