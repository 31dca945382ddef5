import { expect, it } from "vitest";
import { createClient, memoryStorage, type Client } from "../src/index.ts";
import { codecUnderTest } from "./codec.ts";
import { GatewayDouble, type Call } from "./gateway-double.ts";
import { listen, nodeSocket } from "./web-socket.ts";

/** Resolves when the client's state has `status`. */
function reached(client: Client, status: Client["state"]["status"]): Promise<void> {
  return new Promise((resolve) => {
    if (client.state.status === status) resolve();
    client.onState((state) => state.status === status && resolve());
  });
}

it("streams a run over real sockets, through a cut in its middle", async () => {
  const calls: Call[] = [];
  const gateway = new GatewayDouble((call) => {
    calls.push(call);
    call.text("one ");
  });
  await using server = await listen(gateway);
  const client = createClient({
    url: server.url,
    codec: codecUnderTest,
    socket: nodeSocket,
    backoff: { initialMs: 20 },
  });
  const run = client.run("count");
  let said = "";
  for await (const event of run) {
    if (event.kind === "text") said += event.text;
    if (said === "one ") {
      server.cut();
      calls[0]?.text("two ");
      calls[0]?.complete("done");
    }
  }
  expect(said).toBe("one two ");
  client.close();
}, 10_000);

it("drains, and keeps the session across tabs", async () => {
  const gateway = new GatewayDouble((call) => {
    call.text("hello");
    call.complete();
  });
  await using server = await listen(gateway);
  const storage = memoryStorage();
  const options = {
    url: server.url,
    codec: codecUnderTest,
    socket: nodeSocket,
    storage,
    backoff: { initialMs: 20 },
  };
  const first = createClient(options);
  await first.run("hi").result;
  gateway.connection.goAway(0, 20);
  gateway.connection.close(4000, "drain");
  await reached(first, "reconnecting");
  await reached(first, "open");
  const second = createClient(options);
  const replayed = new Promise<string>((resolve) =>
    second.onRun((run) => void run.result.then(() => resolve(run.text))),
  );
  second.connect();
  expect(await replayed).toBe("hello");
  expect(gateway.sessions.size).toBe(1);
  first.close();
  second.close();
}, 10_000);

it("stops at a refusal for good", async () => {
  const gateway = new GatewayDouble(() => undefined);
  gateway.refuseHello = (connection) => connection.close(4500, "auth_failed");
  await using server = await listen(gateway);
  const client = createClient({ url: server.url, codec: codecUnderTest, socket: nodeSocket });
  await expect(client.send("note", 1)).rejects.toMatchObject({ code: "auth_failed", retryable: false });
  expect(client.state.status).toBe("closed");
}, 10_000);
