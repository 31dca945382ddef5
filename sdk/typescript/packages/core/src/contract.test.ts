/** The numbers and names that the client repeats from the contract, compared with the contract's own files. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DEPTH_MAX } from "./codec/frame.ts";
import { terminalError } from "./connection/close-codes.ts";
import { DEFAULT_LIMITS } from "./connection/welcome.ts";
import { CLIENT_ERROR_CODES, clientError, SHARED_ERROR_CODES } from "./errors/error.ts";
import { RESUME_CHANNELS_MAX } from "./session/positions.ts";

const contract = (file: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../../../protocol/${file}`, import.meta.url), "utf8"));
const { close_codes } = contract("close-codes.json") as {
  close_codes: { code: number; name: string; reconnect: boolean }[];
};
const { errors } = contract("errors.json") as { errors: { code: string; retryable: boolean }[] };
const { limits } = contract("limits.json") as { limits: Record<string, number> };

describe("close codes", () => {
  it.each(close_codes)("$code $name is treated as the contract says", ({ code, name, reconnect }) => {
    expect(terminalError(code, "")?.code).toBe(reconnect ? undefined : name);
  });

  it("are named only where the contract names them", () => {
    const all = Array.from({ length: 4_000 }, (_, index) => index + 1_000);
    const named = all.filter((code) => {
      const name = terminalError(code, "")?.code;
      return name !== undefined && name !== "connection_closed";
    });
    expect(named).toEqual(close_codes.filter(({ reconnect }) => !reconnect).map(({ code }) => code));
  });
});

describe("error codes", () => {
  it.each(SHARED_ERROR_CODES)("%s is the gateway's, with the same advice", (code) => {
    const known = errors.find((error) => error.code === code);
    expect(known?.retryable).toBe(clientError(code, "").retryable);
  });

  it.each(CLIENT_ERROR_CODES)("%s cannot be mistaken for one of the gateway's", (code) => {
    expect(errors.map((error) => error.code)).not.toContain(code);
  });
});

it("has the contract's limits", () => {
  expect({
    depth_max: DEPTH_MAX,
    in_flight_max: DEFAULT_LIMITS.inFlightMax,
    message_bytes_max: DEFAULT_LIMITS.messageBytesMax,
    resume_channels_max: RESUME_CHANNELS_MAX,
  }).toEqual({
    depth_max: limits.depth_max,
    in_flight_max: limits.in_flight_max,
    message_bytes_max: limits.message_bytes_max,
    resume_channels_max: limits.resume_channels_max,
  });
});
