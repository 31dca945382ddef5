/**
 * The envelope: the canonical message, and the rules that make a JSON value one.
 *
 * Purpose: types and validation of `protocol/client.md` §1. It does not know how an
 * envelope is spelled on the wire (`native.ts`, `dialects.ts`), nor what any type means.
 */
import { clientError, TrunklineError, type ErrorBody } from "../errors/error.ts";

/** Hints on whom a message is for. */
export interface Address {
  service?: string;
  agent?: string;
  pillar?: string;
  realm?: string;
  capability?: string;
  user?: string;
  topic?: string;
}

/** The canonical message. Fields that are not named here are kept as they are. */
export interface Envelope {
  /** What it is. */
  type: string;
  /** Message id; from a client the idempotency key within its session. */
  id?: string;
  /** When the gateway accepted it, RFC 3339 UTC. */
  ts?: string;
  /** The channel it stands in; opaque. Present, with `pos` and `prev`, on durable messages only. */
  channel?: string;
  /** Its position in the channel; opaque. */
  pos?: string;
  /** The position before it. */
  prev?: string;
  /** Session id. */
  session?: string;
  /** The run it belongs to. */
  run?: string;
  /** First of the run's event numbers that it carries. */
  seq?: number;
  /** Last of them; left out where it equals `seq`. */
  seq_end?: number;
  /** Whom it is for. */
  to?: Address;
  /** Id of the message that this one answers. */
  reply_to?: string;
  /** The content. */
  payload?: unknown;
  /** Milliseconds that the client is willing to wait for the run. */
  deadline_ms?: number;
  error?: ErrorBody;
  meta?: Record<string, unknown>;
  [unknown: string]: unknown;
}

/** A JSON object. */
export type JsonObject = Record<string, unknown>;

const TYPE_BYTES_MAX = 128;
const HINTS_MAX = 16;
const ID_PATTERN = /^[A-Za-z0-9_.:-]{1,64}$/;
const STRINGS = ["ts", "channel", "pos", "prev", "session", "run", "reply_to"] as const;
const INTEGERS = ["seq", "seq_end", "deadline_ms"] as const;

/** Every field of the table in `protocol/client.md` §1. */
export const FIELDS: ReadonlySet<string> = new Set(
  ["type", "id", "to", "payload", "error", "meta"].concat(STRINGS, INTEGERS),
);

/** Says whether `value` is a JSON object, which an array is not. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `value` where it is an object, else an empty one. */
export function objectOrEmpty(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** Says whether `value` may be a message id: 1–64 of `A-Za-z0-9_.:-`. */
export function isMessageId(value: unknown): value is string {
  return typeof value === "string" && ID_PATTERN.test(value);
}

/**
 * Turns a JSON object in the native spelling into an envelope; the object itself is kept.
 *
 * @throws TrunklineError `bad_envelope` naming the field at fault.
 */
export function validateEnvelope(value: JsonObject): Envelope {
  const fault = faultyField(value);
  if (fault !== undefined) throw badEnvelope(`the field \`${fault}\` is missing or has a wrong form`);
  return value as Envelope;
}

/** The error for a frame that is no envelope. */
export function badEnvelope(message: string): TrunklineError {
  return clientError("bad_envelope", message);
}

function faultyField(value: JsonObject): string | undefined {
  if (!isType(value.type)) return "type";
  if (value.id !== undefined && !isMessageId(value.id)) return "id";
  for (const field of STRINGS) {
    if (value[field] !== undefined && typeof value[field] !== "string") return field;
  }
  for (const field of INTEGERS) {
    if (value[field] !== undefined && !isCount(value[field])) return field;
  }
  if (value.to !== undefined && !isAddress(value.to)) return "to";
  if (value.meta !== undefined && !isObject(value.meta)) return "meta";
  if (value.error !== undefined && !isErrorBody(value.error)) return "error";
  return undefined;
}

function isType(value: unknown): value is string {
  return typeof value === "string" && value !== "" && byteLength(value) <= TYPE_BYTES_MAX;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isAddress(value: unknown): boolean {
  if (!isObject(value)) return false;
  const hints = Object.values(value);
  return hints.length <= HINTS_MAX && hints.every((hint) => typeof hint === "string");
}

function isErrorBody(value: unknown): boolean {
  return (
    isObject(value) &&
    typeof value.code === "string" &&
    typeof value.message === "string" &&
    typeof value.retryable === "boolean" &&
    (value.retry_after_ms === undefined || isCount(value.retry_after_ms))
  );
}

/** Bytes of `text` in UTF-8. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
