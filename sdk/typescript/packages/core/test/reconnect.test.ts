import { describe, expect, it } from "vitest";
import type { ConnectionState } from "../src/index.ts";
import { Fixture } from "./fixture.ts";

const statusesOf = (states: ConnectionState[]) => states.map((state) => state.status);

describe("connecting", () => {
  it("does nothing before it is asked", async () => {
    const fixture = new Fixture();
    const client = fixture.client();
    await fixture.wires.carry();
    expect(fixture.wires.attempts).toBe(0);
    expect(client.state).toEqual({ status: "idle" });
  });

  it("goes through its states and keeps session and secret", async () => {
    const fixture = new Fixture();
    const client = fixture.client();
    const states: ConnectionState[] = [];
    client.onState((state) => states.push(state));
    client.connect();
    await fixture.wires.carry();
    expect(statusesOf(states)).toEqual(["connecting", "authenticating", "open"]);
    const [session] = fixture.gateway.sessions.values();
    expect(client.state).toMatchObject({ status: "open", session: session?.id, resumable: true });
    expect(JSON.parse(fixture.storage.getItem("trunkline.session") ?? "")).toEqual({
      id: session?.id,
      secret: session?.secret,
    });
  });

  it("connects on first use and sends the token, asked for anew each time", async () => {
    let tokens = 0;
    const fixture = new Fixture();
    const client = fixture.client({ token: () => Promise.resolve(`token ${++tokens}`) });
    const acknowledged = client.send("note", { message: "hello" });
    await fixture.wires.carry();
    await expect(acknowledged).resolves.toMatchObject({ level: "stored", duplicate: false });
    fixture.wires.cut();
    await fixture.reconnect();
    expect(fixture.heard("hello").map(({ payload }) => (payload as { token: string }).token)).toEqual([
      "token 1",
      "token 2",
    ]);
  });

  it("tries again when the token cannot be had", async () => {
    let tokens = 0;
    const fixture = new Fixture();
    const token = () => (++tokens === 1 ? Promise.reject(new Error("offline")) : Promise.resolve("t"));
    const client = await fixture.openClient({ token });
    expect(client.state).toMatchObject({ status: "reconnecting", error: { code: "token_failed" } });
    await fixture.reconnect();
    expect(client.state.status).toBe("open");
  });

  it("closes for good where no socket can be made", async () => {
    const fixture = new Fixture();
    const client = fixture.client({
      socket: () => {
        throw new SyntaxError("no URL");
      },
    });
    const sent = client.send("note", {});
    await expect(sent).rejects.toMatchObject({ code: "bad_request" });
    expect(client.state).toMatchObject({ status: "closed", error: { code: "bad_request" } });
  });
});

