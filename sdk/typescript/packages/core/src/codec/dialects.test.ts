import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonical, codeOf, vectors } from "../../test/vectors.ts";
import { decode, DIALECTS, encode, type Dialect, type Envelope } from "./dialects.ts";
import { DEPTH_MAX } from "./frame.ts";

type Conversion<T> = Record<Dialect, T> & { name: string };

const { conversions, written_otherwise, rejected } = vectors("dialects") as {
  conversions: Conversion<object>[];
  written_otherwise: { name: string; dialect: Dialect; frame: object; native: object }[];
  rejected: { name: string; dialect: Dialect; wire: string; code: string; strict_only?: boolean }[];
};

describe("conversions", () => {
  it.each(conversions)("$name", (spelled) => {
    for (const from of DIALECTS) {
      const envelope = decode(from, JSON.stringify(spelled[from]));
      for (const to of DIALECTS) {
        expect(canonical(JSON.parse(encode(to, envelope))), `${from} to ${to}`).toBe(canonical(spelled[to]));
      }
    }
  });

  it.each(written_otherwise)("$dialect: $name", ({ dialect, frame, native }) => {
    const envelope = decode(dialect, JSON.stringify(frame));
    expect(canonical(envelope)).toBe(canonical(native));
    expect(canonical(JSON.parse(encode(dialect, envelope)))).not.toBe(canonical(frame));
  });

  const reachable = rejected.filter((vector) => !vector.strict_only);
  it.each(reachable)("$dialect refuses: $name", ({ dialect, wire, code }) => {
    expect(codeOf(() => decode(dialect, wire))).toBe(code);
  });
});

describe.each(DIALECTS)("the catalogue of %s", (dialect) => {
  const { messages } = vectors(`messages/${dialect}`) as { messages: { type: string; accepted: object[] }[] };
  it.each(messages)("$type is written as it was read", ({ accepted }) => {
    for (const frame of accepted) {
      const envelope = decode(dialect, JSON.stringify(frame));
      for (const other of DIALECTS) {
        const back = encode(dialect, decode(other, encode(other, envelope)));
        expect(canonical(JSON.parse(back)), `through ${other}`).toBe(canonical(frame));
      }
    }
  });
});

/** Many cases, on a machine that may be busy. */
const TIMEOUT_MS = 120_000;

// Names that a dialect could take for something else, and names that programs trip over.
const names = fc.constantFrom(
  ...[
    "type",
    "payload",
    "data",
    "_tl",
    "_beside",
    "_content",
    "metadata",
    "message_id",
    "timestamp",
    "session_id",
  ],
  ...["id", "ts", "session", "run", "seq", "to", "meta", "error", "a", "b c", "0"],
  ...["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "toJSON"],
);
const leaves = fc.constantFrom(
  null,
  0,
  3,
  true,
  "",
  "m1",
  "1-a-b",
  'x " \\ y',
  Symbol.for("{}"),
  Symbol.for("[]"),
);
const { json } = fc.letrec<{ json: string }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaves.map((leaf) => (typeof leaf === "symbol" ? (leaf.description ?? "") : JSON.stringify(leaf))),
    fc.array(tie("json"), { maxLength: 2 }).map((items) => `[${items.join(",")}]`),
    fc.array(fc.tuple(names, tie("json")), { maxLength: 4 }).map(objectText),
  ),
}));
const frames = fc
  .array(fc.tuple(names, json), { maxLength: 6 })
  .map((members) => objectText([...members.filter(([name]) => name !== "type"), ["type", '"t"']]));
const dialects = fc.constantFrom(...DIALECTS);

