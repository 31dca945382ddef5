/**
 * Codecs: how envelopes become what a socket carries.
 *
 * Purpose: the seam between the client and the spelling of its messages, and JSON, the codec
 * that is built in. It does not know sockets.
 */
import { badEnvelope, type Envelope } from "./envelope.ts";
import { decodeFrame, encodeFrame } from "./frame.ts";

/** The content of one WebSocket message: a text, or bytes. */
export type Frame = string | Uint8Array<ArrayBuffer>;

/** Writes and reads frames. */
export interface Codec {
  /** The subprotocol that chooses it. */
  readonly subprotocol: string;
  /** @throws TrunklineError `bad_request` or `payload_too_deep` where the content cannot be written. */
  encode(envelope: Envelope): Frame;
  /** @throws TrunklineError `bad_envelope` or `payload_too_deep` where the frame cannot be read. */
  decode(frame: Frame): Envelope;
}

/** Dialect `native` in JSON. */
export const jsonCodec: Codec = {
  subprotocol: "trunkline.v1.json",
  encode: (envelope) => encodeFrame(envelope),
  decode(frame) {
    if (typeof frame !== "string") throw badEnvelope("the frame is no text");
    return decodeFrame(frame);
  },
};
