// Whether a message is what its type says: the verdicts, paths and words of the gateway's own check, from the same contract.
//
// It walks a frame once, along the generated table. Faults come in the order of the frame; what is missing, and rules about a
// whole object or array, at its end. It does not know what a message sets off.
import type { DialectTable, ObjectOnAnother, ObjectShape, Rule, Sender, Shape } from "./table.ts";
import { characters, counted, expected, isEmptyText, kindOf, quoted } from "./words.ts";

/** Why a message is not accepted; `describeFault` makes a sentence of it. */
export interface Fault {
  /**
   * `content`: something in it is wrong; `unknown`: the dialect has no such type, which is fine for types that a service defines;
   * `direction`: the type is not for this sender to send; `not_json`: no gateway reads it, because it has half of a surrogate pair
   * or nests too deeply.
   */
  readonly kind: "content" | "unknown" | "direction" | "not_json";
  /** The field, from the frame's root, such as `payload.steps[2].title`; empty for the frame itself. */
  readonly path: string;
  /** What is wrong there, such as `missing` or `expected string, got null`. */
  readonly words: string;
}

/** What else is to be checked. */
export interface CheckOptions {
  /** Who sends the message: a type that this side does not send is a fault. */
  readonly sender?: Sender;
}

/** The first fault of a whole frame, as it was parsed, or undefined where it has none. */
export function checkMessage(
  table: DialectTable,
  frame: unknown,
  options: CheckOptions = {},
): Fault | undefined {
  const name = isObject(frame) && typeof frame.type === "string" ? frame.type : "";
  const row = Object.hasOwn(table.types, name) ? table.types[name] : undefined;
  if (row === undefined) {
    return (
      faultOf(table, table.untyped, frame) ?? {
        kind: "unknown",
        path: "type",
        words: `${name} is not in the catalogue`,
      }
    );
  }
  const [shape, sender] = row;
  const wrong = options.sender === undefined ? undefined : wrongSender(sender, options.sender);
  if (wrong !== undefined) return { kind: "direction", path: "type", words: `${name} ${wrong}` };
  return faultOf(table, shape, frame);
}

/** Whether a frame is a message of the dialect, as the contract defines it; `type` then says which. */
export function isMessage<M extends { type: string }>(table: DialectTable<M>, frame: unknown): frame is M {
  return checkMessage(table, frame) === undefined;
}

/** Whether a frame is a message of one type. */
export function isMessageOf<M extends { type: string }, T extends M["type"]>(
  table: DialectTable<M>,
  type: T,
  frame: unknown,
): frame is Extract<M, { type: T }> {
  return isObject(frame) && frame.type === type && checkMessage(table, frame) === undefined;
}

/** The fault in one line, such as `payload.total_steps: expected integer, got string`. */
export function describeFault(fault: Fault): string {
  return fault.path === "" ? fault.words : `${fault.path}: ${fault.words}`;
}

function wrongSender(sends: Sender | "both" | "local", sender: Sender): string | undefined {
  if (sends === "local") return "is raised by the client library and never sent";
  if (sends === "both" || sends === sender) return undefined;
  return sends === "gateway"
    ? "is for the gateway to send, not for clients"
    : "is for clients to send, not for the gateway";
}

/** What is wrong with a value, thrown from where it is found. */
class Wrong extends Error {
  constructor(
    readonly path: string,
    readonly words: string,
    readonly kind: "content" | "not_json" = "content",
  ) {
    super(words);
  }
}

/** Most arrays and objects within each other in a value without a shape. */
const DEPTH_MAX = 128;

function faultOf(table: DialectTable, shape: number, frame: unknown): Fault | undefined {
  try {
    check(table.shapes, shape, frame, "");
    return undefined;
  } catch (error) {
    if (error instanceof Wrong) return { kind: error.kind, path: error.path, words: error.words };
    throw error;
  }
}

function check(shapes: readonly Shape[], place: number, value: unknown, path: string): void {
  const shape = shapeAt(shapes, place);
  const found = kindOf(value);
  switch (shape[0]) {
    case "any":
      checkReadable(value, 0);
      return;
    case "union": {
      const chosen = shape[1].find((inner) => admits(shapeAt(shapes, inner), found));
      if (chosen === undefined) mismatch(shapes, shape, found, path);
      else if (typeof value === "string" && value !== "" && isEmptyText(shapeAt(shapes, chosen))) {
        checkPaired(value);
        mismatch(shapes, shape, quoted(value), path);
      } else check(shapes, chosen, value, path);
      return;
    }
    case "on":
    case "object":
      if (!isObject(value)) mismatch(shapes, shape, found, path);
      else checkObject(shapes, whole(shapes, shape), value, path);
      return;
    case "array":
      if (!Array.isArray(value)) mismatch(shapes, shape, found, path);
      else {
        value.forEach((item, index) => check(shapes, shape[1], item, `${path}[${index}]`));
        checkBounds(value.length, shape[2], shape[3], path, (bound) => counted(bound, "item"));
      }
      return;
    case "string":
      if (typeof value !== "string") mismatch(shapes, shape, found, path);
      else checkText(value, shape, path);
      return;
    case "choice":
      if (typeof value !== "string") mismatch(shapes, shape, found, path);
      checkPaired(value);
      if (!shape[1].includes(value)) mismatch(shapes, shape, quoted(value), path);
      return;
    case "literal":
      if (typeof value !== typeof shape[1]) mismatch(shapes, shape, found, path);
      if (typeof value === "string") checkPaired(value);
      if (value !== shape[1])
        mismatch(shapes, shape, typeof value === "string" ? quoted(value) : String(value), path);
      return;
    case "integer":
    case "number":
      if (typeof value !== "number" || (shape[0] === "integer" && !Number.isInteger(value)))
        mismatch(shapes, shape, found, path);
      else checkBounds(value, shape[1], shape[2], path, String);
      return;
    default:
      if (shape[0] !== found) mismatch(shapes, shape, found, path);
  }
}

