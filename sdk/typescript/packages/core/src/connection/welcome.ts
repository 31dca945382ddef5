/**
 * The gateway's first messages, read with care.
 *
 * Purpose: turns the payloads of `welcome`, `go_away` and `heartbeat` into values with
 * defaults. It does not act on them.
 */
import { badEnvelope, objectOrEmpty, type Envelope, type JsonObject } from "../codec/envelope.ts";

/** Limits that the gateway announced (`protocol/limits.json` has the defaults). */
export interface Limits {
  messageBytesMax: number;
  inFlightMax: number;
}

/** What `welcome` says. */
export interface Welcome {
  session: string;
  secret: string | undefined;
  connection: string;
  resumable: boolean;
  /** Verdicts by channel, as they came. */
  channels: JsonObject;
  heartbeatMs: number;
  limits: Limits;
}

/** Figures for a gateway that announces none. */
export const DEFAULT_LIMITS: Limits = { messageBytesMax: 1024 * 1024, inFlightMax: 64 };
const DEFAULT_HEARTBEAT_MS = 25_000;
/** A drain without a window is spread over this. */
const DEFAULT_LEAVE_MS_MAX = 2_000;

/** Reads `welcome`. @throws TrunklineError `bad_envelope` where it names no session. */
export function readWelcome(envelope: Envelope): Welcome {
  const payload = objectOrEmpty(envelope.payload);
  const session = payload.session ?? envelope.session;
  if (typeof session !== "string") throw badEnvelope("welcome names no session");
  const limits = objectOrEmpty(payload.limits);
  return {
    session,
    secret: typeof payload.secret === "string" ? payload.secret : undefined,
    connection: typeof payload.connection === "string" ? payload.connection : "",
    resumable: payload.resume !== false,
    channels: objectOrEmpty(payload.channels),
    heartbeatMs: positive(payload.heartbeat_ms, DEFAULT_HEARTBEAT_MS),
    limits: {
      messageBytesMax: positive(limits.message_bytes_max, DEFAULT_LIMITS.messageBytesMax),
      inFlightMax: positive(limits.in_flight_max, DEFAULT_LIMITS.inFlightMax),
    },
  };
}

/** Reads the window of `go_away`, in milliseconds. */
export function readLeaveWindow(envelope: Envelope): { windowMinMs: number; windowMaxMs: number } {
  const payload = objectOrEmpty(envelope.payload);
  const windowMinMs = positive(payload.reconnect_min_ms, 0);
  return { windowMinMs, windowMaxMs: positive(payload.reconnect_max_ms, windowMinMs + DEFAULT_LEAVE_MS_MAX) };
}

/** Reads the positions of `heartbeat`. */
export function readHeartbeat(envelope: Envelope): JsonObject {
  return objectOrEmpty(objectOrEmpty(envelope.payload).channels);
}

function positive(value: unknown, otherwise: number): number {
  return typeof value === "number" && value > 0 ? value : otherwise;
}
