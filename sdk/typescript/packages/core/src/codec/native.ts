/**
 * The native spelling of an envelope, which is the envelope itself.
 *
 * Purpose: tells a frame in dialect `native` from other JSON objects. It does not know JSON text
 * (`frame.ts`), nor the other dialects (`dialects.ts`), which the client does not need.
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

/** Holds what a dialect has no place for; in native, fields that a newer version put there. */
export const WRAPPER = "_tl";

/**
 * Reads dialect `native`; the object itself is kept.
 *
 * @throws TrunklineError `bad_envelope`
 */
export function nativeToEnvelope(wire: JsonObject): Envelope {
  const wrapper = wire[WRAPPER] === undefined ? {} : wire[WRAPPER];
  if (!isObject(wrapper)) throw badEnvelope(`\`${WRAPPER}\` is no object`);
  const misplaced = Object.keys(wrapper).find(isField);
  if (misplaced !== undefined) throw wrongPlace(misplaced);
  return validateEnvelope(wire);
}

/** Whether this is a field of the table, other than type and payload. */
export function isField(name: string): boolean {
  return name !== "type" && name !== "payload" && FIELDS.has(name);
}

/** The error for a field where its dialect has no place for it. */
export function wrongPlace(name: string): TrunklineError {
  return badEnvelope(`the field \`${name}\` stands in the wrong place`);
}
