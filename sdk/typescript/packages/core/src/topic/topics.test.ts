import { describe, expect, it, vi } from "vitest";
import type { Envelope } from "../codec/envelope.ts";
import { clientError } from "../errors/error.ts";
import { Notifier } from "../notifier.ts";
import { Topics, type TopicPort } from "./topics.ts";

/** Topics of a client that is connected, and what they send. */
function connected() {
  const sent: Envelope[] = [];
  let ids = 0;
  const port: TopicPort = {
    notifier: new Notifier((thrown) => {
      throw thrown;
    }),
    control: (message) => sent.push(message),
    publish: vi.fn(),
    connect: () => undefined,
    createId: () => `r${++ids}`,
    position: () => undefined,
    forget: () => undefined,
  };
  return { topics: new Topics(port), sent, take: () => sent.splice(0) };
}

const subscribe = (id: string) => ({ type: "subscribe", id, payload: { topic: "room", pos: null } });
const says = (state: string) => ({ type: "presence_state", channel: "topic:room", payload: { state } });

describe("a topic", () => {
  it("is asked for once, and again only where a welcome lacks it", async () => {
    const { topics, take } = connected();
    const granted = [topics.get("room").subscribe(), topics.get("room").subscribe()];
    expect(take()).toEqual([subscribe("r1")]);
    topics.granted("topic:room");
    await Promise.all(granted);
    topics.welcomed({ "topic:room": { verdict: "resumed", pos: "1-1-1" } });
    expect(take()).toEqual([]);
    topics.welcomed({ "topic:room": { verdict: "reset", reason: "unknown" } });
    expect(take()).toEqual([subscribe("r2")]);
    topics.get("room").unsubscribe();
    topics.welcomed({});
    expect(take()).toEqual([{ type: "unsubscribe", payload: { topic: "room" } }]);
  });

  it("is refused to who asked, and not asked for again", async () => {
    const { topics, take } = connected();
    const granted = topics.get("room").subscribe();
    expect(topics.refused("other", clientError("bad_request", "no"))).toBe(false);
    expect(topics.refused("r1", clientError("bad_request", "no"))).toBe(true);
    await expect(granted).rejects.toMatchObject({ message: "no" });
    take();
    topics.welcomed({});
    expect(take()).toEqual([]);
  });

  it("says who this client is when it comes back, and nobody types through a reconnect", () => {
    const { topics, take } = connected();
    const { presence } = topics.get("room");
    presence.set("typing");
    void topics.get("room").subscribe();
    expect(take()).toEqual([subscribe("r1")]);
    topics.granted("topic:room");
    presence.set("typing");
    topics.welcomed({ "topic:room": { verdict: "resumed", pos: "1-1-1" } });
    expect(take()).toEqual([says("online"), says("typing"), says("online")]);
  });

  it("knows who is seen", () => {
    const { topics } = connected();
    const { presence } = topics.get("room");
    const hear = (type: string, payload: unknown) =>
      topics.presence({ type, channel: "topic:room", payload });
    hear("presence_members", { you: "a", count: 1, members: [{ member: "a", state: "away" }] });
    hear("presence_join", { member: "b", info: {} });
    hear("presence_state", { member: "b", state: "typing" });
    expect([...presence.members.states]).toEqual([
      ["a", "away"],
      ["b", "typing"],
    ]);
    hear("presence_leave", { member: "a", info: {} });
    expect(presence.members).toEqual({ you: "a", count: 1, states: new Map([["b", "typing"]]) });
    hear("presence_members", { count: 1200 });
    expect(presence.members).toEqual({ you: "a", count: 1200, states: new Map() });
  });
});
