/**
 * Where the parts of a message stand in a frame of each dialect.
 *
 * Purpose: `protocol/client.md` §1 and §8 in both directions, each the opposite of the other. It does not know JSON
 * text, nor the forms of the fields. Objects are taken apart into maps and put together from them, never assigned to
 * by name, so a key such as `__proto__` stays data.
 */
import { badEnvelope, isObject, type JsonObject } from "./envelope.ts";
import { isField, WRAPPER, wrongPlace } from "./native.ts";

/** A wire spelling of the envelope. */
export type Dialect = (typeof DIALECTS)[number];

/** Every dialect. */
export const DIALECTS = ["native", "payload", "data", "flat", "open"] as const;

/** The members of an object, in their order. */
type Members = Map<string, unknown>;

/** A message in parts. A payload that is `undefined` is none. */
export interface Parts {
  type: unknown;
  /** The table's fields but type and payload. */
  fields: Members;
  payload: unknown;
  /** Unknown fields of those beside `type`. */
  beside: Members;
  /** Unknown fields of those in `_tl`. */
  wrapped: Members;
}

/** In `_tl`: fields that stood beside `type` in another dialect and cannot in this one. */
const BESIDE = "_beside";

/** In `_tl`: names of the payload's members that look like fields of the envelope. */
const CONTENT = "_content";

const METADATA = "metadata";
const UNKNOWN_FIELDS_MAX = 64;
const FLAT_NAMES = [
  ["message_id", "id"],
  ["timestamp", "ts"],
  ["session_id", "session"],
] as const;

/** Whether the payload's members stand beside `type`. */
export function isSpread(dialect: Dialect): boolean {
  return dialect === "flat" || dialect === "open";
}

/**
 * Reads a frame.
 *
 * @throws TrunklineError `bad_envelope`
 */
export function takeApart(dialect: Dialect, frame: JsonObject): Parts {
  const members = membersOf(frame);
  const type = take(members, "type");
  const parts: Parts = { type, fields: new Map(), payload: undefined, beside: new Map(), wrapped: new Map() };
  if (isSpread(dialect)) takeSpread(parts, dialect, members);
  else takeNamed(parts, dialect, members);
  if (parts.beside.size + parts.wrapped.size > UNKNOWN_FIELDS_MAX)
    throw badEnvelope("too many unknown fields");
  return parts;
}

/** Writes a frame. */
export function putTogether(dialect: Dialect, parts: Parts): JsonObject {
  const members = isSpread(dialect) ? spread(parts, dialect) : named(parts, dialect);
  return Object.fromEntries([["type", parts.type], ...members]);
}

function takeNamed(parts: Parts, dialect: Dialect, members: Members): void {
  const wrapper = take(members, WRAPPER);
  parts.payload = take(members, payloadName(dialect));
  for (const [name, value] of members) {
    if (!isField(name)) parts.beside.set(name, value);
    else if (dialect === "native") parts.fields.set(name, value);
    else throw wrongPlace(name);
  }
  takeWrapper(parts, dialect, wrapper);
}

function named(parts: Parts, dialect: Dialect): Members {
  const isNative = dialect === "native";
  const members: Members = new Map(isNative ? parts.fields : []);
  if (parts.payload !== undefined) members.set(payloadName(dialect), parts.payload);
  for (const [name, value] of parts.beside) {
    if (canStandBeside(dialect, name)) members.set(name, value);
  }
  const inside = wrapper(parts, dialect, isNative ? [] : parts.fields);
  if (inside.size > 0) members.set(WRAPPER, Object.fromEntries(inside));
  return members;
}

function takeSpread(parts: Parts, dialect: Dialect, members: Members): void {
  const content = takeWrapper(parts, dialect, take(members, WRAPPER));
  if (dialect === "flat") takeFlat(parts, members, content);
  if (members.size === 0) return;
  if (parts.payload !== undefined) throw wrongPlace("payload");
  parts.payload = Object.fromEntries(members);
}

function takeFlat(parts: Parts, members: Members, content: string[]): void {
  const metadata = members.get(METADATA);
  if (hasWrapper(metadata)) {
    const inside = membersOf(metadata);
    content.push(...takeWrapper(parts, "flat", take(inside, WRAPPER)));
    if (inside.size > 0) members.set(METADATA, Object.fromEntries(inside));
    else members.delete(METADATA);
  }
  for (const [name, field] of FLAT_NAMES) {
    if (content.includes(name) || typeof members.get(name) !== "string") continue;
    put(parts.fields, field, take(members, name));
  }
}

