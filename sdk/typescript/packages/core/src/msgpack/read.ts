/**
 * Reads MessagePack.
 *
 * Purpose: one value from bytes, trusting nothing: a length is a claim, and nesting is bounded.
 * Objects are made of entries, so a key such as `__proto__` stays data, which readers of others
 * refuse or obey.
 */
import { DEPTH_MAX } from "../codec/frame.ts";
import { badEnvelope } from "../codec/envelope.ts";
import { clientError } from "../errors/error.ts";

/** Reads the one value that `bytes` are. @throws TrunklineError `bad_envelope` or `payload_too_deep`. */
export function read(bytes: Uint8Array): unknown {
  const reader = new Reader(bytes);
  const value = reader.value(DEPTH_MAX);
  reader.end();
  return value;
}

const decoder = /* @__PURE__ */ new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw badEnvelope("bytes follow the value");
  }

  value(levels: number): unknown {
    const marker = this.#view.getUint8(this.#take(1));
    if (marker < 0x80) return marker;
    if (marker < 0x90) return this.#map(marker & 0x0f, levels);
    if (marker < 0xa0) return this.#array(marker & 0x0f, levels);
    if (marker < 0xc0) return this.#text(marker & 0x1f);
    if (marker >= 0xe0) return marker - 0x100;
    return this.#marked(marker, levels);
  }

  #marked(marker: number, levels: number): unknown {
    switch (marker) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#slice(this.#length(marker - 0xc4)).slice();
      case 0xca:
        return this.#view.getFloat32(this.#take(4));
      case 0xcb:
        return this.#view.getFloat64(this.#take(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#length(marker - 0xcc);
      case 0xcf:
        return Number(this.#view.getBigUint64(this.#take(8)));
      case 0xd0:
        return this.#view.getInt8(this.#take(1));
      case 0xd1:
        return this.#view.getInt16(this.#take(2));
      case 0xd2:
        return this.#view.getInt32(this.#take(4));
      case 0xd3:
        return Number(this.#view.getBigInt64(this.#take(8)));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#length(marker - 0xd9));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#length(marker - 0xdb), levels);
      case 0xde:
      case 0xdf:
        return this.#map(this.#length(marker - 0xdd), levels);
      default:
        throw badEnvelope("an extension type, or no value at all");
    }
  }

  /** An unsigned number of 1, 2 or 4 bytes. */
  #length(width: number): number {
    if (width === 0) return this.#view.getUint8(this.#take(1));
    return width === 1 ? this.#view.getUint16(this.#take(2)) : this.#view.getUint32(this.#take(4));
  }

  #array(length: number, levels: number): unknown[] {
    this.#nest(length, levels);
    return Array.from({ length }, () => this.value(levels - 1));
  }

  #map(length: number, levels: number): Record<string, unknown> {
    this.#nest(length, levels);
    const entries: [string, unknown][] = [];
    for (let index = 0; index < length; index += 1) {
      const key = this.value(0);
      if (typeof key !== "string") throw badEnvelope("a key is no text");
      entries.push([key, this.value(levels - 1)]);
    }
    const map = Object.fromEntries(entries);
    if (levels === DEPTH_MAX && Object.keys(map).length !== length) throw badEnvelope("a field stands twice");
    return map;
  }

  /** So many values, of at least one byte each, must be there. */
  #nest(length: number, levels: number): void {
    if (levels === 0)
      throw clientError("payload_too_deep", `the content nests deeper than ${DEPTH_MAX} levels`);
    if (length > this.#bytes.length - this.#at) throw cutShort();
  }

  #text(length: number): string {
    try {
      return decoder.decode(this.#slice(length));
    } catch (cause) {
      if (cause instanceof TypeError) throw badEnvelope("a text is no UTF-8");
      throw cause;
    }
  }

  #slice(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.subarray(start, this.#at);
  }

  /** Where the next `length` bytes begin, which are gone then. */
  #take(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) throw cutShort();
    this.#at = start + length;
    return start;
  }
}

function cutShort(): Error {
  return badEnvelope("the frame ends in the middle of a value");
}
