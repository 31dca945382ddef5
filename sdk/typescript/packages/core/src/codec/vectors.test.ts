import { describe, expect, it } from "vitest";
import { decode, DIALECTS, encode, type Dialect } from "./dialects.ts";
import { decodeFrame, encodeFrame } from "./frame.ts";
import { canonical, codeOf, vectors as read } from "../../test/vectors.ts";

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

const vectors = read("envelopes") as { accepted: Accepted[]; rejected: Rejected[] };

describe("accepted vectors", () => {
  it.each(vectors.accepted)("$dialect: $name", ({ dialect, wire, envelope, written }) => {
    const read = decode(dialect, wire);
    expect(canonical(read)).toBe(canonical(envelope));
    expect(canonical(JSON.parse(encode(dialect, read)))).toBe(canonical(JSON.parse(written ?? wire)));
    for (const other of DIALECTS) {
      expect(canonical(decode(other, encode(other, read)))).toBe(canonical(envelope));
    }
  });

  const native = vectors.accepted.filter(({ dialect }) => dialect === "native");
  it.each(native)("the client's own way: $name", ({ wire, envelope, written }) => {
    expect(canonical(decodeFrame(wire))).toBe(canonical(envelope));
    expect(canonical(JSON.parse(encodeFrame(decodeFrame(wire))))).toBe(
      canonical(JSON.parse(written ?? wire)),
    );
  });
});

describe("rejected vectors", () => {
  const reachable = vectors.rejected.filter((vector) => !vector.strict_only);
  it.each(reachable)("$dialect: $name", ({ dialect, wire, code }) => {
    expect(codeOf(() => decode(dialect, wire))).toBe(code);
    if (dialect === "native") expect(codeOf(() => decodeFrame(wire))).toBe(code);
  });
});

it("the client refuses a field of the table where native has it elsewhere", () => {
  expect(codeOf(() => decodeFrame('{"type":"t","_tl":{"run":"r1"}}'))).toBe("bad_envelope");
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
});

function nested(levels: number): unknown {
  return levels === 0 ? 0 : [nested(levels - 1)];
}
