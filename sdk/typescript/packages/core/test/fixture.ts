/**
 * A client and a gateway double, wired in memory, with a clock that stands still.
 *
 * Purpose: one set-up for the scenarios. `random` is always a half, so waits are known.
 */
import { createClient, memoryStorage, type Client, type ClientOptions } from "../src/index.ts";
import { ManualClock } from "../src/transport/testing.ts";
import { codecUnderTest } from "./codec.ts";
import { GatewayDouble, type Call } from "./gateway-double.ts";
import { InMemoryWires } from "./in-memory.ts";

/** See the module comment. */
export class Fixture {
  readonly gateway: GatewayDouble;
  readonly wires: InMemoryWires;
  readonly clock = new ManualClock(1_000_000);
  readonly storage = memoryStorage();
  /** Calls `wake` of every client. */
  readonly wakes = new Set<() => void>();
  readonly #clients: Client[] = [];

  constructor(service: (call: Call) => void = echo) {
    this.gateway = new GatewayDouble(service);
    this.wires = new InMemoryWires(this.gateway);
  }

  /** A client that shares the session with the others of this fixture, as tabs do. */
  client(options: Partial<ClientOptions> = {}): Client {
    const client = createClient({
      url: "ws://double/ws",
      codec: codecUnderTest,
      clock: this.clock,
      storage: this.storage,
      socket: this.wires.socket,
      random: () => 0.5,
      wake: (wake) => {
        this.wakes.add(wake);
        return () => this.wakes.delete(wake);
      },
      ...options,
    });
    this.#clients.push(client);
    return client;
  }

  /** A client whose connection is open. */
  async openClient(options: Partial<ClientOptions> = {}): Promise<Client> {
    const client = this.client(options);
    client.connect();
    await this.wires.carry();
    return client;
  }

  /** Lets time pass until no client waits any more, at most the longest wait, and everything arrive. */
  async reconnect(): Promise<void> {
    await this.wires.carry();
    const isWaiting = () => this.#clients.some((client) => client.state.status === "reconnecting");
    for (let waitedMs = 0; isWaiting() && waitedMs <= 20_000; waitedMs += 100) {
      this.clock.advance(100);
      await this.wires.carry();
    }
  }

  /** Frames of one type that clients have sent. */
  heard(type: string) {
    return this.gateway.heard.filter((frame) => frame.type === type);
  }
}

/** Answers every message with its own text in two deltas. */
function echo(call: Call): void {
  const { message } = call.message.payload as { message: string };
  call.text(message.slice(0, 2));
  call.text(message.slice(2));
  call.complete({ length: message.length });
}
