/**
 * Frames: the text of one WebSocket message, to and from an envelope.
 *
 * Purpose: JSON, size and nesting. It does not know sockets, nor what a type means.
 * `JSON.parse` keeps the last of two equal keys silently; the gateway refuses such frames.
 */
import { clientError } from "../errors/error.ts";
import {
  envelopeToNative,
  envelopeToPayload,
  nativeToEnvelope,
  payloadToEnvelope,
  type Dialect,
} from "./dialects.ts";
import { badEnvelope, isObject, type Envelope } from "./envelope.ts";

/** Nested arrays and objects in one frame, the outermost counted (`protocol/limits.json`). */
export const DEPTH_MAX = 64;

/** Half of a surrogate pair: no gateway can read it as text. */
export const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Reads one frame.
 *
 * @throws TrunklineError `bad_envelope` or `payload_too_deep`.
 */
export function decodeFrame(text: string, dialect: Dialect = "native"): Envelope {
  const value = parse(text);
  if (!isObject(value)) throw badEnvelope("the frame is no JSON object");
  checkContent(value, DEPTH_MAX, "bad_envelope");
  return dialect === "native" ? nativeToEnvelope(value) : payloadToEnvelope(value);
}

/**
 * Writes one frame.
 *
 * @throws TrunklineError `bad_request` where the content is no JSON (a cycle, a bigint, half a
 * surrogate pair), `payload_too_deep` where it nests too far.
 */
export function encodeFrame(envelope: Envelope, dialect: Dialect = "native"): string {
  const text = stringify(dialect === "native" ? envelopeToNative(envelope) : envelopeToPayload(envelope));
  checkContent(JSON.parse(text), DEPTH_MAX, "bad_request");
  return text;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw clientError("bad_envelope", "the frame is no JSON", { cause });
  }
}

function stringify(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw clientError("bad_request", "the content cannot be written as JSON", { cause });
  }
}

/** Looks at most `levels` deep, so the recursion is bounded whatever the value is. */
function checkContent(value: unknown, levels: number, code: "bad_envelope" | "bad_request"): void {
  if (typeof value === "string" && LONE_SURROGATE.test(value)) {
    throw clientError(code, "the content has half of a surrogate pair");
  }
  if (typeof value !== "object" || value === null) return;
  if (levels === 0) {
    throw clientError("payload_too_deep", `the content nests deeper than ${DEPTH_MAX} levels`);
  }
  for (const [name, inner] of Object.entries(value)) {
    checkContent(name, 0, code);
    checkContent(inner, levels - 1, code);
  }
}
