/**
 * Writes MessagePack.
 *
 * Purpose: what `JSON.stringify` would write, with bytes as bytes: `toJSON` is asked, members
 * that are undefined or functions are left out, NaN is null. Numbers take their shortest form.
 */
import { DEPTH_MAX, LONE_SURROGATE } from "../codec/frame.ts";
import { clientError } from "../errors/error.ts";

/** Writes one value. @throws TrunklineError `bad_request` or `payload_too_deep` where it has no form. */
export function write(value: unknown): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  writer.value(plain(value), DEPTH_MAX);
  return writer.finish();
}

const encoder = /* @__PURE__ */ new TextEncoder();

class Writer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#at);
  }

  value(value: unknown, levels: number): void {
    if (value === null || value === undefined) this.#byte(0xc0);
    else if (typeof value === "boolean") this.#byte(value ? 0xc3 : 0xc2);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "string") this.#text(value);
    else if (value instanceof Uint8Array) this.#sized(value, 0xc4, 0);
    else if (typeof value === "object") this.#nested(value, levels);
    else throw clientError("bad_request", `a ${typeof value} cannot be written`);
  }

  #nested(value: object, levels: number): void {
    if (levels === 0)
      throw clientError("payload_too_deep", `the content nests deeper than ${DEPTH_MAX} levels`);
    if (Array.isArray(value)) {
      this.#header(value.length, 0x90, 0xdc);
      for (const item of value as unknown[]) this.value(plain(item), levels - 1);
      return;
    }
    const members = Object.entries(value)
      .map(([name, member]) => [name, plain(member)] as const)
      .filter(([, member]) => member !== undefined);
    this.#header(members.length, 0x80, 0xde);
    for (const [name, member] of members) {
      this.#text(name);
      this.value(member, levels - 1);
    }
  }

  #number(value: number): void {
    if (Number.isSafeInteger(value)) this.#integer(value);
    else if (Number.isFinite(value)) this.#put(0xcb, 8, (at) => this.#view.setFloat64(at, value));
    else this.#byte(0xc0);
  }

  #integer(value: number): void {
    if (value >= -32 && value < 0x80) this.#byte(value & 0xff);
    else if (value >= 0) this.#unsigned(value);
    else if (value >= -0x80) this.#put(0xd0, 1, (at) => this.#view.setInt8(at, value));
    else if (value >= -0x8000) this.#put(0xd1, 2, (at) => this.#view.setInt16(at, value));
    else if (value >= -0x8000_0000) this.#put(0xd2, 4, (at) => this.#view.setInt32(at, value));
    else this.#put(0xd3, 8, (at) => this.#view.setBigInt64(at, BigInt(value)));
  }

  #unsigned(value: number): void {
    if (value < 0x1_0000_0000) this.#length(value, 0xcc);
    else this.#put(0xcf, 8, (at) => this.#view.setBigUint64(at, BigInt(value)));
  }

  #text(text: string): void {
    if (LONE_SURROGATE.test(text))
      throw clientError("bad_request", "the content has half of a surrogate pair");
    this.#sized(encoder.encode(text), 0xd9, 0xa0);
  }

  /** Bytes behind their length; `short` begins those of less than 32 where there is such a form. */
  #sized(bytes: Uint8Array, marker: number, short: number): void {
    if (short !== 0 && bytes.length < 32) this.#byte(short | bytes.length);
    else this.#length(bytes.length, marker);
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  #header(length: number, short: number, marker: number): void {
    if (length < 16) this.#byte(short | length);
    else if (length < 0x1_0000) this.#put(marker, 2, (at) => this.#view.setUint16(at, length));
    else this.#put(marker + 1, 4, (at) => this.#view.setUint32(at, length));
  }

  /** An unsigned number in 1, 2 or 4 bytes behind `marker` and the two after it. */
  #length(value: number, marker: number): void {
    if (value < 0x100) this.#put(marker, 1, (at) => this.#view.setUint8(at, value));
    else if (value < 0x1_0000) this.#put(marker + 1, 2, (at) => this.#view.setUint16(at, value));
    else this.#put(marker + 2, 4, (at) => this.#view.setUint32(at, value));
  }

  #byte(byte: number): void {
    const at = this.#room(1);
    this.#bytes[at] = byte;
  }

  /** A marker, and behind it `width` bytes that `set` writes. */
  #put(marker: number, width: number, set: (at: number) => void): void {
    this.#byte(marker);
    set(this.#room(width));
  }

  /** Where the next `length` bytes go; the buffer may be another one from then on. */
  #room(length: number): number {
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#at, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, start));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return start;
  }
}

/** What JSON sees of a value: an array's hole or function is null there, a member's is left out. */
function plain(value: unknown): unknown {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  const seen = hasToJson(value) ? value.toJSON() : value;
  if (typeof seen === "function" || typeof seen === "symbol") return undefined;
  if (seen instanceof Number || seen instanceof String || seen instanceof Boolean) return seen.valueOf();
  return seen;
}

function hasToJson(value: unknown): value is { toJSON(): unknown } {
  return (
    typeof value === "object" && value !== null && "toJSON" in value && typeof value.toJSON === "function"
  );
}