function spread(parts: Parts, dialect: Dialect): Members {
  const { payload } = parts;
  const canSpread = isObject(payload) && canStandBesideType(payload, dialect);
  const content: Members = canSpread ? membersOf(payload) : new Map<string, unknown>();
  const fields: Members = new Map(canSpread || payload === undefined ? [] : [["payload", payload]]);
  for (const [name, value] of parts.fields) fields.set(name, value);
  const front = dialect === "flat" ? flatFields(fields, content) : [];
  const inside = wrapper(parts, dialect, fields);
  if (inside.size > 0) putWrapper(content, dialect, Object.fromEntries(inside));
  return new Map([...front, ...content]);
}

/** Takes the fields with a name of their own in flat, where the payload has no such member; notes those that look like one. */
function flatFields(fields: Members, content: Members): Members {
  const front: Members = new Map();
  for (const [name, field] of FLAT_NAMES) {
    if (fields.has(field) && !content.has(name)) front.set(name, take(fields, field));
  }
  const kept = [...content.keys()].filter(
    (name) => isFlatName(name) && typeof content.get(name) === "string",
  );
  if (kept.length > 0) fields.set(CONTENT, kept);
  return front;
}

/** `_tl` stands in `metadata` in dialect flat, unless the payload has a member of this name that cannot hold it. */
function putWrapper(members: Members, dialect: Dialect, inside: JsonObject): void {
  const metadata = members.get(METADATA);
  const holds = metadata === undefined || (isObject(metadata) && Object.keys(metadata).length > 0);
  if (dialect !== "flat" || !holds) members.set(WRAPPER, inside);
  else members.set(METADATA, Object.fromEntries([...membersOf(metadata ?? {}), [WRAPPER, inside]]));
}

/** Whether a payload's members stand beside `type` without being taken for something else. */
function canStandBesideType(payload: JsonObject, dialect: Dialect): boolean {
  const members = membersOf(payload);
  if (members.size === 0 || members.has("type") || members.has(WRAPPER)) return false;
  return dialect !== "flat" || !hasWrapper(members.get(METADATA));
}

function hasWrapper(value: unknown): value is JsonObject {
  return isObject(value) && Object.hasOwn(value, WRAPPER);
}

/** Reads `_tl`, and gives the names in `_content`. */
function takeWrapper(parts: Parts, dialect: Dialect, value: unknown): string[] {
  const members = value === undefined ? new Map<string, unknown>() : membersOf(value);
  const beside = take(members, BESIDE);
  for (const [name, inner] of beside === undefined ? [] : membersOf(beside)) {
    if (isField(name) || name === "type" || name === WRAPPER) throw wrongPlace(name);
    put(parts.beside, name, inner);
  }
  const content = isSpread(dialect) ? take(members, CONTENT) : undefined;
  if (isSpread(dialect) && members.has("payload")) {
    if (parts.payload !== undefined) throw wrongPlace("payload");
    parts.payload = take(members, "payload");
  }
  for (const [name, inner] of members) {
    if (name === "payload" || name === CONTENT || (dialect === "native" && isField(name)))
      throw wrongPlace(name);
    put(isField(name) ? parts.fields : parts.wrapped, name, inner);
  }
  return namesIn(content);
}

function wrapper(parts: Parts, dialect: Dialect, fields: Iterable<[string, unknown]>): Members {
  const members: Members = new Map([...fields, ...parts.wrapped]);
  const homeless = [...parts.beside].filter(([name]) => !canStandBeside(dialect, name));
  if (homeless.length > 0) members.set(BESIDE, Object.fromEntries(homeless));
  return members;
}

function canStandBeside(dialect: Dialect, name: string): boolean {
  return !isSpread(dialect) && name !== payloadName(dialect);
}

function payloadName(dialect: Dialect): string {
  return dialect === "data" ? "data" : "payload";
}

function isFlatName(name: string): boolean {
  return FLAT_NAMES.some(([known]) => known === name);
}

function namesIn(content: unknown): string[] {
  if (content === undefined) return [];
  const isNames = Array.isArray(content) && content.every((name) => typeof name === "string");
  if (!isNames) throw badEnvelope(`\`${CONTENT}\` is no array of names`);
  return content;
}

function membersOf(value: unknown): Members {
  if (!isObject(value)) throw badEnvelope("there is something else where an object belongs");
  return new Map(Object.entries(value));
}

function take(members: Members, name: string): unknown {
  const value = members.get(name);
  members.delete(name);
  return value;
}

function put(members: Members, name: string, value: unknown): void {
  if (members.has(name)) throw badEnvelope(`\`${name}\` stands twice`);
  members.set(name, value);
}