describe("generated messages", () => {
  it(
    "whatever a dialect reads, every dialect carries",
    () => {
      let read = 0;
      const property = fc.property(dialects, frames, (from, frame) => {
        if (codeOf(() => decode(from, frame)) !== "nothing was thrown") return;
        read += 1;
        const envelope = decode(from, frame);
        for (const by of DIALECTS) {
          const spelled = encode(by, envelope);
          expect(canonical(decode(by, spelled)), spelled).toBe(canonical(envelope));
        }
      });
      fc.assert(property, { numRuns: 1_000 });
      expect(read).toBeGreaterThan(100);
    },
    TIMEOUT_MS,
  );

  it(
    "row 49: keys such as __proto__ and constructor stay data and reach no prototype",
    () => {
      const before = Object.getOwnPropertyNames(Object.prototype);
      const content = fc.array(fc.tuple(names, json), { minLength: 1, maxLength: 4 }).map(objectText);
      const property = fc.property(dialects, content, content, content, (by, payload, meta, later) => {
        const native = `{"type":"t","to":{"__proto__":"a","constructor":"b"},"meta":${meta},"payload":${payload},"__proto__":${later},"_tl":{"__proto__":${later}}}`;
        const envelope = decode("native", native);
        const again = decode(by, encode(by, envelope));
        expect(canonical(again)).toBe(canonical(JSON.parse(native)));
        const objects = objectsIn([envelope, again, JSON.parse(encode(by, again))]);
        expect(new Set(objects.map(Object.getPrototypeOf))).toEqual(
          new Set([Object.prototype, Array.prototype]),
        );
        expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
      });
      fc.assert(property, { numRuns: 200 });
    },
    TIMEOUT_MS,
  );

  it(
    "whatever is read is a message or refused",
    () => {
      const property = fc.property(dialects, fc.string(), (dialect, text) => {
        expect(["nothing was thrown", "bad_envelope", "payload_too_deep"]).toContain(
          codeOf(() => decode(dialect, text)),
        );
      });
      fc.assert(property);
    },
    TIMEOUT_MS,
  );
});

describe("writing", () => {
  it.each(DIALECTS)("%s refuses an envelope that nobody could read", (dialect) => {
    expect(codeOf(() => encode(dialect, { type: "" }))).toBe("bad_envelope");
    expect(codeOf(() => encode(dialect, { type: "t", seq: -1 }))).toBe("bad_envelope");
    expect(codeOf(() => encode(dialect, { type: "t", _tl: { run: "r1" } }))).toBe("bad_envelope");
    expect(codeOf(() => encode(dialect, { type: "t", payload: 1n }))).toBe("bad_request");
    expect(codeOf(() => encode(dialect, { type: "t", payload: "\ud800" }))).toBe("bad_request");
    expect(codeOf(() => encode(dialect, { type: "t", payload: nested(DEPTH_MAX + 3) }))).toBe(
      "payload_too_deep",
    );
  });

  it("takes values as JSON.stringify does", () => {
    const payload = { at: new Date(0), nothing: undefined };
    const envelope = { type: "t", id: undefined, payload } as unknown as Envelope;
    expect(encode("open", envelope)).toBe('{"type":"t","at":"1970-01-01T00:00:00.000Z"}');
  });

  it("loses numbers that JSON.parse loses", () => {
    const written = encode(
      "open",
      decode("native", `{"type":"t","payload":{"a":1e999,"b":${"9".repeat(400)},"c":9007199254740993}}`),
    );
    expect(written).toBe('{"type":"t","a":null,"b":null,"c":9007199254740992}');
  });

  it("carries what nests as deep as its dialect allows", () => {
    const deepest = `{"type":"t","a":${"[".repeat(DEPTH_MAX + 1)}${"]".repeat(DEPTH_MAX + 1)}}`;
    expect(encode("flat", decode("flat", deepest))).toBe(deepest);
    expect(codeOf(() => encode("native", decode("flat", deepest)))).toBe("payload_too_deep");
  });
});

function objectText(members: [name: string, json: string][]): string {
  const distinct = new Map(members);
  return `{${[...distinct].map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(",")}}`;
}

function objectsIn(value: unknown): object[] {
  if (typeof value !== "object" || value === null) return [];
  return [value, ...Object.values(value).flatMap(objectsIn)];
}

function nested(levels: number): unknown {
  return levels === 0 ? 0 : [nested(levels - 1)];
}
