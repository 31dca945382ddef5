/**
 * `@trunkline/client/dialects`: the five spellings of a message, to and from one envelope.
 *
 * Purpose: for tests, tools and servers; the client speaks native and has its own, smaller way (`frame.ts`). It does not
 * know what a type means. Content passes through `JSON.parse`, which keeps the last of two equal keys and rounds
 * numbers to doubles: 400 digits, or `1e999`, become `Infinity`, which is written as `null`.
 */
import { nativeToEnvelope } from "./native.ts";
import type { Envelope } from "./envelope.ts";
import { DEPTH_MAX, parseFrame, writeFrame } from "./frame.ts";
import { isSpread, putTogether, takeApart, type Dialect } from "./spelling.ts";

export { DIALECTS, type Dialect } from "./spelling.ts";
export type { Address, Envelope } from "./envelope.ts";
export { TrunklineError, type ErrorBody } from "../errors/error.ts";

/** Levels that `metadata` and `_tl` add where the payload has no place of its own. */
const WRAPPING_DEPTH = 2;

/** Levels, spelled natively, of what any dialect can say. */
const ENVELOPE_DEPTH_MAX = DEPTH_MAX + WRAPPING_DEPTH + 1;

/**
 * Reads one frame.
 *
 * @throws TrunklineError `bad_envelope` or `payload_too_deep`.
 */
export function decode(dialect: Dialect, text: string): Envelope {
  const parts = takeApart(dialect, parseFrame(text, depthMax(dialect)));
  return nativeToEnvelope(putTogether("native", parts));
}

/**
 * Writes one frame.
 *
 * @throws TrunklineError `bad_request` where the content is no JSON, `bad_envelope` where nobody could read the envelope,
 * `payload_too_deep` where it nests too far.
 */
export function encode(dialect: Dialect, envelope: Envelope): string {
  const plain = nativeToEnvelope(parseFrame(writeFrame(envelope, ENVELOPE_DEPTH_MAX), ENVELOPE_DEPTH_MAX));
  return writeFrame(putTogether(dialect, takeApart("native", plain)), depthMax(dialect));
}

function depthMax(dialect: Dialect): number {
  return isSpread(dialect) ? DEPTH_MAX + WRAPPING_DEPTH : DEPTH_MAX;
}
