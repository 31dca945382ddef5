import { decode, encode, ExtensionCodec } from "@msgpack/msgpack";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { TrunklineError } from "../errors/error.ts";
import { messagePack } from "./index.ts";

interface Accepted {
  name: string;
  json: string;
  msgpack_hex: string;
  holds_bytes?: boolean;
  lenient?: boolean;
}

interface Rejected {
  name: string;
  msgpack_hex: string;
  code: string;
  gateway_only?: boolean;
}

const path = new URL("../../../../../../protocol/vectors/codecs.json", import.meta.url);
const vectors = JSON.parse(readFileSync(path, "utf8")) as { envelopes: Accepted[]; rejected: Rejected[] };

describe("accepted vectors", () => {
  it.each(vectors.envelopes)("$name", ({ json, msgpack_hex, holds_bytes, lenient }) => {
    const frame = unhex(msgpack_hex);
    const read = messagePack.decode(frame);
    expect(canonical(read)).toBe(canonical(JSON.parse(json)));
    const written = messagePack.encode(read) as Uint8Array<ArrayBuffer>;
    expect(canonical(messagePack.decode(written))).toBe(canonical(read));
    // JavaScript does not know 1.0 from 1, nor integers beyond 2^53; and it moves keys that look like numbers.
    const isExact = holds_bytes === true || JSON.stringify(JSON.parse(json)) === json;
    if (isExact && lenient !== true) expect(hex(written)).toBe(msgpack_hex);
  });
});

describe("rejected vectors", () => {
  const reachable = vectors.rejected.filter((vector) => vector.gateway_only !== true);
  it.each(reachable)("$name", ({ msgpack_hex, code }) => {
    expect(codeOf(() => messagePack.decode(unhex(msgpack_hex)))).toBe(code);
  });

  it("a text", () => {
    expect(codeOf(() => messagePack.decode('{"type":"ping"}'))).toBe("bad_envelope");
  });
});

describe("writing", () => {
  it.each([
    0,
    -1,
    127,
    128,
    -32,
    -33,
    255,
    256,
    -128,
    -129,
    65_535,
    65_536,
    -32_768,
    -32_769,
    2 ** 32 - 1,
    -(2 ** 31),
    0.1,
    1e300,
    "",
    "x".repeat(31),
    "x".repeat(32),
    "é".repeat(200),
    "x".repeat(70_000),
    null,
    true,
    [1, [2, [3]]],
    { a: { b: [] } },
    Array.from({ length: 70_000 }, (_, index) => index),
    new Uint8Array(300),
  ])("is what another writer writes and another reader reads", (payload) => {
    const frame = messagePack.encode({ type: "t", payload }) as Uint8Array<ArrayBuffer>;
    expect(decode(frame)).toEqual({ type: "t", payload });
    expect(hex(frame)).toBe(hex(encode({ type: "t", payload })));
    expect(messagePack.decode(encode({ type: "t", payload }))).toEqual({ type: "t", payload });
  });

  it("sees what JSON.stringify sees", () => {
    const payload = {
      date: new Date(0),
      left: undefined,
      call: () => 1,
      symbol: Symbol("s"),
      list: [undefined, () => 1, Symbol("s")],
      numbers: [NaN, Infinity, -0, 2 ** 53, -(2 ** 40), 2 ** 40, new Number(1)],
      url: new URL("https://example.org/"),
      boxed: [new String("s"), new Boolean(false)],
      nested: { toJSON: () => ({ a: 1 }) },
    };
    const read = messagePack.decode(messagePack.encode({ type: "t", payload }));
    expect(read.payload).toEqual(JSON.parse(JSON.stringify(payload)));
  });

  it("takes bytes in every view", () => {
    const buffer = new Uint8Array([1, 2, 3, 4]).buffer;
    const payload = [
      buffer,
      new Uint8Array(buffer, 1, 2),
      new DataView(buffer, 3),
      new Uint16Array(buffer),
      Buffer.from("a"),
    ];
    const read = messagePack.decode(messagePack.encode({ type: "t", payload })).payload as Uint8Array[];
    expect(read.map((bytes) => [...bytes])).toEqual([[1, 2, 3, 4], [2, 3], [4], [1, 2, 3, 4], [97]]);
    expect(read.every((bytes) => bytes.buffer.byteLength === bytes.length)).toBe(true);
  });

  it("refuses what no gateway can read", () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    expect(codeOf(() => messagePack.encode({ type: "t", payload: cycle }))).toBe("payload_too_deep");
    expect(codeOf(() => messagePack.encode({ type: "t", payload: 1n }))).toBe("bad_request");
    expect(codeOf(() => messagePack.encode({ type: "t", payload: "\ud800" }))).toBe("bad_request");
    expect(codeOf(() => messagePack.encode({ type: "t", payload: { "\udc00": 1 } }))).toBe("bad_request");
    expect(codeOf(() => messagePack.encode({ type: "t", payload: nested(64) }))).toBe("payload_too_deep");
    expect(messagePack.decode(messagePack.encode({ type: "t", payload: nested(63) })).payload).toEqual(
      nested(63),
    );
  });

  it("leaves the prototype of objects alone", () => {
    const payload = JSON.parse('{"__proto__":{"polluted":true}}') as unknown;
    const read = messagePack.decode(messagePack.encode({ type: "t", payload })).payload as object;
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
    expect(Object.keys(read)).toEqual(["__proto__"]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    // Why the reader is our own: this one gives the whole message up.
    expect(() => decode(messagePack.encode({ type: "t", payload }) as Uint8Array)).toThrow("__proto__");
  });

  it("knows no extension types", () => {
    const extensionCodec = new ExtensionCodec();
    expect(
      codeOf(() => messagePack.decode(encode({ type: "t", payload: new Date(0) }, { extensionCodec }))),
    ).toBe("bad_envelope");
  });
});

/** JSON with sorted keys, with base64 for bytes: `toEqual` would not see a key named `__proto__`. */
function canonical(value: unknown): string {
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString("base64"));
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const fields = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${fields.map(([name, inner]) => `${JSON.stringify(name)}:${canonical(inner)}`).join(",")}}`;
}

function nested(levels: number): unknown {
  return levels === 0 ? 1 : [nested(levels - 1)];
}

function unhex(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text, "hex"));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (thrown) {
    return thrown instanceof TrunklineError ? thrown.code : String(thrown);
  }
  return "none";
}
