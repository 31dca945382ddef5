/**
 * `@trunkline/client/msgpack`: the codec MessagePack, for payloads that hold bytes.
 *
 * Purpose: dialect `native` in binary frames. Byte strings are `Uint8Array`s; everything else
 * is what JSON would make of it. It does not know sockets, nor what a type means.
 */
import type { Codec } from "../codec/codec.ts";
import { badEnvelope, isObject } from "../codec/envelope.ts";
import { nativeToEnvelope } from "../codec/native.ts";
import { read } from "./read.ts";
import { write } from "./write.ts";

export type { Codec, Frame } from "../codec/codec.ts";

/** Dialect `native` in MessagePack: pass it to `createClient` as `codec`. */
export const messagePack: Codec = {
  subprotocol: "trunkline.v1.msgpack",
  encode: (envelope) => write(envelope),
  decode(frame) {
    if (typeof frame === "string") throw badEnvelope("the frame is a text");
    const value = read(frame);
    if (!isObject(value) || value instanceof Uint8Array) throw badEnvelope("the frame is no map");
    return nativeToEnvelope(value);
  },
};
