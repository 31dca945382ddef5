/** `@trunkline/client`: messages and runs that survive reconnects. Importing it does nothing. */
export { createClient, type Client } from "./client.ts";
export type { Acknowledgement, AnswerOptions, ClientOptions, RunOptions, SendOptions } from "./options.ts";
export type { ConnectionState } from "./connection/state.ts";
export { TrunklineError, type ClientErrorCode, type ErrorBody } from "./errors/error.ts";
export type { Address, Envelope, JsonObject } from "./codec/envelope.ts";
export type { Codec, Frame } from "./codec/codec.ts";
export { decodeFrame, encodeFrame } from "./codec/frame.ts";
export type { Run, RunState } from "./run/run.ts";
export type { RunEvent } from "./run/events.ts";
export type { Answer, Question, Reply } from "./run/questions.ts";
export type { ResetNotice } from "./session/inbox.ts";
export type { SessionIdentity } from "./session/identity.ts";
export type { BackoffOptions } from "./retry/backoff.ts";
export type { OutboxLimits } from "./session/outbox.ts";
export type { StopListening } from "./notifier.ts";
export type * from "./transport/providers.ts";
export { memoryStorage, openWebSocket } from "./transport/platform.ts";
