/**
 * What an application may decide when it makes a client.
 *
 * Purpose: names, defaults and their meaning. It does nothing.
 */
import { jsonCodec, type Codec } from "./codec/codec.ts";
import type { Address } from "./codec/envelope.ts";
import { DEFAULT_BACKOFF, type BackoffOptions } from "./retry/backoff.ts";
import type { SessionIdentity } from "./session/identity.ts";
import { DEFAULT_OUTBOX_LIMITS, type OutboxLimits } from "./session/outbox.ts";
import { platformProviders } from "./transport/platform.ts";
import type { Providers } from "./transport/providers.ts";

/** Options of `createClient`. Everything but `url` has a default. */
export interface ClientOptions extends Partial<Providers> {
  /** Where the gateway is, for example `wss://example.org/ws`. */
  url: string;
  /** Proves who the user is; a function is asked anew for every connection. */
  token?: string | (() => string | Promise<string>);
  /** The session to take up, instead of the one in `storage`. */
  session?: SessionIdentity;
  /** The key under which `storage` keeps session id and secret. */
  storageKey?: string;
  /** How messages are written: JSON, unless it is `messagePack` of `@trunkline/client/msgpack`. */
  codec?: Codec;
  backoff?: Partial<BackoffOptions>;
  /** Bounds of what waits for the gateway. */
  outbox?: Partial<OutboxLimits>;
  /** The application's name and version, told to the gateway. */
  clientInfo?: { name: string; version: string };
}

/** Options of `client.send`. */
export interface SendOptions {
  /** Idempotency key, 1–64 of `A-Za-z0-9_.:-`; random by default. */
  id?: string;
  to?: Address;
  /** Milliseconds that a run started by this message may take. */
  deadlineMs?: number;
  /** Stops waiting and resending; what was handed to the gateway already may still take effect. */
  signal?: AbortSignal;
}

/** Options of `run.answer`. */
export type AnswerOptions = Pick<SendOptions, "id" | "signal">;

/** Options of `client.run`. */
export interface RunOptions {
  /** The service to call, where the route allows to choose; else the route decides by `type`. */
  service?: string;
  /** The type of the message that starts the run; `user_message` by default. */
  type?: string;
  id?: string;
  deadlineMs?: number;
  /** Cancels the run. */
  signal?: AbortSignal;
}

/** The gateway's answer to a message that it keeps. */
export interface Acknowledgement {
  id: string;
  /** The run that the message started. */
  run: string | undefined;
  /** How safely it is kept: `accepted` or `stored`. */
  level: string;
  /** The gateway had it already, from an earlier sending. */
  duplicate: boolean;
}

/** Options with every default filled in. */
export type Settings = Required<Omit<ClientOptions, "token" | "session" | "backoff" | "outbox">> & {
  token: ClientOptions["token"];
  session: SessionIdentity | undefined;
  backoff: BackoffOptions;
  outbox: OutboxLimits;
};

/** Fills in the defaults. */
export function settingsOf(options: ClientOptions): Settings {
  return {
    ...platformProviders(),
    codec: jsonCodec,
    storageKey: "trunkline.session",
    clientInfo: { name: "trunkline-js", version: "0.1.0" },
    ...options,
    token: options.token,
    session: options.session,
    backoff: { ...DEFAULT_BACKOFF, ...options.backoff },
    outbox: { ...DEFAULT_OUTBOX_LIMITS, ...options.outbox },
  };
}
