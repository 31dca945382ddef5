// @trunkline/client/messages: the message types of every dialect, and whether a message is what its type says.
//
// Types cost nothing; a dialect's table is loaded by whoever names it (`flat`, `payload`, …).
export {
  checkMessage,
  describeFault,
  isMessage,
  isMessageOf,
  type CheckOptions,
  type Fault,
} from "./check.ts";
export type { DialectTable, Sender } from "./table.ts";

export { native } from "./generated/native.table.ts";
export { payload } from "./generated/payload.table.ts";
export { data } from "./generated/data.table.ts";
export { flat } from "./generated/flat.table.ts";
export { open } from "./generated/open.table.ts";

export type { NativeMessage, NativeMessages, NativeReceived, NativeSent } from "./generated/native.ts";
export type { PayloadMessage, PayloadMessages, PayloadReceived, PayloadSent } from "./generated/payload.ts";
export type { DataMessage, DataMessages, DataReceived, DataSent } from "./generated/data.ts";
export type { FlatMessage, FlatMessages, FlatReceived, FlatSent } from "./generated/flat.ts";
export type { OpenMessage, OpenMessages, OpenReceived, OpenSent } from "./generated/open.ts";

export * as Shapes from "./generated/shapes.ts";
export * as Native from "./generated/native.ts";
export * as Payload from "./generated/payload.ts";
export * as Data from "./generated/data.ts";
export * as Flat from "./generated/flat.ts";
export * as Open from "./generated/open.ts";
