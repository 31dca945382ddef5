import { expect, it } from "vitest";
import { createClient } from "../index.ts";
import { encodeFrame } from "./frame.ts";

const BYTES = [
  new Uint8Array([1, 2]),
  new ArrayBuffer(2),
  Buffer.from("ab"),
  new DataView(new ArrayBuffer(1)),
];
const SAID = {
  code: "bad_request",
  message: "`image` holds bytes, which JSON has not; the codec of @trunkline/client/msgpack has",
};

it("refuses bytes, which JSON would damage", () => {
  for (const bytes of BYTES)
    expect(() => encodeFrame({ type: "note", payload: { list: [{ image: bytes }] } })).toThrow(
      expect.objectContaining(SAID),
    );
  expect(encodeFrame({ type: "note", payload: { at: new Date(0) } })).toContain("1970-01-01T00:00:00.000Z");
});

it("sends nothing of a message that holds bytes", async () => {
  const opened: string[] = [];
  const socket = (url: string) => {
    opened.push(url);
    return { send: () => undefined, close: () => undefined };
  };
  const client = createClient({ url: "ws://gateway", socket });
  await expect(client.send("note", { image: BYTES[0] })).rejects.toMatchObject(SAID);
  await expect(client.run({ image: BYTES[0] }).result).rejects.toMatchObject(SAID);
  expect(opened).toEqual([]);
});
