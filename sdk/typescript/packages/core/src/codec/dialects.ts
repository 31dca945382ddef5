/**
 * The wire spellings of an envelope.
 *
 * Purpose: pure conversion between a parsed JSON object and an {@link Envelope}; reading a
 * spelling and writing it again is the identity. It does not know JSON text (`frame.ts`).
 * Objects are taken apart and put together as entries and never merged by assignment, so a
 * key such as `__proto__` stays data.
 */
import type { TrunklineError } from "../errors/error.ts";
import {
  badEnvelope,
  FIELDS,
  isObject,
  validateEnvelope,
  type Envelope,
  type JsonObject,
} from "./envelope.ts";

/** A wire spelling that this client can read and write. */
export type Dialect = "native" | "payload";

/** What dialect `payload` calls the object with everything but `type` and `payload`. */
const ASIDE = "_tl";

/** Writes an envelope in dialect `native`: one object with exactly the table's names. */
export function envelopeToNative(envelope: Envelope): JsonObject {
  return envelope;
}

/**
 * Reads dialect `native`. Its own `_tl` holds fields that a newer version put there.
 *
 * @throws TrunklineError `bad_envelope`
 */
export function nativeToEnvelope(wire: JsonObject): Envelope {
  const misplaced = asideOf(wire).find(([name]) => belongsAside(name));
  if (misplaced) throw wrongPlace(misplaced[0]);
  return validateEnvelope(wire);
}

/**
 * Writes an envelope in dialect `payload`: `type`, `payload` and unknown fields at the top,
 * the table's other fields in `_tl`.
 */
export function envelopeToPayload(envelope: Envelope): JsonObject {
  const top = withoutAside(envelope).filter(([name]) => !belongsAside(name));
  const aside = withoutAside(envelope).filter(([name]) => belongsAside(name));
  aside.push(...asideOf(envelope));
  if (aside.length > 0) top.push([ASIDE, Object.fromEntries(aside)]);
  return Object.fromEntries(top);
}

/**
 * Reads dialect `payload`.
 *
 * @throws TrunklineError `bad_envelope`, also where a field that belongs in `_tl` stands at the top.
 */
export function payloadToEnvelope(wire: JsonObject): Envelope {
  const top = withoutAside(wire);
  const misplaced = top.find(([name]) => belongsAside(name));
  if (misplaced) throw wrongPlace(misplaced[0]);
  const known = asideOf(wire).filter(([name]) => belongsAside(name));
  const unknown = asideOf(wire).filter(([name]) => !belongsAside(name));
  if (unknown.length > 0) known.push([ASIDE, Object.fromEntries(unknown)]);
  return validateEnvelope(Object.fromEntries([...top, ...known]));
}

function withoutAside(object: JsonObject): [string, unknown][] {
  return Object.entries(object).filter(([name, value]) => name !== ASIDE && value !== undefined);
}

function asideOf(object: JsonObject): [string, unknown][] {
  if (!Object.hasOwn(object, ASIDE)) return [];
  const aside = object[ASIDE];
  if (!isObject(aside)) throw badEnvelope(`\`${ASIDE}\` is no object`);
  return Object.entries(aside);
}

function belongsAside(name: string): boolean {
  return name !== "type" && name !== "payload" && FIELDS.has(name);
}

function wrongPlace(name: string): TrunklineError {
  return badEnvelope(`the field \`${name}\` stands in the wrong place`);
}
