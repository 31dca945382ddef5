import { describe, expect, it } from "vitest";
import { ENTRIES_MAX, RunLog, type RunEvent } from "./events.ts";

function readAll(log: RunLog, place = { entry: 0, characters: 0 }): RunEvent[] {
  const events: RunEvent[] = [];
  for (let event = log.read(place); event; event = log.read(place)) events.push(event);
  return events;
}

const text = (value: string): RunEvent => ({ kind: "text", text: value });

describe("the log of a run", () => {
  it("gives a reader what is new, and a slow one all of it in few pieces", () => {
    const log = new RunLog();
    const place = { entry: 0, characters: 0 };
    log.appendText("a");
    expect(readAll(log, place)).toEqual([text("a")]);
    log.appendText("b");
    log.appendText("c");
    expect(readAll(log, place)).toEqual([text("bc")]);
    log.appendEvent("tool", 1);
    log.appendText("d");
    expect(readAll(log, place)).toEqual([{ kind: "event", type: "tool", payload: 1 }, text("d")]);
    expect(readAll(log, place)).toEqual([]);
    expect(readAll(log)).toEqual([text("abc"), { kind: "event", type: "tool", payload: 1 }, text("d")]);
  });

  it("loses no character at the bound of a merged piece", () => {
    const log = new RunLog();
    const place = { entry: 0, characters: 0 };
    let said = "";
    let read = "";
    for (let index = 0; index < 3_000; index += 1) {
      said += `<${index}>`.repeat(5);
      log.appendText(`<${index}>`.repeat(5));
      if (index % 7 === 0)
        read += readAll(log, place)
          .map((event) => (event.kind === "text" ? event.text : "?"))
          .join("");
    }
    read += readAll(log, place)
      .map((event) => (event.kind === "text" ? event.text : "?"))
      .join("");
    expect(read).toBe(said);
    expect(log.text).toBe(said);
    expect(readAll(log).length).toBeLessThan(10);
  });

  it("tells readers of a reset, wherever they stand", () => {
    const log = new RunLog();
    const place = { entry: 0, characters: 0 };
    log.appendText("old");
    readAll(log, place);
    log.reset("too_far");
    log.appendText("new");
    const expected = [{ kind: "reset", reason: "too_far" }, text("new")];
    expect(readAll(log, place)).toEqual(expected);
    expect(readAll(log)).toEqual(expected);
    expect(log.text).toBe("new");
  });

  it("is bounded, and tells a reader that was overtaken", () => {
    const log = new RunLog();
    const place = { entry: 0, characters: 0 };
    for (let index = 0; index <= ENTRIES_MAX; index += 1) log.appendEvent("tick", index);
    const events = readAll(log, place);
    expect(events[0]).toEqual({ kind: "reset", reason: "too_far" });
    expect(events).toHaveLength(ENTRIES_MAX / 2 + 2);
    expect(events.at(-1)).toEqual({ kind: "event", type: "tick", payload: ENTRIES_MAX });
  });
});
