/**
 * Connects clients to a {@link GatewayDouble} without a network.
 *
 * Purpose: frames arrive in order, one event-loop turn at a time, until somebody cuts. It
 * knows no protocol.
 */
import type { SocketFactory } from "../src/transport/providers.ts";
import type { Connection, GatewayDouble } from "./gateway-double.ts";

/** Wires between clients and one gateway; what is in transit is lost when a wire is cut. */
export class InMemoryWires {
  readonly #cuts = new Set<() => void>();
  #transit: (() => void)[] = [];
  /** Whether new connections are possible. */
  reachable = true;
  attempts = 0;

  constructor(private readonly gateway: GatewayDouble) {}

  /** How many connections are up. */
  get up(): number {
    return this.#cuts.size;
  }

  readonly socket: SocketFactory = (_url, _protocols, handlers) => {
    let isUp = true;
    let connection: Connection | undefined;
    this.attempts += 1;
    const end = (code: number, reason: string) => {
      if (!isUp) return;
      isUp = false;
      this.#cuts.delete(cut);
      connection?.gone();
      handlers.close(code, reason);
    };
    const cut = () => end(1006, "");
    const carry = (deliver: () => void) => this.#transit.push(() => isUp && deliver());
    this.#cuts.add(cut);
    carry(() => {
      if (!this.reachable) return cut();
      connection = this.gateway.accept({
        send: (frame) => carry(() => handlers.message(frame)),
        close: (code, reason) => carry(() => end(code, reason)),
      });
      handlers.open();
    });
    return {
      send: (frame) => carry(() => connection?.receive(frame)),
      close: (code = 1000, reason = "") => end(code, reason),
    };
  };

  /** Carries at most `count` frames, letting the clients' own asynchronous work go first; returns how many there were. */
  async carry(count = Infinity): Promise<number> {
    let carried = 0;
    for (; carried < count; carried += 1) {
      await turn();
      const deliver = this.#transit.shift();
      if (!deliver) break;
      deliver();
    }
    await turn();
    return carried;
  }

  /** Loses every connection at once, and all that is in transit. */
  cut(): void {
    this.#transit = [];
    for (const cut of [...this.#cuts]) cut();
  }
}

/** Lets promises that are ready settle. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
