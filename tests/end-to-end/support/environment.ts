/**
 * What the tests are told from outside, and where things are.
 *
 * Purpose: reads environment variables, and says clearly which one is missing.
 */
import { fileURLToPath } from "node:url";

/** The folder of the chat example: its worker and its page. */
export const CHAT_FOLDER = fileURLToPath(new URL("../../../examples/chat", import.meta.url));
/** The folder of all examples. */
export const EXAMPLES_FOLDER = fileURLToPath(new URL("../../../examples", import.meta.url));
/** The folder of this package's helpers. */
export const SUPPORT_FOLDER = fileURLToPath(new URL(".", import.meta.url));

/** The gateway's program. */
export const gatewayProgram = (): string => required("TRUNKLINE_BINARY", "cargo build, then its path");
/** The browser's program. */
export const chromiumProgram = (): string => required("TRUNKLINE_CHROMIUM", "the path of Chromium");

function required(name: string, hint: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") {
    throw new Error(`${name} is not set (${hint}); \`make test-end-to-end\` sets it`);
  }
  return value;
}
