import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { terminalError } from "./close-codes.ts";

interface CloseCode {
  code: number;
  name: string;
  reconnect: boolean;
}

const path = new URL("../../../../../../protocol/close-codes.json", import.meta.url);
const { close_codes } = JSON.parse(readFileSync(path, "utf8")) as { close_codes: CloseCode[] };

it.each(close_codes)("$code $name is treated as the contract says", ({ code, name, reconnect }) => {
  expect(terminalError(code, "")?.code).toBe(reconnect ? undefined : name);
});
