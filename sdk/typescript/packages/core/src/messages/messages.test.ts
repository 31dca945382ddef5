import { readFileSync } from "node:fs";
import { describe, expect, expectTypeOf, it } from "vitest";
import {
  checkMessage,
  data,
  describeFault,
  flat,
  isMessage,
  isMessageOf,
  native,
  open,
  payload,
  Payload,
  Shapes,
  type DataReceived,
  type DialectTable,
  type Fault,
  type Flat,
  type FlatMessage,
  type FlatMessages,
  type NativeSent,
  type PayloadMessage,
  type PayloadMessages,
  type PayloadSent,
  type Sender,
} from "./index.ts";

const tables = { native, payload, data, flat, open };

function read(path: string): unknown {
  return JSON.parse(
    readFileSync(new URL(`../../../../../../protocol/vectors/${path}`, import.meta.url), "utf8"),
  );
}

interface Cases {
  type: string;
  accepted: unknown[];
  rejected: { frame: unknown; path: string; why: string }[];
}

describe.each(Object.values(tables))("golden frames of dialect $dialect", (table: DialectTable) => {
  const { messages } = read(`messages/${table.dialect}.json`) as { messages: Cases[] };

  it.each(messages)("$type", ({ type, accepted, rejected }) => {
    for (const frame of accepted) {
      expect(checkMessage(table, frame), JSON.stringify(frame)).toBeUndefined();
      expect((frame as { type: string }).type).toBe(type);
    }
    for (const { frame, path, why } of rejected) {
      const fault = checkMessage(table, frame);
      expect(fault, JSON.stringify(frame)).toMatchObject({ kind: "content", path });
      if (why === "missing") expect(fault?.words).toBe(why);
    }
  });
});

it("says word for word what the gateway says", () => {
  const { cases } = read("faults.json") as {
    cases: { dialect: keyof typeof tables; frame: string; sender?: Sender; fault: Fault | null }[];
  };
  expect(cases.length).toBeGreaterThan(50);
  for (const { dialect, frame, sender, fault } of cases) {
    const found = checkMessage(tables[dialect], JSON.parse(frame), sender === undefined ? {} : { sender });
    expect(found ?? null, frame).toEqual(fault);
  }
});

it("makes a sentence of a fault", () => {
  const fault = checkMessage(payload, { type: "user_message", payload: { message: 1 } });
  expect(fault && describeFault(fault)).toBe("payload.message: expected string, got integer");
  const whole = checkMessage(payload, []);
  expect(whole && describeFault(whole)).toBe("expected object, got array");
});

it("knows fields of an object by its own names alone", () => {
  const frame = JSON.parse('{"type":"hello","payload":{"resume":{"__proto__":1}}}') as unknown;
  expect(checkMessage(payload, frame)?.path).toBe("payload.resume.__proto__");
  expect(checkMessage(payload, Object.create({ type: "user_message" }))).toMatchObject({ path: "type" });
  const inherited: unknown = Object.assign(Object.create({ payload: { message: "hi" } }), {
    type: "user_message",
  });
  expect(checkMessage(payload, inherited)).toMatchObject({ path: "payload", words: "missing" });
});

it("refuses what no gateway reads", () => {
  const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
  const ping = (any: unknown) => checkMessage(native, { type: "ping", payload: any });
  expect(ping(nested(128))).toBeUndefined();
  expect(ping(nested(129))).toMatchObject({ kind: "not_json", path: "" });
  for (const half of ["\ud800", "\udc00\ud800", { "\ud800": 1 }, [["\udfff"]]])
    expect(ping(half)).toMatchObject({ kind: "not_json" });
  expect(checkMessage(payload, { type: "user_message", payload: { message: "\ud800" } })?.kind).toBe(
    "not_json",
  );
  expect(checkMessage(data, { type: "chat_response", data: { message: { type: "\ud800" } } })?.kind).toBe(
    "not_json",
  );
  expect(ping("😀")).toBeUndefined();
  const deepest = JSON.parse("[".repeat(129) + "]".repeat(129)) as unknown;
  expect(ping(deepest), "what is empty goes no deeper").toBeUndefined();
  expect(checkMessage(payload, { type: "user_message", payload: { message: "hi", "\ud800": 1 } })?.kind).toBe(
    "not_json",
  );
});

