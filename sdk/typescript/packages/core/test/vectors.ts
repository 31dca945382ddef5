/** What the tests of the codec share. It is no part of the package. */
import { readFileSync } from "node:fs";
import { TrunklineError } from "../src/errors/error.ts";

/** Reads a file of `protocol/vectors`. */
export function vectors(name: string): unknown {
  return JSON.parse(
    readFileSync(new URL(`../../../../../protocol/vectors/${name}.json`, import.meta.url), "utf8"),
  );
}

/** JSON with sorted keys: `toEqual` would not see a key named `__proto__`. */
export function canonical(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const fields = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${fields.map(([name, inner]) => `${JSON.stringify(name)}:${canonical(inner)}`).join(",")}}`;
}

/** The code that `call` throws. */
export function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (thrown) {
    if (thrown instanceof TrunklineError) return thrown.code;
    throw thrown;
  }
  return "nothing was thrown";
}
