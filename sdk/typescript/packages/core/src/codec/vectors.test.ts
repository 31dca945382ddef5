import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { TrunklineError } from "../errors/error.ts";
import { envelopeToNative, envelopeToPayload, type Dialect } from "./dialects.ts";
import { decodeFrame, encodeFrame } from "./frame.ts";

interface Accepted {
  name: string;
  dialect: Dialect;
  wire: string;
  envelope: Record<string, unknown>;
  written?: string;
}

interface Rejected {
  name: string;
  dialect: Dialect;
  wire: string;
  code: string;
  strict_only?: boolean;
}

const path = new URL("../../../../../../protocol/vectors/envelopes.json", import.meta.url);
const vectors = JSON.parse(readFileSync(path, "utf8")) as { accepted: Accepted[]; rejected: Rejected[] };

describe("accepted vectors", () => {
  it.each(vectors.accepted)("$dialect: $name", ({ dialect, wire, envelope, written }) => {
    const read = decodeFrame(wire, dialect);
    expect(canonical(read)).toBe(canonical(envelope));
    expect(canonical(JSON.parse(encodeFrame(read, dialect)))).toBe(canonical(JSON.parse(written ?? wire)));
    for (const other of ["native", "payload"] as const) {
      expect(canonical(decodeFrame(encodeFrame(read, other), other))).toBe(canonical(envelope));
    }
  });
});

describe("rejected vectors", () => {
  const reachable = vectors.rejected.filter((vector) => !vector.strict_only);
  it.each(reachable)("$dialect: $name", ({ dialect, wire, code }) => {
    expect(codeOf(() => decodeFrame(wire, dialect))).toBe(code);
  });
});

describe("writing", () => {
  it("refuses what no gateway can read", () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    expect(codeOf(() => encodeFrame({ type: "t", payload: cycle }))).toBe("bad_request");
    expect(codeOf(() => encodeFrame({ type: "t", payload: 1n }))).toBe("bad_request");
    expect(codeOf(() => encodeFrame({ type: "t", payload: "\ud800" }))).toBe("bad_request");
    expect(codeOf(() => encodeFrame({ type: "t", payload: nested(64) }))).toBe("payload_too_deep");
  });

  it("leaves the prototype of objects alone", () => {
    const envelope = decodeFrame('{"type":"t","_tl":{"meta":{"__proto__":{"polluted":true}}}}', "payload");
    for (const written of [envelopeToNative(envelope), envelopeToPayload(envelope), envelope]) {
      expect(Object.getPrototypeOf(written)).toBe(Object.prototype);
    }
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

/** JSON with sorted keys: `toEqual` would not see a key named `__proto__`. */
function canonical(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const fields = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${fields.map(([name, inner]) => `${JSON.stringify(name)}:${canonical(inner)}`).join(",")}}`;
}

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (thrown) {
    if (thrown instanceof TrunklineError) return thrown.code;
    throw thrown;
  }
  return "nothing was thrown";
}

function nested(levels: number): unknown {
  return levels === 0 ? 0 : [nested(levels - 1)];
}