it("reads objects that are told by what they have beyond another, and conditions", () => {
  const table: DialectTable = {
    dialect: "open",
    untyped: 0,
    shapes: [
      ["any"],
      ["string"],
      ["object", ["type", "a"], [1, 0], [0, 1]],
      ["on", 2, ["b", "c", "a"], [0, 0, 1], ["c"], [["when", "b", true, ["d"], ["e"]]]],
    ],
    types: { t: [3, "both"] },
  };
  const said = (frame: object) => {
    const fault = checkMessage(table, { type: "t", ...frame });
    return fault && describeFault(fault);
  };
  expect(said({ a: "", c: 1, d: 1 }), "a field that is left out meets a condition").toBeUndefined();
  expect(said({ a: "", c: 1, e: 1 })).toBe("d: missing");
  expect(said({ a: "", c: 1, b: true, d: 1 })).toBeUndefined();
  expect(said({ a: "", c: 1, b: false, e: 1 })).toBeUndefined();
  expect(said({ a: "", c: 1, b: false, d: 1 })).toBe("e: missing");
  expect(said({ c: 1 }), "what the other requires").toBe("a: missing");
  expect(said({ a: "" }), "what it requires itself").toBe("c: missing");
  expect(said({ a: 1 }), "another's field with a shape of its own").toBe("a: expected string, got integer");
});

describe("types", () => {
  it("narrow on type", () => {
    const read = (message: PayloadMessage): string => {
      switch (message.type) {
        case "user_message":
          return message.payload.message;
        case "command_execution_end":
          expectTypeOf(message.payload.status).toEqualTypeOf<"success" | "failed">();
          return message.payload.output;
        default:
          return message.type;
      }
    };
    expect(read({ type: "user_message", payload: { message: "hi" } })).toBe("hi");
  });

  it("are what guards find", () => {
    const frame: unknown = { type: "agent_message", timestamp: "2025-09-11T13:45:00.000Z", message: "hi" };
    if (!isMessage(flat, frame)) throw new Error("it is one");
    expectTypeOf(frame).toEqualTypeOf<FlatMessage>();
    expect(frame.type).toBe("agent_message");

    const other: unknown = frame;
    if (!isMessageOf(flat, "agent_message", other)) throw new Error("it is one");
    expectTypeOf(other).toEqualTypeOf<Flat.AgentMessage>();
    expect(other.message).toBe("hi");
    expect(isMessageOf(flat, "user_message", other)).toBe(false);
    expect(isMessage(flat, { type: "agent_message", message: "hi" })).toBe(false);
    expect(isMessage(flat, { type: "our_own" })).toBe(false);
  });

  it("say what must be there, and in which form", () => {
    expectTypeOf<PayloadMessages["plan_ready"]["payload"]["steps"]>().toEqualTypeOf<string[]>();
    expectTypeOf<Payload.UserMessagePayload["chat_id"]>().toEqualTypeOf<string | undefined>();
    expectTypeOf<FlatMessages["agent_streaming"]["is_streaming"]>().toEqualTypeOf<true>();
    expectTypeOf<FlatMessages["agent_message"]["timestamp"]>().toEqualTypeOf<string>();
    expectTypeOf<FlatMessages["user_message"]["timestamp"]>().toEqualTypeOf<string | number | undefined>();
    expectTypeOf<FlatMessages["agent_streaming"]["metadata"]["_tl"]["run"]>().toEqualTypeOf<string>();
    // @ts-expect-error -- the message is required
    const without: Payload.UserMessagePayload = {};
    // @ts-expect-error -- a misspelled field is no field
    const misspelled: Payload.UserMessagePayload = { message: "hi", chatId: "c" };
    // @ts-expect-error -- a value that is none of the enum's
    const value: Shapes.Severity = "fatal";
    expect([without, misspelled, value]).toHaveLength(3);
  });

  it("tell who sends a message", () => {
    expectTypeOf<"cancel">().toExtend<NativeSent["type"]>();
    expectTypeOf<"welcome">().not.toExtend<NativeSent["type"]>();
    expectTypeOf<"user_message">().toExtend<PayloadSent["type"]>();
    expectTypeOf<"connection_error">().not.toExtend<DataReceived["type"]>();
  });

  it("come with the values of enums", () => {
    expect(Shapes.SEVERITY).toEqual(["low", "medium", "high", "critical"]);
    expectTypeOf(Shapes.SEVERITY[0]).toExtend<Shapes.Severity>();
    expect(Payload.COMMAND_EXECUTION_END_STATUS).toEqual(["success", "failed"]);
  });
});