/** Requires that a value without a shape can be read by whoever gets it. */
function checkReadable(value: unknown, depth: number): void {
  if (typeof value === "string") checkPaired(value);
  if (typeof value !== "object" || value === null) return;
  const entries = Object.entries(value);
  if (entries.length > 0 && depth === DEPTH_MAX)
    throw new Wrong("", "no JSON: too many arrays and objects within each other", "not_json");
  for (const [name, inner] of entries) {
    checkPaired(name);
    checkReadable(inner, depth + 1);
  }
}

/** Requires that a text has no half of a surrogate pair. */
function checkPaired(text: string): void {
  if (/\p{Surrogate}/u.test(text)) throw new Wrong("", "no JSON: an escape that is no character", "not_json");
}

const wholes = new WeakMap<Shape, ObjectShape>();

/** All of an object that is told by what it has beyond another. */
function whole(shapes: readonly Shape[], shape: ObjectShape | ObjectOnAnother): ObjectShape {
  if (shape[0] === "object") return shape;
  const known = wholes.get(shape);
  if (known !== undefined) return known;
  const [, base, ownNames, ownShapes, ownRequired, ownRules = []] = shape;
  const below = whole(shapes, shapeAt(shapes, base) as ObjectShape | ObjectOnAnother);
  const names = [...new Set([...below[1], ...ownNames])];
  const places = names.map((name, place) => ownShapes[ownNames.indexOf(name)] ?? below[2][place] ?? 0);
  const required = names.flatMap((name, place) =>
    below[3].includes(place) || ownRequired.includes(name) ? [place] : [],
  );
  const made: ObjectShape = [
    "object",
    names,
    places,
    required,
    [...(below[4] ?? []), ...ownRules],
    below[5] ?? null,
    below[6] ?? null,
    below[7] ?? null,
  ];
  wholes.set(shape, made);
  return made;
}

/** Whether a shape is about values of this JSON kind. */
function admits(shape: Shape, found: string): boolean {
  switch (shape[0]) {
    case "number":
    case "integer":
      return found === "number" || found === "integer";
    case "choice":
      return found === "string";
    case "literal":
      return found === typeof shape[1];
    case "on":
      return found === "object";
    default:
      return found === shape[0];
  }
}

function checkText(
  value: string,
  shape: Extract<Shape, readonly ["string", ...unknown[]]>,
  path: string,
): void {
  checkPaired(value);
  const [, least, most, pattern] = shape;
  if (value.length < 2 * (least ?? 0) || value.length > (most ?? Infinity))
    checkBounds(characters(value), least, most, path, (bound) => counted(bound, "character"));
  if (pattern && !expressionOf(pattern).test(value))
    throw new Wrong(path, `expected a text that matches ${pattern}, got ${quoted(value)}`);
}

const expressions = new Map<string, RegExp>();

function expressionOf(pattern: string): RegExp {
  let expression = expressions.get(pattern);
  if (expression === undefined) expressions.set(pattern, (expression = new RegExp(pattern, "u")));
  return expression;
}

function checkObject(
  shapes: readonly Shape[],
  shape: ObjectShape,
  value: Record<string, unknown>,
  path: string,
): void {
  const [, names, places, required, rules = [], others, least, most] = shape;
  const found = Object.keys(value);
  for (const name of found) {
    const place = names.indexOf(name);
    const inner = (place < 0 ? others : places[place]) ?? undefined;
    checkPaired(name);
    if (inner === undefined) checkReadable(value[name], 0);
    else check(shapes, inner, value[name], below(path, name));
  }
  for (const place of required) {
    const name = names[place];
    if (name !== undefined && !Object.hasOwn(value, name)) missing(path, name);
  }
  checkBounds(found.length, least, most, path, (bound) => counted(bound, "field"));
  for (const rule of rules) checkRule(rule, value, path);
}

function checkRule(rule: Rule, value: Record<string, unknown>, path: string): void {
  const has = (name: string) => Object.hasOwn(value, name);
  if (rule[0] === "when") {
    const [, field, is, then, otherwise] = rule;
    // A field that is left out counts as having the value.
    const needed = !has(field) || value[field] === is ? then : otherwise;
    const lacking = needed.find((name) => !has(name));
    if (lacking !== undefined) missing(path, lacking);
    return;
  }
  const [how, names] = rule;
  const found = names.filter(has);
  if (how === "exactly one" ? found.length === 1 : found.length > 0) return;
  const got = found.length === 0 ? "none" : found.join(", ");
  throw new Wrong(path, `expected ${how} of ${names.join(", ")}, got ${got}`);
}

function checkBounds(
  found: number,
  least: number | null | undefined,
  most: number | null | undefined,
  path: string,
  spelled: (bound: number) => string,
): void {
  const outside = (side: string, bound: number) =>
    new Wrong(path, `expected at ${side} ${spelled(bound)}, got ${found}`);
  if (typeof least === "number" && found < least) throw outside("least", least);
  if (typeof most === "number" && found > most) throw outside("most", most);
}

function mismatch(shapes: readonly Shape[], shape: Shape, got: string, path: string): never {
  throw new Wrong(path, `expected ${expected(shapes, shape)}, got ${got}`);
}

function missing(path: string, name: string): never {
  throw new Wrong(below(path, name), "missing");
}

function below(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function shapeAt(shapes: readonly Shape[], place: number): Shape {
  return shapes[place] ?? ["any"];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
