/**
 * Who is seen in one topic.
 *
 * Purpose: keeps the list that the gateway tells, and what this client says of itself. It does
 * not know when it may be said.
 */
import { objectOrEmpty, type Envelope } from "../codec/envelope.ts";
import { Listeners, type Notifier, type StopListening } from "../notifier.ts";

/** What a member is doing. */
export type MemberState = "online" | "typing" | "thinking" | "away";

/** Who is seen, as far as it is told. */
export interface Members {
  /** How others know this client; `undefined` before it is seen. */
  readonly you: string | undefined;
  /** How many there are. */
  readonly count: number;
  /** What each is doing; empty in a large topic, of which only `count` is told. */
  readonly states: ReadonlyMap<string, MemberState>;
}

const NOBODY: Members = { you: undefined, count: 0, states: new Map() };

/** Presence in one topic. Get it with `client.presence(topic)`. */
export class Presence {
  readonly #changes: Listeners<Members>;
  #members: Members = NOBODY;
  #own: MemberState | undefined;

  /** @internal Use `client.presence`. */
  constructor(
    notifier: Notifier,
    private readonly tell: (state: MemberState) => void,
  ) {
    this.#changes = new Listeners(notifier);
  }

  /** Who is seen; the same object until it changes. */
  get members(): Members {
    return this.#members;
  }

  /** Says what this client's user is doing; it is seen from the first time on, while the topic is subscribed. */
  set(state: MemberState): void {
    this.#own = state;
    this.tell(state);
  }

  /** Calls `listener` with every new list. */
  on(listener: (members: Members) => void): StopListening {
    return this.#changes.add(listener);
  }

  /** @internal The topic is attached: what was said is said again. Nobody types through a reconnect. */
  say(): void {
    if (this.#own === "typing") this.#own = "online";
    if (this.#own) this.tell(this.#own);
  }

  /** @internal The topic was given up. */
  ended(): void {
    this.#own = undefined;
    this.#become(NOBODY);
  }

  /** @internal */
  take(message: Envelope): void {
    const payload = objectOrEmpty(message.payload);
    const member = String(payload.member);
    const { you, count } = this.#members;
    const states = new Map(this.#members.states);
    switch (message.type) {
      case "presence_members":
        return this.#listed(payload);
      case "presence_join":
        states.set(member, "online");
        return this.#become({ you, count: count + 1, states });
      case "presence_leave":
        states.delete(member);
        return this.#become({ you, count: Math.max(0, count - 1), states });
      default:
        states.set(member, payload.state as MemberState);
        return this.#become({ you, count, states });
    }
  }

  #listed({ you, count, members }: ReturnType<typeof objectOrEmpty>): void {
    const listed = Array.isArray(members) ? members.map(objectOrEmpty) : [];
    this.#become({
      you: typeof you === "string" ? you : this.#members.you,
      count: Number(count),
      states: new Map(listed.map(({ member, state }) => [String(member), state as MemberState])),
    });
  }

  #become(members: Members): void {
    this.#members = members;
    this.#changes.notify(members);
  }
}
