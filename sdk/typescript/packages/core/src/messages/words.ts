// The words of a fault, which every language of the contract says alike. It knows no fields.
import type { Shape } from "./table.ts";

/** Most characters of a value that words repeat. */
const SHOWN_MAX = 64;

/** The JSON kind of a value, as words call it. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

/** What a value of this shape is called. */
export function expected(shapes: readonly Shape[], shape: Shape): string {
  switch (shape[0]) {
    case "any":
      return "a value";
    case "choice":
      return `one of ${shape[1].join(", ")}`;
    case "literal":
      return typeof shape[1] === "string" ? quoted(shape[1]) : String(shape[1]);
    case "union":
      return shape[1].map((place) => expected(shapes, shapes[place] ?? ["any"])).join(" or ");
    case "on":
      return "object";
    case "string":
      return isEmptyText(shape) ? "the empty text" : "string";
    default:
      return shape[0];
  }
}

/** Whether only the empty text is of this shape. */
export function isEmptyText(shape: Shape): boolean {
  return shape[0] === "string" && shape[2] === 0;
}

/** A string as JSON, cut where it is long. */
export function quoted(text: string): string {
  // Twice as many units hold as many characters.
  const shown = Array.from(text.slice(0, 2 * SHOWN_MAX + 2));
  return JSON.stringify(shown.length <= SHOWN_MAX ? text : `${shown.slice(0, SHOWN_MAX).join("")}…`);
}

/** How many characters a text has: code points, not units. */
export function characters(text: string): number {
  return Array.from(text).length;
}

/** `1 character`, `2 characters`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