describe("reconnecting", () => {
  it("waits with full jitter, doubling from 250 ms to 20 s", async () => {
    const fixture = new Fixture();
    fixture.wires.reachable = false;
    const client = await fixture.openClient();
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 9; attempt += 1) {
      if (client.state.status !== "reconnecting") throw new Error(client.state.status);
      expect(client.state).toMatchObject({ attempt, error: { code: "connection_lost", retryable: true } });
      const wait = client.state.retryAt - fixture.clock.now();
      waits.push(wait);
      fixture.clock.advance(wait);
      await fixture.wires.carry();
    }
    expect(waits).toEqual([125, 250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  });

  it("starts the backoff anew only after a connection that held", async () => {
    const fixture = new Fixture();
    const client = await fixture.openClient();
    fixture.wires.cut();
    expect(client.state).toMatchObject({ attempt: 1 });
    await fixture.reconnect();
    fixture.wires.cut();
    expect(client.state).toMatchObject({ attempt: 2 });
    await fixture.reconnect();
    fixture.clock.advance(6_000);
    fixture.wires.cut();
    expect(client.state).toMatchObject({ attempt: 1 });
  });

  it("wakes at once when the network comes back", async () => {
    const fixture = new Fixture();
    const client = await fixture.openClient();
    fixture.wires.cut();
    for (const wake of fixture.wakes) wake();
    await fixture.wires.carry();
    expect(client.state.status).toBe("open");
    client.close();
    expect(fixture.wakes.size).toBe(0);
  });

  it("gives up a connection that does not answer after the page woke", async () => {
    const fixture = new Fixture();
    const client = await fixture.openClient();
    for (const wake of fixture.wakes) wake();
    await fixture.wires.carry();
    fixture.clock.advance(5_001);
    expect(client.state.status).toBe("open");
    expect(fixture.heard("ping")).toHaveLength(1);
    fixture.gateway.tamper = () => undefined;
    for (const wake of fixture.wakes) wake();
    await fixture.wires.carry();
    fixture.clock.advance(5_000);
    expect(client.state).toMatchObject({ status: "reconnecting", error: { code: "heartbeat_timeout" } });
  });

  it("waits as long as the gateway asked, even when woken", async () => {
    const fixture = new Fixture();
    const client = await fixture.openClient();
    const error = { code: "rate_limited", message: "slow", retryable: true, retry_after_ms: 30_000 };
    fixture.gateway.connection.send({ type: "error", error });
    fixture.gateway.connection.close(4006);
    await fixture.wires.carry();
    expect(client.state).toMatchObject({
      status: "reconnecting",
      retryAt: fixture.clock.now() + 30_000,
      error: { code: "rate_limited", retryAfterMs: 30_000 },
    });
    for (const wake of fixture.wakes) wake();
    expect(client.state.status).toBe("reconnecting");
    fixture.clock.advance(30_000);
    await fixture.wires.carry();
    expect(client.state.status).toBe("open");
  });

  it("stays until the gateway closes, and comes back within the window of go_away", async () => {
    for (const closesAfter of [0, 10_000]) {
      const fixture = new Fixture();
      const client = await fixture.openClient();
      fixture.gateway.connection.goAway(2_000, 4_000);
      await fixture.wires.carry();
      fixture.clock.advance(closesAfter);
      expect(client.state.status).toBe("open");
      const returnAt = fixture.clock.now() + 3_000;
      fixture.gateway.connection.close(4000, "drain");
      await fixture.wires.carry();
      fixture.clock.advance(2_999);
      expect(client.state.status).toBe("reconnecting");
      fixture.clock.advance(1);
      expect(client.state.status).toBe("connecting");
      await fixture.wires.carry();
      expect(client.state.status).toBe("open");
      expect(fixture.clock.now()).toBe(returnAt);
    }
  });

  it("notices silence also after it was told to go", async () => {
    const fixture = new Fixture();
    fixture.gateway.heartbeatMs = 1_000;
    const client = await fixture.openClient();
    fixture.gateway.connection.goAway(20_000, 20_000);
    await fixture.wires.carry();
    fixture.clock.advance(2_000);
    expect(client.state).toMatchObject({ status: "reconnecting", error: { code: "heartbeat_timeout" } });
  });

  it("notices silence after two heartbeats", async () => {
    const fixture = new Fixture();
    fixture.gateway.heartbeatMs = 1_000;
    const client = await fixture.openClient();
    fixture.clock.advance(1_500);
    fixture.gateway.connection.heartbeat();
    await fixture.wires.carry();
    fixture.clock.advance(1_999);
    expect(client.state.status).toBe("open");
    fixture.clock.advance(1);
    expect(client.state).toMatchObject({ status: "reconnecting", error: { code: "heartbeat_timeout" } });
  });

  it("gives up a hello that is never answered", async () => {
    const fixture = new Fixture();
    fixture.gateway.refuseHello = () => undefined;
    const client = await fixture.openClient();
    expect(client.state.status).toBe("authenticating");
    fixture.clock.advance(10_000);
    expect(client.state).toMatchObject({ status: "reconnecting", error: { code: "connect_timeout" } });
  });

  it("hears nothing more of an old connection", async () => {
    const fixture = new Fixture();
    const client = await fixture.openClient();
    const old = fixture.gateway.connection;
    fixture.gateway.tamper = () => undefined;
    fixture.clock.advance(50_000);
    expect(client.state.status).toBe("reconnecting");
    fixture.gateway.tamper = undefined;
    await fixture.reconnect();
    const { state } = client;
    old.send({ type: "go_away", payload: {} });
    old.close(4500);
    await fixture.wires.carry();
    expect(client.state).toBe(state);
  });
});

describe("refusals for good", () => {
  it.each([4500, 4501, 4505, 4507, 4999])("stops at close code %i", async (code) => {
    const fixture = new Fixture();
    const client = await fixture.openClient();
    const waiting = client.run("lost");
    fixture.gateway.connection.close(code, "");
    await fixture.reconnect();
    expect(fixture.wires.attempts).toBe(1);
    expect(client.state).toMatchObject({ status: "closed", error: { retryable: false } });
    await expect(waiting.result).rejects.toMatchObject({ retryable: false });
  });

  it("comes back after every other code", async () => {
    for (const code of [1001, 1006, 1011, 1012, 4000, 4003, 4499]) {
      const fixture = new Fixture();
      const client = await fixture.openClient();
      fixture.gateway.connection.close(code);
      await fixture.reconnect();
      expect(client.state.status).toBe("open");
    }
  });

  it("stops at a refused hello even where the close code was lost, and tells the gateway's reason", async () => {
    const fixture = new Fixture();
    const error = { code: "unauthorized", message: "wrong token", retryable: false };
    fixture.gateway.refuseHello = (connection) => connection.send({ type: "error", error });
    const client = await fixture.openClient();
    await fixture.reconnect();
    expect(client.state).toMatchObject({ status: "closed", error });
    await expect(client.send("note", {})).rejects.toMatchObject(error);
  });

  it("fails what waits when the application closes it", async () => {
    const fixture = new Fixture(() => undefined);
    const client = await fixture.openClient();
    const run = client.run("never answered");
    await fixture.wires.carry();
    client.close();
    await expect(run.result).rejects.toMatchObject({ code: "connection_closed" });
    expect(run.state).toBe("failed");
    expect(client.state).toEqual({ status: "closed" });
    expect(fixture.wires.up).toBe(0);
  });
});

describe("listeners", () => {
  it("that throw disturb neither the connection nor others", async () => {
    const fixture = new Fixture();
    const client = fixture.client();
    const seen: string[] = [];
    const errors: unknown[] = [];
    client.onError((error) => errors.push(error.cause));
    client.onState(() => {
      throw new Error("mine");
    });
    client.onState((state) => seen.push(state.status));
    client.connect();
    await fixture.wires.carry();
    expect(seen).toEqual(["connecting", "authenticating", "open"]);
    expect(errors).toEqual([new Error("mine"), new Error("mine"), new Error("mine")]);
  });

  it("are not called after they stopped", async () => {
    const fixture = new Fixture();
    const client = fixture.client();
    const stop = client.onState(() => {
      throw new Error("called");
    });
    const errors: unknown[] = [];
    client.onError((error) => errors.push(error));
    client.connect();
    stop();
    await fixture.wires.carry();
    expect(errors).toEqual([]);
  });

  it("hear of frames that cannot be read, and the connection goes on", async () => {
    const fixture = new Fixture();
    const errors: string[] = [];
    const client = fixture.client();
    client.onError((error) => errors.push(error.code));
    client.connect();
    await fixture.wires.carry();
    fixture.gateway.connection.send({ type: "" });
    await fixture.wires.carry();
    expect(errors).toEqual(["bad_envelope"]);
    expect(client.state.status).toBe("open");
  });
});
