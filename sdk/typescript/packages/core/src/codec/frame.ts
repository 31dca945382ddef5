/**
 * Frames: the text of one WebSocket message, to and from an envelope.
 *
 * Purpose: JSON and nesting. It does not know sockets, nor what a type means.
 * `JSON.parse` keeps the last of two equal keys silently, where the gateway refuses such frames, and rounds numbers to
 * doubles, where the gateway passes them on as they are.
 */
import { clientError, TrunklineError } from "../errors/error.ts";
import { badEnvelope, isObject, type Envelope, type JsonObject } from "./envelope.ts";
import { nativeToEnvelope } from "./native.ts";

/** Nested arrays and objects in one frame, the outermost counted (`protocol/limits.json`). */
export const DEPTH_MAX = 64;

/** Half of a surrogate pair: no gateway can read it as text. */
export const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Reads one frame of dialect native.
 *
 * @throws TrunklineError `bad_envelope` or `payload_too_deep`.
 */
export function decodeFrame(text: string): Envelope {
  return nativeToEnvelope(parseFrame(text));
}

/**
 * Writes one frame of dialect native.
 *
 * @throws TrunklineError `bad_request` where the content is no JSON (a cycle, a bigint, half a
 * surrogate pair), `payload_too_deep` where it nests too far.
 */
export function encodeFrame(envelope: Envelope): string {
  return writeFrame(envelope);
}

/** Reads the object of a frame, which nests at most `levels` deep. */
export function parseFrame(text: string, levels = DEPTH_MAX): JsonObject {
  const value = parse(text);
  if (!isObject(value)) throw badEnvelope("the frame is no JSON object");
  checkContent(value, levels, "bad_envelope");
  return value;
}

/** Writes the object of a frame, which nests at most `levels` deep. */
export function writeFrame(value: JsonObject, levels = DEPTH_MAX): string {
  const text = stringify(value);
  checkContent(JSON.parse(text), levels, "bad_request");
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
    return JSON.stringify(value, refuseBytes);
  } catch (cause) {
    if (cause instanceof TrunklineError) throw cause;
    throw clientError("bad_request", "the content cannot be written as JSON", { cause });
  }
}

/** Sees each member as it was given. Of bytes JSON would make `{"0":1,…}`. */
function refuseBytes(this: JsonObject, name: string, value: unknown): unknown {
  const member = this[name];
  if (ArrayBuffer.isView(member) || member instanceof ArrayBuffer)
    throw clientError(
      "bad_request",
      `\`${name}\` holds bytes, which JSON has not; the codec of @trunkline/client/msgpack has`,
    );
  return value;
}

/** Looks at most `levels` deep, so the recursion is bounded whatever the value is. */
function checkContent(value: unknown, levels: number, code: "bad_envelope" | "bad_request"): void {
  if (typeof value === "string" && LONE_SURROGATE.test(value)) {
    throw clientError(code, "the content has half of a surrogate pair");
  }
  if (typeof value !== "object" || value === null) return;
  if (levels === 0) {
    throw clientError("payload_too_deep", "the content nests too deep");
  }
  for (const [name, inner] of Object.entries(value)) {
    checkContent(name, 0, code);
    checkContent(inner, levels - 1, code);
  }
}
